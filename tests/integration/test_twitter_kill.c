/* Every process of the road is killed with -9 under a steady load, and comes back. What was
 * acknowledged is in every follower's timeline exactly once. */
#include "tests/support/ordeal.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct ordeal ordeal;

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
    survives(ordeal_relays[ordeal_active_relay()]);
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
    /* clang-format off */
    static const char *const all[] = {
        "broker-1", "postgres", "redis",
        "tweet-service", "timeline-service", "search-service", "trending-service",
        "outbox-relay-1", "outbox-relay-2", "fanout-worker-1", "fanout-worker-2",
        "search-indexer-1", "search-indexer-2", "notification-worker-1", "notification-worker-2",
        "trending-worker-1", "trending-worker-2", "analytics-worker-1", "analytics-worker-2"};
    /* clang-format on */
    enum { ALL = sizeof(all) / sizeof(*all), PER_SECOND = 8 }; /* it may last two minutes */
    pid_t pids[ALL];

    (void)state;
    for (int i = 0; i < ALL; i++)
        pids[i] = stack_pid(all[i]); /* slow: the load need not wait */
    ordeal_begin_at(&ordeal, PER_SECOND);
    for (int i = 0; i < ALL; i++)
        if (pids[i] <= 0 || kill(pids[i], SIGKILL)) fail_msg("%s does not run", all[i]);
    ordeal_follow_late(&ordeal);
    for (int i = 0; i < ALL; i++) stack_await_restart(all[i], pids[i]);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fanout_worker_dies), cmocka_unit_test(the_active_relay_dies),
        cmocka_unit_test(redis_dies),           cmocka_unit_test(postgres_dies),
        cmocka_unit_test(tweet_service_dies),   cmocka_unit_test(timeline_service_dies),
        cmocka_unit_test(the_broker_dies),      cmocka_unit_test(everything_dies_at_once),
    };
    struct kpk_err err;

    if (kpk_topology_init(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: processes die", tests, NULL, NULL);
}
