/* The warehouse has every acknowledged tweet exactly once, in the partition of its day, whatever
 * happens to the events and the workers; and reading the topic again makes it again. */
#include "common/clock.h"
#include "services/twitter/warehouse.h"
#include "services/twitter/world.h"
#include "tests/support/facts.h"
#include "tests/support/offsets.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "tests/support/tweets.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 60000, WORKERS = 2 };

static const char *const workers[WORKERS] = {"analytics-worker-1", "analytics-worker-2"};

static struct kpk_err error, *err = &error;

/* --- asking ------------------------------------------------------------------------------ */

/* 'what' of the facts about one tweet. */
static const char *ask_fact(const char *what, const struct twitter_tweet *tweet) {
    char sql[256];

    snprintf(sql, sizeof(sql), "SELECT %s FROM tweet_facts WHERE tweet_id = '%.36s'", what,
             tweet->id);
    return facts_ask(sql);
}

static void assert_clean(struct world *world) {
    struct kpk_report report;
    char text[400];
    bool clean;

    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    kpk_report_text(&report, text, sizeof(text));
    if (!clean) fail_msg("%s", text);
    print_message("%s\n", text);
}

/* Whatever the tests did: a fact is in the partition of its day, which is its id's, and tells what
 * Twitter knows. */
static void assert_facts_agree(void) {
    assert_int_equal(
        facts_number(
            "SELECT count(*) FROM tweet_facts WHERE "
            "tableoid::regclass::text <> 'tweet_facts_' || to_char(day, 'YYYY_MM_DD') OR "
            "day <> (created_at AT TIME ZONE 'UTC')::date OR created_at <> to_timestamp("
            "('x' || translate(left(tweet_id::text, 13), '-', ''))::bit(48)::bigint "
            "/ 1000.0)"),
        0);
    assert_int_equal(
        facts_number(
            "SELECT count(*) FROM tweets t JOIN tweet_facts f ON tweet_id = id WHERE "
            "t.author_id <> f.author_id OR t.text <> f.text OR t.delivery <> f.delivery "
            "OR t.created_at <> f.created_at"),
        0);
}

/* --- posts ------------------------------------------------------------------------------- */

static void every_acknowledged_tweet_is_a_fact(void **state) {
    static const char *const texts[] = {
        "\\N",
        "\\.",
        "\\.\n\\.",
        "\\",
        "a\tb\nc",
        "\\t\\n",
        "\"quoted\", {braced}",
        "'; DROP TABLE tweet_facts; --",
        "NULL",
        "%s%n",
        "\xf0\x9f\x90\xa6 \xe6\x9d\xb1\xe4\xba\xac",
        "$1",
    };
    char sql[256], key[KPK_UUID_BYTES];
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 5, err), err);
    assert_ok(world_watch_warehouse(world, err), err);
    for (int follower = 1; follower < 5; follower++)
        assert_ok(world_follow(world, follower, 0, err), err);
    for (int i = 0; i < 30; i++) assert_ok(world_post(world, i % 3, NULL, err), err);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        kpk_uuid7(key);
        enum kpk_write_outcome outcome =
            client_post(world->client, world->users[0].id, key, texts[i], NULL, err);
        if (outcome != KPK_WRITE_OK) fail_msg("%s: %s", texts[i], err->msg);
        kpk_history_write(world->history, world->users[0].handle, texts[i], outcome);
    }
    assert_clean(world);
    assert_facts_agree();
    snprintf(sql, sizeof(sql),
             "SELECT bool_and(followers = 4) FROM tweet_facts WHERE author_id = %s",
             world->users[0].id);
    assert_string_equal(facts_ask(sql), "t");
    world_close(world);
}

/* --- events ------------------------------------------------------------------------------ */

static void the_same_tweet_is_one_fact(void **state) {
    enum { TWEETS = 20, KEYS = 40 };
    static struct twitter_tweet tweets[TWEETS];
    struct kpk_producer *producer = tweets_open();
    char event_id[KPK_UUID_BYTES], key[16];

    (void)state;
    for (int i = 0; i < TWEETS; i++) {
        tweet_make(&tweets[i], kpk_now_ms(), "the same");
        kpk_uuid7(event_id);
        tweets_send(producer, &tweets[i], event_id, NULL);
        tweets_send(producer, &tweets[i], event_id, NULL);
        tweets_send(producer, &tweets[i], NULL, NULL);
        for (int n = 0; n < KEYS; n++) {
            snprintf(key, sizeof(key), "%d", n);
            tweets_send(producer, &tweets[i], NULL, key);
        }
    }
    tweets_await(producer, KPK_GROUP_ANALYTICS);
    for (int i = 0; i < TWEETS; i++) assert_string_equal(ask_fact("count(*)", &tweets[i]), "1");
    kpk_producer_close(producer);
}

