/* What a word is to search: texts as they are indexed, queries as they are asked. */
#include "services/twitter/events.h"
#include "services/twitter/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* clang-format off */
/* Runs of spaces are written as one, and none at the ends. */
static const struct {
    const char *text, *words;
} texts[] = {
    {"", ""},
    {"Hello, world!", "Hello world"},
    {"two\nlines\tand a tab", "two lines and a tab"},
    {"see https://example.com/a?b=c_d", "see https example com a b c d"},
    {"<b>bob@example.com</b>", "b bob example com b"},
    {"-12 3.14 well-known 'quoted' \"said\"", "12 3 14 well known quoted said"},
    {"gr\u00fc\u00dfe \U0001f426!", "gr\u00fc\u00dfe \U0001f426"},
    {"\u4f60\u597d, \u4e16\u754cpeace", "\u4f60 \u597d \u4e16 \u754c peace"},
    {"\u65e5\u672c\u3000\u30c4\u30a4", "\u65e5 \u672c \u30c4 \u30a4"},
    {"\U00020000\U00020001", "\U00020000 \U00020001"},
    {"\uc548\ub155 \u0e2a\u0e27", "\uc548\ub155 \u0e2a\u0e27"}, /* Hangul has spaces; Thai is not cut */
};

static const struct {
    const char *q, *asks;
} queries[] = {
    {"", ""},
    {"one two", "one two"},
    {"one or two", "one or two"},
    {"  -not this", "-not this"},
    {"-\"a phrase\" rest", "-\"a phrase\" rest"},
    {"\"a phrase\"", "\"a phrase\""},
    {"\"-a, -b\"", "\" a b\""}, /* within a phrase a minus means nothing */
    {"well-known", "well known"},
    {"a.-b (-c) --d -", "a b c d"},
    {"-@ada", "ada"},
    {"\"never closed", "\"never closed\""},
    {"\"", "\"\""},
    {"\"\"\"", "\"\" \"\""},
    {"say\"hi\"there", "say \"hi\" there"},
    {"a & b | !c <-> d:* \\ ' % _ ()", "a b c d"},
    {"'; DROP TABLE tweets; --", "DROP TABLE tweets"},
    {"\u4f60\u597d", "\"\u4f60 \u597d \""},
    {"-\u4f60\u597d x", "-\"\u4f60 \u597d \" x"},
    {"\"\u4f60\u597d\"", "\"\u4f60 \u597d \""},
    {"\u65e5\u672c\u8a9e\u306etweet", "\"\u65e5 \u672c \u8a9e \u306e \" tweet"},
    {"\u4f60\u3000-\u597d", "\"\u4f60 \" -\"\u597d \""},
    {"\U0001f426", "\U0001f426"},
};

static const struct {
    const char *q;
    const char *says;
} refused[] = {
    {"\x01", "control character U+0001"},
    {"a\x1b[2J", "control character U+001B"},
    {"a\x7f", "control character U+007F"},
    {"a\xc2\x80", "control character U+0080"},
    {"\xff", "not valid UTF-8"},
    {"\xc3(", "not valid UTF-8"},
    {"\xed\xa0\x80", "not valid UTF-8"},
};
/* clang-format on */

static const char *squeeze(char *text) {
    char *end = text;

    for (const char *c = text; *c; c++)
        if (*c != ' ' || (end > text && end[-1] != ' ')) *end++ = *c;
    if (end > text && end[-1] == ' ') end--;
    *end = '\0';
    return text;
}

static void test_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char words[TWITTER_WORDS_BYTES(64)];
        twitter_words(texts[i].text, words);
        assert_string_equal(squeeze(words), texts[i].words);
    }
}

static void test_queries(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        char asks[TWITTER_QUERY_BYTES];
        struct kpk_err err;
        assert_int_equal(twitter_query(queries[i].q, asks, &err), 0);
        assert_string_equal(squeeze(asks), queries[i].asks);
    }
}

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        char asks[TWITTER_QUERY_BYTES];
        struct kpk_err err;
        assert_int_equal(twitter_query(refused[i].q, asks, &err), -1);
        assert_int_equal(err.verdict, KPK_REJECT);
        assert_string_equal(err.msg, refused[i].says);
    }
}

/* 'count' times 'unit', one after the other. */
static const char *repeated(const char *unit, int count) {
    static char text[4 * TWITTER_QUERY_POINTS * 2];
    char *end = text;

    for (int i = 0; i < count; i++) end = stpcpy(end, unit);
    return text;
}

/* What grows most, at the longest there may be: the sanitizer looks at the ends of the buffers. */
static void test_lengths(void **state) {
    static const char *const units[] = {"a", "\"", "-", " ", "\u4f60", "\U00020000"};
    char asks[TWITTER_QUERY_BYTES], words[TWITTER_WORDS_BYTES(TWITTER_TEXT_BYTES)];
    struct kpk_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(units); i++) {
        const char *longest = repeated(units[i], TWITTER_QUERY_POINTS);
        assert_int_equal(twitter_query(longest, asks, &err), 0);
        const char *longer = repeated(units[i], TWITTER_QUERY_POINTS + 1);
        assert_int_equal(twitter_query(longer, asks, &err), -1);
        assert_string_equal(err.msg, "501 characters, at most 500");
        twitter_words(repeated(units[i], TWITTER_TEXT_POINTS), words);
    }
    assert_int_equal(
        twitter_query(repeated("\U00020000a", TWITTER_QUERY_POINTS / 2), asks, &err), 0);
    assert_int_equal(
        twitter_query(repeated("-\U00020000", TWITTER_QUERY_POINTS / 2), asks, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests_name("twitter_words", tests, NULL, NULL);
}
