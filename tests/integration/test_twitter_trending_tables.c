/* The tables of trends by themselves: they forget in time, and members that were given the same tweets at
 * once count each one time. */
#include "services/twitter/trending.h"
#include "services/twitter/world.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MINUTE_MS = 60000, DAY = 24 * 60 };

static struct kpk_err error, *err = &error;

/* --- pruning ----------------------------------------------------------------------------- */

#define OLD " WHERE minute < now() - interval '25 hours 1 minute'"
#define ROWS                                                                                   \
    "SELECT (SELECT count(*) FROM counted_tweets%s) + (SELECT count(*) FROM tag_counts%s)"

/* Rows of 25 hours and more are deleted, more than are deleted at once; one that somebody holds is
 * not waited for. */
static void old_rows_are_pruned(void **state) {
    struct kpk_pg *pg, *holder;
    char all[200], old[300];

    (void)state;
    snprintf(all, sizeof(all), ROWS, "", "");
    snprintf(old, sizeof(old), ROWS, OLD, OLD);
    assert_ok(trending_open(&pg, err), err);
    assert_ok(trending_open(&holder, err), err);
    assert_ok(trending_prune(pg, err), err);
    int64_t kept = sql_number(pg, all);
    sql_ask(pg, "INSERT INTO counted_tweets SELECT date_trunc('minute', now()) - n % 60 * "
                "interval '1 minute' - interval '26 hours', gen_random_uuid() "
                "FROM generate_series(1, 25000) n");
    sql_ask(pg, "INSERT INTO tag_counts SELECT date_trunc('minute', now()) "
                "- interval '26 hours', 'old' || n, 1 FROM generate_series(1, 12000) n");
    assert_int_equal(sql_number(pg, old), 37000);
    sql_ask(holder, "BEGIN");
    sql_ask(holder, "SELECT tweets FROM tag_counts WHERE tag = 'old1' FOR UPDATE");
    assert_ok(trending_prune(pg, err), err);
    assert_int_equal(sql_number(pg, old), 1);
    sql_ask(holder, "COMMIT");
    assert_ok(trending_prune(pg, err), err);
    assert_int_equal(sql_number(pg, old), 0);
    assert_true(sql_number(pg, all) >= kept);
    kpk_pg_close(holder);
    kpk_pg_close(pg);
}

/* --- members at once --------------------------------------------------------------------- */

/* Members that were given the same tweets, by a rebalance or because they lie in two partitions. */
enum { MEMBERS = 4, USES = 300, ROUNDS = 30, TAGS = 12 };

struct member {
    pthread_t thread;
    const struct trending_use *all;
    unsigned seed;
    int failed;
    int64_t counted;
    struct kpk_err err;
};

static void *count_all(void *arg) {
    struct member *member = arg;
    struct trending_use *uses = calloc(USES, sizeof(*uses));
    struct trending_result result;
    struct kpk_pg *pg = NULL;

    member->failed = trending_open(&pg, &member->err);
    for (int round = 0; round < ROUNDS && !member->failed; round++) {
        const struct trending_use *all = member->all + (size_t)round * USES;
        for (int i = 0; i < USES; i++) uses[i] = all[i];
        for (int i = USES - 1; i > 0; i--) { /* in an order of its own */
            int other = rand_r(&member->seed) % (i + 1);
            struct trending_use kept = uses[i];
            uses[i] = uses[other];
            uses[other] = kept;
        }
        member->failed = trending_count(pg, uses, USES, &result, &member->err);
        member->counted += result.counted;
    }
    kpk_pg_close(pg);
    free(uses);
    return NULL;
}

static void members_at_once_neither_deadlock_nor_count_twice(void **state) {
    static struct trending_use all[ROUNDS * USES];
    struct member members[MEMBERS];
    struct world *world;
    char tag[64];
    int64_t counted = 0, count;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    for (int i = 0; i < ROUNDS * USES; i++) {
        struct trending_use *use = &all[i];
        kpk_uuid7(use->tweet_id);
        snprintf(use->minute, sizeof(use->minute), "%" PRId64,
                 kpk_uuid7_ms(use->tweet_id) / MINUTE_MS);
        snprintf(use->tag, sizeof(use->tag), "%st%d", world->tag, i % TAGS);
    }
    for (int i = 0; i < MEMBERS; i++) {
        members[i] = (struct member){.all = all, .seed = (unsigned)i};
        assert_false(pthread_create(&members[i].thread, NULL, count_all, &members[i]));
    }
    for (int i = 0; i < MEMBERS; i++) pthread_join(members[i].thread, NULL);
    for (int i = 0; i < MEMBERS; i++) {
        if (members[i].failed)
            fail_msg("%s: %s", kpk_verdict_name(members[i].err.verdict), members[i].err.msg);
        counted += members[i].counted;
    }
    assert_int_equal(counted, ROUNDS * USES);
    for (int i = 0; i < TAGS; i++) {
        snprintf(tag, sizeof(tag), "%st%d", world->tag, i);
        assert_ok(client_count_tag(world->client, tag, DAY, &count, err), err);
        assert_int_equal(count, ROUNDS * USES / TAGS);
    }
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_rows_are_pruned),
        cmocka_unit_test(members_at_once_neither_deadlock_nor_count_twice),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: tables of trends", tests, NULL, NULL);
}
