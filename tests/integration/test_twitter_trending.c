/* What trending-service counts is exactly what was tweeted: each tweet once for each of its tags, in
 * the minute in which it was written, whatever happens to the events and the workers. */
#include "common/clock.h"
#include "common/json.h"
#include "services/twitter/trending.h"
#include "services/twitter/world.h"
#include "tests/support/offsets.h"
#include "tests/support/sql.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "tests/support/tweets.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { ARRIVE_MS = 60000, MINUTE_MS = 60000, DAY = 24 * 60, WORKERS = 2 };

static const char *const workers[WORKERS] = {"trending-worker-1", "trending-worker-2"};

static struct kpk_err error, *err = &error;

/* --- asking ------------------------------------------------------------------------------ */

static cJSON *get(struct client *client, const char *path, int status) {
    struct client_reply reply;

    assert_ok(client_call(client, &(struct client_call){CLIENT_TRENDS, "GET", path, NULL, NULL},
                          &reply, err),
              err);
    if (reply.status != status) fail_msg("GET %s: %d, not %d", path, reply.status, status);
    return reply.body;
}

static int64_t number(const cJSON *object, const char *field) {
    int64_t value;

    assert_ok(kpk_json_int(object, field, 0, INT64_C(1) << 53, &value, err), err);
    return value;
}

struct awaited {
    struct client *client;
    const char *tag;
    int64_t count, is;
};

static bool counts(void *ctx) {
    struct awaited *awaited = ctx;

    assert_ok(client_count_tag(awaited->client, awaited->tag, DAY, &awaited->is, err), err);
    return awaited->is == awaited->count;
}

static void assert_count(struct client *client, const char *tag, int64_t count) {
    struct awaited awaited = {client, tag, count, 0};

    if (!counts(&awaited))
        fail_msg("#%s is counted %" PRId64 " times, not %" PRId64, tag, awaited.is, count);
}

static void await_count(struct client *client, const char *tag, int64_t count) {
    if (!wait_until(ARRIVE_MS, counts, &(struct awaited){client, tag, count, 0}))
        assert_count(client, tag, count);
}

/* Of both workers together. */
static int64_t metric(const char *outcome) {
    char name[80];
    int64_t sum = 0;

    snprintf(name, sizeof(name), "kpk_trending_tweets_total{outcome=\"%s\"}", outcome);
    for (int i = 0; i < WORKERS; i++) {
        int64_t value = stack_metric(workers[i], name);
        if (value > 0) sum += value; /* a metric is shown from its first use on */
    }
    return sum;
}

static void post(struct world *world, int author, const char *text) {
    char key[KPK_UUID_BYTES];

    kpk_uuid7(key);
    if (client_post(world->client, world->users[author].id, key, text, NULL, err) !=
        KPK_WRITE_OK)
        fail_msg("%s: %s", text, err->msg);
}

/* Tag number 'n' of a test. */
static const char *tag_of(const struct world *world, const char *n, char *out, size_t bytes) {
    snprintf(out, bytes, "%s%s", world->tag, n);
    return out;
}

/* --- posts ------------------------------------------------------------------------------- */

/* Is every list as it is promised? Ours must be in it. */
static void assert_ranking(struct client *client, const char *const *ours, size_t count) {
    cJSON *body = get(client, "/v1/trending?window=10m&limit=100", 200), *trend;
    const char *last = "";
    int64_t before = INT64_MAX;
    size_t found = 0;

    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(body, "window")), "10m");
    cJSON_ArrayForEach(trend, cJSON_GetObjectItem(body, "trends")) {
        const char *tag = cJSON_GetStringValue(cJSON_GetObjectItem(trend, "tag"));
        int64_t tweets = number(trend, "count");
        if (tweets > before || (tweets == before && strcmp(last, tag) >= 0))
            fail_msg("#%s with %" PRId64 " comes after #%s with %" PRId64, tag, tweets, last,
                     before);
        if (found < count && strcmp(ours[found], tag) == 0) found++;
        last = tag;
        before = tweets;
    }
    assert_int_equal(found, count);
    cJSON_Delete(body);
}

