/* Mails as they leave: byte for byte, and read again by rules of the test's own. */
#include "services/notification/mime.h"
#include "tests/support/test.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { BODY_BYTES = 8192 };

static char *make(const char *subject, const char *text, bool urgent) {
    size_t len;
    char *message = mime_message(&(struct mime_mail){.from = "kit@kit.example",
                                                     .to = "ada@example.com",
                                                     .message_id = "1.email@kit.example",
                                                     .subject = subject,
                                                     .text = text,
                                                     .date_ms = 1795554452301,
                                                     .urgent = urgent},
                                 &len);
    assert_non_null(message);
    assert_int_equal(strlen(message), len);
    return message;
}

static void test_byte_for_byte(void **state) {
    char *message = make("Hello", "one\ntwo\r\n", true);

    (void)state;
    assert_string_equal(message, "Date: Tue, 24 Nov 2026 21:07:32 +0000\r\n"
                                 "From: <kit@kit.example>\r\n"
                                 "To: <ada@example.com>\r\n"
                                 "Message-ID: <1.email@kit.example>\r\n"
                                 "Subject: Hello\r\n"
                                 "Importance: high\r\n"
                                 "Auto-Submitted: auto-generated\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: text/plain; charset=UTF-8\r\n"
                                 "Content-Transfer-Encoding: base64\r\n"
                                 "\r\n"
                                 "b25lDQp0d28NCg==\r\n");
    free(message);
}

/* ---- read again ---- */

/* The bytes behind 'text', up to its end or 'end'; groups of four. */
static size_t decode(const char *text, size_t len, char *out) {
    int bytes = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);

    assert_true(bytes >= 0 && len % 4 == 0);
    for (size_t i = len; i > 0 && text[i - 1] == '='; i--) bytes--;
    out[bytes] = '\0';
    return (size_t)bytes;
}

/* The subject: a plain one, or encoded words, each on a line of its own. */
static void read_subject(const char *message, char *out) {
    const char *at = strstr(message, "\r\nSubject:") + strlen("\r\nSubject:");
    int before = (int)strlen("Subject:");

    *out = '\0';
    do {
        const char *end = strstr(at, "\r\n");
        assert_true(*at == ' ' && end && end - at + before <= 76);
        before = 0;
        if (strncmp(at + 1, "=?UTF-8?B?", 10) == 0) {
            assert_int_equal(strncmp(end - 2, "?=", 2), 0);
            out += decode(at + 11, (size_t)(end - 2 - (at + 11)), out);
        } else {
            out += sprintf(out, "%.*s", (int)(end - at - 1), at + 1);
        }
        at = end + 2;
    } while (*at == ' ');
}

static void read_text(const char *message, char *out) {
    const char *at = strstr(message, "\r\n\r\n") + 4;

    *out = '\0';
    while (*at) {
        const char *end = strstr(at, "\r\n");
        assert_true(end && end - at <= 76);
        out += decode(at, (size_t)(end - at), out);
        at = end + 2;
    }
}

/* Nine header fields, no more, whatever was in them; all of it ASCII, and no line is a bare one. */
static void check_shape(const char *message) {
    static const char *const fields[] = {
        "Date:",         "From:",         "To:",
        "Message-ID:",   "Subject:",      "Auto-Submitted:",
        "MIME-Version:", "Content-Type:", "Content-Transfer-Encoding:"};
    const char *at = message;
    size_t field = 0;

    for (const char *c = message; *c; c++) {
        assert_true((*c >= ' ' && *c <= '~') || (*c == '\r' && c[1] == '\n') ||
                    (*c == '\n' && c > message && c[-1] == '\r'));
    }
    for (; strncmp(at, "\r\n", 2) != 0; at = strstr(at, "\r\n") + 2) {
        if (*at == ' ') continue;
        assert_true(field < COUNT(fields));
        assert_int_equal(strncmp(at, fields[field], strlen(fields[field])), 0);
        field++;
    }
    assert_int_equal(field, COUNT(fields));
}

#define E10 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
#define A10 "aaaaaaaaaa"

/* clang-format off */
static const struct {
    const char *subject, *read;
} subjects[] = {
    {"", ""},
    {"Hello, world: 100 %", NULL},
    {"=?UTF-8?B?SGVsbG8=?=", NULL},     /* it is no encoded word: it shows as it was written */
    {"Gr\xc3\xbc\xc3\x9f" "e", NULL},
    {E10 E10 E10 E10 E10 E10, NULL},
    {"a" E10 E10 E10 E10 E10 E10, NULL}, /* a character is not cut */
    {A10 A10 A10 A10 A10 A10, NULL},
    {A10 A10 A10 A10 A10 A10 "a", NULL},
    {"\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89"
     "\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89", NULL},
    {"Hi\r\nBcc: all@example.com", "Hi  Bcc: all@example.com"},
    {"Hi\nBcc: all@example.com\n\n.\n", "Hi Bcc: all@example.com  . "},
    {"tab\there", "tab here"},
    {"bell\a, escape\033[31m", "bell , escape [31m"},
    {"next line\xc2\x85" "end", "next line  end"},
    {"broken \xff\xc3", "broken ??"},
};

static const struct {
    const char *text, *read;
} texts[] = {
    {"", ""},
    {"a", NULL},
    {"one\ntwo", "one\r\ntwo"},
    {"one\r\ntwo\r\n", NULL},
    {"\n", "\r\n"},
    {"\n\n", "\r\n\r\n"},
    {"a\rb", "a\rb"},
    {".\r\n..\r\nQUIT\r\n", NULL},
    {"Subject: x\n\nFrom me", "Subject: x\r\n\r\nFrom me"},
    {E10 A10 E10 A10 E10 A10 E10 A10 E10 A10, NULL},
    {A10 A10 A10 A10 A10 "1234567", NULL},  /* 57 bytes are a line */
    {A10 A10 A10 A10 A10 "12345\n67", A10 A10 A10 A10 A10 "12345\r\n67"},
    {A10 A10 A10 A10 A10 "123456\n7", A10 A10 A10 A10 A10 "123456\r\n7"},
    {A10 A10 A10 A10 A10 "1234567\n", A10 A10 A10 A10 A10 "1234567\r\n"},
};
/* clang-format on */

static void test_subjects(void **state) {
    char read[BODY_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(subjects); i++) {
        char *message = make(subjects[i].subject, "text", false);
        check_shape(message);
        if (*subjects[i].subject) {
            read_subject(message, read);
            assert_string_equal(read,
                                subjects[i].read ? subjects[i].read : subjects[i].subject);
        } else {
            assert_non_null(strstr(message, "\r\nSubject:\r\n"));
        }
        free(message);
    }
}

static void test_texts(void **state) {
    char read[BODY_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *message = make("subject", texts[i].text, false);
        check_shape(message);
        read_text(message, read);
        assert_string_equal(read, texts[i].read ? texts[i].read : texts[i].text);
        free(message);
    }
}

/* Every length up to a few lines, so that each remainder of a line and of a group comes. */
static void test_lengths(void **state) {
    char text[300], read[BODY_BYTES];

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        char *message = make(text, text, false);
        check_shape(message);
        read_text(message, read);
        assert_string_equal(read, text);
        if (len > 0) {
            read_subject(message, read);
            assert_string_equal(read, text);
        }
        free(message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_for_byte),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests_name("notification: mails", tests, NULL, NULL);
}
