/* Whom a tweet mentions is asked to be told of it: everyone of them, nobody else, and under one id
 * however often the tweet comes and whoever dies. */
#include "common/event.h"
#include "common/tail.h"
#include "services/twitter/mentions.h"
#include "services/twitter/world.h"
#include "tests/support/offsets.h"
#include "tests/support/publish.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/admin.h"
#include "topology/topology.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 60000, USERS = 5, MOST = 64, VALUE_BYTES = 2048 };

static struct kpk_err error, *err = &error;

static const char *const workers[] = {"notification-worker-1", "notification-worker-2"};

/* --- what is in the topic ---------------------------------------------------------------- */

/* A notification that was asked for, as it was read from the topic. */
struct asked {
    struct twitter_mention mention;
    char value[VALUE_BYTES];
};

struct asked_for {
    struct asked at[MOST];
    int count;
};

static void add(struct asked_for *asked, const struct twitter_tweet *tweets, int n_tweets,
                const rd_kafka_message_t *msg) {
    struct asked *next = &asked->at[asked->count];
    struct kpk_event event;

    /* The topic is the notification system's: others ask there too, and strangers write to it. */
    if (kpk_event_decode(msg, &event, err) || strcmp(event.source, TWITTER_SOURCE) != 0) return;
    assert_ok(twitter_mention_decode(&event, &next->mention, err), err);
    for (int i = 0; i < n_tweets; i++) {
        if (strcmp(tweets[i].id, next->mention.tweet_id) != 0) continue;
        snprintf(next->value, sizeof(next->value), "%.*s", (int)event.len, event.data);
        if (++asked->count == MOST) fail_msg("more than %d notifications", MOST);
        return;
    }
}

/* Everything that the group asked for because of 'tweets', once it is done with all tweets. */
static void read_asked(struct asked_for *asked, const struct twitter_tweet *tweets,
                       int n_tweets) {
    char group[KPK_NAME_BYTES], source[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];
    const struct kpk_tail_opts opts = {.topics = (const char *[]){topic, NULL},
                                       .partition = KPK_TAIL_ALL,
                                       .from.start = KPK_TAIL_BEGINNING,
                                       .until_end = true};
    rd_kafka_message_t *msg;
    struct kpk_tail *tail;

    kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic);
    offsets_await_all(kpk_full_name(KPK_GROUP_NOTIFICATION_WORKERS, group),
                      kpk_full_name(KPK_TOPIC_TWEETS, source), ARRIVE_MS);
    asked->count = 0;
    assert_ok(kpk_tail_open_at(&tail, &opts, err), err);
    while (!kpk_tail_done(tail)) {
        assert_ok(kpk_tail_next(tail, ARRIVE_MS, &msg, err), err);
        if (!msg) continue;
        add(asked, tweets, n_tweets, msg);
        rd_kafka_message_destroy(msg);
    }
    kpk_tail_close(tail);
}

/* --- tests ------------------------------------------------------------------------------- */

/* @0 is the handle of user 0, @^1 that of user 1 in upper case, @? one that nobody has. */
static const struct {
    int author;
    const char *text;
    const char *told; /* the users, in order */
} posts[] = {
    {0, "nobody", ""},
    {0, "hello @1", "1"},
    {0, "@1, @2 and @3!", "123"},
    {0, "@2 @1 @2 and once more @2", "21"},
    {0, "I, @0, talk to myself", ""},
    {0, "@0 and @1", "1"},
    {1, "@?", ""},
    {1, "@? @2 @?", "2"},
    {1, "loud: @^2", "2"},
    {1, "mail me@2 or x@3.example", ""},
    {2, "see https://example.com/@1", ""},
    {2,
     "\u3053\u3093\u306b\u3061\u306f\uff20"
     "4\u3055\u3093",
     "4"},
    {3, "@0 @1 @2 @3 @4", "0124"},
};
enum { POSTS = sizeof(posts) / sizeof(*posts) };

