/* Retry and dead letters: a record that fails stops no group, and is not lost.
 *
 *                      .-- RETRY --> charges.<group>.retry-1s --> .retry-3s --.
 *   charges --(group)--+                                           tries      |
 *                      |                                          used up     v
 *                      '-- REJECT --------------------------------------> .dlq
 *
 * The group reads its own tiers beside its topics, with the same members (patterns/fanout); each
 * record in a tier is tried when it is due (delay.h), and from there goes the same way.
 *
 * Guaranteed      the record lies in its next topic, byte for byte (key, value, headers) and with the
 *                 reason in headers, before its offset is committed. It is tried once more per tier,
 *                 never before its time, then it is a dead letter. It does not grow on its way.
 *                 A try that its effect does not count (err.h) is the exception: from the last tier the
 *                 record goes there again, for as long as the effect says so.
 *                 One that does not fit, as it is larger than its topic's limit, which only a
 *                 compressed one can be, is not copied: it is a dead letter at once, which says where
 *                 it lies and how large it is (kpk-left-out-bytes).
 * Not guaranteed  that it lies there once: a crash between hand-over and commit hands it over again.
 *                 (__dlq.errors.topic, .partition, .offset, .group) identify it for readers.
 *                 That it keeps its place: what comes behind it on its key is done before it.
 * Headers         headers.h */
#ifndef KPK_PATTERNS_RETRY_DLQ_RETRY_H
#define KPK_PATTERNS_RETRY_DLQ_RETRY_H

#include "common/err.h"
#include "common/event.h"
#include "common/kafka.h"

struct kpk_retry;

/* group  base name; its tiers and dead letter topics come from the topology
 * One thread uses it: one per group member. */
int kpk_retry_open(struct kpk_retry **retry, const char *group,
                   struct kpk_err *err) KPK_MUST_CHECK;
void kpk_retry_close(struct kpk_retry *retry); /* NULL is fine */

/* Which of its tries this is, by where 'msg' was read: fill 'last_try' and 'waited_ms' of its event. */
void kpk_retry_tell(const struct kpk_retry *retry, const rd_kafka_message_t *msg,
                    struct kpk_event *event);

/* Queue 'msg' for where it goes next; copied. 'why' is what the effect said: RETRY, or REJECT.
 * returns  0, or -1 with 'err': WAIT, or FATAL */
int kpk_retry_hand_over(struct kpk_retry *retry, const rd_kafka_message_t *msg,
                        const struct kpk_err *why, struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until everything queued is acknowledged: call it before the commit.
 * returns  0, or -1 with 'err': WAIT: do the batch again, or FATAL */
int kpk_retry_wait(struct kpk_retry *retry, struct kpk_err *err) KPK_MUST_CHECK;

#endif
