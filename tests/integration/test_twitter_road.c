/* The road of a tweet: HTTP -> PostgreSQL and outbox -> topic -> timelines -> HTTP. What is refused
 * at its entrance is in test_twitter_bad_input.c. */
#include "common/event.h"
#include "common/pg.h"
#include "common/tail.h"
#include "services/twitter/database.h"
#include "services/twitter/world.h"
#include "tests/support/http_raw.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 30000 };

static struct kpk_err error, *err = &error;

/* --- helpers ----------------------------------------------------------------------------- */

static cJSON *call(struct client *client, const char *method, const char *path, const char *key,
                   const char *body, int status) {
    struct client_call request = {
        .method = method,
        .path = path,
        .idempotency_key = key,
        .body = body,
        .service = strstr(path, "timeline") || strstr(path, "/tweets?") ? CLIENT_TIMELINES
                                                                        : CLIENT_TWEETS};
    struct client_reply reply;

    assert_ok(client_call(client, &request, &reply, err), err);
    if (reply.status != status) {
        char *text = cJSON_PrintUnformatted(reply.body);
        fail_msg("%s %s %s: %d, not %d: %s", method, path, body ? body : "", reply.status,
                 status, text ? text : "");
    }
    return reply.body;
}

/* The same, when only the status matters. */
static void assert_status(struct client *client, const char *method, const char *path,
                          const char *key, const char *body, int status) {
    cJSON_Delete(call(client, method, path, key, body, status));
}

static const char *text_of(const cJSON *object, const char *field) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, field));

    if (!text) fail_msg("%s: no such text", field);
    return text;
}

static void count(const struct twitter_tweet *tweet, void *ctx) {
    (void)tweet;
    ++*(int *)ctx;
}

static void assert_clean(struct world *world) {
    struct kpk_report report;
    char text[400];
    bool clean;

    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", kpk_report_text(&report, text, sizeof(text)));
}

/* --- tests ------------------------------------------------------------------------------- */

static void a_tweet_reaches_every_follower(void **state) {
    struct twitter_tweet tweet;
    struct world *world;
    char path[128];

    (void)state;
    assert_ok(world_open(&world, 7, err), err);
    for (int follower = 1; follower < 6; follower++)
        assert_ok(world_follow(world, follower, 0, err), err);
    for (int i = 0; i < 3; i++) assert_ok(world_post(world, 0, &tweet, err), err);
    assert_clean(world);

    snprintf(path, sizeof(path), "/v1/tweets/%s", tweet.id);
    cJSON *body = call(world->client, "GET", path, NULL, NULL, 200);
    assert_string_equal(text_of(body, "id"), tweet.id);
    assert_string_equal(text_of(body, "author_id"), world->users[0].id);
    assert_string_equal(text_of(body, "text"), tweet.text);
    assert_string_equal(text_of(body, "delivery"), "push");
    cJSON_Delete(body);

    int others = 0; /* who follows nobody sees nothing */
    assert_ok(client_read_timeline(world->client, CLIENT_HOME, world->users[6].id, 10, count,
                                   &others, err),
              err);
    assert_int_equal(others, 0);

    snprintf(path, sizeof(path), "/v1/users/%s", world->users[0].id);
    body = call(world->client, "GET", path, NULL, NULL, 200);
    assert_string_equal(text_of(body, "handle"), world->users[0].handle);
    assert_int_equal(cJSON_GetObjectItem(body, "followers")->valueint, 5);
    cJSON_Delete(body);
    world_close(world);
}

static void any_text_arrives_as_it_was_written(void **state) {
    static const char *const texts[] = {
        "\"quotes\", \\backslashes\\ and /slashes/",
        "two\nlines\tand a tab",
        "gr\xc3\xbc\xc3\x9f"
        "e \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x90\xa6",
        "'; DROP TABLE tweets; --",
        "<script>alert(1)</script> %s%n {\"text\":1}",
    };
    struct twitter_tweet tweet;
    struct world *world;
    char key[KPK_UUID_BYTES];

    (void)state;
    assert_ok(world_open(&world, 2, err), err);
    assert_ok(world_follow(world, 1, 0, err), err);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        kpk_uuid7(key);
        enum kpk_write_outcome outcome =
            client_post(world->client, world->users[0].id, key, texts[i], &tweet, err);
        if (outcome != KPK_WRITE_OK) fail_msg("%s: %s", texts[i], err->msg);
        assert_string_equal(tweet.text, texts[i]);
        kpk_history_write(world->history, world->users[0].handle, texts[i], outcome);
    }
    assert_clean(world);
    world_close(world);
}

