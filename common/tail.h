/* Look at topics from outside: no group, nothing committed, so nobody notices. Only committed
 * transactions are seen, as by every consumer of the kit. */
#ifndef KPK_COMMON_TAIL_H
#define KPK_COMMON_TAIL_H

#include "common/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct kpk_tail; /* one thread uses it */

enum kpk_tail_start {
    KPK_TAIL_BEGINNING,
    KPK_TAIL_END,    /* where the partitions end now: what is written after the call is seen */
    KPK_TAIL_TIME,   /* the first record of each partition that is not older */
    KPK_TAIL_OFFSET, /* of each partition, or the nearest that it has */
};

struct kpk_tail_from {
    enum kpk_tail_start start;
    int64_t at; /* TIME: epoch milliseconds; OFFSET */
};

struct kpk_tail_opts {
    const char *const *topics; /* full names, NULL-terminated; each must exist */
    int32_t partition;         /* of each topic; KPK_TAIL_ALL */
    struct kpk_tail_from from;
    bool until_end;       /* stop where the partitions end now */
    bool skip_leaderless; /* else a partition that nobody leads now is an error */
};

enum { KPK_TAIL_ALL = -1 };

/* returns  0, or -1 with 'err': WAIT no broker answers, or a partition has no leader; FATAL no
 * such topic or partition */
int kpk_tail_open_at(struct kpk_tail **tail, const struct kpk_tail_opts *opts,
                     struct kpk_err *err) KPK_MUST_CHECK;
/* The same for all partitions of one topic, from its end or its beginning, without an end. */
int kpk_tail_open(struct kpk_tail **tail, const char *topic, bool from_end,
                  struct kpk_err *err) KPK_MUST_CHECK;
void kpk_tail_close(struct kpk_tail *tail); /* NULL is fine */

/* Wait up to 'timeout_ms' for one record. Order holds within a partition.
 * msg      out, for rd_kafka_message_destroy(); NULL: none came in time, or done
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_tail_next(struct kpk_tail *tail, int timeout_ms, rd_kafka_message_t **msg,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* With 'until_end': has everything been given? */
bool kpk_tail_done(const struct kpk_tail *tail);

/* How many partitions were found when it was opened, those without a leader included. */
int kpk_tail_partitions(const struct kpk_tail *tail);
int kpk_tail_leaderless(const struct kpk_tail *tail);

#endif