static void posts_are_counted(void **state) {
    char a[40], b[40], c[40], text[200];
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 4, err), err);
    tag_of(world, "a", a, sizeof(a));
    tag_of(world, "b", b, sizeof(b));
    tag_of(world, "c", c, sizeof(c));
    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof(text), "#%s, and once more #%s #%c%s", a, a, a[0] - 32, a + 1);
        post(world, i % 4, text);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "#%s x#%s #%s", c, a, b);
        post(world, i % 4, text);
    }
    await_count(world->client, a, 5);
    await_count(world->client, b, 3);
    await_count(world->client, c, 3);
    assert_ranking(world->client, (const char *[]){a, b, c}, 3);
    snprintf(text, sizeof(text), "#%c%s", a[0] - 32, a + 1);
    assert_count(world->client, text, 5); /* in any case, with its # */

    cJSON *body = get(world->client, "/v1/trending?window=24h&limit=2", 200);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(body, "trends")), 2);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(body, "window")), "1440m");
    cJSON_Delete(body);
    world_close(world);
}

static void what_is_refused(void **state) {
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/v1/trending?window=0m", 400},    {"/v1/trending?window=1441m", 400},
        {"/v1/trending?window=25h", 400},   {"/v1/trending?window=60", 400},
        {"/v1/trending?window=m", 400},     {"/v1/trending?window=", 400},
        {"/v1/trending?window=-1m", 400},   {"/v1/trending?window=+1m", 400},
        {"/v1/trending?window=1mm", 400},   {"/v1/trending?window=1d", 400},
        {"/v1/trending?window=%201m", 400}, {"/v1/trending?window=99999999999999999999m", 400},
        {"/v1/trending?limit=0", 400},      {"/v1/trending?limit=101", 400},
        {"/v1/trending?limit=ten", 400},    {"/v1/trending?limit=1x", 400},
        {"/v1/trending?limit=", 400},       {"/v1/trending/x?window=0m", 400},
        {"/v1/trending/2026", 404},         {"/v1/trending/a%20b", 404},
        {"/v1/trending/%23%23a", 404},      {"/v1/trending/a?window=1440m", 200},
        {"/v1/trending/a?window=1h", 200},  {"/v1/trending?window=1m&limit=100", 200},
    };
    struct client *client;

    (void)state;
    assert_ok(client_open(&client, NULL, err), err);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        cJSON_Delete(get(client, cases[i].path, cases[i].status));
    client_close(client);
}

/* Each beside a tag of this test, so that old runs do not count. */
static void hostile_tags_are_only_tags(void **state) {
    static const char *const tails[] = {
        "'; DROP TABLE tag_counts; --",
        "\\",
        "\"",
        "{",
        ",",
        "}\"\\",
        "\n",
        "%s%n",
        "\t#",
        "<b>",
    };
    struct twitter_tweet tweet;
    struct kpk_producer *producer = tweets_open();
    struct world *world;
    char text[400], tag[200];
    int64_t null_before;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    assert_ok(client_count_tag(world->client, "null", DAY, &null_before, err), err);
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        snprintf(text, sizeof(text), "#%s%s", world->tag, tails[i]);
        tweet_make(&tweet, kpk_now_ms(), text);
        tweets_send(producer, &tweet, NULL, NULL);
    }
    /* SQL's own words, other scripts, the longest there is, the most there may be. */
    snprintf(text, sizeof(text), "#NULL #null #%sτέλος #%s%0*d", world->tag, world->tag,
             HASHTAG_POINTS - (int)strlen(world->tag), 0);
    tweet_make(&tweet, kpk_now_ms(), text);
    tweets_send(producer, &tweet, NULL, NULL);
    tweets_await(producer, KPK_GROUP_TRENDING_WORKERS);

    assert_count(world->client, world->tag, sizeof(tails) / sizeof(*tails));
    assert_count(world->client, "null", null_before + 1);
    snprintf(tag, sizeof(tag), "%sΤΈΛΟς", world->tag);
    assert_count(world->client, tag, 1);
    snprintf(tag, sizeof(tag), "%s%0*d", world->tag, HASHTAG_POINTS - (int)strlen(world->tag),
             0);
    assert_count(world->client, tag, 1);
    kpk_producer_close(producer);
    world_close(world);
}

/* --- the same tweet again ---------------------------------------------------------------- */

/* As a relay publishes it that died before it deleted the row, and worse: under other event ids, and
 * in every partition, so that all members get it. */
