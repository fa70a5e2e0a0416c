/* Look at topics from outside: no group, nothing committed, so nobody notices. Only committed
 * transactions are seen, as by every consumer of the kit. */
#ifndef KPK_COMMON_TAIL_H
#define KPK_COMMON_TAIL_H

#include "common/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct kpk_tail; /* one thread uses it */

/* Begin to read 'topic' (full name).
 * from_end  from where the partitions end now: what is written after this call returned is seen
 * returns   0, or -1 with 'err': WAIT no broker answers; FATAL no such topic */
int kpk_tail_open(struct kpk_tail **tail, const char *topic, bool from_end,
                  struct kpk_err *err) KPK_MUST_CHECK;
void kpk_tail_close(struct kpk_tail *tail); /* NULL is fine */

/* Wait up to 'timeout_ms' for one record. Order holds within a partition.
 * msg      out, for rd_kafka_message_destroy(); NULL: none came in time
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_tail_next(struct kpk_tail *tail, int timeout_ms, rd_kafka_message_t **msg,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* How many partitions the topic had when it was opened. */
int kpk_tail_partitions(const struct kpk_tail *tail);

#endif
