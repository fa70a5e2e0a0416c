/* Every process of the road is killed with -9 under a steady load, and comes back; the active
 * relay also hangs and wakes up. What was acknowledged is in every follower's timeline exactly
 * once. */
#include "tests/support/ordeal.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TAKE_OVER_MS = 30000, RELAYS = 2 };

static struct ordeal ordeal;

/* --- who relays -------------------------------------------------------------------------- */

static const char *const relays[RELAYS] = {"outbox-relay-1", "outbox-relay-2"};

static bool is_active(void *ctx) { return stack_metric(ctx, "kpk_outbox_active") == 1; }
static bool is_standby(void *ctx) { return stack_metric(ctx, "kpk_outbox_active") == 0; }

static bool one_is_active(void *ctx) {
    int *active = ctx;

    for (*active = 0; *active < RELAYS; ++*active)
        if (is_active((void *)relays[*active])) return true;
    return false;
}

static int active_relay(void) {
    int active;

    if (!wait_until(TAKE_OVER_MS, one_is_active, &active)) fail_msg("no relay is active");
    return active;
}

/* --- tests ------------------------------------------------------------------------------- */

static void survives(const char *victim) {
    ordeal_begin(&ordeal);
    pid_t killed = stack_signal(victim, SIGKILL);
    ordeal_follow_late(&ordeal);
    stack_await_restart(victim, killed);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

static void a_fanout_worker_dies(void **state) {
    (void)state;
    survives("fanout-worker-1");
}

static void the_active_relay_dies(void **state) {
    (void)state;
    survives(relays[active_relay()]);
}

static void redis_dies(void **state) {
    (void)state;
    survives("redis");
}

static void postgres_dies(void **state) {
    (void)state;
    survives("postgres");
}

static void tweet_service_dies(void **state) {
    (void)state;
    survives("tweet-service");
}

static void timeline_service_dies(void **state) {
    (void)state;
    survives("timeline-service");
}

static void the_broker_dies(void **state) {
    (void)state;
    survives("broker-1");
}

/* As when the machine loses its power, but for what the kernel still writes. */
static void everything_dies_at_once(void **state) {
    static const char *const all[] = {"broker-1",       "postgres",         "redis",
                                      "tweet-service",  "timeline-service", "outbox-relay-1",
                                      "outbox-relay-2", "fanout-worker-1",  "fanout-worker-2"};
    enum { ALL = sizeof(all) / sizeof(*all) };
    pid_t pids[ALL];

    (void)state;
    ordeal_begin(&ordeal);
    for (int i = 0; i < ALL; i++) pids[i] = stack_pid(all[i]); /* slow: so all of them first */
    for (int i = 0; i < ALL; i++)
        if (pids[i] <= 0 || kill(pids[i], SIGKILL)) fail_msg("%s does not run", all[i]);
    ordeal_follow_late(&ordeal);
    for (int i = 0; i < ALL; i++) stack_await_restart(all[i], pids[i]);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

/* Longer than its lease: its successor publishes what it did not; and when it wakes up in the
 * middle of what it was doing, it is refused. */
static void the_active_relay_hangs_and_wakes_up(void **state) {
    int hung = active_relay();

    (void)state;
    ordeal_begin(&ordeal);
    stack_signal(relays[hung], SIGSTOP);
    if (!wait_until(TAKE_OVER_MS, is_active, (void *)relays[1 - hung]))
        fail_msg("%s hangs, and %s does not take over", relays[hung], relays[1 - hung]);
    ordeal_follow_late(&ordeal);
    ordeal_await_events(&ordeal);
    stack_signal(relays[hung], SIGCONT);
    if (!wait_until(TAKE_OVER_MS, is_standby, (void *)relays[hung]))
        fail_msg("%s woke up and does not step down", relays[hung]);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

/* A test that failed half-way must not leave a process stopped. */
static int wake_relays(void **state) {
    (void)state;
    for (int i = 0; i < RELAYS; i++) stack_signal(relays[i], SIGCONT);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fanout_worker_dies),
        cmocka_unit_test(the_active_relay_dies),
        cmocka_unit_test_teardown(the_active_relay_hangs_and_wakes_up, wake_relays),
        cmocka_unit_test(redis_dies),
        cmocka_unit_test(postgres_dies),
        cmocka_unit_test(tweet_service_dies),
        cmocka_unit_test(timeline_service_dies),
        cmocka_unit_test(the_broker_dies),
        cmocka_unit_test(everything_dies_at_once),
    };
    struct kpk_err err;

    if (kpk_topology_init(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: processes die", tests, NULL, NULL);
}
