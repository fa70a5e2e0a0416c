/* The world of the worked example: orders in PostgreSQL that change, and an event on topic 'orders'
 * for each change -- or not, which is what it is about.
 *
 *   shop_open()                                    tables, orders
 *   shop_begin(&shop, ...)                         a run: its changes are judged by themselves
 *   shop_change(&shop, writer, order, err)         ask a writer process for one change
 *   shop_judge(&shop, ...)                         the database against the topic
 *
 * The judge believes the database: a change that is in it must be in the topic, a change that is
 * not must not be. In the history a stream is an order, an id is a change, and the observer is
 * the topic, oldest first; an event that comes again with the same ce_id is counted apart. */
#ifndef KPK_PATTERNS_OUTBOX_EXAMPLE_SHOP_H
#define KPK_PATTERNS_OUTBOX_EXAMPLE_SHOP_H

#include "common/child.h"
#include "common/history.h"
#include "common/pg.h"
#include "common/tail.h"
#include "common/uuid.h"

enum { SHOP_ORDERS = 20, SHOP_CHANGES = 4000 };

/* One change that is to be made, as everybody names it. */
struct change {
    int order;
    char id[KPK_UUID_BYTES]; /* and ce_id of its event */
};

struct attempt {
    struct change change;
    bool seen;
    int64_t begun_us, seen_us; /* monotonic: asked for, read from the topic */
};

struct shop {
    struct kpk_pg *pg;
    struct kpk_tail *tail;
    struct attempt *attempts; /* of this run, in their order */
    int count, acked;
    int again; /* events of this run that came once more */
    struct kpk_history *history;
};

int shop_open(struct shop *shop, struct kpk_err *err) KPK_MUST_CHECK;
void shop_close(struct shop *shop);

/* Forget the attempts so far; the topic is read from its end. */
int shop_begin(struct shop *shop, struct kpk_err *err) KPK_MUST_CHECK;

/* The change that comes next, noted as an attempt. returns NULL with 'err' (FATAL): SHOP_CHANGES were made */
struct change *shop_next(struct shop *shop, int order, struct kpk_err *err);

/* Ask 'writer' for one change of 'order', and wait for its answer.
 * returns  0: acknowledged; -1 with 'err' (WAIT: the writer died, hangs, or says that it failed; FATAL) */
int shop_change(struct shop *shop, struct kpk_child *writer, int order,
                struct kpk_err *err) KPK_MUST_CHECK;

/* Read the topic until nothing more has come for 'timeout_ms'. */
int shop_read_topic(struct shop *shop, int timeout_ms, struct kpk_err *err) KPK_MUST_CHECK;

/* Wait up to 'timeout_ms' for the topic to have all that the database has, and judge.
 * returns  0 with 'report', or -1 with 'err' */
int shop_judge(struct shop *shop, int timeout_ms, struct kpk_report *report,
               struct kpk_err *err) KPK_MUST_CHECK;

#endif
