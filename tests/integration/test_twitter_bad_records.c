/* Records that can never succeed, written to the topics by strangers: each is found once in the
 * group's dead letter topic, as it was and with the reason, and the group goes on. */
#include "common/kafka.h"
#include "common/tail.h"
#include "services/twitter/world.h"
#include "tests/support/offsets.h"
#include "tests/support/records.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARRIVE_MS = 30000,
    RECORD_BYTES = 1048588,      /* what a topic takes: message.max.bytes of the broker */
    INFLATED = 5 * RECORD_BYTES, /* what it takes of what can be compressed */
    DEEP = 10000,
    KEY_BYTES = 80,
    MOST = 64,
};

static struct kpk_err error, *err = &error;

static char hostile[INFLATED], deep[DEEP + 1], long_text[600];

#define ID "\"tweet_id\":\"019ab000-0000-7000-8000-000000000000\""
#define AUTHOR "\"author_id\":\"1\""
#define REST "\"created_at\":1,\"delivery\":\"push\""
#define GOOD "{" ID "," AUTHOR ",\"text\":\"x\"," REST "}"
#define BYTES(literal) literal, sizeof(literal) - 1
#define TEXT(string) string, SIZE_MAX
#define LARGEST hostile, SIZE_MAX - 1

struct bad_record {
    const char *what;
    const char *value;
    size_t len;         /* SIZE_MAX: strlen(value); SIZE_MAX - 1: as much as its topic takes */
    const char *type;   /* ce_type; NULL: no headers at all */
    const char *spoilt; /* "name=value" replaces a header, "name" leaves it out; NULL: none */
    const char *reason; /* part of what the dead letter says */
};

#define TWEET TWITTER_TWEET_CREATED, NULL
#define FOLLOW TWITTER_USER_FOLLOWED, NULL

/* clang-format off */
static const struct bad_record bad_tweets[] = {
    {"no headers",          TEXT(GOOD),                        NULL, NULL,             "header"},
    {"null",                NULL, 0,                           TWEET,                  "null"},
    {"null, no headers",    NULL, 0,                           NULL, NULL,             "header"},
    {"empty",               BYTES(""),                         TWEET,                  "empty"},
    {"not JSON",            TEXT("good morning"),              TWEET,                  "JSON"},
    {"cut short",           TEXT("{" ID),                      TWEET,                  "JSON"},
    {"two documents",       TEXT(GOOD GOOD),                   TWEET,                  "JSON"},
    {"an array",            TEXT("[]"),                        TWEET,                  "object"},
    {"too deep",            TEXT(deep),                        TWEET,                  "deep"},
    {"as large as can be",  LARGEST,                           TWEET,                  "not JSON"},
    {"so large, no headers", LARGEST,                          NULL, NULL,             "header"},
    {"hostile bytes",       BYTES("\0\xff\xfe\xc0\x80%n\x1b[2J\r\n"), TWEET,           ""},
    {"text not UTF-8",      TEXT("{" ID "," AUTHOR ",\"text\":\"\xc3(\"," REST "}"),   TWEET, "UTF-8"},
    {"a NUL in the text",   TEXT("{" ID "," AUTHOR ",\"text\":\"\\u0000\"," REST "}"), TWEET, "u0000"},
    {"a control character", TEXT("{" ID "," AUTHOR ",\"text\":\"\\u001b\"," REST "}"), TWEET, "text"},
    {"text too long",       TEXT(long_text),                                           TWEET, "text"},
    {"text empty",          TEXT("{" ID "," AUTHOR ",\"text\":\"\"," REST "}"),        TWEET, "text"},
    {"nothing in it",       TEXT("{}"),                                                TWEET, "tweet_id"},
    {"no author",           TEXT("{" ID ",\"text\":\"x\"," REST "}"),                  TWEET, "author_id"},
    {"no delivery",         TEXT("{" ID "," AUTHOR ",\"text\":\"x\",\"created_at\":1}"), TWEET, "delivery"},
    {"an id of a number",   TEXT("{\"tweet_id\":7," AUTHOR ",\"text\":\"x\"," REST "}"),     TWEET, "tweet_id"},
    {"an id of no UUID",    TEXT("{\"tweet_id\":\"7\"," AUTHOR ",\"text\":\"x\"," REST "}"), TWEET, "tweet_id"},
    {"author a number",     TEXT("{" ID ",\"author_id\":1,\"text\":\"x\"," REST "}"),        TWEET, "author_id"},
    {"author zero",         TEXT("{" ID ",\"author_id\":\"0\",\"text\":\"x\"," REST "}"),    TWEET, "author_id"},
    {"author too large",    TEXT("{" ID ",\"author_id\":\"9999999999999999999\",\"text\":\"x\"," REST "}"), TWEET, "author_id"},
    {"author SQL",          TEXT("{" ID ",\"author_id\":\"1 OR 1=1\",\"text\":\"x\"," REST "}"), TWEET, "author_id"},
    {"time a text",         TEXT("{" ID "," AUTHOR ",\"text\":\"x\",\"created_at\":\"1\",\"delivery\":\"push\"}"), TWEET, "created_at"},
    {"delivery unknown",    TEXT("{" ID "," AUTHOR ",\"text\":\"x\",\"created_at\":1,\"delivery\":\"shout\"}"), TWEET, "delivery"},
    {"type unknown",        TEXT(GOOD), "tweet.exploded",      NULL,                           "ce_type"},
    {"type missing",        TEXT(GOOD), TWITTER_TWEET_CREATED, "ce_type",                      "ce_type"},
    {"id missing",          TEXT(GOOD), TWITTER_TWEET_CREATED, "ce_id",                        "ce_id"},
    {"another version",     TEXT(GOOD), TWITTER_TWEET_CREATED, "ce_specversion=2.0",           "ce_specversion"},
    {"another content",     TEXT(GOOD), TWITTER_TWEET_CREATED, "content-type=application/xml", "content-type"},
    {"time no time",        TEXT(GOOD), TWITTER_TWEET_CREATED, "ce_time=yesterday",            "ce_time"},
    {0},
};

