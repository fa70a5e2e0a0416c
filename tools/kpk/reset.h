/* Where each partition of a group goes on after a reset. Decided from what the partitions have,
 * asking nobody: group.c reads and alters.
 *
 *   beginning   the first record there is
 *   end         the last stable offset, as in lag.h: what lies in a transaction that is still
 *               open is not skipped
 *   a time      the first record that is not older; the end, where all of them are
 *   an offset   that one, in each partition; where it is not within a partition, the nearest that
 *               is, as kpk tail reads it: one number rarely suits all partitions, and a group
 *               that is given an offset out of range would not start */
#ifndef KPK_TOOLS_RESET_H
#define KPK_TOOLS_RESET_H

#include "common/tail.h"

#include <stddef.h>

enum kpk_reset_note {
    KPK_RESET_EXACT,
    KPK_RESET_BEGINS_LATER, /* asked for an offset before the beginning: the beginning */
    KPK_RESET_ENDS_BEFORE,  /* asked for an offset after the end: the end */
    KPK_RESET_NONE_SINCE,   /* asked for a time after the last record: the end */
};

struct kpk_reset_partition {
    const char *topic; /* on the cluster */
    int partition;
    int64_t committed;  /* -1: none */
    int64_t begin, end; /* -1: unknown, for it is gone or nobody leads it */
    int64_t first;      /* with a time: the first record not older; -1: none */
    /* decided */
    int64_t target;
    int64_t again;   /* offsets the group has passed and goes through once more */
    int64_t skipped; /* offsets it has not got to, and never will */
    int64_t lost;    /* offsets it had not got to before retention took them */
    enum kpk_reset_note note;
};

/* Decide for all of them, or for none.
 * from_end  where the group stands in a partition it has committed nothing of: at the end, not
 *           at the beginning
 * returns   0, or -1 with 'err' (WAIT) naming the first partition that cannot be resolved */
int kpk_reset_decide(struct kpk_reset_partition *partitions, size_t count,
                     const struct kpk_tail_from *to, bool from_end,
                     struct kpk_err *err) KPK_MUST_CHECK;

#endif