static void write_handles(const struct world *world, const char *text, char *out) {
    for (bool sign = false; *text; text++) {
        bool loud = sign && *text == '^';
        if (loud) text++;
        if (sign && isdigit((unsigned char)*text)) {
            char *end = stpcpy(out, world->users[*text - '0'].handle);
            for (; loud && out < end; out++) *out = (char)toupper((unsigned char)*out);
            out = end;
        } else if (sign && *text == '?') {
            out += sprintf(out, "no_%s", world->tag);
        } else {
            *out++ = *text;
        }
        sign = *text == '@' || *text == '\xa0'; /* the end of the wide one */
    }
    *out = '\0';
}

static int user_with(const struct world *world, const char *id) {
    for (int i = 0; i < world->n_users; i++)
        if (strcmp(world->users[i].id, id) == 0) return i;
    fail_msg("user %s is none of ours", id);
    return -1;
}

/* The users who are told of 'tweet', sorted: "124". That one is told twice under one id is allowed. */
static const char *told_of(const struct world *world, const struct twitter_tweet *tweet,
                           const struct asked_for *asked, char *out) {
    char id[KPK_UUID_BYTES];
    bool told[USERS] = {false};
    char *end = out;

    for (int i = 0; i < asked->count; i++) {
        const struct twitter_mention *mention = &asked->at[i].mention;
        if (strcmp(mention->tweet_id, tweet->id) != 0) continue;
        twitter_mention_id(tweet->id, mention->recipient_id, id);
        assert_string_equal(mention->id, id);
        assert_string_equal(mention->author_id, tweet->author_id);
        assert_string_equal(mention->text, tweet->text);
        told[user_with(world, mention->recipient_id)] = true;
    }
    for (int user = 0; user < USERS; user++)
        if (told[user]) *end++ = (char)('0' + user);
    *end = '\0';
    return out;
}

static int by_letter(const void *a, const void *b) {
    return *(const char *)a - *(const char *)b;
}

static void exactly_those_who_are_mentioned(void **state) {
    static struct asked_for asked;
    struct twitter_tweet tweets[POSTS];
    char text[TWITTER_TEXT_BYTES], key[KPK_UUID_BYTES], told[MOST], expected[MOST];
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, USERS, err), err);
    for (int i = 0; i < POSTS; i++) {
        write_handles(world, posts[i].text, text);
        kpk_uuid7(key);
        if (client_post(world->client, world->users[posts[i].author].id, key, text, &tweets[i],
                        err) != KPK_WRITE_OK)
            fail_msg("%s: %s", text, err->msg);
    }
    read_asked(&asked, tweets, POSTS);
    for (int i = 0; i < POSTS; i++) {
        strcpy(expected, posts[i].told);
        qsort(expected, strlen(expected), 1, by_letter);
        if (strcmp(told_of(world, &tweets[i], &asked, told), expected) != 0)
            fail_msg("'%s': told are users '%s', not '%s'", tweets[i].text, told, expected);
    }
    world_close(world);
}

static void assert_header(const rd_kafka_message_t *msg, const char *name, const char *value) {
    rd_kafka_headers_t *headers;
    const void *found;
    size_t len;

    assert_false(rd_kafka_message_headers(msg, &headers));
    if (rd_kafka_header_get_last(headers, name, &found, &len)) fail_msg("no header %s", name);
    assert_string_equal(found, value);
}

static const char *text_of(const cJSON *object, const char *field) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, field));

    if (!text) fail_msg("%s: no such text", field);
    return text;
}