static const struct bad_record bad_follows[] = {
    {"not JSON",        TEXT("?"),                                                        FOLLOW, "JSON"},
    {"nothing in it",   TEXT("{}"),                                                       FOLLOW, "follower_id"},
    {"no followee",     TEXT("{\"follower_id\":\"1\",\"created_at\":1}"),                 FOLLOW, "followee_id"},
    {"followee a list", TEXT("{\"follower_id\":\"1\",\"followee_id\":[],\"created_at\":1}"), FOLLOW, "followee_id"},
    {"null",            NULL, 0,                                                          FOLLOW, "null"},
    {0},
};
/* clang-format on */

/* --- writing them ------------------------------------------------------------------------ */

static rd_kafka_headers_t *make_headers(const struct bad_record *bad) {
    const char *const pairs[][2] = {
        {"content-type", "application/json"},
        {"ce_specversion", "1.0"},
        {"ce_id", "019ab000-0000-7000-8000-000000000001"},
        {"ce_source", "/stranger"},
        {"ce_type", bad->type},
        {"ce_time", "2026-01-01T00:00:00Z"},
        {"note", "kept as it is"},
        {"note", "and a second of the same name"},
    };
    rd_kafka_headers_t *headers;

    if (!bad->type) return NULL;
    headers = rd_kafka_headers_new(8);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        const char *name = pairs[i][0], *value = pairs[i][1], *spoilt = bad->spoilt;
        size_t len = strlen(name);
        if (spoilt && strncmp(spoilt, name, len) == 0 && spoilt[len] == '\0') continue;
        if (spoilt && strncmp(spoilt, name, len) == 0 && spoilt[len] == '=')
            value = spoilt + len + 1;
        rd_kafka_header_add(headers, name, -1, value, -1);
    }
    return headers;
}

static struct kpk_producer *open_producer(int max_message_bytes) {
    struct kpk_producer *producer;

    assert_ok(
        kpk_producer_open(&producer,
                          &(struct kpk_producer_opts){.durability = KPK_CRITICAL,
                                                      .max_message_bytes = max_message_bytes},
                          err),
        err);
    return producer;
}

