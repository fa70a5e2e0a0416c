/* Does what was decided about dead letters. A record goes back to its group's first retry tier together
 * with the ledger's word about it, in one Kafka transaction: there are both or neither.
 *
 *   read the letters (1) --> begin, produce records and entries (2) --> commit (3)
 *
 * Killed before (3): nobody who reads committed records sees any of it, the ledger says nothing, and the
 *                    next run does it. Until that, or until the transaction times out after a minute,
 *                    readers of the tier's partitions wait at what was begun.
 * Killed after (3):  the ledger says it, and no run does it again.
 *
 * One at a time: all use one transactional.id, so whoever opens a writer refuses what an earlier one
 * still sends, and aborts what it had begun. The ledger is read after that, or the earlier one's last
 * word could be missed. */
#ifndef KPK_TOOLS_DLQ_WRITE_H
#define KPK_TOOLS_DLQ_WRITE_H

#include "tools/kpk/dlq_decide.h"

struct kpk_dlq_writer; /* one thread uses it */

/* returns  0, or -1 with 'err' (WAIT, FATAL) */
int kpk_dlq_writer_open(struct kpk_dlq_writer **writer, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_dlq_writer_close(struct kpk_dlq_writer *writer); /* NULL is fine */

enum { KPK_DLQ_BATCH = 200, KPK_DLQ_BATCH_BYTES = 16 * 1024 * 1024 };

/* How many of 'deeds' from the first on are one batch: of one partition, in one transaction. */
size_t kpk_dlq_batch(struct kpk_deed *const *deeds, size_t count);

/* Do them: one batch of deeds that are DUE, in the order of their offsets. Outcomes become DONE or GONE;
 * UNKNOWN when the commit was asked for and not answered; or stay DUE, and nothing of the batch is done.
 * returns  0, or -1 with 'err': WAIT: it may be tried again; FATAL. The writer is of no use then */
int kpk_dlq_write(struct kpk_dlq_writer *writer, struct kpk_deed *const *deeds, size_t count,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until readers of committed records see what was done: a commit is answered a little before.
 * returns  0, or -1 with 'err' (WAIT): they do not yet, or nobody answers */
int kpk_dlq_settle(const struct kpk_dead_letters *letters, const struct kpk_deeds *deeds,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* For qsort() of pointers to deeds: by topic, partition and offset. */
int kpk_deed_compare(const void *a, const void *b);

#endif
