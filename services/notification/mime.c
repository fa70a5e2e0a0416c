#include "services/notification/mime.h"

#include "common/utf8.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LINE_BYTES = 57, /* as base64 76 characters */
    WORD_BYTES =
        45, /* as an encoded word 72, and with the space before it a line of 76 at most */
    FIRST_BYTES = 36, /* of the word that "Subject:" stands before */
    PLAIN_BYTES = 60, /* of a subject that is left as it is, on one line */
};

/* At most LINE_BYTES. */
static void put_base64(FILE *out, const char *bytes, size_t len) {
    unsigned char text[LINE_BYTES / 3 * 4 + 1];

    fwrite(text, 1, (size_t)EVP_EncodeBlock(text, (const unsigned char *)bytes, (int)len), out);
}

/* --- the subject ------------------------------------------------------------------------- */

static bool is_plain(const char *subject) {
    for (const char *c = subject; *c; c++)
        if (*c < ' ' || *c > '~') return false;
    return *subject && strlen(subject) <= PLAIN_BYTES && !strstr(subject, "=?");
}

/* Whole characters from '*at' on, as many as have room. returns  their bytes in 'word' */
static size_t fill_word(const char *subject, size_t *at, char *word, size_t room) {
    size_t len = strlen(subject), filled = 0, step;

    for (; *at < len; *at += step, filled += step) {
        step = kpk_utf8_next(subject + *at, len - *at);
        bool bad = step == 0;
        if (bad) step = 1;
        if (filled + step > room) break;
        memcpy(word + filled, bad ? "?" : subject + *at, step);
        if (!bad && kpk_utf8_control(kpk_utf8_point(subject + *at, step)))
            memset(word + filled, ' ', step);
    }
    return filled;
}

/* RFC 2047: encoded words, one a line. */
static void put_subject(FILE *out, const char *subject) {
    char word[WORD_BYTES];
    size_t at = 0;

    fputs("Subject:", out);
    if (is_plain(subject) || !*subject) {
        fprintf(out, "%s%s\r\n", *subject ? " " : "", subject);
        return;
    }
    while (subject[at]) {
        size_t bytes = fill_word(subject, &at, word, at == 0 ? FIRST_BYTES : WORD_BYTES);
        fputs(" =?UTF-8?B?", out);
        put_base64(out, word, bytes);
        fputs("?=\r\n", out);
    }
}

/* --- the text ---------------------------------------------------------------------------- */

/* Base64, over text whose lines end in CRLF, as a text has them in MIME. */
static void put_text(FILE *out, const char *text) {
    char line[LINE_BYTES];
    size_t filled = 0;

    for (const char *c = text; *c; c++) {
        bool breaks = *c == '\n' && (c == text || c[-1] != '\r');
        for (int part = breaks ? 0 : 1; part < 2; part++) {
            line[filled++] = part == 0 ? '\r' : *c;
            if (filled < LINE_BYTES) continue;
            put_base64(out, line, filled);
            fputs("\r\n", out);
            filled = 0;
        }
    }
    if (filled == 0) return;
    put_base64(out, line, filled);
    fputs("\r\n", out);
}

char *mime_message(const struct mime_mail *mail, size_t *len) {
    time_t seconds = mail->date_ms / 1000;
    char *message = NULL, date[64];
    struct tm utc;
    FILE *out = open_memstream(&message, len);

    if (!out) return NULL;
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &utc); /* no locale is set */
    fprintf(out, "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s>\r\n", date, mail->from,
            mail->to, mail->message_id);
    put_subject(out, mail->subject);
    if (mail->urgent) fputs("Importance: high\r\n", out);
    fputs(
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        out);
    put_text(out, mail->text);
    bool failed = ferror(out);
    if (fclose(out) == 0 && !failed) return message;
    free(message);
    return NULL;
}