/* Each under a key of its own, by which it is known again. */
static void write_all(const struct bad_record *bad, const char *topic, const char *tag) {
    struct kpk_producer *producer = open_producer(RECORD_BYTES);
    char key[KEY_BYTES];

    for (int i = 0; bad[i].what; i++) {
        rd_kafka_headers_t *headers = make_headers(&bad[i]);
        size_t len = bad[i].len;
        snprintf(key, sizeof(key), "%s-%d", tag, i);
        if (len == SIZE_MAX) len = strlen(bad[i].value);
        if (len == SIZE_MAX - 1) len = record_largest_value(RECORD_BYTES, strlen(key), headers);
        assert_ok(kpk_producer_send(producer, topic, key, strlen(key), bad[i].value, len,
                                    headers, err),
                  err);
    }
    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    kpk_producer_close(producer);
}

/* The records of this run, by number; others in the topic are passed over. */
static void read_all(struct kpk_tail *tail, const char *tag, int count,
                     rd_kafka_message_t **records) {
    char key[KEY_BYTES];

    for (int found = 0; found < count;) {
        rd_kafka_message_t *msg;
        int number;
        assert_ok(kpk_tail_next(tail, ARRIVE_MS, &msg, err), err);
        if (!msg) fail_msg("%d of %d records are there, and no more come", found, count);
        snprintf(key, sizeof(key), "%.*s", (int)msg->key_len, msg->key ? (char *)msg->key : "");
        if (strncmp(key, tag, strlen(tag)) != 0) {
            rd_kafka_message_destroy(msg);
            continue;
        }
        number = atoi(key + strlen(tag) + 1);
        if (records[number]) fail_msg("record %d is there twice", number);
        records[number] = msg;
        found++;
    }
}

/* --- judging them ------------------------------------------------------------------------ */

static void assert_header(const rd_kafka_headers_t *headers, const char *name,
                          const char *value) {
    const void *found;
    size_t len;

    if (rd_kafka_header_get_last(headers, name, &found, &len)) fail_msg("no header %s", name);
    assert_string_equal(found, value);
}

static void assert_dead_letter(const struct bad_record *bad, const char *group,
                               const rd_kafka_message_t *source,
                               const rd_kafka_message_t *letter) {
    rd_kafka_headers_t *before = NULL, *after = NULL;
    char full_name[KPK_NAME_BYTES], partition[16], offset[24];
    const char *name, *reason;
    const void *value, *other;
    size_t count = 0, len;

    assert_int_equal(letter->key_len, source->key_len);
    assert_memory_equal(letter->key, source->key, source->key_len);
    assert_int_equal(letter->payload == NULL, source->payload == NULL);
    assert_int_equal(letter->len, source->len);
    if (source->payload) assert_memory_equal(letter->payload, source->payload, source->len);

    rd_kafka_message_headers(source, &before);
    assert_false(rd_kafka_message_headers(letter, &after));
    if (before) count = rd_kafka_header_cnt(before);
    assert_int_equal(rd_kafka_header_cnt(after), count + 6);
    for (size_t i = 0; i < count; i++) {
        assert_false(rd_kafka_header_get_all(before, i, &name, &value, &len));
        const char *kept;
        size_t kept_len;
        assert_false(rd_kafka_header_get_all(after, i, &kept, &other, &kept_len));
        assert_string_equal(kept, name);
        assert_int_equal(kept_len, len);
        assert_memory_equal(other, value, len);
    }

    snprintf(partition, sizeof(partition), "%" PRId32, source->partition);
    snprintf(offset, sizeof(offset), "%" PRId64, source->offset);
    assert_header(after, "__dlq.errors.topic", rd_kafka_topic_name(source->rkt));
    assert_header(after, "__dlq.errors.partition", partition);
    assert_header(after, "__dlq.errors.offset", offset);
    assert_header(after, "__dlq.errors.group", kpk_full_name(group, full_name));
    assert_header(after, "__dlq.errors.delivery.count", "1");
    assert_false(rd_kafka_header_get_last(after, "__dlq.errors.message", &value, &len));
    reason = value;
    if (len == 0 || !strstr(reason, bad->reason))
        fail_msg("%s: the reason is '%s', without '%s'", bad->what, reason, bad->reason);
}

