/* Charges through a provider that is not always well, and a worker that dies at the worst place. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHARGES = 240, PER_SECOND = 120, AFTER = 60 };

/* Of 60 charges: the rest is good. */
static const char *card_of(int i) {
    switch (i % 60) {
    case 4:
    case 16:
    case 28:
    case 41:
        return CARD_BUSY_ONCE;
    case 10:
    case 35:
        return CARD_BUSY_TWICE;
    case 21:
        return CARD_TOLD_TO_WAIT;
    case 30:
        return CARD_EXPIRED;
    case 50:
        return CARD_ALWAYS_BUSY;
    default:
        return CARD_GOOD;
    }
}

static int publish(struct till *till, int count, struct kpk_err *err) {
    int64_t next_us = kpk_mono_us();

    for (int i = 0; i < count && !kpk_stopping(); i++) {
        if (till_charge(till, card_of(i), err)) return -1;
        next_us += 1000000 / PER_SECOND;
        if (next_us > kpk_mono_us()) kpk_stop_wait((int)((next_us - kpk_mono_us()) / 1000));
    }
    return 0;
}

/* --- what happened ----------------------------------------------------------------------- */

/* When money moved, counted from the first call: by the number of calls it took. */
static int tell_moves(struct till *till, struct kpk_err *err) {
    static const struct kpk_pg_stmt select = {
        "story_moves",
        "SELECT calls - again, count(*), min(moved_at - asked_at), max(moved_at - asked_at) "
        "FROM (SELECT calls, again, extract(epoch FROM asked_at) AS asked_at, "
        "extract(epoch FROM moved_at) AS moved_at FROM provider WHERE moved IS NOT NULL) AS m "
        "GROUP BY 1 ORDER BY 1"};
    PGresult *rows = kpk_pg_exec(till->pg, &select, NULL, 0, err);

    if (!rows) return -1;
    for (int row = 0; row < PQntuples(rows); row++) {
        int calls = atoi(PQgetvalue(rows, row, 0));
        double least = atof(PQgetvalue(rows, row, 2)), most = atof(PQgetvalue(rows, row, 3));
        printf("  %4s charges were done at the ", PQgetvalue(rows, row, 1));
        if (calls == 1)
            printf("first call\n");
        else
            printf("%s, %.1f to %.1f s after the first\n",
                   calls == 2   ? "second"
                   : calls == 3 ? "third"
                                : "fourth or later",
                   least, most);
    }
    PQclear(rows);
    return 0;
}

static const struct card *card_of_letter(const struct till *till, const struct letter *letter) {
    for (int i = 0; i < till->count; i++)
        if (strcmp(till->charges[i].id, letter->id) == 0) return till->charges[i].card;
    return NULL;
}

/* returns  how many were not tried as often as they must be */
static int tell_letters(const struct till *till) {
    int expired = 0, given_up = 0, wrong = 0;

    for (int i = 0; i < till->letter_count; i++) {
        const struct letter *letter = &till->letters[i];
        bool refused = card_of_letter(till, letter)->refused != NULL;
        refused ? expired++ : given_up++;
        wrong += letter->tries != (refused ? 1 : 3);
    }
    printf("  %4d are dead letters: card expired, after one try\n"
           "  %4d are dead letters: still busy at the third try, there being two tiers\n",
           expired, given_up);
    return wrong;
}

static int go_wrong(struct till *till, struct kpk_err *err) {
    printf("  %d charges of %d customers, %d a second, through a payment provider that is not "
           "always\n  well. Retry tiers of 1 s and 3 s.\n\n",
           CHARGES, TILL_CUSTOMERS, PER_SECOND);
    till_begin(till);
    if (till_worker(till, 0, &(struct till_part){.way = "pattern"}, NULL, err)) return -1;
    if (publish(till, CHARGES, err)) return -1;
    if (till_await(till, TILL_PATIENCE_MS, err)) return -1;
    return tell_moves(till, err);
}

/* Dies where the hand-over is acknowledged and not yet committed. */
static int die(struct till *till, struct kpk_err *err) {
    const struct till_part dying = {.way = "pattern", .fault = "retry:acknowledged=exit"};

    if (till_worker(till, 0, &dying, NULL, err)) return -1;
    if (publish(till, AFTER, err)) return -1;
    if (!kpk_child_await(till->workers[0], KPK_CHILD_KILLED, TILL_PATIENCE_MS))
        return kpk_fail(err, KPK_FATAL, "the worker did not die");
    return till_worker(till, 1, &(struct till_part){.way = "pattern"}, NULL, err);
}

static int tell(struct till *till, struct till_verdict *verdict, int *wrong,
                struct kpk_err *err) {
    printf("\n");
    if (go_wrong(till, err)) return -1;
    *wrong = tell_letters(till);
    if (die(till, err)) return -1;
    if (till_judge(till, TILL_PATIENCE_MS, verdict, err)) return -1;
    printf(
        "\n  Of %d more, a worker died with -9 after its hand-over was acknowledged and before "
        "its\n  commit; another took over.\n\n"
        "  %4zu came again, which changed nothing: the provider knows their keys, a reader of "
        "dead\n       letters where they were read first\n"
        "  %4zu in all moved money after a later charge of the same customer: the price of "
        "not waiting\n\n",
        AFTER, verdict->again, verdict->reordered);
    return 0;
}

int story_pattern(struct till *till) {
    struct till_verdict verdict;
    struct kpk_err err;
    char text[400];
    int wrong = 0;

    if (tell(till, &verdict, &wrong, &err)) return kpk_conclude_broken(&err);
    if (wrong)
        return kpk_conclude(KPK_FAIL, "%d dead letters were not tried as often as they must be",
                            wrong);
    if (verdict.again == 0)
        return kpk_conclude(KPK_FAIL,
                            "a worker died before its commit, and nothing came again");
    if (verdict.reordered == 0)
        return kpk_conclude(KPK_FAIL, "charges were retried, and none came out of order");
    return kpk_conclude(verdict.report.first[0] ? KPK_FAIL : KPK_PASS, "%s",
                        kpk_report_text(&verdict.report, text, sizeof(text)));
}