static void a_tweet_counts_once(void **state) {
    enum { TWEETS = 20, KEYS = 40 };
    struct kpk_producer *producer = tweets_open();
    int64_t repeated = metric("repeated");
    struct twitter_tweet tweet;
    char event_id[KPK_UUID_BYTES], key[16], text[64];
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    snprintf(text, sizeof(text), "#%s", world->tag);
    for (int i = 0; i < TWEETS; i++) {
        tweet_make(&tweet, kpk_now_ms() - i * MINUTE_MS, text);
        kpk_uuid7(event_id);
        tweets_send(producer, &tweet, event_id, NULL);
        tweets_send(producer, &tweet, event_id, NULL);
        tweets_send(producer, &tweet, NULL, NULL);
        for (int n = 0; n < KEYS; n++) {
            snprintf(key, sizeof(key), "%d", n);
            tweets_send(producer, &tweet, NULL, key);
        }
    }
    tweets_await(producer, KPK_GROUP_TRENDING_WORKERS);
    assert_count(world->client, world->tag, TWEETS);
    /* Some came in later batches, or to the other worker, and were known again. */
    assert_true(metric("repeated") > repeated);
    kpk_producer_close(producer);
    world_close(world);
}

/* A worker that starts also prunes, with its first batch. */
static void reading_again_changes_nothing(void **state) {
    char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];
    struct kpk_producer *producer = tweets_open();
    struct world *world;
    struct kpk_pg *pg;
    int64_t count;

    (void)state;
    assert_ok(trending_open(&pg, err), err);
    sql_ask(pg, "INSERT INTO tag_counts VALUES (now() - interval '26 hours', 'aged', 1)");
    assert_ok(world_open(&world, 4, err), err);
    world_use_tag(world);
    for (int i = 0; i < 40; i++) assert_ok(world_post(world, i % 4, NULL, err), err);
    await_count(world->client, world->tag, 40);
    for (int i = 0; i < WORKERS; i++) stack_stop(workers[i]);
    offsets_rewind(kpk_full_name(KPK_GROUP_TRENDING_WORKERS, group),
                   kpk_full_name(KPK_TOPIC_TWEETS, topic));
    for (int i = 0; i < WORKERS; i++) stack_start(workers[i]);
    tweets_await(producer, KPK_GROUP_TRENDING_WORKERS);
    assert_ok(client_count_tag(world->client, world->tag, DAY, &count, err), err);
    assert_int_equal(count, 40);
    assert_true(metric("repeated") >= 40);
    assert_int_equal(sql_number(pg, "SELECT count(*) FROM tag_counts WHERE tag = 'aged'"), 0);
    kpk_pg_close(pg);
    kpk_producer_close(producer);
    world_close(world);
}

/* --- time -------------------------------------------------------------------------------- */

/* Two tweets in each minute, at its first and its last millisecond; the newest minutes have not
 * begun yet. */
static void windows_are_whole_minutes(void **state) {
    enum { AHEAD = 3, MINUTES = 75 };
    static const int windows[] = {1, 2, 5, 59, 60, 61, 75, DAY};
    struct kpk_producer *producer = tweets_open();
    struct twitter_tweet tweet;
    int64_t times[2 * MINUTES];
    struct world *world;
    char path[128], text[64];

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    snprintf(text, sizeof(text), "#%s", world->tag);
    cJSON *body = get(world->client, "/v1/trending?window=1m", 200);
    int64_t newest = number(body, "from") + AHEAD * MINUTE_MS;
    assert_int_equal(number(body, "until") - number(body, "from"), MINUTE_MS);
    assert_int_equal(newest % MINUTE_MS, 0);
    cJSON_Delete(body);
    for (int i = 0; i < 2 * MINUTES; i++) {
        times[i] = newest - i / 2 * MINUTE_MS + (i % 2 ? MINUTE_MS - 1 : 0);
        tweet_make(&tweet, times[i], text);
        tweets_send(producer, &tweet, NULL, NULL);
    }
    tweets_await(producer, KPK_GROUP_TRENDING_WORKERS);
    for (size_t w = 0; w < sizeof(windows) / sizeof(*windows); w++) {
        int expected = 0;
        snprintf(path, sizeof(path), "/v1/trending/%s?window=%dm", world->tag, windows[w]);
        body = get(world->client, path, 200);
        int64_t from = number(body, "from"), until = number(body, "until");
        assert_int_equal(until - from, (int64_t)windows[w] * MINUTE_MS);
        assert_true(until > kpk_now_ms() - MINUTE_MS && until <= kpk_now_ms() + MINUTE_MS);
        for (int i = 0; i < 2 * MINUTES; i++) expected += times[i] >= from && times[i] < until;
        if (windows[w] <= 60) assert_int_equal(expected, 2 * windows[w]);
        assert_int_equal(number(body, "count"), expected);
        cJSON_Delete(body);
    }
    kpk_producer_close(producer);
    world_close(world);
}

