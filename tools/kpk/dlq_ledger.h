/* The ledger of dead letters: what was done about each. A log cannot delete in the middle, so a letter
 * that was dealt with stays where it is, and a record of a compacted topic says so:
 *
 *   key    notifications-pending.email-workers.dlq:0:17       where the letter lies
 *   value  {"action":"redriven","at":1795514400123,"by":"root@host","times":1,"letter_at":1795514000456}
 *
 * The last record of a key counts; one without a value takes back what was said. 'letter_at' is the
 * letter's own timestamp: a dead letter topic that was removed and made anew has the same offsets again,
 * and what was done about its old letters must not hide the new ones. */
#ifndef KPK_TOOLS_DLQ_LEDGER_H
#define KPK_TOOLS_DLQ_LEDGER_H

#include "tools/kpk/dlq_topics.h"

enum kpk_dlq_state {
    KPK_DLQ_OPEN,
    KPK_DLQ_REDRIVEN, /* back in the group's first retry tier */
    KPK_DLQ_PARKED,   /* seen, and left as it is */
    KPK_DLQ_PURGED,   /* dealt with, for good */
    KPK_DLQ_STATES
};

const char *kpk_dlq_state_name(enum kpk_dlq_state state); /* "open", "redriven", ... */

enum { KPK_LEDGER_BY = 48, KPK_LEDGER_KEY_BYTES = KPK_NAME_BYTES + 40 };

struct kpk_ledger_entry {
    const char *topic; /* the dead letter topic, on the cluster */
    int32_t partition;
    int64_t offset;
    int64_t letter_ms; /* when the letter was put there */
    enum kpk_dlq_state state;
    int64_t at_ms;
    int times; /* it was redriven, this time included */
    char by[KPK_LEDGER_BY];
    size_t number; /* private: of records that were added */
};

enum { KPK_LEDGER_RECORDS = 2000000 }; /* held at once, about 100 bytes each */

/* Begin with {.topics = ...}; they must outlive it. */
struct kpk_ledger {
    const struct kpk_dlq_topics *topics;
    struct kpk_ledger_entry *all; /* once settled: by position, one each */
    size_t count, capacity;
    size_t
        odd; /* records that say nothing: not ours, or of topics that the table does not have */
};

/* Read all of it, up to where it ends now; what was in 'ledger' is forgotten. One that is not on the
 * cluster is empty. kpk_stopping() interrupts it.
 * patience_ms  how long no record may come
 * returns      0, or -1 with 'err' (WAIT, FATAL) */
int kpk_ledger_read(struct kpk_ledger *ledger, int patience_ms,
                    struct kpk_err *err) KPK_MUST_CHECK;
void kpk_ledger_free(struct kpk_ledger *ledger); /* what it holds; not its topics */

/* NULL: nothing was done about the letter that was put there at 'letter_ms'. */
const struct kpk_ledger_entry *kpk_ledger_find(const struct kpk_ledger *ledger,
                                               const char *topic, int32_t partition,
                                               int64_t offset, int64_t letter_ms);

/* How many letters of a partition, from the offset 'low' up to, without, 'high', something was done
 * about. Their timestamps are not compared: nobody needs to read them for this. */
int64_t kpk_ledger_count(const struct kpk_ledger *ledger, const char *topic, int32_t partition,
                         int64_t low, int64_t high);

/* --- one record -------------------------------------------------------------------------- */

/* returns  'out'; at least KPK_LEDGER_KEY_BYTES */
const char *kpk_ledger_key(const struct kpk_ledger_entry *entry, char *out);
/* returns  for free(); NULL: memory is short */
char *kpk_ledger_value(const struct kpk_ledger_entry *entry);

/* What kpk_ledger_read() does with each record, and when it has them all.
 * value    NULL: takes back
 * returns  0; -1 with 'err' (FATAL): memory is short, or there are too many */
int kpk_ledger_add(struct kpk_ledger *ledger, const void *key, size_t key_len,
                   const void *value, size_t value_len, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_ledger_settle(struct kpk_ledger *ledger);

#endif
