/* Twitter's events: what a stranger may have written, and what we write ourselves. */
#include "services/twitter/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "01a20ab4-1c36-7000-a77e-dd8b49718f7b"
#define GOOD                                                                                   \
    "{\"tweet_id\":\"" ID                                                                      \
    "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}"

static struct kpk_event event_of(const char *json) {
    return (struct kpk_event){.data = json, .len = strlen(json)};
}

/* clang-format off */
static const struct {
    const char *json;
    const char *blames; /* how the message begins; NULL: it is fine */
} tweets[] = {
    {GOOD, NULL},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"9223372036854775807\",\"text\":\"\\u00e9\\n\\t\",\"created_at\":0,\"delivery\":\"pull\",\"new_field\":1}", NULL},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\",\"followers\":0}", NULL},
    {"", ""},
    {"[]", ""},
    {"{}", "tweet_id: "},
    {"{\"tweet_id\":1}", "tweet_id: "},
    {"{\"tweet_id\":\"x\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "tweet_id: "},
    {"{\"tweet_id\":\"01a20ab4-1c36-4000-a77e-dd8b49718f7b\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "tweet_id: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":1,\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "author_id: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"0\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "author_id: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"-1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "author_id: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1},{2\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "author_id: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"9223372036854775808\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\"}", "author_id: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\" \",\"created_at\":1,\"delivery\":\"push\"}", "text: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"\\u001b[2J\",\"created_at\":1,\"delivery\":\"push\"}", "text: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":\"1\",\"delivery\":\"push\"}", "created_at: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1.5,\"delivery\":\"push\"}", "created_at: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"shove\"}", "delivery: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1}", "delivery: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\",\"followers\":-1}", "followers: "},
    {"{\"tweet_id\":\"" ID "\",\"author_id\":\"1\",\"text\":\"hi\",\"created_at\":1,\"delivery\":\"push\",\"followers\":null}", "followers: "},
};

static const struct {
    const char *json;
    const char *blames;
} follows[] = {
    {"{\"follower_id\":\"2\",\"followee_id\":\"1\",\"created_at\":1}", NULL},
    {"{\"followee_id\":\"1\",\"created_at\":1}", "follower_id: "},
    {"{\"follower_id\":\"2\",\"followee_id\":\"a\",\"created_at\":1}", "followee_id: "},
    {"{\"follower_id\":\"2\",\"followee_id\":\"1\",\"created_at\":-1}", "created_at: "},
};
/* clang-format on */

/* 'blames' as in the tables above. */
static void expect(int failed, const struct kpk_err *err, const char *blames,
                   const char *json) {
    if ((failed != 0) != (blames != NULL)) fail_msg("%s: returned %d", json, failed);
    if (!blames) return;
    assert_int_equal(err->verdict, KPK_REJECT);
    if (strncmp(err->msg, blames, strlen(blames)) != 0)
        fail_msg("%s: says '%s', must blame '%s'", json, err->msg, blames);
}

static void test_tweet_decode(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(tweets) / sizeof(*tweets); i++) {
        struct kpk_event event = event_of(tweets[i].json);
        struct twitter_tweet tweet;
        struct kpk_err err = {0};
        int failed = twitter_tweet_decode(&event, &tweet, &err);
        expect(failed, &err, tweets[i].blames, tweets[i].json);
    }
}

static void test_follow_decode(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(follows) / sizeof(*follows); i++) {
        struct kpk_event event = event_of(follows[i].json);
        struct twitter_follow follow;
        struct kpk_err err = {0};
        int failed = twitter_follow_decode(&event, &follow, &err);
        expect(failed, &err, follows[i].blames, follows[i].json);
    }
}

static void test_round_trip(void **state) {
    struct twitter_tweet tweet = {.id = ID,
                                  .author_id = "17",
                                  .text = "quote \" backslash \\ newline \n \xf0\x9f\x90\xa6",
                                  .created_at = 1795475905590,
                                  .delivery = TWITTER_PULL,
                                  .followers = 12},
                         back;
    char *json = twitter_tweet_encode(&tweet);
    struct kpk_event event;
    struct kpk_err err;

    (void)state;
    assert_non_null(json);
    event = event_of(json);
    assert_int_equal(twitter_tweet_decode(&event, &back, &err), 0);
    assert_string_equal(back.id, tweet.id);
    assert_string_equal(back.author_id, tweet.author_id);
    assert_string_equal(back.text, tweet.text);
    assert_int_equal(back.created_at, tweet.created_at);
    assert_int_equal(back.delivery, tweet.delivery);
    assert_int_equal(back.followers, tweet.followers);
    free(json);
}

/* An event from before they were told. */
static void test_unknown_followers(void **state) {
    struct kpk_event event = event_of(GOOD);
    struct twitter_tweet tweet;
    struct kpk_err err;
    char *json;

    (void)state;
    assert_int_equal(twitter_tweet_decode(&event, &tweet, &err), 0);
    assert_int_equal(tweet.followers, TWITTER_UNKNOWN);
    json = twitter_tweet_encode(&tweet);
    assert_string_equal(json, GOOD);
    free(json);
}

/* 280 code points of 'bytes' bytes each, and 'more'. */
static int check_length(const char *point, int more, struct kpk_err *err) {
    char text[TWITTER_TEXT_BYTES * 2] = "";

    for (int i = 0; i < TWITTER_TEXT_POINTS + more; i++) strcat(text, point);
    return twitter_text_check(text, err);
}

static void test_text_length(void **state) {
    struct kpk_err err;

    (void)state;
    assert_int_equal(check_length("a", 0, &err), 0);
    assert_int_equal(check_length("a", 1, &err), -1);
    assert_string_equal(err.msg, "text: 281 code points, at most 280");
    assert_int_equal(check_length("\xf0\x9f\x90\xa6", 0, &err), 0);
    assert_int_equal(check_length("\xf0\x9f\x90\xa6", 1, &err), -1);
}

static void test_text_characters(void **state) {
    static const struct {
        const char *text, *why; /* NULL: it is fine */
    } cases[] = {
        {"two\nlines\tand a tab", NULL},
        {" \xc2\xa0x", NULL},
        {"\xe2\x80\x8d\xf0\x9f\x90\xa6", NULL},
        {"", "text: empty"},
        {" \t\n", "text: only white space"},
        {"\xc2\xa0\xe3\x80\x80\xe2\x80\x83\xe2\x80\xa8", "text: only white space"},
        {"a\r\n", "text: control character U+000D"},
        {"a\x1b[2J", "text: control character U+001B"},
        {"a\x7f", "text: control character U+007F"},
        {"a\xc2\x9b"
         "2J",
         "text: control character U+009B"},
        {"a\xc2\x85", "text: control character U+0085"},
        {"a\xff", "text: not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct kpk_err err = {.msg = ""};
        assert_int_equal(twitter_text_check(cases[i].text, &err), cases[i].why ? -1 : 0);
        assert_string_equal(err.msg, cases[i].why ? cases[i].why : "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tweet_decode), cmocka_unit_test(test_follow_decode),
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_unknown_followers),
        cmocka_unit_test(test_text_length),  cmocka_unit_test(test_text_characters),
    };

    return cmocka_run_group_tests_name("twitter_events", tests, NULL, NULL);
}
