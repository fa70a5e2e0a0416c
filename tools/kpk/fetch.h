/* Single records, by their positions: one after the other, fastest in the order of topic, partition and
 * offset. */
#ifndef KPK_TOOLS_FETCH_H
#define KPK_TOOLS_FETCH_H

#include "common/tail.h"
#include "tools/kpk/where.h"

/* Zeroed at first. One thread uses it. */
struct kpk_fetcher {
    /* private */
    struct kpk_tail *tail;
    struct kpk_position next;  /* what the tail comes to next, at the earliest */
    rd_kafka_message_t *ahead; /* came in place of one that is not there */
};

/* msg      out, for rd_kafka_message_destroy(), before a record of another partition is asked for;
 *          NULL: no such record: not written yet, gone by retention, or not one for a reader
 * returns  0, or -1 with 'err': WAIT nobody answers, or kpk_stopping(); FATAL no such partition */
int kpk_fetch(struct kpk_fetcher *fetcher, const struct kpk_position *at,
              rd_kafka_message_t **msg, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_fetcher_close(struct kpk_fetcher *fetcher);

#endif