static void a_repeated_post_is_one_tweet(void **state) {
    struct world *world;
    char body[128], key[KPK_UUID_BYTES];
    int tweets = 0;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    const char *id = world->users[0].id;
    kpk_uuid7(key);
    snprintf(body, sizeof(body), "{\"author_id\":\"%s\",\"text\":\"once\"}", id);
    cJSON *first = call(world->client, "POST", "/v1/tweets", key, body, 201);
    for (int i = 0; i < 3; i++) {
        cJSON *again = call(world->client, "POST", "/v1/tweets", key, body, 201);
        assert_true(cJSON_Compare(first, again, true));
        cJSON_Delete(again);
    }
    assert_ok(client_read_timeline(world->client, CLIENT_OWN, id, 10, count, &tweets, err),
              err);
    assert_int_equal(tweets, 1);
    cJSON_Delete(first);
    world_close(world);
}

static void a_repeated_user_is_one_user(void **state) {
    struct world *world;
    char body[128], other[128], key[KPK_UUID_BYTES];

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    kpk_uuid7(key);
    snprintf(body, sizeof(body), "{\"handle\":\"a_%.24s\"}", world->users[0].handle);
    snprintf(other, sizeof(other), "{\"handle\":\"b_%.24s\"}", world->users[0].handle);
    cJSON *first = call(world->client, "POST", "/v1/users", key, body, 201);
    cJSON *again = call(world->client, "POST", "/v1/users", key, body, 201);
    assert_true(cJSON_Compare(first, again, true));
    assert_status(world->client, "POST", "/v1/users", key, other, 422);
    assert_status(world->client, "POST", "/v1/users", "another", body, 409); /* it is taken */
    assert_status(world->client, "POST", "/v1/users", NULL, body, 409);
    assert_status(world->client, "POST", "/v1/users", NULL, other,
                  201); /* the key is optional */
    cJSON_Delete(again);
    cJSON_Delete(first);
    world_close(world);
}

struct racer {
    pthread_t thread;
    const char *author_id, *key;
    enum kpk_write_outcome outcome;
    struct twitter_tweet tweet;
};

static void *race(void *arg) {
    struct racer *racer = arg;
    struct client *client = NULL;
    struct kpk_err why;

    racer->outcome = KPK_WRITE_FAILED;
    if (!client_open(&client, NULL, &why))
        racer->outcome = client_post_until_known(client, racer->author_id, racer->key, "now",
                                                 ARRIVE_MS, &racer->tweet, &why);
    client_close(client);
    return NULL;
}

static void posts_of_one_key_at_once_are_one_tweet(void **state) {
    enum { RACERS = 8 };
    struct racer racers[RACERS];
    struct world *world;
    char key[KPK_UUID_BYTES];
    int tweets = 0;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    kpk_uuid7(key);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.author_id = world->users[0].id, .key = key};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) pthread_join(racers[i].thread, NULL);
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(racers[i].outcome, KPK_WRITE_OK);
        assert_string_equal(racers[i].tweet.id, racers[0].tweet.id);
    }
    assert_ok(client_read_timeline(world->client, CLIENT_OWN, world->users[0].id, 10, count,
                                   &tweets, err),
              err);
    assert_int_equal(tweets, 1);
    world_close(world);
}

/* Two users who follow and unfollow each other from many threads at once. */
struct fickle {
    pthread_t thread;
    const char *ids[2];
    int failed;
    struct kpk_err why;
};

static void *dither(void *arg) {
    struct fickle *fickle = arg;
    struct client *client = NULL;

    fickle->failed = client_open(&client, NULL, &fickle->why);
    for (int i = 0; i < 20 && !fickle->failed; i++) {
        const char *a = fickle->ids[i % 2], *b = fickle->ids[1 - i % 2];
        fickle->failed = client_follow(client, a, b, &fickle->why) ||
                         client_unfollow(client, a, b, &fickle->why) ||
                         client_follow(client, b, a, &fickle->why);
    }
    client_close(client);
    return NULL;
}