static void assert_documented(const rd_kafka_message_t *msg, const struct world *world,
                              const struct twitter_tweet *tweet) {
    cJSON *value = cJSON_ParseWithLength(msg->payload, msg->len), *data;
    char time[KPK_TIME_BYTES], id[KPK_UUID_BYTES];
    const struct world_user *ben = &world->users[1];

    twitter_mention_id(tweet->id, ben->id, id);
    assert_header(msg, "content-type", "application/json");
    assert_header(msg, "ce_specversion", "1.0");
    assert_header(msg, "ce_type", "notification.requested");
    assert_header(msg, "ce_source", TWITTER_SOURCE);
    assert_header(msg, "ce_id", id);
    assert_header(msg, "ce_subject", id);
    assert_header(msg, "ce_time", kpk_time_format(tweet->created_at, time));
    assert_int_equal(msg->key_len, strlen(ben->id));
    assert_memory_equal(msg->key, ben->id, msg->key_len);
    assert_string_equal(text_of(value, "notification_id"), id);
    assert_string_equal(text_of(value, "recipient_id"), ben->id);
    assert_string_equal(text_of(value, "category"), "mention");
    assert_string_equal(text_of(value, "template"), "mention");
    assert_string_equal(text_of(value, "priority"), "normal");
    assert_int_equal((int64_t)cJSON_GetObjectItem(value, "created_at")->valuedouble,
                     tweet->created_at);
    data = cJSON_GetObjectItem(value, "data");
    assert_string_equal(text_of(data, "tweet_id"), tweet->id);
    assert_string_equal(text_of(data, "author_id"), world->users[0].id);
    assert_string_equal(text_of(data, "author_handle"), world->users[0].handle);
    assert_string_equal(text_of(data, "text"), tweet->text);
    cJSON_Delete(value);
}

static void the_record_is_as_documented(void **state) {
    static const char traceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    char topic[KPK_NAME_BYTES], text[TWITTER_TEXT_BYTES];
    struct kpk_producer *producer = publish_open();
    struct kpk_tail *tail;
    struct world *world;
    rd_kafka_message_t *msg;

    (void)state;
    assert_ok(world_open(&world, 2, err), err);
    kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic);
    assert_ok(kpk_tail_open(&tail, topic, true, err), err);
    snprintf(text, sizeof(text), "\"quoted\" @%s\n\U0001f426", world->users[1].handle);
    struct twitter_tweet tweet = publish_make(world->users[0].id, text);
    publish_tweet(producer, &tweet, NULL, traceparent);
    publish_close(producer);
    assert_ok(kpk_tail_next(tail, ARRIVE_MS, &msg, err), err);
    assert_non_null(msg);
    assert_documented(msg, world, &tweet);
    assert_header(msg, "traceparent", traceparent);
    rd_kafka_message_destroy(msg);
    kpk_tail_close(tail);
    world_close(world);
}

/* However often 'user' is told, he is told the same, byte for byte. */
static void assert_same_each_time(const struct asked_for *asked, const struct world_user *user,
                                  int least) {
    const struct asked *first = NULL;
    int times = 0;

    for (int i = 0; i < asked->count; i++) {
        if (strcmp(asked->at[i].mention.recipient_id, user->id) != 0) continue;
        if (!first) first = &asked->at[i];
        assert_string_equal(asked->at[i].mention.id, first->mention.id);
        assert_string_equal(asked->at[i].value, first->value);
        times++;
    }
    if (times < least) fail_msg("%s is told %d times, not %d", user->handle, times, least);
}

/* Thrice: twice in one breath, and once more when the group is done with it. */
static void a_tweet_that_comes_again_asks_under_the_same_id(void **state) {
    static struct asked_for asked;
    struct kpk_producer *producer = publish_open();
    char text[TWITTER_TEXT_BYTES];
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    snprintf(text, sizeof(text), "@%s @%s", world->users[1].handle, world->users[2].handle);
    struct twitter_tweet tweet = publish_make(world->users[0].id, text);
    publish_tweet(producer, &tweet, NULL, NULL);
    publish_tweet(producer, &tweet, NULL, NULL);
    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    read_asked(&asked, &tweet, 1);
    publish_tweet(producer, &tweet, NULL, NULL);
    publish_close(producer);
    read_asked(&asked, &tweet, 1);
    for (int user = 1; user <= 2; user++) assert_same_each_time(&asked, &world->users[user], 3);
    world_close(world);
}

