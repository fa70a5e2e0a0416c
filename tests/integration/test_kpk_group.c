/* kpk group reset against a group of the running stack. Where the group stands afterwards is read
 * by other calls than its own; what a replay does to the timelines is read over HTTP. */
#include "common/child.h"
#include "common/clock.h"
#include "common/event.h"
#include "services/twitter/world.h"
#include "tests/support/cli.h"
#include "tests/support/offsets.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { ARRIVE_MS = 30000, WORKERS = 2, POSTS = 5 };

#define GROUP KPK_GROUP_FANOUT_WORKERS
#define RESET "group reset " GROUP " "

static const char *const workers[WORKERS] = {"fanout-worker-1", "fanout-worker-2"};
static char group[KPK_NAME_BYTES], tweets[KPK_NAME_BYTES], follows[KPK_NAME_BYTES];
static struct world *world;
static int64_t halfway_ms; /* between the first posts and the next */

static struct kpk_err error, *err = &error;

/* --- the group stopped and started ------------------------------------------------------- */

static bool has_no_members(void *ctx) {
    (void)ctx;
    return !strstr(cli_run("", RESET "--to end --dry-run")->text, "has members");
}

static int stop_workers(void **state) {
    (void)state;
    for (int i = 0; i < WORKERS; i++)
        if (stack_pid(workers[i]) > 0) stack_stop(workers[i]);
    assert_true(wait_until(ARRIVE_MS, has_no_members, NULL));
    return 0;
}

static bool is_ready(void *ctx) { return stack_ready(ctx); }

static void start_worker(int i) {
    if (stack_pid(workers[i]) <= 0) stack_start(workers[i]);
    if (!wait_until(STACK_BACK_MS, is_ready, (void *)workers[i]))
        fail_msg("%s does not come back", workers[i]);
}

static int start_workers(void **state) {
    (void)state;
    for (int i = 0; i < WORKERS; i++) start_worker(i);
    return 0;
}

/* --- where it stands --------------------------------------------------------------------- */

static int64_t committed_sum(void) {
    rd_kafka_topic_partition_list_t *list = offsets_committed(group, tweets);
    int64_t sum = 0;

    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset > 0) sum += list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return sum;
}

static bool committed_beyond(void *ctx) { return committed_sum() > *(const int64_t *)ctx; }

static bool written_beyond(void *ctx) { return offsets_end(tweets) > *(const int64_t *)ctx; }

/* Compares, and frees both. */
static void assert_same(rd_kafka_topic_partition_list_t *list,
                        rd_kafka_topic_partition_list_t *expected) {
    assert_int_equal(list->cnt, expected->cnt);
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset != expected->elems[i].offset)
            fail_msg("%s [%d]: %lld, not %lld", list->elems[i].topic, i,
                     (long long)list->elems[i].offset, (long long)expected->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_topic_partition_list_destroy(expected);
}

static void assert_stands_at(const char *topic, int64_t where) {
    assert_same(offsets_committed(group, topic), offsets_at(topic, where));
}

static void post(int times) {
    for (int i = 0; i < times; i++) assert_ok(world_post(world, 0, NULL, err), err);
}

static void assert_clean(void) {
    struct kpk_report report;
    char text[400];
    bool clean;

    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", kpk_report_text(&report, text, sizeof(text)));
}

static int open_world(void **state) {
    start_workers(state);
    assert_ok(world_open(&world, 3, err), err);
    assert_ok(world_follow(world, 1, 0, err), err);
    assert_ok(world_follow(world, 2, 0, err), err);
    post(POSTS);
    assert_clean(); /* so they are in the topic, and older than what follows */
    halfway_ms = kpk_now_ms() + 1;
    while (kpk_now_ms() <= halfway_ms) continue;
    post(POSTS);
    assert_clean();
    return 0;
}

static int close_world(void **state) {
    world_close(world);
    return start_workers(state);
}

/* --- tests ------------------------------------------------------------------------------- */

