/* loadgen's tweets and notifications: what they are for the services (a valid event), and for the run (which record of
 * which run). */
#include "common/json.h"
#include "loadgen/profile.h"
#include "loadgen/world.h"
#include "services/notification/request.h"
#include "services/twitter/events.h"
#include "services/twitter/mentions.h"
#include "tests/support/test.h"

#include <string.h>

#define RUN "k3x9p2"

static struct kpk_err error, *err = &error;

static char ids[3][LOAD_KEY_BYTES] = {"1", "4711", "123456789012345"};
static int followers[3] = {0, 10, 2147483647};

static struct load_world *world(const struct load_world_kind *kind) {
    static struct load_world world;

    world = (struct load_world){.kind = kind, .ids = ids, .weights = followers, .run = RUN};
    load_world_texts(&world);
    return &world;
}

static struct kpk_event event_of(const struct load_world *world, const char *value, size_t len,
                                 uint32_t stream, const char *id) {
    return (struct kpk_event){.id = id,
                              .type = world->kind->event,
                              .subject = id,
                              .data = value,
                              .len = len,
                              .key = world->ids[stream],
                              .key_len = strlen(world->ids[stream])};
}

static void a_tweet_is_a_valid_event(void **state) {
    const struct load_world *twitter = world(&load_world_twitter);
    char value[LOAD_EVENT_BYTES], id[KPK_UUID_BYTES];

    (void)state;
    for (uint32_t stream = 0; stream < 3; stream++)
        for (uint32_t seq = 0; seq < LOAD_WORLD_TEXTS; seq++) {
            struct twitter_tweet tweet;
            size_t len = load_world_value(twitter, value, stream, seq, 1764000000000000, id);
            assert_true(len < sizeof(value));
            struct kpk_event event = event_of(twitter, value, len, stream, id);
            assert_ok(twitter_tweet_decode(&event, &tweet, err), err);
            assert_ok(twitter_text_check(tweet.text, err), err);
            assert_string_equal(tweet.id, id);
            assert_string_equal(tweet.author_id, ids[stream]);
            assert_int_equal(tweet.created_at, kpk_uuid7_ms(id));
            assert_int_equal(tweet.followers, followers[stream]);
        }
}

/* As the services read it, with as many channels as the report says. */
static void a_notification_is_a_valid_event(void **state) {
    const struct load_world *people = world(&load_world_notification);
    char value[LOAD_EVENT_BYTES], id[KPK_UUID_BYTES];

    (void)state;
    for (uint32_t stream = 0; stream < 3; stream++)
        for (uint32_t seq = 0; seq < LOAD_WORLD_TEXTS; seq++) {
            struct notification_request asked;
            int channels = 0;
            cJSON *object;
            size_t len = load_world_value(people, value, stream, seq, 1764000000000000, id);
            assert_true(len < sizeof(value));
            struct kpk_event event = event_of(people, value, len, stream, id);
            assert_ok(notification_request_decode(&event, &object, &asked, err), err);
            assert_ok(notification_request_check(&asked, err), err);
            assert_string_equal(asked.id, id);
            assert_string_equal(asked.recipient_id, ids[stream]);
            for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
                channels += notification_allowed_by_default(asked.template->category, channel);
            assert_true(people->kind->weight(people, stream,
                                             (stream + seq) % LOAD_WORLD_TEXTS) == channels);
            cJSON_Delete(object);
        }
}

/* What is posted is what the services take, and the events that they make of it say the same. */
static void a_notification_is_posted_as_its_service_takes_it(void **state) {
    const struct load_world *people = world(&load_world_notification);
    char body[LOAD_EVENT_BYTES];

    (void)state;
    for (uint32_t seq = 0; seq < LOAD_WORLD_TEXTS; seq++) {
        struct notification_request asked;
        uint32_t stream, found;
        int64_t us;
        size_t len = load_world_body(people, body, 1, seq, 1764000000000000);
        cJSON *object = kpk_json_parse(body, len, err);
        assert_non_null(object);
        assert_ok(notification_request_read(object, &asked, err), err);
        assert_ok(notification_request_check(&asked, err), err);
        assert_true(load_world_get(body, len, RUN, &stream, &found, &us));
        assert_true(stream == 1 && found == seq);
        cJSON_Delete(object);
    }
}

