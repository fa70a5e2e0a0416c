/* The crash matrix of the outbox: writer and relay, at each of their points. */
#include "common/conclude.h"
#include "common/matrix.h"
#include "patterns/outbox/example/cast.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { BEFORE = 40, AFTER = 40, STRIKE_MS = 20000 };

static const char *const points[] = {
    "order:after-change",   "order:before-commit",  "order:after-commit",
    "outbox:after-select",  "outbox:after-produce", "outbox:before-commit",
    "outbox:after-publish", "outbox:after-delete",  NULL,
};

/* The writer meets it while it changes an order. The next one works on, on other orders: the row of
 * that one may be locked by a process that hangs. */
static int strike_writer(struct cast *cast, const char *fault, const char *point,
                         enum kpk_fault_kind kind, struct kpk_cell *cell, struct kpk_err *err) {
    struct kpk_child *struck;
    struct kpk_err ignored;
    int order;

    if (cast_writer(cast, "outbox", fault, err)) return -1;
    (void)!cast_changes(cast, BEFORE, -1, &ignored);
    cell->met = kpk_child_met(cast->writer, point);
    order = cast->shop.attempts[cast->shop.count - 1].change.order;
    struck = cast->writer;
    cast->writer = NULL;
    int failed = cast_writer(cast, "outbox", NULL, err) ||
                 cast_changes(cast, AFTER, kind == KPK_FAULT_STOP ? order : -1, err);
    /* It hung for longer than its client waited, and wakes up in the middle of it. */
    if (kind == KPK_FAULT_STOP) {
        kpk_child_signal(struck, SIGCONT);
        if (!failed) failed = kpk_child_end(struck, CAST_PATIENCE_MS, err);
    }
    kpk_child_close(struck);
    return failed;
}

/* The active relay meets it. The standby takes over from one that dies or hangs; one that hung wakes
 * up with a batch in hand, and must find that it was replaced. */
static int strike_relay(struct cast *cast, const char *fault, const char *point,
                        enum kpk_fault_kind kind, struct kpk_cell *cell, struct kpk_err *err) {
    struct kpk_child *relay;

    if (cast_strike(cast, point, fault, STRIKE_MS, err)) return -1;
    relay = cast->relays[0];
    cell->met = kpk_child_met(relay, point);
    if (kind == KPK_FAULT_EXIT)
        cell->met = kpk_child_await(relay, KPK_CHILD_KILLED, CAST_PATIENCE_MS);
    if (cast_changes(cast, AFTER, -1, err)) return -1;
    if (kind != KPK_FAULT_STOP) return 0;
    if (kpk_child_await_words(cast->relays[1], "relay-active", CAST_PATIENCE_MS, err))
        return -1;
    if (cast_changes(cast, AFTER, -1, err) || cast_await_newest(cast, err)) return -1;
    kpk_child_signal(relay, SIGCONT);
    return kpk_child_await_words(relay, "relay-standby", CAST_PATIENCE_MS, err);
}

static int run_cell(void *ctx, const char *point, enum kpk_fault_kind kind,
                    struct kpk_cell *cell, struct kpk_err *err) {
    struct cast *cast = ctx;
    bool of_writer = strncmp(point, "order:", strlen("order:")) == 0;
    char fault[96];
    int failed = -1;

    snprintf(fault, sizeof(fault), "%s=%s@%d", point, kpk_fault_kind_name(kind),
             of_writer ? BEFORE / 2 : 2);
    if (shop_begin(&cast->shop, err)) goto out;
    if (cast_relays(cast, of_writer ? NULL : fault, err)) goto out;
    if (of_writer) {
        if (strike_writer(cast, fault, point, kind, cell, err)) goto out;
    } else {
        if (cast_writer(cast, "outbox", NULL, err)) goto out;
        if (strike_relay(cast, fault, point, kind, cell, err)) goto out;
    }
    failed = shop_judge(&cast->shop, CAST_PATIENCE_MS, &cell->report, err);
    cell->again = (size_t)cast->shop.again;
out:
    cast_dismiss(cast);
    return failed;
}

int story_matrix(struct cast *cast, unsigned kinds) {
    const struct kpk_matrix matrix = {
        .prefixes = (const char *const[]){"order:", "outbox:", NULL},
        .points = points,
        .kinds = kinds,
        .run = run_cell,
        .ctx = cast,
    };
    struct kpk_matrix_result result;
    struct kpk_err err;

    printf("\n  Each cell: %d changes and more, one process meets one fault, and the topic is "
           "compared\n"
           "  with the database. order: the writer, outbox: the active relay.\n\n",
           BEFORE + AFTER);
    if (kpk_matrix_run(&matrix, &result, &err)) return kpk_conclude_broken(&err);
    printf("\n");
    return kpk_matrix_conclude(&result, "nothing lost, reordered or invented");
}
