/* The soak: users post while whatever the system consists of is killed and hangs, at random, one after
 * the other. What was acknowledged is in all destinations as their READMEs promise; nothing that
 * was refused is anywhere.
 *
 *   KPK_SOAK_TWEETS   how many; 1000 is the short form, of about a minute
 *   KPK_SOAK_NAIVE    the programs are those of build/naive: something must be lost, and is shown
 *   KPK_TEST_SEED     what is done to whom, and when; printed */
#include "common/clock.h"
#include "common/random.h"
#include "common/stop.h"
#include "services/twitter/world.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FOLLOWERS = 12,
    FOLLOWED = 3,     /* authors that each of them follows */
    PER_AUTHOR = 200, /* so that a timeline, of at most 800, has all of FOLLOWED authors */
    AUTHORS_MAX = 250,
    PER_SECOND = 60,
    REFUSE_EACH = 50,
    HANG_MS = 10500, /* longer than lease, session and every patience */
    PAUSE_MS = 1000,
    SETTLE_MS = 180000,
    VICTIMS_MAX = 40,
};

static struct kpk_err error, *err = &error;
static uint64_t seed;

static int below(int limit) { return (int)(kpk_random(&seed) % (uint64_t)limit); }

static int setting(const char *name, int fallback) {
    const char *text = getenv(name);

    return text && *text ? atoi(text) : fallback;
}

/* --- who is harmed ----------------------------------------------------------------------- */

static struct victims {
    char names[VICTIMS_MAX][32];
    int count;
    int dealt; /* how many of them had their turn in this round */
} victims;

static void add_victim(const char *name) {
    if (victims.count == VICTIMS_MAX) fail_msg("more than %d processes", VICTIMS_MAX);
    snprintf(victims.names[victims.count++], sizeof(*victims.names), "%s", name);
}

/* Every process of the stack, as it tells of them itself. */
static void find_victims(void) {
    char command[512], line[256], name[32];

    snprintf(command, sizeof(command), "'%s' processes", getenv("KPK_TEST_STACK"));
    FILE *list = popen(command, "r");
    if (!list) fail_msg("%s", command);
    while (fgets(line, sizeof(line), list))
        if (sscanf(line, "%31s", name) == 1) add_victim(name);
    if (pclose(list) != 0 || victims.count == 0) fail_msg("%s: failed", command);
}

/* Everyone once a round, in an order of chance. */
static const char *next_victim(void) {
    int left = victims.count - victims.dealt, pick = victims.dealt + below(left);
    char name[sizeof(*victims.names)];

    memcpy(name, victims.names[pick], sizeof(name));
    memcpy(victims.names[pick], victims.names[victims.dealt], sizeof(name));
    memcpy(victims.names[victims.dealt], name, sizeof(name));
    const char *chosen = victims.names[victims.dealt];
    victims.dealt = (victims.dealt + 1) % victims.count;
    return chosen;
}

static bool is_ready(void *ctx) { return stack_ready(ctx); }

/* Kill it, or let it hang; and wait until it is ready again, so that it is one at a time. */
static void harm(const char *name, bool hang) {
    int64_t begun_ms = kpk_mono_ms();

    if (hang) {
        stack_signal(name, SIGSTOP);
        kpk_stop_wait(HANG_MS);
        stack_signal(name, SIGCONT);
        if (!wait_until(STACK_BACK_MS, is_ready, (void *)name))
            fail_msg("%s hung for %d ms and is not ready again", name, HANG_MS);
    } else {
        stack_await_restart(name, stack_signal(name, SIGKILL));
    }
    print_message("  %s %s, ready again after %.1f s\n", hang ? "SIGSTOP" : "kill -9", name,
                  (double)(kpk_mono_ms() - begun_ms) / 1000);
}

/* --- the soak ---------------------------------------------------------------------------- */

static struct world *open_world(int authors) {
    struct world *world;

    assert_ok(world_open(&world, authors + FOLLOWERS, err), err);
    world_watch_search(world);
    assert_ok(world_watch_mentions(world, err), err);
    assert_ok(world_watch_warehouse(world, err), err);
    world_use_tag(world);
    for (int i = 0; i < FOLLOWERS; i++)
        for (int n = 0; n < FOLLOWED && n < authors; n++)
            assert_ok(world_follow(world, authors + i, (i * FOLLOWED + n) % authors, err), err);
    return world;
}

/* One harm after the other until all is posted, every victim at least once in the long form. */
static void harm_while_posting(const struct poster *poster) {
    while (!poster_finished(poster) && !kpk_stopping()) {
        harm(next_victim(), below(4) == 0);
        kpk_stop_wait(below(PAUSE_MS));
    }
}

static void judge(struct world *world, bool naive) {
    struct world_trend trend;
    struct kpk_report report;
    char text[400];
    bool clean, counted;

    assert_ok(world_check(world, naive ? SETTLE_MS / 6 : SETTLE_MS, &report, &clean, err), err);
    assert_ok(world_check_trend(world, naive ? 0 : SETTLE_MS, &trend, &counted, err), err);
    print_message("%s\n", kpk_report_text(&report, text, sizeof(text)));
    print_message("trending counts %lld, of %lld to %lld\n", (long long)trend.counted,
                  (long long)trend.least, (long long)trend.most);
    if (naive) {
        if (report.lost == 0)
            fail_msg("a guarantee is taken away, and nothing was lost: %s", text);
        return;
    }
    if (!clean) fail_msg("%s", text);
    if (!counted) fail_msg("trending counts %lld", (long long)trend.counted);
}

static void everything_dies_and_hangs(void **state) {
    int tweets = setting("KPK_SOAK_TWEETS", 1000);
    int authors = (tweets + PER_AUTHOR - 1) / PER_AUTHOR;
    const struct poster_opts load = {.authors = authors,
                                     .per_second = PER_SECOND,
                                     .most = tweets + tweets / REFUSE_EACH,
                                     .refuse_each = REFUSE_EACH};
    struct poster *poster;

    (void)state;
    if (authors > AUTHORS_MAX)
        fail_msg("KPK_SOAK_TWEETS: more than %d", AUTHORS_MAX * PER_AUTHOR);
    find_victims();
    struct world *world = open_world(authors);
    assert_ok(poster_start(&poster, world, &load, err), err);
    harm_while_posting(poster);
    poster_stop(poster);
    judge(world, setting("KPK_SOAK_NAIVE", 0) != 0);
    world_close(world);
}

/* A test that failed half-way must not leave a process stopped. */
static int wake_all(void **state) {
    (void)state;
    for (int i = 0; i < victims.count; i++) {
        pid_t pid = stack_pid(victims.names[i]);
        if (pid > 0) kill(pid, SIGCONT);
    }
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(everything_dies_and_hangs, wake_all),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    seed = (uint64_t)setting("KPK_TEST_SEED", (int)(kpk_now_ms() % 1000000));
    print_message("KPK_TEST_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests_name("twitter: the soak", tests, NULL, NULL);
}