/* A load through services has a key for each person of its world. */
static void each_world_has_a_profile(void **state) {
    static const char *const systems[] = {"twitter", "notification"};

    (void)state;
    for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++) {
        const struct load_profile *profile = load_profile_find(systems[i], err);
        assert_non_null(profile);
        assert_non_null(load_world_find(systems[i]));
        assert_int_equal(profile->keys, LOAD_WORLD_PEOPLE);
    }
    assert_null(load_world_find("whatsapp"));
}

static void it_says_which_record_it_is(void **state) {
    static const struct {
        uint32_t stream, seq;
        int64_t us;
    } cases[] = {{0, 0, 0}, {2, 17, 1764000000000000}, {1, UINT32_MAX, 9999999999999999}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct load_world *twitter = world(&load_world_twitter);
        char value[LOAD_EVENT_BYTES], id[KPK_UUID_BYTES], body[LOAD_EVENT_BYTES];
        uint32_t stream, seq;
        int64_t us;
        size_t len =
            load_world_value(twitter, value, cases[i].stream, cases[i].seq, cases[i].us, id);
        assert_true(load_world_get(value, len, RUN, &stream, &seq, &us));
        assert_true(stream == cases[i].stream && seq == cases[i].seq && us == cases[i].us);
        assert_false(load_world_get(value, len, "k3x9p3", &stream, &seq, &us));
        /* Cut anywhere within the numbers it is none. */
        size_t end = (size_t)(strstr(value, RUN) - value) + strlen(RUN) + 1 + 11 + 11 + 17;
        assert_true(load_world_get(value, end, RUN, &stream, &seq, &us));
        for (size_t cut = 0; cut < end; cut++)
            assert_false(load_world_get(value, cut, RUN, &stream, &seq, &us));
        /* The same text goes over HTTP. */
        len = load_world_body(twitter, body, cases[i].stream, cases[i].seq, cases[i].us);
        assert_true(load_world_get(body, len, RUN, &stream, &seq, &us));
        assert_int_equal(seq, cases[i].seq);
    }
}

static void some_mention_somebody_and_some_have_a_hashtag(void **state) {
    const struct load_world *twitter = world(&load_world_twitter);
    char text[LOAD_EVENT_BYTES], handles[TWITTER_MENTIONS_MAX][TWITTER_HANDLE_BYTES];
    int mentions = 0, hashtags = 0;

    (void)state;
    for (uint32_t seq = 0; seq < LOAD_WORLD_TEXTS; seq++) {
        load_world_body(twitter, text, 0, seq, 0);
        hashtags += strchr(text, '#') != NULL;
        if (twitter_mentions(text, handles) == 0) continue;
        mentions++;
        assert_int_equal(strncmp(handles[0], "load_", 5), 0);
    }
    assert_in_range(hashtags, LOAD_WORLD_TEXTS / 3, LOAD_WORLD_TEXTS / 3 + 1);
    assert_in_range(mentions, LOAD_WORLD_TEXTS / 20, LOAD_WORLD_TEXTS / 20 + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tweet_is_a_valid_event),
        cmocka_unit_test(a_notification_is_a_valid_event),
        cmocka_unit_test(a_notification_is_posted_as_its_service_takes_it),
        cmocka_unit_test(each_world_has_a_profile),
        cmocka_unit_test(it_says_which_record_it_is),
        cmocka_unit_test(some_mention_somebody_and_some_have_a_hashtag),
    };

    return cmocka_run_group_tests_name("loadgen's worlds", tests, NULL, NULL);
}