static void refuses_while_it_has_members(void **state) {
    int64_t before = 0;

    (void)state;
    assert_true(wait_until(ARRIVE_MS, committed_beyond, &before));
    before = committed_sum();
    struct cli_output *output = cli_run("", RESET "--to beginning");
    cli_assert_status(output, 1);
    cli_assert_says(output, "has members (2): nothing was altered");
    cli_assert_says(output, "deploy/native/stack stop NAME");
    cli_assert_says(output, "fanout-worker  127.0.0.1  fanout-worker-"); /* by name */
    if (committed_sum() < before) fail_msg("it went back all the same");
}

static void refuses_what_is_not_there(void **state) {
    static const struct {
        const char *arguments;
        int status;
        const char *says;
    } cases[] = {
        {"group reset no-such-group --to end", 1, "no group 'no-such-group' on this cluster"},
        {"group reset no-such-group --to end", 1, "  " GROUP "\n"}, /* what there is */
        {RESET "--to end --topic " KPK_TOPIC_POSTS, 1, "has nothing in a topic"},
        {RESET, 2, "--to must say where"},
        {RESET "--to yesterday", 2, "none of: beginning, end, an offset"},
        {RESET "--to -1", 2, "none of: beginning, end, an offset"},
        {"group reset --to end", 2, "one group must be named"},
        {RESET "other --to end", 2, "one group must be named"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cli_output *output = cli_run("", "%s", cases[i].arguments);
        cli_assert_status(output, cases[i].status);
        cli_assert_says(output, cases[i].says);
    }
}

static void a_dry_run_alters_nothing(void **state) {
    rd_kafka_topic_partition_list_t *before = offsets_committed(group, tweets);

    (void)state;
    struct cli_output *output = cli_run("", RESET "--to beginning --dry-run");
    cli_assert_status(output, 0);
    cli_assert_says(output, "WOULD BE");
    cli_assert_says(output, "a dry run: nothing was altered");
    assert_same(offsets_committed(group, tweets), before);
}

static void goes_to_the_beginning_and_the_end(void **state) {
    (void)state;
    struct cli_output *output = cli_run("", RESET "--to beginning");
    cli_assert_status(output, 0);
    cli_assert_says(output, "IS NOW");
    assert_stands_at(tweets, RD_KAFKA_OFFSET_BEGINNING);
    assert_stands_at(follows, RD_KAFKA_OFFSET_BEGINNING);

    cli_assert_status(cli_run("", RESET "--to end --topic " KPK_TOPIC_TWEETS), 0);
    assert_stands_at(tweets, RD_KAFKA_OFFSET_END);
    assert_stands_at(follows, RD_KAFKA_OFFSET_BEGINNING); /* not named */
}

static void goes_to_a_time(void **state) {
    rd_kafka_topic_partition_list_t *begin = offsets_at(tweets, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_topic_partition_list_t *end = offsets_at(tweets, RD_KAFKA_OFFSET_END);
    rd_kafka_topic_partition_list_t *then = offsets_at(tweets, halfway_ms);
    char time[KPK_TIME_BYTES];
    int between = 0;

    (void)state;
    for (int i = 0; i < then->cnt; i++)
        between += begin->elems[i].offset < then->elems[i].offset &&
                   then->elems[i].offset < end->elems[i].offset;
    assert_true(between > 0); /* else it could be mistaken for one of the two */
    rd_kafka_topic_partition_list_destroy(begin);
    rd_kafka_topic_partition_list_destroy(end);
    struct cli_output *output = cli_run("", RESET "--to %s", kpk_time_format(halfway_ms, time));
    cli_assert_status(output, 0);
    assert_same(offsets_committed(group, tweets), then);
    output = cli_run("", RESET "--to 0s"); /* nothing is newer */
    cli_assert_status(output, 0);
    cli_assert_says(output, "no record since then");
    assert_stands_at(tweets, RD_KAFKA_OFFSET_END);
}

/* One that some partition has, and one that none has. */
static void goes_to_an_offset_or_the_nearest(void **state) {
    rd_kafka_topic_partition_list_t *nearest = offsets_at(tweets, RD_KAFKA_OFFSET_END);
    int exact = 0, cut = 0;

    (void)state;
    for (int i = 0; i < nearest->cnt; i++) {
        if (nearest->elems[i].offset < 2) {
            cut++;
            continue;
        }
        exact++;
        nearest->elems[i].offset = 2;
    }
    assert_true(exact > 0);
    struct cli_output *output = cli_run("", RESET "--to 2");
    cli_assert_status(output, 0);
    if (cut) cli_assert_says(output, "its end is the nearest");
    assert_same(offsets_committed(group, tweets), nearest);

    output = cli_run("", RESET "--to 999999999");
    cli_assert_status(output, 0);
    cli_assert_says(output, "its end is the nearest");
    assert_stands_at(tweets, RD_KAFKA_OFFSET_END);
}

/* Between the look at the group and the alteration somebody starts it. */
static void the_broker_refuses_when_a_member_joins(void **state) {
    static const char *const argv[] = {CLI_KPK, "group",     "reset", GROUP,
                                       "--to",  "beginning", NULL};
    static const char *const env[] = {"KPK_FAULT=group-reset:before-alter=stop", NULL};
    struct kpk_child *kpk;

    (void)state;
    cli_assert_status(cli_run("", RESET "--to end"), 0);
    assert_ok(kpk_child_start(&kpk, &(struct kpk_child_opts){"kpk", argv, env}, err), err);
    assert_true(kpk_child_await(kpk, KPK_CHILD_STOPPED, ARRIVE_MS));
    start_worker(0);
    kpk_child_signal(kpk, SIGCONT);
    assert_ok(kpk_child_await_words(kpk, "a member joined meanwhile", ARRIVE_MS, err), err);
    assert_true(kpk_child_await(kpk, KPK_CHILD_EXITED, ARRIVE_MS));
    assert_int_equal(kpk_child_status(kpk), 1);
    kpk_child_close(kpk);
    assert_stands_at(tweets, RD_KAFKA_OFFSET_END);
}

/* Posts that a reset to the end has skipped are missing until one to the beginning: then
 * everything comes again, and is there once. */
static void a_replay_is_effectively_once(void **state) {
    int64_t end, written = offsets_end(tweets) + POSTS - 1, taken = 0;

    (void)state;
    post(POSTS);
    assert_true(wait_until(ARRIVE_MS, written_beyond, &written));
    cli_assert_status(cli_run("", RESET "--to end"), 0);
    end = committed_sum() - 2 * POSTS; /* the last control records are never committed */
    cli_assert_status(cli_run("", RESET "--to beginning"), 0);
    assert_stands_at(tweets, RD_KAFKA_OFFSET_BEGINNING);
    start_workers(NULL);
    post(POSTS);
    assert_clean();
    assert_true(wait_until(ARRIVE_MS, committed_beyond, &end));
    for (int i = 0; i < WORKERS; i++)
        taken += stack_metric(workers[i], "messaging_client_consumed_messages_total");
    assert_true(taken >= 4 * POSTS); /* what they had taken before too */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_while_it_has_members),
        cmocka_unit_test(refuses_what_is_not_there),
        cmocka_unit_test_setup(a_dry_run_alters_nothing, stop_workers),
        cmocka_unit_test_setup(goes_to_the_beginning_and_the_end, stop_workers),
        cmocka_unit_test_setup(goes_to_a_time, stop_workers),
        cmocka_unit_test_setup(goes_to_an_offset_or_the_nearest, stop_workers),
        cmocka_unit_test_setup(the_broker_refuses_when_a_member_joins, stop_workers),
        cmocka_unit_test_setup(a_replay_is_effectively_once, stop_workers),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    kpk_full_name(GROUP, group);
    kpk_full_name(KPK_TOPIC_TWEETS, tweets);
    kpk_full_name(KPK_TOPIC_FOLLOWS, follows);
    return cmocka_run_group_tests_name("kpk: group reset", tests, open_world, close_world);
}
