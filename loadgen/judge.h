/* Did a group see every record, each once and in order? At full speed and in constant memory: of each
 * stream is kept how far it was seen, how many records, and which of the last 64.
 *
 * The judgement of common/history, for runs of millions of records: there each sighting is kept, here it is
 * counted. What is more than 64 records late in its stream cannot be told from a duplicate and counts as one. */
#ifndef KPK_LOADGEN_JUDGE_H
#define KPK_LOADGEN_JUDGE_H

#include "common/err.h"
#include "common/history.h"

#include <stdint.h>

struct load_seen {
    uint32_t next; /* the highest number seen, and 1 */
    uint32_t distinct;
    uint64_t latest; /* bit n: number next - 1 - n was seen */
};

/* Of one group. A stream's partition is one member's, so members never meet in a stream. */
struct load_judge {
    uint32_t streams;
    struct load_seen *seen;
};

/* What one member counts. */
struct load_tally {
    uint64_t seen, duplicated, reordered, invented;
};

int load_judge_open(struct load_judge *judge, uint32_t streams,
                    struct kpk_err *err) KPK_MUST_CHECK;
void load_judge_close(struct load_judge *judge);

void load_judge_see(struct load_judge *judge, uint32_t stream, uint32_t seq,
                    struct load_tally *tally);

/* The verdict, when all has been sent and received.
 * sent     of each stream: how many were handed to the client
 * unacked  of each stream: how many of these have no acknowledgement; they may have been seen or not
 * tally    of all members of the group together
 * report   'writes' are the acknowledged ones */
void load_judge_check(const struct load_judge *judge, const uint32_t *sent,
                      const uint32_t *unacked, const struct load_tally *tally,
                      const char *group, struct kpk_report *report);

#endif
