/* loadgen through Twitter's services: valid tweets have their effects in every group, a dead letter fails the run, and a
 * group that stands still is lag, until the second Ctrl-C. */
#include "common/child.h"
#include "tests/support/cli.h"
#include "tests/support/runs.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct kpk_err error, *err = &error;

static double of(const cJSON *json, const char *object, const char *member, const char *name) {
    const cJSON *inner = cJSON_GetObjectItem(json, object);

    return run_number(member ? cJSON_GetObjectItem(inner, member) : inner, name);
}

/* Every group of the topic has had its effect, and the workers' own metrics say how old the tweets were. */
static void valid_tweets_reach_every_group(void **state) {
    static const char *const groups[] = {KPK_GROUP_FANOUT_WORKERS, KPK_GROUP_SEARCH_INDEXER,
                                         KPK_GROUP_NOTIFICATION_WORKERS,
                                         KPK_GROUP_TRENDING_WORKERS, KPK_GROUP_ANALYTICS};
    static const char *const ways[] = {"topic", "http"};
    char arguments[512];

    (void)state;
    for (size_t way = 0; way < 2; way++) {
        snprintf(arguments, sizeof(arguments),
                 "run twitter --via %s --rate 100 --warm-up 1 --duration 4 --json %s",
                 ways[way], run_path("tweets.json"));
        const struct cli_output *ended = cli_loadgen(arguments);
        run_assert_passed(ended, 500, 1);
        cJSON *json = cJSON_Parse(run_file("tweets.json"));
        assert_non_null(json);
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
            assert_true(of(json, "services", groups[i], "effects") > 0);
            assert_true(of(json, "services", groups[i], "age_p50_ms") > 0);
        }
        assert_true(of(json, "processes_cpu_s", NULL, "fanout-worker-1") > 0);
        assert_true(of(json, "processes_cpu_s", NULL, "postgresql") > 0);
        cJSON_Delete(json);
    }
}

static int wake_them(void **state) {
    (void)state;
    stack_wake("search-indexer-1");
    stack_wake("search-indexer-2");
    return 0;
}

/* A group that stands still is behind, and the run that waits for it says so. */
static void a_group_that_stands_still_is_told(void **state) {
    (void)state;
    struct kpk_child *child =
        run_start("still.csv", 2, "twitter --rate 100 --warm-up 0 --duration 600");
    stack_hang("search-indexer-1");
    stack_hang("search-indexer-2");
    run_await_seconds("still.csv", 7);
    kpk_child_signal(child, SIGINT);
    wake_them(NULL);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS * 2));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
    /* Some second of it had a lag: column 6. */
    char *text = run_file("still.csv");
    long most = 0;
    while ((text = strchr(text, '\n')) && *++text) {
        long lag = 0;
        if (sscanf(text, "%*d,%*[a-z],%*d,%*d,%*d,%ld", &lag) == 1 && lag > most) most = lag;
    }
    assert_true(most >= 100);
}

/* The groups hang, and who asks twice does not wait for them: the verdict says that something is missing. */
static void a_second_ctrl_c_waits_for_nobody(void **state) {
    (void)state;
    struct kpk_child *child =
        run_start("twice.csv", 2, "twitter --rate 100 --warm-up 0 --duration 600");
    stack_hang("search-indexer-1");
    stack_hang("search-indexer-2");
    run_await_seconds("twice.csv", 4);
    kpk_child_signal(child, SIGINT);
    assert_ok(kpk_child_await_words(child, "Ctrl-C again gives that up", RUN_END_MS, err), err);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS));
    assert_int_equal(kpk_child_status(child), 1);
    kpk_child_close(child);
}

/* On a topic that others may write to it is not the load's; that the services' groups reject it is. */
static void a_dead_letter_is_a_failure(void **state) {
    (void)state;
    assert_int_equal(run_disturbed("twitter", KPK_TOPIC_TWEETS), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_tweets_reach_every_group),
        cmocka_unit_test(a_dead_letter_is_a_failure),
        cmocka_unit_test_teardown(a_group_that_stands_still_is_told, wake_them),
        cmocka_unit_test_teardown(a_second_ctrl_c_waits_for_nobody, wake_them),
    };

    return cmocka_run_group_tests_name("loadgen through Twitter", tests, run_make_folder,
                                       run_remove_folder);
}
