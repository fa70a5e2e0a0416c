/* Every fault point of the road, one after the other, under a steady load: the process dies there,
 * as by kill -9; then a new one meets an error at each of them. What was acknowledged is in every
 * follower's timeline exactly once. */
#include "tests/support/ordeal.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STRIKE_MS = 60000 };

static struct ordeal ordeal;

/* 'name' is started here with the fault, in place of the supervisor's own; 'aside' is another
 * that would do its work, or NULL. */
static const struct road {
    const char *name, *aside;
    const char *points[6];
} roads[] = {
    {"tweet-service",
     NULL,
     {"tweet:after-claim", "tweet:after-insert", "tweet:before-commit", "tweet:after-commit"}},
    {"outbox-relay-1",
     "outbox-relay-2",
     {"outbox:after-select", "outbox:after-produce", "outbox:before-commit",
      "outbox:after-publish", "outbox:after-delete"}},
    {"fanout-worker-1",
     "fanout-worker-2",
     {"fanout:after-poll", "fanout:after-effect", "fanout:before-commit"}},
};

/* The script that the supervisor starts 'name' with, started here. */
static pid_t start_with_fault(const char *name, const char *fault) {
    char path[512];
    pid_t pid;

    snprintf(path, sizeof(path), "%s/run/%s", getenv("KPK_STATE"), name);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("KPK_FAULT", fault, 1);
        setenv("KPK_LOG_LEVEL", "error", 1);
        execl(path, name, (char *)NULL);
        _exit(127);
    }
    return pid;
}

struct end {
    pid_t pid;
    int status;
};

static bool has_ended(void *ctx) {
    struct end *end = ctx;

    return waitpid(end->pid, &end->status, WNOHANG) == end->pid;
}

/* It must die at the fault, by nobody else's hand. */
static void await_strike(pid_t pid, const char *point) {
    struct end end = {.pid = pid};

    if (!wait_until(STRIKE_MS, has_ended, &end)) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        fail_msg("%s: never passed", point);
    }
    if (!WIFSIGNALED(end.status) || WTERMSIG(end.status) != SIGKILL)
        fail_msg("%s: ended with status %d, not by the fault", point, end.status);
}

static void dies_at_each_point(const struct road *road) {
    ordeal_begin(&ordeal);
    stack_stop(road->name);
    if (road->aside) stack_stop(road->aside);
    for (const char *const *point = road->points; *point; point++) {
        char fault[80];
        snprintf(fault, sizeof(fault), "%s=exit@2", *point);
        await_strike(start_with_fault(road->name, fault), *point);
    }
    stack_start(road->name);
    if (road->aside) stack_start(road->aside);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

/* One process, an error at every point; it goes on, and ends cleanly when it is asked to. */
static void goes_on_after_errors(const struct road *road) {
    char faults[512] = "";
    struct end end;

    for (const char *const *point = road->points; *point; point++)
        snprintf(faults + strlen(faults), sizeof(faults) - strlen(faults), "%s%s=error@2",
                 *faults ? "," : "", *point);
    ordeal_begin(&ordeal);
    stack_stop(road->name);
    if (road->aside) stack_stop(road->aside);
    end.pid = start_with_fault(road->name, faults);
    ordeal_go_on(&ordeal);
    ordeal_await_events(&ordeal);
    kill(end.pid, SIGTERM);
    if (!wait_until(STRIKE_MS, has_ended, &end)) {
        kill(end.pid, SIGKILL);
        fail_msg("%s: did not end when it was asked to", road->name);
    }
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
    stack_start(road->name);
    if (road->aside) stack_start(road->aside);
    ordeal_end(&ordeal);
}

static void tweet_service_dies_at_each_point(void **state) {
    (void)state;
    dies_at_each_point(&roads[0]);
}

static void relay_dies_at_each_point(void **state) {
    (void)state;
    dies_at_each_point(&roads[1]);
}

static void fanout_worker_dies_at_each_point(void **state) {
    (void)state;
    dies_at_each_point(&roads[2]);
}

static void errors_at_each_point_are_waited_out(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(roads) / sizeof(*roads); i++) goes_on_after_errors(&roads[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tweet_service_dies_at_each_point),
        cmocka_unit_test(relay_dies_at_each_point),
        cmocka_unit_test(fanout_worker_dies_at_each_point),
        cmocka_unit_test(errors_at_each_point_are_waited_out),
    };

    return cmocka_run_group_tests_name("twitter_faults", tests, NULL, NULL);
}