static void what_no_window_reaches_is_skipped(void **state) {
    const int64_t now = kpk_now_ms();
    const struct {
        int64_t ms;
        const char *outcome; /* NULL: counted */
    } cases[] = {
        {now - (DAY - 3) * (int64_t)MINUTE_MS, NULL},
        {now + 8 * MINUTE_MS, NULL}, /* when its minute comes */
        {now - (DAY + 1) * (int64_t)MINUTE_MS, "too old"},
        {now - 30 * DAY * (int64_t)MINUTE_MS, "too old"},
        {0, "too old"},
        {now + 15 * MINUTE_MS, "too early"},
        {now + 30 * DAY * (int64_t)MINUTE_MS, "too early"},
        {INT64_C(0xffffffffffff), "too early"},
    };
    static const char *const outcomes[] = {"counted", "too old", "too early"};
    int64_t before[3];
    struct kpk_producer *producer = tweets_open();
    struct twitter_tweet tweet;
    struct world *world;
    char text[64];

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    snprintf(text, sizeof(text), "#%s", world->tag);
    for (int i = 0; i < 3; i++) before[i] = metric(outcomes[i]);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        tweet_make(&tweet, cases[i].ms, text);
        tweet.created_at = now;
        tweets_send(producer, &tweet, NULL, NULL);
    }
    tweets_await(producer, KPK_GROUP_TRENDING_WORKERS);
    assert_count(world->client, world->tag, 1);
    assert_int_equal(metric("counted") - before[0], 2);
    assert_int_equal(metric("too old") - before[1], 3);
    assert_int_equal(metric("too early") - before[2], 3);
    kpk_producer_close(producer);
    world_close(world);
}

/* --- a worker dies ----------------------------------------------------------------------- */

static bool both_count(void *ctx) {
    const int64_t *before = ctx;

    for (int i = 0; i < WORKERS; i++)
        if (stack_metric(workers[i], "kpk_trending_tweets_total{outcome=\"counted\"}") <=
            before[i])
            return false;
    return true;
}

static bool acked(void *ctx) { return poster_acked(*(struct poster **)ctx) >= 1000; }

static void a_worker_dies(void **state) {
    const struct poster_opts opts = {.authors = 24, .per_second = 100, .most = 1500};
    int64_t before[WORKERS];
    struct world_trend trend;
    struct poster *poster;
    struct world *world;
    bool clean;

    (void)state;
    assert_ok(world_open(&world, opts.authors, err), err);
    world_use_tag(world);
    for (int i = 0; i < WORKERS; i++)
        before[i] = stack_metric(workers[i], "kpk_trending_tweets_total{outcome=\"counted\"}");
    assert_ok(poster_start(&poster, world, &opts, err), err);
    assert_true(wait_until(ARRIVE_MS, both_count, before));
    pid_t killed = stack_signal(workers[0], SIGKILL);
    stack_await_restart(workers[0], killed);
    assert_true(wait_until(ARRIVE_MS, acked, &poster));
    poster_stop(poster);
    assert_ok(world_check_trend(world, ARRIVE_MS, &trend, &clean, err), err);
    if (!clean)
        fail_msg("%" PRId64 " are counted, of %" PRId64 " to %" PRId64, trend.counted,
                 trend.least, trend.most);
    print_message("%" PRId64 " posts acknowledged and counted\n", trend.counted);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_are_counted),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(hostile_tags_are_only_tags),
        cmocka_unit_test(a_tweet_counts_once),
        cmocka_unit_test(reading_again_changes_nothing),
        cmocka_unit_test(windows_are_whole_minutes),
        cmocka_unit_test(what_no_window_reaches_is_skipped),
        cmocka_unit_test(a_worker_dies),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: trending", tests, NULL, NULL);
}
