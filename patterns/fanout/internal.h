/* A member of a group, shared by the loop (fanout.c) and its set-up (members.c). */
#ifndef KPK_PATTERNS_FANOUT_INTERNAL_H
#define KPK_PATTERNS_FANOUT_INTERNAL_H

#include "common/kafka.h"
#include "patterns/fanout/fanout.h"
#include "patterns/retry-dlq/delay.h"
#include "patterns/retry-dlq/retry.h"

/* What became of one record. */
struct fanout_outcome {
    struct kpk_err why; /* KPK_OK: noted, and then done; else RETRY or REJECT */
    int64_t time_ms;    /* when the event happened */
};

/* One thread uses it. */
struct fanout_member {
    const struct kpk_fanout_effect *effect;
    void *ctx; /* of 'effect' */
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
    struct fanout_outcome *outcomes; /* of the batch's records */
    struct kpk_retry *retry;
    struct kpk_delay *delay;
};

/* The loop: poll, effect, commit, until kpk_stopping(). returns 0, or -1 with 'err' */
int fanout_member_run(struct fanout_member *member, struct kpk_err *err) KPK_MUST_CHECK;

/* The name of the group in the loop's metrics. */
void fanout_metrics_init(const char *group);

#endif
