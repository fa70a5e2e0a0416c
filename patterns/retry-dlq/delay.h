/* A tier's delay: not by sleeping, which would hold up all partitions and get the member thrown out of
 * its group (max.poll.interval.ms), but by pausing one partition.
 *
 *   poll --> a record that is not due --> its partition is paused, its position set back to it (1)
 *     ^                                                                  |
 *     '--- polls go on, the other partitions with them                   | due
 *     '--- resumed: the record is fetched again (2) <--------------------'
 *
 * Guaranteed      a record of a tier is not tried before its time (kpk-not-before), and does not wait
 *                 longer than its tier's delay once a member has seen it, whatever it says of itself.
 *                 Nothing is committed for a record that waits. What is known here of who waits
 *                 only says when to look again: a partition that another member gets, or that somebody
 *                 else resumes (kpk_commit() after a kpk_pause()), has its records looked at afresh.
 * Not guaranteed  the moment: a due record comes with the next fetch, in the mean a quarter of a second
 *                 late (librdkafka asks a broker again when the last request is answered, at most
 *                 fetch.wait.max.ms = 500 later); and behind whatever its member has to do until then.
 * Of librdkafka   pausing drops what was prefetched; a paused partition may be sought; a pause
 *                 outlives its assignment, so common/kafka_consumer.c ends it when one is revoked. */
#ifndef KPK_PATTERNS_RETRY_DLQ_DELAY_H
#define KPK_PATTERNS_RETRY_DLQ_DELAY_H

#include "common/err.h"
#include "common/kafka.h"

struct kpk_delay;

/* group  base name; its tiers come from the topology. Without any there is nothing to wait for.
 * One thread uses it: one per group member. */
int kpk_delay_open(struct kpk_delay **delay, const char *group,
                   struct kpk_err *err) KPK_MUST_CHECK;
void kpk_delay_close(struct kpk_delay *delay); /* NULL is fine */

/* Before a poll: resume the partitions whose records are due.
 * returns  how long the poll may wait: 'timeout_ms', or less when another will be due before */
int kpk_delay_resume(struct kpk_delay *delay, struct kpk_consumer *consumer, int timeout_ms);

/* After a poll: take what is not due out of the batch, and what is behind it in its partition.
 * returns  0; -1 with 'err' (WAIT): the batch is as it was: keep it, try again */
int kpk_delay_put_back(struct kpk_delay *delay, struct kpk_consumer *consumer,
                       struct kpk_batch *batch, struct kpk_err *err) KPK_MUST_CHECK;

#endif
