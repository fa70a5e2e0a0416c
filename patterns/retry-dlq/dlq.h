/* Dead letter queue: a record that can never succeed stops no group and is not lost.
 *
 *   tweets --(group)--> effect says REJECT --> tweets.<group>.dlq --> commit
 *
 * Guaranteed      the record lies in its group's dead letter topic, byte for byte (key, value,
 *                 headers), with the reason in headers, before its offset is committed. One that
 *                 does not fit, as it is larger than its topic's limit, which only a compressed one
 *                 can be, is not copied: its letter says where it lies and how large it is
 *                 (kpk-left-out-bytes).
 * Not guaranteed  that it lies there once: a crash between hand-over and commit hands it over
 *                 again. (__dlq.errors.topic, .partition, .offset, .group) identify it for readers.
 * Headers are named as Kafka's own brokers name them (KIP-1191). */
#ifndef KPK_PATTERNS_RETRY_DLQ_DLQ_H
#define KPK_PATTERNS_RETRY_DLQ_DLQ_H

#include "common/err.h"
#include "common/kafka.h"

struct kpk_dlq;

/* group  base name; its dead letter topics come from the topology
 * One thread uses it: one per group member. */
int kpk_dlq_open(struct kpk_dlq **dlq, const char *group, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_dlq_close(struct kpk_dlq *dlq); /* NULL is fine */

/* Queue 'msg' for the dead letter topic of its topic; copied. 'why' is what the effect said.
 * returns  0, or -1 with 'err': WAIT, or FATAL */
int kpk_dlq_add(struct kpk_dlq *dlq, const rd_kafka_message_t *msg, const struct kpk_err *why,
                struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until everything queued is acknowledged: call it before the commit.
 * returns  0, or -1 with 'err': WAIT: do the batch again, or FATAL */
int kpk_dlq_wait(struct kpk_dlq *dlq, struct kpk_err *err) KPK_MUST_CHECK;

#endif