static void follows_at_once_are_counted_right(void **state) {
    enum { FICKLE = 6 };
    struct fickle fickle[FICKLE];
    struct world *world;
    char path[64];

    (void)state;
    assert_ok(world_open(&world, 2, err), err);
    const char *a = world->users[0].id, *b = world->users[1].id;
    for (int i = 0; i < FICKLE; i++) {
        fickle[i] = (struct fickle){.ids = {i % 2 ? a : b, i % 2 ? b : a}};
        assert_int_equal(pthread_create(&fickle[i].thread, NULL, dither, &fickle[i]), 0);
    }
    for (int i = 0; i < FICKLE; i++) {
        pthread_join(fickle[i].thread, NULL);
        assert_ok(fickle[i].failed, &fickle[i].why);
    }
    assert_ok(client_follow(world->client, a, b, err), err);
    assert_ok(client_unfollow(world->client, b, a, err), err);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/v1/users/%s", world->users[i].id);
        cJSON *user = call(world->client, "GET", path, NULL, NULL, 200);
        assert_int_equal(cJSON_GetObjectItem(user, "following")->valueint, i == 0);
        assert_int_equal(cJSON_GetObjectItem(user, "followers")->valueint, i == 1);
        cJSON_Delete(user);
    }
    world_close(world);
}

/* Kafka's hash, as Java clients compute it (org.apache.kafka.common.utils.Utils.murmur2). */
static int java_partition(const char *key, int partitions) {
    const uint32_t m = 0x5bd1e995u;
    size_t len = strlen(key), i = 0;
    uint32_t hash = 0x9747b28cu ^ (uint32_t)len;

    for (; i + 4 <= len; i += 4) {
        uint32_t k = (uint32_t)(unsigned char)key[i] |
                     (uint32_t)(unsigned char)key[i + 1] << 8 |
                     (uint32_t)(unsigned char)key[i + 2] << 16 |
                     (uint32_t)(unsigned char)key[i + 3] << 24;
        k *= m;
        k ^= k >> 24;
        hash = (hash * m) ^ (k * m);
    }
    for (size_t rest = len - i; rest > 0; rest--) {
        hash ^= (uint32_t)(unsigned char)key[i + rest - 1] << (8 * (rest - 1));
        if (rest == 1) hash *= m;
    }
    hash ^= hash >> 13;
    hash *= m;
    hash ^= hash >> 15;
    return (int)((hash & 0x7fffffffu) % (uint32_t)partitions);
}

static void assert_header(const rd_kafka_message_t *msg, const char *name, const char *value) {
    rd_kafka_headers_t *headers;
    const void *found;
    size_t len;

    assert_false(rd_kafka_message_headers(msg, &headers));
    if (rd_kafka_header_get_last(headers, name, &found, &len)) fail_msg("no header %s", name);
    if (value) assert_string_equal(found, value);
}

/* The record as any other program would see it. */
static void the_record_is_as_documented(void **state) {
    char topic[KPK_NAME_BYTES], time[KPK_TIME_BYTES];
    rd_kafka_message_t *msg = NULL;
    struct twitter_tweet tweet;
    struct kpk_event event;
    struct kpk_tail *tail;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    assert_ok(kpk_tail_open(&tail, kpk_full_name(KPK_TOPIC_TWEETS, topic), true, err), err);
    assert_ok(world_post(world, 0, &tweet, err), err);
    assert_ok(kpk_tail_next(tail, ARRIVE_MS, &msg, err), err);
    assert_non_null(msg);

    assert_int_equal(msg->key_len, strlen(tweet.author_id));
    assert_memory_equal(msg->key, tweet.author_id, msg->key_len);
    assert_int_equal(msg->partition,
                     java_partition(tweet.author_id, kpk_tail_partitions(tail)));
    assert_header(msg, "content-type", "application/json");
    assert_header(msg, "ce_specversion", "1.0");
    assert_header(msg, "ce_type", TWITTER_TWEET_CREATED);
    assert_header(msg, "ce_source", TWITTER_SOURCE);
    assert_header(msg, "ce_subject", tweet.id);
    assert_header(msg, "ce_id", NULL);
    assert_header(msg, "ce_time", NULL);

    assert_ok(kpk_event_decode(msg, &event, err), err);
    assert_true(kpk_uuid_valid(event.id));
    kpk_time_format(event.time_ms, time);
    if (llabs(event.time_ms - tweet.created_at) > 60000) fail_msg("ce_time is %s", time);
    cJSON *value = cJSON_ParseWithLength(event.data, event.len);
    assert_string_equal(text_of(value, "tweet_id"), tweet.id);
    assert_string_equal(text_of(value, "author_id"), tweet.author_id);
    assert_string_equal(text_of(value, "text"), tweet.text);
    assert_string_equal(text_of(value, "delivery"), "push");
    assert_int_equal((int64_t)cJSON_GetObjectItem(value, "created_at")->valuedouble,
                     tweet.created_at);
    cJSON_Delete(value);
    rd_kafka_message_destroy(msg);
    kpk_tail_close(tail);
    world_close(world);
}