static void facts_lie_in_the_partition_of_their_day(void **state) {
    static const struct {
        const char *time;
        const char *partition; /* NULL: it cannot be: a dead letter */
    } cases[] = {
        {"2006-03-21T00:00:00.000Z", "tweet_facts_2006_03_21"},
        {"2024-02-28T23:59:59.999Z", "tweet_facts_2024_02_28"},
        {"2024-02-29T00:00:00.000Z", "tweet_facts_2024_02_29"},
        {"2024-02-29T23:59:59.999Z", "tweet_facts_2024_02_29"},
        {"2024-03-01T00:00:00.000Z", "tweet_facts_2024_03_01"},
        {"2024-12-31T23:59:59.999Z", "tweet_facts_2024_12_31"},
        {"2025-01-01T00:00:00.000Z", "tweet_facts_2025_01_01"},
        {"2099-12-31T23:59:59.999Z", "tweet_facts_2099_12_31"},
        {"2006-03-20T23:59:59.999Z", NULL},
        {"1970-01-01T00:00:00.000Z", NULL},
        {"2100-01-01T00:00:00.000Z", NULL},
        {"9999-12-31T23:59:59.999Z", NULL},
    };
    enum { CASES = sizeof(cases) / sizeof(*cases) };
    static struct twitter_tweet tweets[CASES];
    struct kpk_producer *producer = tweets_open();
    char dlq_base[KPK_NAME_BYTES], dlq[KPK_NAME_BYTES];
    struct kpk_topic dlq_row;
    int letters = 0;

    (void)state;
    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_TWEETS), kpk_group_find(KPK_GROUP_ANALYTICS),
                  dlq_base, &dlq_row);
    int64_t before = offsets_end(kpk_full_name(dlq_base, dlq));
    for (int i = 0; i < CASES; i++) {
        int64_t ms;
        assert_false(kpk_time_parse(cases[i].time, &ms));
        tweet_make(&tweets[i], ms, cases[i].time);
        tweets[i].created_at = kpk_now_ms(); /* says nothing: the id does */
        tweets_send(producer, &tweets[i], NULL, NULL);
        letters += !cases[i].partition;
    }
    tweets_await(producer, KPK_GROUP_ANALYTICS);
    for (int i = 0; i < CASES; i++)
        assert_string_equal(
            ask_fact("coalesce(min(tableoid::regclass::text), '-')", &tweets[i]),
            cases[i].partition ? cases[i].partition : "-");
    assert_int_equal(offsets_end(dlq) - before, letters);
    assert_facts_agree();
    kpk_producer_close(producer);
}

/* --- reading again ----------------------------------------------------------------------- */

/* Every row and every partition. */
static const char *everything(char *out) {
    strcpy(out,
           facts_ask("SELECT md5(string_agg(f::text, E'\\n' ORDER BY day, tweet_id)) || ' ' || "
                     "count(*) || ' rows in ' || (SELECT count(*) FROM pg_inherits "
                     "WHERE inhparent = 'tweet_facts'::regclass) FROM tweet_facts f"));
    return out;
}

static void read_again(bool from_nothing) {
    char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES], sql[300];
    struct kpk_producer *producer = tweets_open();

    for (int i = 0; i < WORKERS; i++) stack_stop(workers[i]);
    offsets_rewind(kpk_full_name(KPK_GROUP_ANALYTICS, group),
                   kpk_full_name(KPK_TOPIC_TWEETS, topic));
    snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", warehouse_schema());
    if (from_nothing) facts_ask(sql);
    for (int i = 0; i < WORKERS; i++) stack_start(workers[i]);
    tweets_await(producer, KPK_GROUP_ANALYTICS);
    kpk_producer_close(producer);
}

static void the_topic_makes_the_warehouse(void **state) {
    char before[200], after[200];
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    assert_ok(world_watch_warehouse(world, err), err);
    for (int i = 0; i < 30; i++) assert_ok(world_post(world, i % 3, NULL, err), err);
    assert_clean(world);
    everything(before);
    read_again(false);
    assert_string_equal(everything(after), before);
    read_again(true);
    assert_string_equal(everything(after), before);
    assert_clean(world);
    print_message("%s partitions\n", after);
    world_close(world);
}

/* --- members at once --------------------------------------------------------------------- */

/* Each member stores the same batches, each in an order of its own; each needs a day that nobody
 * has a partition for yet. */
enum { MEMBERS = 4, BATCHES = 12, EACH = 200, DAYS = BATCHES + 1 };

struct member {
    pthread_t thread;
    struct twitter_tweet tweets[BATCHES * EACH];
    size_t fresh;
    int failed;
    struct kpk_err err;
};

