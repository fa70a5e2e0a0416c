/* loadgen's tweets: what they are for the services (a valid event), and for the run (which record of which run). */
#include "common/json.h"
#include "loadgen/twitter.h"
#include "services/twitter/events.h"
#include "services/twitter/mentions.h"
#include "tests/support/test.h"

#include <string.h>

#define RUN "k3x9p2"

static struct kpk_err error, *err = &error;

static char ids[3][LOAD_KEY_BYTES] = {"1", "4711", "123456789012345"};
static int followers[3] = {0, 10, 2147483647};

static struct load_twitter *world(void) {
    static struct load_twitter twitter = {.ids = ids, .followers = followers, .run = RUN};

    load_twitter_texts(&twitter);
    return &twitter;
}

static void a_tweet_is_a_valid_event(void **state) {
    char value[LOAD_TWEET_BYTES], id[KPK_UUID_BYTES];

    (void)state;
    for (uint32_t stream = 0; stream < 3; stream++)
        for (uint32_t seq = 0; seq < LOAD_TWEET_TEXTS; seq++) {
            struct twitter_tweet tweet;
            size_t len = load_twitter_tweet(world(), value, stream, seq, 1764000000000000, id);
            assert_true(len < sizeof(value));
            struct kpk_event event = {.id = id,
                                      .type = TWITTER_TWEET_CREATED,
                                      .data = value,
                                      .len = len,
                                      .key = ids[stream],
                                      .key_len = strlen(ids[stream])};
            assert_ok(twitter_tweet_decode(&event, &tweet, err), err);
            assert_ok(twitter_text_check(tweet.text, err), err);
            assert_string_equal(tweet.id, id);
            assert_string_equal(tweet.author_id, ids[stream]);
            assert_int_equal(tweet.created_at, kpk_uuid7_ms(id));
            assert_int_equal(tweet.followers, followers[stream]);
        }
}

static void it_says_which_record_it_is(void **state) {
    static const struct {
        uint32_t stream, seq;
        int64_t us;
    } cases[] = {{0, 0, 0}, {2, 17, 1764000000000000}, {1, UINT32_MAX, 9999999999999999}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char value[LOAD_TWEET_BYTES], id[KPK_UUID_BYTES], text[300];
        uint32_t stream, seq;
        int64_t us;
        size_t len =
            load_twitter_tweet(world(), value, cases[i].stream, cases[i].seq, cases[i].us, id);
        assert_true(load_twitter_get(value, len, RUN, &stream, &seq, &us));
        assert_true(stream == cases[i].stream && seq == cases[i].seq && us == cases[i].us);
        assert_false(load_twitter_get(value, len, "k3x9p3", &stream, &seq, &us));
        /* Cut anywhere within the numbers it is none. */
        size_t end = (size_t)(strstr(value, RUN) - value) + strlen(RUN) + 1 + 11 + 11 + 17;
        assert_true(load_twitter_get(value, end, RUN, &stream, &seq, &us));
        for (size_t cut = 0; cut < end; cut++)
            assert_false(load_twitter_get(value, cut, RUN, &stream, &seq, &us));
        /* The same text goes over HTTP. */
        len = load_twitter_text(world(), text, cases[i].stream, cases[i].seq, cases[i].us);
        assert_true(load_twitter_get(text, len, RUN, &stream, &seq, &us));
    }
}

static void some_mention_somebody_and_some_have_a_hashtag(void **state) {
    char text[300], handles[TWITTER_MENTIONS_MAX][TWITTER_HANDLE_BYTES];
    int mentions = 0, hashtags = 0;

    (void)state;
    for (uint32_t seq = 0; seq < LOAD_TWEET_TEXTS; seq++) {
        load_twitter_text(world(), text, 0, seq, 0);
        hashtags += strchr(text, '#') != NULL;
        if (twitter_mentions(text, handles) == 0) continue;
        mentions++;
        assert_int_equal(strncmp(handles[0], "load_", 5), 0);
    }
    assert_in_range(hashtags, LOAD_TWEET_TEXTS / 3, LOAD_TWEET_TEXTS / 3 + 1);
    assert_in_range(mentions, LOAD_TWEET_TEXTS / 20, LOAD_TWEET_TEXTS / 20 + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tweet_is_a_valid_event),
        cmocka_unit_test(it_says_which_record_it_is),
        cmocka_unit_test(some_mention_somebody_and_some_have_a_hashtag),
    };

    return cmocka_run_group_tests_name("loadgen's tweets", tests, NULL, NULL);
}