/* As W3C has it: who cannot read a trace context goes on without. */
static void a_trace_is_passed_on_or_left_out(void **state) {
#define TRACE "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    static const char *const sent[] = {"00-" TRACE "-01", "nonsense", "00-" TRACE "-01 \"};"};
    char topic[KPK_NAME_BYTES], request[600], body[128], key[KPK_UUID_BYTES];
    const char *url = getenv("KPK_TWEET_SERVICE_URL");
    struct raw_answer answer;
    struct kpk_tail *tail;
    struct world *world;

    (void)state;
    assert_non_null(url);
    assert_ok(world_open(&world, 1, err), err);
    assert_ok(kpk_tail_open(&tail, kpk_full_name(KPK_TOPIC_TWEETS, topic), true, err), err);
    snprintf(body, sizeof(body), "{\"author_id\":\"%s\",\"text\":\"x\"}", world->users[0].id);
    for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
        rd_kafka_message_t *msg = NULL;
        struct kpk_event event;
        rd_kafka_headers_t *headers;
        const void *found;
        size_t len;

        kpk_uuid7(key);
        snprintf(request, sizeof(request),
                 "POST /v1/tweets HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                 "Idempotency-Key: %s\r\ntraceparent: %s\r\nContent-Length: %zu\r\n\r\n%s",
                 key, sent[i], strlen(body), body);
        raw_ask(atoi(strrchr(url, ':') + 1), request, &answer);
        assert_int_equal(answer.status, 201);
        assert_ok(kpk_tail_next(tail, ARRIVE_MS, &msg, err), err);
        assert_non_null(msg);
        assert_ok(kpk_event_decode(msg, &event, err), err);
        assert_false(rd_kafka_message_headers(msg, &headers));
        if (i == 0)
            assert_string_equal(event.traceparent, sent[i]);
        else
            assert_true(rd_kafka_header_get_last(headers, "traceparent", &found, &len));
        rd_kafka_message_destroy(msg);
    }
    kpk_tail_close(tail);
    world_close(world);
}

static bool outbox_empty(void *ctx) {
    static const struct kpk_pg_stmt rows = {"outbox_rows", "SELECT count(*) FROM outbox"};
    PGresult *result = kpk_pg_exec(ctx, &rows, NULL, 0, err);
    bool empty = result && strcmp(PQgetvalue(result, 0, 0), "0") == 0;

    PQclear(result);
    return empty;
}

static void the_outbox_is_empty_afterwards(void **state) {
    struct kpk_pg *pg;

    (void)state;
    assert_ok(twitter_database_open(&pg, err), err);
    if (!wait_until(ARRIVE_MS, outbox_empty, pg)) fail_msg("rows are left in the outbox");
    kpk_pg_close(pg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tweet_reaches_every_follower),
        cmocka_unit_test(any_text_arrives_as_it_was_written),
        cmocka_unit_test(a_repeated_post_is_one_tweet),
        cmocka_unit_test(a_repeated_user_is_one_user),
        cmocka_unit_test(posts_of_one_key_at_once_are_one_tweet),
        cmocka_unit_test(follows_at_once_are_counted_right),
        cmocka_unit_test(the_record_is_as_documented),
        cmocka_unit_test(a_trace_is_passed_on_or_left_out),
        cmocka_unit_test(the_outbox_is_empty_afterwards),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: the road", tests, NULL, NULL);
}
