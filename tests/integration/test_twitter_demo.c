/* demo-twitter, run as a person runs it: it ends with a verdict, and its exit code says the same. The
 * warehouse holds a fact that the topic does not have: the replay, and one that is killed midway, must
 * leave it there. */
#include "services/twitter/warehouse.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LINE_BYTES = 512, SCREEN_LINES = 72, TOLD_BYTES = 16 * 1024 };

#define DEMO "build/bin/demo-twitter --stack \"$KPK_TEST_STACK\" "
#define OLD_DAY "2020_01_01"

/* Of an author whom nobody has made: on a new stack the first ones are the demo's own. */
static const struct twitter_tweet old_tweet = {.id = "016f5e66-e800-7000-8000-00000000dead",
                                               .author_id = "9007199254740993",
                                               .text = "older than the topic",
                                               .created_at = 1577836800000,
                                               .followers = 3};

/* --- the fact that no event would bring back --------------------------------------------- */

static int store_old_fact(void **state) {
    struct kpk_pg *pg;
    struct kpk_err err;
    size_t fresh;

    (void)state;
    if (kpk_topology_init(&err) || warehouse_open(&pg, &err)) return -1;
    int failed =
        warehouse_migrate(pg, &err) || warehouse_store(pg, &old_tweet, 1, &fresh, &err);
    kpk_pg_close(pg);
    return failed ? -1 : 0;
}

static int drop_old_fact(void **state) {
    static const struct kpk_pg_stmt drop = {"drop",
                                            "DROP TABLE IF EXISTS tweet_facts_" OLD_DAY};
    struct kpk_pg *pg;
    struct kpk_err err;

    (void)state;
    if (warehouse_open(&pg, &err)) return -1;
    int failed = kpk_pg_run(pg, &drop, NULL, 0, &err);
    kpk_pg_close(pg);
    return failed;
}

static bool has_old_fact(void) {
    static const struct kpk_pg_stmt find = {
        "find", "SELECT FROM tweet_facts WHERE tweet_id = $1 AND text = $2 AND followers = 3"};
    struct kpk_pg *pg;
    struct kpk_err err;

    assert_int_equal(warehouse_open(&pg, &err), 0);
    PGresult *rows =
        kpk_pg_exec(pg, &find, (const char *[]){old_tweet.id, old_tweet.text}, 2, &err);
    if (!rows) fail_msg("%s", err.msg);
    bool found = PQntuples(rows) == 1;
    PQclear(rows);
    kpk_pg_close(pg);
    return found;
}

/* --- the demo ---------------------------------------------------------------------------- */

struct told {
    int exit_code, lines;
    char last[LINE_BYTES];
    char all[TOLD_BYTES];
};

static void run(const char *command, struct told *told) {
    FILE *output = popen(command, "r");
    char line[LINE_BYTES];
    size_t len = 0;

    assert_non_null(output);
    *told = (struct told){.lines = 0};
    while (fgets(line, sizeof(line), output)) {
        print_message("%s", line);
        snprintf(told->last, sizeof(told->last), "%s", line);
        len += (size_t)snprintf(told->all + len, sizeof(told->all) - len, "%s", line);
        assert_true(len < sizeof(told->all));
        told->lines++;
    }
    told->exit_code = WEXITSTATUS(pclose(output));
}

static void assert_told(const struct told *told, const char *words) {
    if (!strstr(told->all, words)) fail_msg("it does not say '%s'", words);
}

static void assert_pass(const struct told *told) {
    assert_int_equal(told->exit_code, 0);
    assert_non_null(strstr(told->last, "verdict: PASS"));
}

static void the_whole_story(void **state) {
    static const char *const words[] = {
        "search finds it",
        "the user it mentions is to be told",
        "its hashtag is counted",
        "the warehouse has its row",
        "the lag is 0 after",
        "joins, ",
        "leaves, ",
        "kill -9 ",
        "the restarted one",
        "an empty one, filled from offset 0",
        "the full one, read again",
    };
    static struct told told;

    (void)state;
    run(DEMO, &told);
    assert_pass(&told);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) assert_told(&told, words[i]);
    assert_true(told.lines <= SCREEN_LINES);
    assert_true(has_old_fact());
}

static void killed_in_its_replay_the_next_run_puts_the_warehouse_back(void **state) {
    static struct told told;

    (void)state;
    run("KPK_FAULT=demo:after-set-aside=exit " DEMO "--only replay", &told);
    assert_int_not_equal(told.exit_code, 0);
    assert_null(strstr(told.all, "verdict:"));
    run("KPK_STACK_ENV= " DEMO "--only replay", &told);
    assert_told(&told, "it is put back first");
    assert_told(&told, "The replay is left out");
    assert_pass(&told);
    assert_true(has_old_fact());
}

static void without_a_stack_it_can_reach_parts_are_left_out(void **state) {
    static struct told told;

    (void)state;
    run("build/bin/demo-twitter --stack /nowhere/stack --only take-over", &told);
    assert_told(&told, "these parts are left out");
    assert_null(strstr(told.all, "kill -9"));
    assert_pass(&told);
}

static void without_services_it_says_what_to_do(void **state) {
    static struct told told;

    (void)state;
    run("KPK_TWEET_SERVICE_URL=http://127.0.0.1:1 build/bin/demo-twitter", &told);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "verdict: FAIL"));
    assert_non_null(strstr(told.last, "make up"));
}

static void a_worker_it_cannot_find_is_named(void **state) {
    static struct told told;

    (void)state;
    run(DEMO "--victim fanout-worker-9", &told);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "verdict: FAIL"));
    assert_non_null(strstr(told.last, "fanout-worker-9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_story),
        cmocka_unit_test(killed_in_its_replay_the_next_run_puts_the_warehouse_back),
        cmocka_unit_test(without_a_stack_it_can_reach_parts_are_left_out),
        cmocka_unit_test(without_services_it_says_what_to_do),
        cmocka_unit_test(a_worker_it_cannot_find_is_named),
    };

    return cmocka_run_group_tests_name("twitter: the demo", tests, store_old_fact,
                                       drop_old_fact);
}
