/* The crash matrix of the loop, and the same with the commit moved in front of the effect. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/matrix.h"
#include "common/stop.h"
#include "patterns/fanout/example/feed.h"

#include <signal.h>
#include <stdio.h>

enum { FEW = 24, AFTER = 120, STRIKE_MS = 20000, SERVICE = 0, LATE_MS = 4000 };

struct cells {
    struct feed *feed;
    const char *way;
};

/* The service that hung for longer than its session wakes up with a batch in hand that has been
 * another's for long. */
static int wake(struct cells *cells, struct kpk_child *struck, struct kpk_err *err) {
    if (feed_await(cells->feed, SERVICE, cells->feed->count - FEW, LATE_MS, err) &&
        err->verdict != KPK_WAIT)
        return -1;
    kpk_child_signal(struck, SIGCONT);
    return feed_publish(cells->feed, AFTER, 0, err);
}

static int strike(struct cells *cells, struct kpk_child *struck, const char *point,
                  enum kpk_fault_kind kind, struct kpk_cell *cell, struct kpk_err *err) {
    struct feed *feed = cells->feed;
    int64_t deadline = kpk_mono_ms() + STRIKE_MS;

    /* How many posts a batch takes is the service's affair: so post until it is met. */
    while (!kpk_child_met(struck, point) && kpk_mono_ms() < deadline && !kpk_stopping()) {
        if (feed_publish(feed, FEW, 0, err)) return -1;
        kpk_stop_wait(100);
    }
    cell->met = kpk_child_met(struck, point);
    /* Another process of the group takes over, as one always runs. */
    if (kind == KPK_FAULT_EXIT || kind == KPK_FAULT_STOP)
        if (feed_service(feed, SERVICE, &(struct feed_part){.way = cells->way}, NULL, err))
            return -1;
    if (feed_publish(feed, AFTER, 0, err)) return -1;
    return kind == KPK_FAULT_STOP ? wake(cells, struck, err) : 0;
}

static int run_cell(void *ctx, const char *point, enum kpk_fault_kind kind,
                    struct kpk_cell *cell, struct kpk_err *err) {
    struct cells *cells = ctx;
    struct kpk_child *struck = NULL;
    char fault[96];
    int failed = -1;

    snprintf(fault, sizeof(fault), "%s=%s@3", point, kpk_fault_kind_name(kind));
    feed_begin(cells->feed, SERVICE + 1);
    if (feed_service(cells->feed, SERVICE,
                     &(struct feed_part){.way = cells->way, .fault = fault}, &struck, err))
        goto out;
    if (strike(cells, struck, point, kind, cell, err)) goto out;
    failed = feed_judge(cells->feed, LATE_MS * 2, &cell->report, &cell->again, err);
out:
    kpk_child_close(struck);
    feed_dismiss(cells->feed);
    return failed;
}

static int run(struct feed *feed, const char *way, const char *const *points,
               const char *const *prefixes, unsigned kinds, struct kpk_matrix_result *result,
               struct kpk_err *err) {
    struct cells cells = {feed, way};
    const struct kpk_matrix matrix = {
        .points = points, .prefixes = prefixes, .kinds = kinds, .run = run_cell, .ctx = &cells};

    printf("\n  Each cell: a service meets one fault while posts come in; what it did is "
           "compared\n"
           "  with what was posted. After exit and stop another process of its group takes "
           "over.\n\n");
    if (kpk_matrix_run(&matrix, result, err)) return -1;
    printf("\n");
    return 0;
}

int story_matrix(struct feed *feed, unsigned kinds) {
    static const char *const points[] = {"fanout:after-poll", "posts:half-done",
                                         "fanout:after-effect", "fanout:before-commit", NULL};
    static const char *const prefixes[] = {"fanout:", "posts:", NULL};
    struct kpk_matrix_result result;
    struct kpk_err err;

    if (run(feed, "group", points, prefixes, kinds, &result, &err))
        return kpk_conclude_broken(&err);
    return kpk_matrix_conclude(&result, "nothing lost, reordered or invented");
}

/* The same with the commit first, so that it is known what a red cell looks like. */
int story_naive_matrix(struct feed *feed, unsigned kinds) {
    static const char *const points[] = {"naive:after-poll", "naive:after-commit",
                                         "posts:half-done", "naive:after-effect", NULL};
    static const char *const prefixes[] = {"naive:", "posts:", NULL};
    struct kpk_matrix_result result;
    struct kpk_err err;

    if (run(feed, "commit-first", points, prefixes, kinds, &result, &err))
        return kpk_conclude_broken(&err);
    if (result.red == 0)
        return kpk_conclude(KPK_FAIL, "the commit came first, and %d cells are green",
                            result.cells);
    return kpk_conclude(KPK_ANOMALY, "%d of %d cells, with the commit before the effect: %s",
                        result.red, result.cells, result.first);
}
