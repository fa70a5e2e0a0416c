/* The same without the pattern. Each way must show its anomaly, or the example has failed. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/till.h"

#include <stdio.h>

enum { CHARGES = 60, BAD_AT = 20, STAND_MS = 2000, MAX_POLL_MS = 2000 };

/* --- dropped ----------------------------------------------------------------------------- */

static int dropped(struct till *till, struct kpk_report *report, struct kpk_err *err) {
    struct till_verdict verdict;

    printf("\n  A failure is logged, and committed: every fifth charge finds the provider "
           "busy, once.\n");
    till_begin(till);
    if (till_worker(till, 0, &(struct till_part){.way = "drop"}, NULL, err)) return -1;
    for (int i = 0; i < CHARGES; i++)
        if (till_charge(till, i % 5 == 4 ? CARD_BUSY_ONCE : CARD_GOOD, err)) return -1;
    if (till_judge(till, STAND_MS, &verdict, err)) return -1;
    till_dismiss(till);
    *report = verdict.report;
    printf("  %zu of %d charges are lost, and nobody knows\n\n", report->lost, CHARGES);
    return 0;
}

/* --- one that fails, and everybody behind it --------------------------------------------- */

/* The charges of a run, one of which never can succeed. */
static int charge_all(struct till *till, struct kpk_err *err) {
    till_begin(till);
    for (int i = 0; i < CHARGES; i++)
        if (till_charge(till, i == BAD_AT ? CARD_EXPIRED : CARD_GOOD, err)) return -1;
    return 0;
}

/* How many are not done, and do not become fewer. */
static int count_standing(struct till *till, int *standing, struct kpk_err *err) {
    int paid, before;

    if (till_paid(till, &before, err)) return -1;
    kpk_stop_wait(STAND_MS / 2);
    if (till_paid(till, &paid, err)) return -1;
    *standing = till_payable(till) - paid;
    return paid == before ? 0 : kpk_fail(err, KPK_FATAL, "it went on, late");
}

/* The pattern in its place: so it is not the charges. */
static int clear_up(struct till *till, struct kpk_err *err) {
    int64_t begun_ms = kpk_mono_ms();
    struct till_verdict verdict;

    till_dismiss(till);
    if (till_worker(till, 0, &(struct till_part){.way = "pattern"}, NULL, err)) return -1;
    if (till_judge(till, TILL_PATIENCE_MS, &verdict, err)) return -1;
    till_dismiss(till);
    if (verdict.report.first[0])
        return kpk_fail(err, KPK_FATAL, "the pattern in its place: %s", verdict.report.first);
    printf(
        "  with the pattern in its place all was done %.1f s later, the one a dead letter\n\n",
        (double)(kpk_mono_ms() - begun_ms) / 1000);
    return 0;
}

static int blocked(struct till *till, int *standing, struct kpk_err *err) {
    printf("  A failure is tried again until it succeeds: one charge's card is expired.\n");
    if (charge_all(till, err)) return -1;
    if (till_worker(till, 0, &(struct till_part){.way = "block"}, NULL, err)) return -1;
    if (till_await(till, STAND_MS, err) || count_standing(till, standing, err)) return -1;
    printf("  %d of %d charges stand still behind it, of other customers too\n", *standing,
           CHARGES - 1);
    return clear_up(till, err);
}

/* A second worker is there for the first, and meets what it met. */
static int slept(struct till *till, int *standing, size_t *again, struct kpk_err *err) {
    const struct till_part part = {.way = "sleep", .max_poll_ms = MAX_POLL_MS};
    struct till_verdict verdict;

    printf("  The same, asleep in between: no poll, so the group must think the worker dead\n"
           "  (max.poll.interval.ms is %d here, 5 minutes by default). Two workers.\n",
           MAX_POLL_MS);
    if (charge_all(till, err)) return -1;
    for (int i = 0; i < TILL_WORKERS; i++)
        if (till_worker(till, i, &part, NULL, err)) return -1;
    for (int i = 0; i < TILL_WORKERS; i++)
        if (kpk_child_await_words(till->workers[i], "MAXPOLL", TILL_PATIENCE_MS, err))
            return -1;
    if (till_judge(till, 0, &verdict, err) || count_standing(till, standing, err)) return -1;
    *again = verdict.again;
    printf(
        "  both were thrown out, one after the other; %zu charges were made a second time by "
        "the\n  other (a provider without idempotency keys takes the money twice), and %d "
        "stand still\n",
        *again, *standing);
    return clear_up(till, err);
}

int story_naive(struct till *till) {
    struct kpk_report report = {0};
    int block_standing = 0, sleep_standing = 0;
    size_t again = 0;
    struct kpk_err err;

    if (dropped(till, &report, &err) || blocked(till, &block_standing, &err) ||
        slept(till, &sleep_standing, &again, &err))
        return kpk_conclude_broken(&err);
    if (report.lost == 0 || block_standing == 0 || again == 0 || sleep_standing == 0)
        return kpk_conclude(KPK_FAIL, "a way that should lose, block or repeat did not");
    return kpk_conclude(KPK_ANOMALY,
                        "dropped: %zu of %d charges lost; blocked: %d stand still; slept: both "
                        "workers thrown out, %zu charged again, %d stand still",
                        report.lost, CHARGES, block_standing, again, sleep_standing);
}
