/* What kpk prints of a stranger's bytes: nothing in it may move a cursor, turn the reading
 * direction or hide, and nothing harmless may be changed. */
#include "tools/kpk/safe.h"

#include "common/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal) literal, sizeof(literal) - 1
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_text(void **state) {
    /* clang-format off */
    static const struct {
        const char *bytes;
        size_t len, max;
        const char *text;
    } cases[] = {
        {BYTES(""), 0, ""},
        {BYTES("plain ~ text"), 0, "plain ~ text"},
        {BYTES("{\"text\":\"say \\\"hi\\\"\\n\"}"), 0, "{\"text\":\"say \\\"hi\\\"\\n\"}"},
        {BYTES("Gr\xc3\xbc\xc3\x9f\x65 \xe4\xbd\xa0\xe5\xa5\xbd"), 0, "Gr\xc3\xbc\xc3\x9f\x65 \xe4\xbd\xa0\xe5\xa5\xbd"},
        {BYTES("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80"), 0, "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80"}, /* an emoji of two, joined */
        /* control characters */
        {BYTES("a\0b"), 0, "a\\x00b"},
        {BYTES("a\r\n\tb"), 0, "a\\x0d\\x0a\\x09\x62"},
        {BYTES("\x1b[2J\x07\x7f"), 0, "\\x1b[2J\\x07\\x7f"},
        {BYTES("\xc2\x9b" "2J"), 0, "\\u{9b}2J"},
        /* not UTF-8: a byte alone, cut, overlong, a surrogate, too large */
        {BYTES("\xff\x9b"), 0, "\\xff\\x9b"},
        {BYTES("\xe4\xbd"), 0, "\\xe4\\xbd"},
        {BYTES("\xc0\x9b"), 0, "\\xc0\\x9b"},
        {BYTES("\xed\xa0\x80"), 0, "\\xed\\xa0\\x80"},
        {BYTES("\xf4\x90\x80\x80"), 0, "\\xf4\\x90\\x80\\x80"},
        /* what is not seen, or turns what is */
        {BYTES("\xe2\x80\xae" "evil\xe2\x80\xac"), 0, "\\u{202e}evil\\u{202c}"},
        {BYTES("\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c"), 0, "\\u{2066}\\u{2069}\\u{200f}\\u{61c}"},
        {BYTES("\xe2\x80\xa8\xe2\x80\x8b\xef\xbb\xbf"), 0, "\\u{2028}\\u{200b}\\u{feff}"},
        {BYTES("\xf3\xa0\x80\xa0"), 0, "\\u{e0020}"},
        {BYTES("\xd7\xa9\xd7\x9c"), 0, "\xd7\xa9\xd7\x9c"}, /* letters may be read from the right */
        /* cut, never within a character */
        {BYTES("abc"), 3, "abc"},
        {BYTES("abcd"), 3, "abc... (4 bytes)"},
        {BYTES("ab\xc3\xbc"), 4, "ab\xc3\xbc"},
        {BYTES("ab\xc3\xbc"), 3, "ab... (4 bytes)"},
        {BYTES("ab\xc3\xbc" "c"), 4, "ab\xc3\xbc... (5 bytes)"},
        {BYTES("\x1b\x1b\x1b"), 2, "\\x1b\\x1b... (3 bytes)"},
        {BYTES("\xf0\x9f\x9a\x80"), 1, "... (4 bytes)"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = kpk_safe_text(cases[i].bytes, cases[i].len, cases[i].max);
        assert_non_null(text);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

static bool is_harmless(const char *text) {
    for (size_t at = 0, n; text[at]; at += n) {
        unsigned char first = (unsigned char)text[at];
        n = kpk_utf8_next(text + at, strlen(text + at));
        if (n == 0 || first < 0x20 || first == 0x7f) return false;
        if (first == 0xc2 && (unsigned char)text[at + 1] < 0xa0) return false;
    }
    return true;
}

/* Whatever the bytes: what is printed is UTF-8 without control characters. */
static void test_any_bytes(void **state) {
    unsigned seed = 20261123;
    char bytes[64];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)rand_r(&seed) % sizeof(bytes), max = (size_t)rand_r(&seed) % 40;
        for (size_t i = 0; i < len; i++) /* half of them such as begin or go on a character */
            bytes[i] = (char)(rand_r(&seed) % 2 ? rand_r(&seed) : 0x80 | rand_r(&seed) % 0x80);
        char *text = kpk_safe_text(bytes, len, max);
        assert_non_null(text);
        assert_true(is_harmless(text));
        free(text);
    }
}

static void test_json(void **state) {
    /* clang-format off */
    static const struct {
        const char *json, *safe;
    } cases[] = {
        {"{\"a\":\"b\\u001b\\n\"}", "{\"a\":\"b\\u001b\\n\"}"},
        {"\"Gr\xc3\xbc\xc3\x9f\x65\"", "\"Gr\xc3\xbc\xc3\x9f\x65\""},
        {"\"\x7f\xc2\x9b\xe2\x80\xae\"", "\"\\u007f\\u009b\\u202e\""},
        {"\"\xf3\xa0\x80\xa0\"", "\"\\udb40\\udc20\""}, /* a pair of surrogates */
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        assert_non_null(out);
        kpk_safe_print_json(out, cases[i].json);
        fclose(out);
        assert_string_equal(text, cases[i].safe);
        free(text);
    }
}

/* RFC 4648, section 10, and every digit. */
static void test_base64(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } cases[] = {
        {BYTES(""), ""},
        {BYTES("f"), "Zg=="},
        {BYTES("fo"), "Zm8="},
        {BYTES("foo"), "Zm9v"},
        {BYTES("foob"), "Zm9vYg=="},
        {BYTES("fooba"), "Zm9vYmE="},
        {BYTES("foobar"), "Zm9vYmFy"},
        {BYTES(
             "\0\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96"
             "\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3"
             "\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"),
         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = kpk_base64(cases[i].bytes, cases[i].len);
        assert_non_null(text);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_base64),
    };

    return cmocka_run_group_tests_name("kpk: bytes of strangers", tests, NULL, NULL);
}
