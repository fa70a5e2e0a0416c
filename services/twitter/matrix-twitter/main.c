/* matrix-twitter: the crash matrix of the road of a tweet. At each fault point of tweet-service, relay and
 * the groups' workers, with each kind of fault, under load; then every timeline is read over HTTP, and
 * the warehouse, and how often the load's own hashtag was counted. The processes are its own, in a namespace of their own: a demo that runs is not touched. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/matrix.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/matrix-twitter/troupe.h"
#include "services/twitter/world.h"
#include "topology/scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUTHORS = 2,
    FOLLOWERS = 2,
    PER_SECOND = 40,
    POSTS = 700,    /* less than a timeline holds */
    MORE = 30,      /* after the fault */
    HANG_MS = 6000, /* longer than lease, session and the client's patience */
    PATIENCE_MS = 60000,
};

static const char *const points[] = {
    "tweet:after-claim",
    "tweet:after-insert",
    "tweet:before-commit",
    "tweet:after-commit",
    "outbox:after-select",
    "outbox:after-produce",
    "outbox:before-commit",
    "outbox:after-publish",
    "outbox:after-delete",
    "fanout:after-poll",
    "fanout:after-effect",
    "fanout:before-commit",
    "trending:after-count",
    "warehouse:after-copy",
    "warehouse:before-commit",
    "warehouse:after-commit",
    NULL,
};

static enum troupe_role role_of(const char *point) {
    static const struct {
        const char *prefix;
        enum troupe_role role;
    } rows[] = {
        {"tweet:", TWEETS},
        {"outbox:", RELAY},
        {"trending:", TRENDING_WORKER},
        {"warehouse:", ANALYTICS_WORKER},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strncmp(point, rows[i].prefix, strlen(rows[i].prefix)) == 0) return rows[i].role;
    return FANOUT_WORKER;
}

/* --- one cell ---------------------------------------------------------------------------- */

/* The services may just be starting, or the last cell's victim be on its way back. */
static int open_world(struct world **world, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + PATIENCE_MS;

    while (world_open(world, AUTHORS + FOLLOWERS, err)) {
        if (err->verdict != KPK_WAIT || kpk_mono_ms() > deadline || kpk_stopping()) return -1;
        kpk_stop_wait(100);
    }
    for (int follower = AUTHORS; follower < AUTHORS + FOLLOWERS; follower++)
        for (int author = 0; author < AUTHORS; author++)
            if (world_follow(*world, follower, author, err)) return -1;
    world_use_tag(*world);
    return world_watch_warehouse(*world, err);
}

static int await_acked(const struct poster *poster, int count, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + PATIENCE_MS;

    while (poster_acked(poster) < count && !kpk_stopping()) {
        if (kpk_mono_ms() > deadline)
            return kpk_fail(err, KPK_WAIT, "%d posts were acknowledged, and no more are",
                            poster_acked(poster));
        kpk_stop_wait(20);
    }
    return 0;
}

/* What happens around the fault: somebody else takes over, as in earnest. */
static int live_through(struct troupe *troupe, enum troupe_role role, enum kpk_fault_kind kind,
                        struct kpk_err *err) {
    struct kpk_child *struck = troupe->first[role];
    bool replaced = role != TWEETS; /* a service that hangs keeps its port: its clients wait */

    if (kind == KPK_FAULT_EXIT) {
        if (!kpk_child_await(struck, KPK_CHILD_KILLED, PATIENCE_MS)) return 0;
        return troupe_start(troupe, role, false, NULL, err);
    }
    if (kind != KPK_FAULT_STOP) return 0;
    if (replaced && troupe_start(troupe, role, true, NULL, err)) return -1;
    kpk_stop_wait(HANG_MS);
    kpk_child_signal(struck, SIGCONT);
    return 0;
}

static int load_and_strike(struct troupe *troupe, struct world *world, const char *point,
                           enum kpk_fault_kind kind, struct kpk_cell *cell,
                           struct kpk_err *err) {
    const struct poster_opts load = {
        .authors = AUTHORS, .per_second = PER_SECOND, .most = POSTS};
    enum troupe_role role = role_of(point);
    struct poster *poster = NULL;
    char words[96];
    int failed = -1;

    snprintf(words, sizeof(words), "fault point=%s", point);
    if (poster_start(&poster, world, &load, err)) return -1;
    cell->met =
        !kpk_child_await_words(troupe->first[role], words, POSTS / PER_SECOND * 1000, err);
    if (live_through(troupe, role, kind, err)) goto out;
    failed = await_acked(poster, poster_acked(poster) + MORE, err);
out:
    poster_stop(poster);
    return failed;
}