static void nobody_misses_a_mention_when_a_worker_dies(void **state) {
    const struct poster_opts load = {.authors = 4, .per_second = 40, .most = 600};
    struct kpk_report report;
    struct poster *poster;
    struct world *world;
    char text[400];
    bool clean;

    (void)state;
    assert_ok(world_open(&world, 4, err), err);
    assert_ok(world_watch_mentions(world, err), err);
    assert_ok(poster_start(&poster, world, &load, err), err);
    for (int i = 0; i < 2; i++)
        stack_await_restart(workers[i], stack_signal(workers[i], SIGKILL));
    poster_stop(poster);
    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    kpk_report_text(&report, text, sizeof(text));
    if (!clean) fail_msg("%s", text);
    print_message("%s; %d asked for again\n", text, mention_watch_repeated(world->mentions));
    world_close(world);
}

/* --- a topic that takes nothing ---------------------------------------------------------- */

static void set_largest_record(int bytes) {
    const rd_kafka_ConfigResource_t **results;
    char topic[KPK_NAME_BYTES], text[16];
    struct kpk_admin *admin;
    size_t count;

    kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic);
    snprintf(text, sizeof(text), "%d", bytes);
    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){0}, err), err);
    rd_kafka_ConfigResource_t *config =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_error_destroy(rd_kafka_ConfigResource_add_incremental_config(
        config, "max.message.bytes", RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, text));
    rd_kafka_AdminOptions_t *opts =
        kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS);
    rd_kafka_IncrementalAlterConfigs(admin->rk, &config, 1, opts, kpk_admin_queue(admin));
    rd_kafka_event_t *event = kpk_admin_answer(admin, opts, "alter the topic", err);
    if (!event) fail_msg("%s", err->msg);
    results = rd_kafka_IncrementalAlterConfigs_result_resources(
        rd_kafka_event_IncrementalAlterConfigs_result(event), &count);
    assert_int_equal(rd_kafka_ConfigResource_error(results[0]), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(config);
    kpk_admin_close(admin);
}

static int64_t refused(void) {
    static const char metric[] = "kpk_producer_failed_deliveries_total";
    int64_t sum = 0;

    for (int i = 0; i < 2; i++) {
        int64_t count = stack_metric(workers[i], metric); /* below 0: none yet */
        sum += count > 0 ? count : 0;
    }
    return sum;
}

static bool more_refused(void *before) { return refused() > *(int64_t *)before; }

/* The brokers refuse every notification: nothing is committed, and nothing lost, once they take
 * them again. */
static void what_is_refused_is_sent_again(void **state) {
    const struct kpk_topic *topic = kpk_topic_find(KPK_TOPIC_NOTIFICATIONS_PENDING);
    int64_t before = refused();
    struct kpk_report report;
    struct world *world;
    bool clean;

    (void)state;
    assert_ok(world_open(&world, 4, err), err);
    assert_ok(world_watch_mentions(world, err), err);
    set_largest_record(100);
    for (int i = 0; i < 20; i++) assert_ok(world_post(world, i % 4, NULL, err), err);
    bool seen = wait_until(ARRIVE_MS, more_refused, &before);
    set_largest_record(kpk_topic_max_bytes(topic));
    assert_true(seen);
    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", report.first);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_those_who_are_mentioned),
        cmocka_unit_test(the_record_is_as_documented),
        cmocka_unit_test(a_tweet_that_comes_again_asks_under_the_same_id),
        cmocka_unit_test(what_is_refused_is_sent_again),
        cmocka_unit_test(nobody_misses_a_mention_when_a_worker_dies),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: mentions", tests, NULL, NULL);
}
