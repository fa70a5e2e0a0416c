/* Processes hang (SIGSTOP) instead of dying, for longer than anybody waits for them, and wake up in the
 * middle of what they were doing. What they then still do must not show. */
#include "tests/support/ordeal.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TAKE_OVER_MS = 30000 };

static struct ordeal ordeal;
static struct kpk_err error, *err = &error;

static bool is_active(void *ctx) { return stack_metric(ctx, "kpk_outbox_active") == 1; }
static bool is_standby(void *ctx) { return stack_metric(ctx, "kpk_outbox_active") == 0; }
static bool is_ready(void *ctx) { return stack_ready(ctx); }

/* Longer than its lease: its successor publishes what it did not; and when it wakes up, what it
 * still has in hand is refused. */
static void the_active_relay_hangs(void **state) {
    int hung = ordeal_active_relay();
    const char *relay = ordeal_relays[hung], *standby = ordeal_relays[1 - hung];

    (void)state;
    ordeal_begin(&ordeal);
    stack_signal(relay, SIGSTOP);
    if (!wait_until(TAKE_OVER_MS, is_active, (void *)standby))
        fail_msg("%s hangs, and %s does not take over", relay, standby);
    ordeal_follow_late(&ordeal);
    ordeal_await_events(&ordeal);
    stack_signal(relay, SIGCONT);
    if (!wait_until(TAKE_OVER_MS, is_standby, (void *)relay))
        fail_msg("%s woke up and does not step down", relay);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

/* Longer than its session: the verdict falls while it hangs, so the others read its partitions. It
 * wakes up with a batch that is theirs, finds its commit refused, and joins again. */
static void a_fanout_worker_hangs(void **state) {
    static char worker[] = "fanout-worker-2";

    (void)state;
    ordeal_begin(&ordeal);
    pid_t hung = stack_signal(worker, SIGSTOP);
    ordeal_follow_late(&ordeal);
    ordeal_end(&ordeal);

    ordeal_begin(&ordeal);
    stack_signal(worker, SIGCONT);
    assert_true(wait_until(TAKE_OVER_MS, is_ready, worker));
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
    assert_int_equal(stack_pid(worker),
                     hung); /* a partition that was lost is no reason to die */
}

/* Longer than its client waits: the client repeats its posts, and on waking up the service finds each
 * of them several times, all at once. */
static void the_tweet_service_hangs(void **state) {
    enum { POSTS = 5, TRIES = 3, IMPATIENT_MS = 150, KNOWN_MS = 30000 };
    char keys[POSTS][KPK_UUID_BYTES], texts[POSTS][32];
    struct client *impatient;
    struct kpk_report report;
    struct world *world;
    bool clean;

    (void)state;
    assert_ok(world_open(&world, 2, err), err);
    assert_ok(world_follow(world, 1, 0, err), err);
    const struct world_user *author = &world->users[0];
    assert_ok(client_open(&impatient, &(struct client_opts){.timeout_ms = IMPATIENT_MS}, err),
              err);
    stack_signal("tweet-service", SIGSTOP);
    for (int i = 0; i < POSTS; i++) {
        kpk_uuid7(keys[i]);
        snprintf(texts[i], sizeof(texts[i]), "patience %d", i);
        for (int n = 0; n < TRIES; n++)
            assert_int_equal(client_post(impatient, author->id, keys[i], texts[i], NULL, err),
                             KPK_WRITE_UNKNOWN);
        kpk_history_write(world->history, author->handle, texts[i], KPK_WRITE_UNKNOWN);
    }
    stack_signal("tweet-service", SIGCONT);
    for (int i = 0; i < POSTS; i++) {
        assert_int_equal(client_post_until_known(world->client, author->id, keys[i], texts[i],
                                                 KNOWN_MS, NULL, err),
                         KPK_WRITE_OK);
        kpk_history_write(world->history, author->handle, texts[i], KPK_WRITE_OK);
    }
    assert_ok(world_post(world, 0, NULL, err), err);
    assert_ok(world_check(world, KNOWN_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", report.first);
    client_close(impatient);
    world_close(world);
}

/* A test that failed half-way must not leave a process stopped. */
static int wake_all(void **state) {
    static const char *const hung[] = {"outbox-relay-1", "outbox-relay-2", "fanout-worker-2",
                                       "tweet-service"};

    (void)state;
    for (size_t i = 0; i < sizeof(hung) / sizeof(*hung); i++) stack_signal(hung[i], SIGCONT);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_active_relay_hangs, wake_all),
        cmocka_unit_test_teardown(a_fanout_worker_hangs, wake_all),
        cmocka_unit_test_teardown(the_tweet_service_hangs, wake_all),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: processes hang", tests, NULL, NULL);
}