/* A tweet that is not counted is lost there, one that counts twice is duplicated. */
static int judge(struct world *world, struct kpk_report *report, struct kpk_err *err) {
    struct world_trend trend;
    bool clean;

    if (world_check(world, PATIENCE_MS, report, &clean, err)) return -1;
    if (!clean) return 0;
    if (world_check_trend(world, PATIENCE_MS, &trend, &clean, err)) return -1;
    report->expected += (size_t)trend.least;
    report->seen += (size_t)trend.counted;
    if (trend.counted < trend.least) report->lost = (size_t)(trend.least - trend.counted);
    if (trend.counted > trend.most) report->duplicated = (size_t)(trend.counted - trend.most);
    if (!clean)
        snprintf(report->first, sizeof(report->first), "#%s was counted %lld times, of %lld",
                 world->tag, (long long)trend.counted, (long long)trend.least);
    return 0;
}

static int run_cell(void *ctx, const char *point, enum kpk_fault_kind kind,
                    struct kpk_cell *cell, struct kpk_err *err) {
    struct troupe *troupe = ctx;
    enum troupe_role role = role_of(point);
    struct world *world = NULL;
    char fault[96];
    int failed = -1;

    snprintf(fault, sizeof(fault), "%s=%s@%d", point, kpk_fault_kind_name(kind),
             role == TWEETS ? 20 : 5);
    if (troupe_start(troupe, role, false, fault, err)) goto out;
    if (open_world(&world, err)) goto out;
    if (load_and_strike(troupe, world, point, kind, cell, err)) goto out;
    failed = judge(world, &cell->report, err);
out:
    world_close(world);
    troupe_end(troupe, role, true);
    if (troupe_start(troupe, role, false, NULL, err)) return -1;
    return failed;
}

/* --- all of them ------------------------------------------------------------------------- */

static int tell(struct troupe *troupe, unsigned kinds, const char *only) {
    const struct kpk_matrix matrix = {.points = points,
                                      .prefixes = (const char *const[]){NULL},
                                      .only = only,
                                      .kinds = kinds,
                                      .run = run_cell,
                                      .ctx = troupe};
    struct kpk_matrix_result result;
    struct kpk_err err;

    printf(
        "\n  Each cell: %d authors post, one process meets one fault; then every timeline is "
        "read\n"
        "  over HTTP, the warehouse, and the count of their hashtag. tweet: tweet-service, "
        "outbox:\n"
        "  the active relay, fanout: fanout-worker, trending: trending-worker, warehouse:\n"
        "  analytics-worker.\n\n",
        AUTHORS);
    if (troupe_open(troupe, &err)) return kpk_conclude_broken(&err);
    if (kpk_matrix_run(&matrix, &result, &err)) return kpk_conclude_broken(&err);
    printf("\n");
    return kpk_matrix_conclude(&result, "every acknowledged tweet in every timeline and in the "
                                        "warehouse, once and in order, and counted once");
}

int main(int argc, char **argv) {
    static struct troupe troupe;
    struct kpk_scratch *scratch = NULL;
    struct kpk_err error = {0}, *err = &error;
    const char *kinds, *only;
    unsigned bits;
    const struct kpk_opt opts[] = {
        {"points", NULL, KPK_OPT_STR, &only, "", 0, 0,
         "only the points that begin with this: tweet:, warehouse:, fanout:after-poll"},
        {"kinds", NULL, KPK_OPT_STR, &kinds, "exit,stop,error,delay", 0, 0,
         "of faults in the matrix"},
        {0}};
    const struct kpk_program program = {
        "matrix-twitter", "the crash matrix of a tweet's way to all who must have it", NULL,
        opts};

    setenv("KPK_LOG_LEVEL", "error", 0);
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_fault_kinds_parse(kinds, &bits, err)) return kpk_exit_failed(err);
    kpk_stop_init();
    setlinebuf(stdout);
    int code = kpk_scratch_open(&scratch, "twitter", err) ? kpk_conclude_broken(err)
                                                          : tell(&troupe, bits, only);
    troupe_close(&troupe);
    kpk_scratch_close(scratch);
    return code;
}
