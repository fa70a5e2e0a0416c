/* A mail of any subject and text: it has the header fields that it must have and no others, is ASCII in short lines,
 * and its text is what it was. The input is the subject, up to a NUL byte, and the text. */
#include "services/notification/mime.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>

static const char *const fields[] = {"Date: ",
                                     "From: <a@b.c>\r\n",
                                     "To: <d@e.f>\r\n",
                                     "Message-ID: <1@b.c>\r\n",
                                     "Subject:",
                                     "Auto-Submitted: ",
                                     "MIME-Version: 1.0\r\n",
                                     "Content-Type: ",
                                     "Content-Transfer-Encoding: base64\r\n"};

/* returns  where the text begins */
static const char *check_head(const char *message) {
    size_t field = 0;
    const char *end;

    for (; strncmp(message, "\r\n", 2) != 0; message = end + 2) {
        must((end = strstr(message, "\r\n")) && end - message <= 76);
        for (const char *c = message; c < end; c++) must(*c >= ' ' && *c <= '~');
        if (*message == ' ') {
            must(field == 5 && strncmp(message, " =?UTF-8?B?", 11) == 0);
            must(strncmp(end - 2, "?=", 2) == 0);
            continue;
        }
        must(field < sizeof(fields) / sizeof(fields[0]));
        must(strncmp(message, fields[field], strlen(fields[field])) == 0);
        field++;
    }
    must(field == sizeof(fields) / sizeof(fields[0]));
    return message + 2;
}

static size_t decode(const char *message, char *out) {
    size_t filled = 0;
    const char *end;

    for (; *message; message = end + 2) {
        must((end = strstr(message, "\r\n")));
        size_t len = (size_t)(end - message);
        must(len > 0 && len <= 76 && len % 4 == 0);
        int bytes = EVP_DecodeBlock((unsigned char *)out + filled,
                                    (const unsigned char *)message, (int)len);
        must(bytes > 0);
        while (end[-1] == '=' && len-- && message[len] == '=') bytes--;
        filled += (size_t)bytes;
    }
    return filled;
}

/* Each line of 'text' ends in CRLF in 'decoded', and all else is the same. */
static void check_text(const char *text, const char *decoded, size_t len) {
    size_t at = 0;

    for (const char *c = text; *c; c++) {
        if (*c == '\n' && (c == text || c[-1] != '\r')) must(at < len && decoded[at++] == '\r');
        must(at < len && decoded[at++] == *c);
    }
    must(at == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *subject = fuzz_string(data, size), *text, *decoded, *message;
    size_t used = strlen(subject) + 1, len;

    text = used < size ? fuzz_string(data + used, size - used) : strdup("");
    must(text);
    message = mime_message(&(struct mime_mail){.from = "a@b.c",
                                               .to = "d@e.f",
                                               .message_id = "1@b.c",
                                               .subject = subject,
                                               .text = text,
                                               .date_ms = (int64_t)size * 86400123},
                           &len);
    must(message && strlen(message) == len);
    must((decoded = malloc(len + 1)));
    check_text(text, decoded, decode(check_head(message), decoded));
    free(subject);
    free(text);
    free(decoded);
    free(message);
    return 0;
}
