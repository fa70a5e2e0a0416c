/* The soak: users post while whatever the system consists of is killed and hangs, at random, one after
 * the other. What was acknowledged is in all destinations as their READMEs promise; nothing that
 * was refused is anywhere.
 *
 *   KPK_SOAK_TWEETS   how many; 1000 is the short form, of about a minute
 *   KPK_SOAK_NAIVE    the programs are those of build/naive: something must be lost, and is shown
 *   KPK_TEST_SEED     what is done to whom, and when; printed */
#include "common/stop.h"
#include "services/twitter/world.h"
#include "tests/support/harm.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>

enum {
    FOLLOWERS = 12,
    FOLLOWED = 3,     /* authors that each of them follows */
    PER_AUTHOR = 200, /* so that a timeline, of at most 800, has all of FOLLOWED authors */
    AUTHORS_MAX = 250,
    PER_SECOND = 60,
    REFUSE_EACH = 50,
    SETTLE_MS = 180000,
};

static struct kpk_err error, *err = &error;

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
    while (!poster_finished(poster) && !kpk_stopping()) harm_next();
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
    int tweets = test_setting("KPK_SOAK_TWEETS", 1000);
    int authors = (tweets + PER_AUTHOR - 1) / PER_AUTHOR;
    const struct poster_opts load = {.authors = authors,
                                     .per_second = PER_SECOND,
                                     .most = tweets + tweets / REFUSE_EACH,
                                     .refuse_each = REFUSE_EACH};
    struct poster *poster;

    (void)state;
    if (authors > AUTHORS_MAX)
        fail_msg("KPK_SOAK_TWEETS: more than %d", AUTHORS_MAX * PER_AUTHOR);
    harm_add("twitter", NULL);
    harm_add("servers", NULL);
    struct world *world = open_world(authors);
    assert_ok(poster_start(&poster, world, &load, err), err);
    harm_while_posting(poster);
    poster_stop(poster);
    judge(world, test_setting("KPK_SOAK_NAIVE", 0) != 0);
    world_close(world);
}

static int wake_all(void **state) {
    (void)state;
    harm_wake_all();
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
    harm_seed();
    return cmocka_run_group_tests_name("twitter: the soak", tests, NULL, NULL);
}
