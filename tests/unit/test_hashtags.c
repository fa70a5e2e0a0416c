/* What counts as a hashtag, and what does not. */
#include "services/twitter/hashtags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEN "abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* clang-format off */
static const struct {
    const char *text;
    const char *tags; /* with a blank before each */
} rows[] = {
    /* where it begins */
    {"", ""},
    {"no tag", ""},
    {"#kafka", " kafka"},
    {"#a #b", " a b"},
    {"read #kafka, now", " kafka"},
    {"(#kafka)", " kafka"},
    {"\n#kafka\n", " kafka"},
    {".#kafka", " kafka"},
    {"a#kafka", ""},
    {"1#kafka", ""},
    {"_#kafka", ""},
    {"é#kafka", ""},
    {"&#kafka", ""},
    {"it&#39;s", ""},
    {"example.com/#kafka", ""},
    {"https://example.com/page#kafka", ""},
    {"＃kafka", " kafka"},
    {"##kafka", " kafka"},
    {"# kafka", ""},
    {"#", ""},
    {"日本語#東京", ""},
    {"日本語 #東京", " 東京"},
    {"🐦#bird", " bird"},
    /* what it holds */
    {"#2026", ""},
    {"#1", ""},
    {"#_", ""},
    {"#_1", ""},
    {"#1a", " 1a"},
    {"#a1", " a1"},
    {"#_a", " _a"},
    {"#snake_case", " snake_case"},
    {"#kebab-case", " kebab"},
    {"#it's", " it"},
    {"#café", " café"},
    {"#cafe\u0301", " cafe\u0301"},
    {"#\u0301a", ""},
    {"#\ufe0f\u20e3", ""},
    {"#\ufe0f\u20e3 1", ""},
    {"#हिन्दी", " हिन्दी"},
    {"#привет", " привет"},
    {"#한국어", " 한국어"},
    {"#ไทย", " ไทย"},
    {"#نیم‌فاصله", " نیم‌فاصله"},
    {"#l·l", " l·l"},
    {"#bird🐦", " bird"},
    {"#🐦", ""},
    {"#kafka。", " kafka"},
    {"#a\u3000b", " a"},
    /* where it ends */
    {"#a#b", ""},
    {"#a#b #c", " c"},
    {"#a＃b", ""},
    {"#http://example.com", ""},
    {"#a:", " a"},
    {"#a:/", " a"},
    {"#a://", ""},
    /* lower case, each once, in the order of the text */
    {"#Kafka", " kafka"},
    {"#KAFKA #kafka #Kafka", " kafka"},
    {"#ÉCOLE #école", " école"},
    {"#ПРИВЕТ", " привет"},
    {"#Ⱥ", " ⱥ"}, /* its lower case has more bytes */
    {"#b #a #b", " b a"},
    /* what a database or a page might stumble over */
    {"#null #NULL #true", " null true"},
    {"#a'; DROP TABLE tags; --", " a"},
    {"#a\\ #b\" #c{ #d, #e}", " a b c d e"},
    {"#<script>", ""},
    {"#a%n", " a"},
    {"#a\x1b[2J", " a"},
    {"#\xff", ""},
    {"#a\xc3", " a"},
    {"#a\xe2\x82", " a"},
    {"\xff#a", " a"},
    /* length */
    {"#" HUNDRED, " " HUNDRED},
    {"#" HUNDRED "k", ""},
    {"#" HUNDRED "k #b", " b"},
};

static const struct {
    const char *text;
    const char *tag; /* NULL: none */
} names[] = {
    {"kafka", "kafka"},
    {"#Kafka", "kafka"},
    {"＃東京", "東京"},
    {"", NULL},
    {"#", NULL},
    {"##a", NULL},
    {"1", NULL},
    {"a b", NULL},
    {"a ", NULL},
    {"a#", NULL},
    {"a%", NULL},
    {"\xff", NULL},
    {HUNDRED, HUNDRED},
    {HUNDRED "k", NULL},
};
/* clang-format on */

static void test_find(void **state) {
    static char tags[HASHTAGS_MOST][HASHTAG_BYTES];
    char found[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t count = hashtags_find(rows[i].text, tags), len = 0;
        found[0] = '\0';
        for (size_t n = 0; n < count; n++)
            len += (size_t)snprintf(found + len, sizeof(found) - len, " %s", tags[n]);
        if (strcmp(found, rows[i].tags) != 0)
            fail_msg("'%s' has the tags '%s', must have '%s'", rows[i].text, found,
                     rows[i].tags);
    }
}

static void test_read(void **state) {
    char tag[HASHTAG_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int failed = hashtag_read(names[i].text, tag);
        if ((failed != 0) != (names[i].tag == NULL))
            fail_msg("'%s': returned %d", names[i].text, failed);
        if (names[i].tag) assert_string_equal(tag, names[i].tag);
    }
}

/* Four bytes in each character, as long as a tag may be: it must fit, and so must thirty. */
static void test_largest(void **state) {
    static char tags[HASHTAGS_MOST][HASHTAG_BYTES];
    static char text[HASHTAG_BYTES + 8] = "#", many[40 * 5 + 1];

    (void)state;
    for (int i = 0; i < HASHTAG_POINTS; i++) strcat(text, "\U00020000");
    assert_int_equal(hashtags_find(text, tags), 1);
    assert_string_equal(tags[0], text + 1);
    assert_int_equal(strlen(tags[0]), HASHTAG_BYTES - 1);
    for (int i = 0; i < 40; i++) snprintf(many + 5 * i, 6, " #t%02d", i);
    assert_int_equal(hashtags_find(many, tags), HASHTAGS_MOST);
    assert_string_equal(tags[HASHTAGS_MOST - 1], "t29");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_largest),
    };
    struct kpk_err err;

    if (hashtags_init(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return cmocka_run_group_tests_name("hashtags", tests, NULL, NULL);
}