/* Good events behind the bad: a new world's tweets and follows arrive as ever, everywhere. */
static void assert_goes_on(void) {
    struct kpk_report report;
    struct world *world;
    bool clean;

    assert_ok(world_open(&world, 5, err), err);
    world_watch_search(world);
    assert_ok(world_watch_mentions(world, err), err);
    for (int author = 0; author < 4; author++) {
        assert_ok(world_post(world, author, NULL, err), err);
        assert_ok(world_follow(world, 4, author, err), err);
        assert_ok(world_post(world, author, NULL, err), err);
    }
    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", report.first);
    world_close(world);
}

/* Wait until the group has committed all of them: from then on none can come again. */
static void await_commit(const char *group, rd_kafka_message_t *const *sources, int count) {
    rd_kafka_topic_partition_list_t *farthest = rd_kafka_topic_partition_list_new(count);
    char full_name[KPK_NAME_BYTES];

    for (int i = 0; i < count; i++) {
        const char *topic = rd_kafka_topic_name(sources[i]->rkt);
        rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_find(farthest, topic, sources[i]->partition);
        if (!entry)
            entry = rd_kafka_topic_partition_list_add(farthest, topic, sources[i]->partition);
        if (entry->offset < sources[i]->offset) entry->offset = sources[i]->offset;
    }
    offsets_await_past(kpk_full_name(group, full_name), farthest, ARRIVE_MS);
    rd_kafka_topic_partition_list_destroy(farthest);
}

static void strangers_write(const char *group, const char *base_topic,
                            const struct bad_record *bad) {
    char topic[KPK_NAME_BYTES], dlq_base[KPK_NAME_BYTES], dlq[KPK_NAME_BYTES];
    char tag[KPK_UUID_BYTES];
    rd_kafka_message_t *sources[MOST] = {NULL}, *letters[MOST] = {NULL};
    struct kpk_tail *source_tail, *dlq_tail;
    struct kpk_topic dlq_row;
    int count = 0;

    while (bad[count].what) count++;
    kpk_uuid7(tag);
    kpk_topic_dlq(kpk_topic_find(base_topic), kpk_group_find(group), dlq_base, &dlq_row);
    assert_ok(kpk_tail_open(&source_tail, kpk_full_name(base_topic, topic), true, err), err);
    assert_ok(kpk_tail_open(&dlq_tail, kpk_full_name(dlq_base, dlq), true, err), err);
    int64_t letters_before = offsets_end(dlq);

    write_all(bad, topic, tag);
    read_all(source_tail, tag, count, sources);
    read_all(dlq_tail, tag, count, letters);
    for (int i = 0; i < count; i++) assert_dead_letter(&bad[i], group, sources[i], letters[i]);
    assert_goes_on();
    await_commit(group, sources, count);
    assert_int_equal(offsets_end(dlq) - letters_before, count);

    for (int i = 0; i < count; i++) {
        rd_kafka_message_destroy(sources[i]);
        rd_kafka_message_destroy(letters[i]);
    }
    kpk_tail_close(source_tail);
    kpk_tail_close(dlq_tail);
}

/* "As large as can be" is meant: its topic takes no byte more. */
static void one_byte_more_is_refused(void **state) {
    struct kpk_producer *producer = open_producer(2 * RECORD_BYTES);
    char topic[KPK_NAME_BYTES];
    size_t len = record_largest_value(RECORD_BYTES, 1, NULL);

    (void)state;
    kpk_full_name(KPK_TOPIC_TWEETS, topic);
    assert_ok(kpk_producer_send(producer, topic, "1", 1, hostile, len + 1, NULL, err), err);
    assert_int_equal(kpk_producer_wait(producer, ARRIVE_MS, err), -1);
    assert_non_null(strstr(err->msg, "Message size too large"));
    kpk_producer_close(producer);
}

