/* What is done with each dead letter that was chosen. Decided from what was read, asking nobody:
 * dlq_act.c reads and prints, dlq_write.c does it.
 *
 *   open      redrive, park and purge do what they say
 *   parked    is redriven only if it is named by its position, so that no filter sends back what
 *             somebody decided to leave; may be purged
 *   redriven  was done: nothing is done again
 *   purged    likewise, and is never redriven
 *
 * Filters choose among the open ones, as kpk dlq list shows them. A letter that cannot be sent back is
 * refused with the reason, and the others are not. */
#ifndef KPK_TOOLS_DLQ_DECIDE_H
#define KPK_TOOLS_DLQ_DECIDE_H

#include "tools/kpk/dlq.h"

enum kpk_deed_outcome {
    KPK_DEED_DUE,     /* to be done */
    KPK_DEED_DONE,    /* committed */
    KPK_DEED_ALREADY, /* it was done before */
    KPK_DEED_REFUSED,
    KPK_DEED_GONE,    /* retention took the letter after it was read */
    KPK_DEED_UNKNOWN, /* asked for, and never answered */
    KPK_DEED_OUTCOMES
};

struct kpk_deed {
    struct kpk_dlq_letter *letter; /* the oldest of its copies */
    enum kpk_dlq_state to;         /* what the ledger is to say */
    bool send;                     /* the record goes back */
    bool late; /* all was done before, but about a copy that came afterwards */
    enum kpk_deed_outcome outcome;
    char *why; /* of REFUSED; of ALREADY, and when late: what was done; NULL: nothing to say */
};

struct kpk_dlq_order {
    enum kpk_dlq_state to; /* REDRIVEN, PARKED or PURGED */
    bool named;            /* those that are named, else the open ones that are alike */
    int limit;             /* so many are done, the oldest; 0: all */
    int max_redrives;      /* a letter that came back so often is refused */
};

struct kpk_deeds {
    struct kpk_deed *all; /* in the order of the letters */
    size_t count;
    size_t parked; /* alike, and left alone as they are parked */
};

/* returns  0, or -1 with 'err' (FATAL) */
int kpk_dlq_decide(struct kpk_dead_letters *letters, const struct kpk_dlq_order *order,
                   struct kpk_deeds *deeds, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_deeds_free(struct kpk_deeds *deeds);

size_t kpk_deeds_count(const struct kpk_deeds *deeds, enum kpk_deed_outcome outcome);

#endif
