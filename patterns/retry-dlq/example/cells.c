/* The crash matrix of hand-over and waiting, and the same with the commit in front of the hand-over. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/matrix.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/till.h"

#include <signal.h>
#include <stdio.h>

enum { FEW = 12, AFTER = 36, STRIKE_MS = 20000, LATE_MS = 10000 };

struct cells {
    struct till *till;
    const char *way;
};

/* Of six charges one is tried again, and one a dead letter. */
static int charge_some(struct till *till, int count, struct kpk_err *err) {
    for (int i = 0; i < count; i++)
        if (till_charge(till,
                        i % 6 == 2   ? CARD_BUSY_ONCE
                        : i % 6 == 5 ? CARD_EXPIRED
                                     : CARD_GOOD,
                        err))
            return -1;
    return 0;
}

/* The worker that hung for longer than its session wakes up in the middle of what has been another's
 * for long. */
static int wake(struct cells *cells, struct kpk_child *struck, struct kpk_err *err) {
    struct till *till = cells->till;
    int payable = till_payable(till), paid = 0;
    int64_t deadline = kpk_mono_ms() + LATE_MS;

    while (paid < payable && kpk_mono_ms() < deadline && !kpk_stopping()) {
        if (till_paid(till, &paid, err)) return -1;
        kpk_stop_wait(50);
    }
    kpk_child_signal(struck, SIGCONT);
    return charge_some(till, AFTER, err);
}

static int strike(struct cells *cells, struct kpk_child *struck, const char *point,
                  enum kpk_fault_kind kind, struct kpk_cell *cell, struct kpk_err *err) {
    struct till *till = cells->till;
    int64_t deadline = kpk_mono_ms() + STRIKE_MS;

    /* How many charges a batch takes is the worker's affair: so charge until it is met. */
    while (!kpk_child_met(struck, point) && kpk_mono_ms() < deadline && !kpk_stopping()) {
        if (charge_some(till, FEW, err)) return -1;
        kpk_stop_wait(50);
    }
    cell->met = kpk_child_met(struck, point);
    /* Another process of the group takes over, as one always runs. */
    if (kind == KPK_FAULT_EXIT || kind == KPK_FAULT_STOP)
        if (till_worker(till, 0, &(struct till_part){.way = cells->way}, NULL, err)) return -1;
    if (charge_some(till, AFTER, err)) return -1;
    return kind == KPK_FAULT_STOP ? wake(cells, struck, err) : 0;
}

static int run_cell(void *ctx, const char *point, enum kpk_fault_kind kind,
                    struct kpk_cell *cell, struct kpk_err *err) {
    struct cells *cells = ctx;
    struct kpk_child *struck = NULL;
    struct till_verdict verdict;
    char fault[96];
    int failed = -1;

    snprintf(fault, sizeof(fault), "%s=%s@2", point, kpk_fault_kind_name(kind));
    till_begin(cells->till);
    if (till_worker(cells->till, 0, &(struct till_part){.way = cells->way, .fault = fault},
                    &struck, err))
        goto out;
    if (strike(cells, struck, point, kind, cell, err)) goto out;
    if (till_judge(cells->till, LATE_MS, &verdict, err)) goto out;
    cell->report = verdict.report;
    cell->again = verdict.again;
    failed = 0;
out:
    kpk_child_close(struck);
    till_dismiss(cells->till);
    return failed;
}

static int run(struct till *till, const char *way, const char *const *points,
               const char *const *prefixes, unsigned kinds, struct kpk_matrix_result *result,
               struct kpk_err *err) {
    struct cells cells = {till, way};
    const struct kpk_matrix matrix = {
        .points = points, .prefixes = prefixes, .kinds = kinds, .run = run_cell, .ctx = &cells};

    printf("\n  Each cell: a worker meets one fault while charges come in, some of which are "
           "retried and some\n  refused; the provider's records and the dead letters are "
           "compared with what was asked for.\n  After exit and stop another worker takes "
           "over.\n\n");
    if (kpk_matrix_run(&matrix, result, err)) return -1;
    printf("\n");
    return 0;
}

int story_matrix(struct till *till, unsigned kinds) {
    static const char *const points[] = {"retry:one-sent",     "retry:all-sent",
                                         "retry:acknowledged", "retry:paused",
                                         "retry:put-back",     NULL};
    static const char *const prefixes[] = {"retry:", NULL};
    struct kpk_matrix_result result;
    struct kpk_err err;

    if (run(till, "pattern", points, prefixes, kinds, &result, &err))
        return kpk_conclude_broken(&err);
    return kpk_matrix_conclude(&result, "nothing lost, charged twice or invented");
}

/* The same with the commit first, so that it is known what a red cell looks like. */
int story_naive_matrix(struct till *till, unsigned kinds) {
    static const char *const points[] = {"naive:after-commit", "retry:all-sent",
                                         "naive:handed-over", NULL};
    static const char *const prefixes[] = {"naive:", NULL};
    struct kpk_matrix_result result;
    struct kpk_err err;

    if (run(till, "commit-first", points, prefixes, kinds, &result, &err))
        return kpk_conclude_broken(&err);
    if (result.red == 0)
        return kpk_conclude(KPK_FAIL, "the commit came first, and %d cells are green",
                            result.cells);
    return kpk_conclude(KPK_ANOMALY, "%d of %d cells, with the commit before the hand-over: %s",
                        result.red, result.cells, result.first);
}