static void *store_all(void *arg) {
    struct member *member = arg;
    struct kpk_pg *pg = NULL;

    member->failed = warehouse_open(&pg, &member->err);
    for (int i = 0; i < BATCHES && !member->failed; i++) {
        size_t fresh;
        member->failed =
            warehouse_store(pg, &member->tweets[i * EACH], EACH, &fresh, &member->err);
        member->fresh += fresh;
    }
    kpk_pg_close(pg);
    return NULL;
}

static void shuffle(struct twitter_tweet *tweets, int count, unsigned seed) {
    for (int i = count - 1; i > 0; i--) {
        int other = rand_r(&seed) % (i + 1);
        struct twitter_tweet kept = tweets[i];
        tweets[i] = tweets[other];
        tweets[other] = kept;
    }
}

static void members_at_once_make_each_partition_once(void **state) {
    struct member *members = calloc(MEMBERS, sizeof(*members));
    int64_t first = facts_unused_day(DAYS);
    size_t fresh = 0;
    char sql[400];

    (void)state;
    assert_non_null(members);
    for (int i = 0; i < BATCHES * EACH; i++)
        tweet_make(&members[0].tweets[i], first + (i / EACH + i % 2) * FACTS_DAY_MS + i,
                   "at once");
    for (int i = 1; i < MEMBERS; i++) {
        memcpy(members[i].tweets, members[0].tweets, sizeof(members[0].tweets));
        for (int n = 0; n < BATCHES; n++)
            shuffle(&members[i].tweets[n * EACH], EACH, (unsigned)i);
    }
    for (int i = 0; i < MEMBERS; i++)
        assert_false(pthread_create(&members[i].thread, NULL, store_all, &members[i]));
    for (int i = 0; i < MEMBERS; i++) pthread_join(members[i].thread, NULL);
    for (int i = 0; i < MEMBERS; i++) {
        if (members[i].failed)
            fail_msg("%s: %s", kpk_verdict_name(members[i].err.verdict), members[i].err.msg);
        fresh += members[i].fresh;
    }
    assert_int_equal(fresh, BATCHES * EACH);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM tweet_facts WHERE text = 'at once' AND "
             "day >= (to_timestamp(%" PRId64 ") AT TIME ZONE 'UTC')::date AND "
             "day < (to_timestamp(%" PRId64 ") AT TIME ZONE 'UTC')::date",
             first / 1000, (first + DAYS * FACTS_DAY_MS) / 1000);
    assert_int_equal(facts_number(sql), BATCHES * EACH);
    assert_facts_agree();
    /* Nobody published these: a warehouse that is made again must not miss them. */
    for (int i = 0; i < DAYS; i++) {
        char time[KPK_TIME_BYTES];
        kpk_time_format(first + i * FACTS_DAY_MS, time);
        snprintf(sql, sizeof(sql), "DROP TABLE tweet_facts_%.4s_%.2s_%.2s", time, time + 5,
                 time + 8);
        facts_ask(sql);
    }
    free(members);
}

/* --- a worker dies ----------------------------------------------------------------------- */

static bool both_store(void *ctx) {
    const int64_t *before = ctx;

    for (int i = 0; i < WORKERS; i++)
        if (stack_metric(workers[i], "kpk_warehouse_tweets_total{outcome=\"stored\"}") <=
            before[i])
            return false;
    return true;
}

static bool acked(void *ctx) { return poster_acked(*(struct poster **)ctx) >= 1000; }

static void a_worker_dies(void **state) {
    const struct poster_opts opts = {
        .authors = 24, .per_second = 100, .most = 1500, .refuse_each = 20};
    int64_t before[WORKERS];
    struct poster *poster;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, opts.authors, err), err);
    assert_ok(world_watch_warehouse(world, err), err);
    for (int i = 0; i < WORKERS; i++)
        before[i] = stack_metric(workers[i], "kpk_warehouse_tweets_total{outcome=\"stored\"}");
    assert_ok(poster_start(&poster, world, &opts, err), err);
    assert_true(wait_until(ARRIVE_MS, both_store, before));
    pid_t killed = stack_signal(workers[0], SIGKILL);
    stack_await_restart(workers[0], killed);
    assert_true(wait_until(ARRIVE_MS, acked, &poster));
    poster_stop(poster);
    assert_clean(world);
    assert_facts_agree();
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_acknowledged_tweet_is_a_fact),
        cmocka_unit_test(the_same_tweet_is_one_fact),
        cmocka_unit_test(facts_lie_in_the_partition_of_their_day),
        cmocka_unit_test(the_topic_makes_the_warehouse),
        cmocka_unit_test(members_at_once_make_each_partition_once),
        cmocka_unit_test(a_worker_dies),
    };

    srand((unsigned)kpk_now_ms());
    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: analytics", tests, NULL, NULL);
}