/* But the broker counts what comes, and what comes may be compressed. */
static void write_compressed(const char *topic, const char *key) {
    setenv("KPK_KAFKA_COMPRESSION_TYPE", "gzip", 1);
    struct kpk_producer *producer = open_producer(2 * INFLATED);
    unsetenv("KPK_KAFKA_COMPRESSION_TYPE");

    assert_ok(
        kpk_producer_send(producer, topic, key, strlen(key), hostile, INFLATED, NULL, err),
        err);
    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    kpk_producer_close(producer);
}

static void larger_than_a_letter_by_compression(void **state) {
    char topic[KPK_NAME_BYTES], dlq_base[KPK_NAME_BYTES], dlq[KPK_NAME_BYTES];
    char tag[KPK_UUID_BYTES], key[KEY_BYTES], text[24];
    rd_kafka_message_t *source = NULL, *letter;
    rd_kafka_headers_t *headers = NULL;
    struct kpk_tail *source_tail, *dlq_tail;
    struct kpk_topic dlq_row;

    (void)state;
    kpk_uuid7(tag);
    snprintf(key, sizeof(key), "%s-0", tag);
    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_TWEETS), kpk_group_find(KPK_GROUP_FANOUT_WORKERS),
                  dlq_base, &dlq_row);
    kpk_full_name(KPK_TOPIC_TWEETS, topic);
    assert_ok(kpk_tail_open(&source_tail, topic, true, err), err);
    assert_ok(kpk_tail_open(&dlq_tail, kpk_full_name(dlq_base, dlq), true, err), err);
    write_compressed(topic, key);
    read_all(source_tail, tag, 1, &source);
    assert_ok(kpk_tail_next(dlq_tail, ARRIVE_MS, &letter, err), err);
    if (!letter) fail_msg("no dead letter comes");

    assert_null(letter->key);
    assert_null(letter->payload);
    assert_false(rd_kafka_message_headers(letter, &headers));
    assert_int_equal(rd_kafka_header_cnt(headers), 7);
    assert_header(headers, "__dlq.errors.topic", topic);
    snprintf(text, sizeof(text), "%" PRId32, source->partition);
    assert_header(headers, "__dlq.errors.partition", text);
    snprintf(text, sizeof(text), "%" PRId64, source->offset);
    assert_header(headers, "__dlq.errors.offset", text);
    snprintf(text, sizeof(text), "%zu", strlen(key) + INFLATED);
    assert_header(headers, "kpk-left-out-bytes", text);
    assert_goes_on();
    await_commit(KPK_GROUP_FANOUT_WORKERS, &source, 1);
    rd_kafka_message_destroy(source);
    rd_kafka_message_destroy(letter);
    kpk_tail_close(source_tail);
    kpk_tail_close(dlq_tail);
}

static void tweets_by_strangers(void **state) {
    (void)state;
    strangers_write(KPK_GROUP_FANOUT_WORKERS, KPK_TOPIC_TWEETS, bad_tweets);
}

static void follows_by_strangers(void **state) {
    (void)state;
    strangers_write(KPK_GROUP_FANOUT_WORKERS, KPK_TOPIC_FOLLOWS, bad_follows);
}

static void tweets_by_strangers_to_be_searched(void **state) {
    (void)state;
    strangers_write(KPK_GROUP_SEARCH_INDEXER, KPK_TOPIC_TWEETS, bad_tweets);
}

static void tweets_by_strangers_to_be_told_of(void **state) {
    (void)state;
    strangers_write(KPK_GROUP_NOTIFICATION_WORKERS, KPK_TOPIC_TWEETS, bad_tweets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tweets_by_strangers),
        cmocka_unit_test(follows_by_strangers),
        cmocka_unit_test(tweets_by_strangers_to_be_searched),
        cmocka_unit_test(tweets_by_strangers_to_be_told_of),
        cmocka_unit_test(one_byte_more_is_refused),
        cmocka_unit_test(larger_than_a_letter_by_compression),
    };

    record_fill_hostile(hostile, sizeof(hostile));
    memset(deep, '[', DEEP);
    snprintf(long_text, sizeof(long_text), "{" ID "," AUTHOR ",\"text\":\"%0281d\"," REST "}",
             0);
    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: records by strangers", tests, NULL, NULL);
}
