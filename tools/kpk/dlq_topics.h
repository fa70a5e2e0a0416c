/* The dead letter topics of the table, and where letters go back to from each. */
#ifndef KPK_TOOLS_DLQ_TOPICS_H
#define KPK_TOOLS_DLQ_TOPICS_H

#include "topology/plan.h"

struct kpk_dlq_topic {
    const struct kpk_group *group;
    const struct kpk_topic *topic; /* what the group reads */
    char name[KPK_NAME_BYTES];     /* all names are those on the cluster */
    char source[KPK_NAME_BYTES];   /* of 'topic' */
    char rejecter[KPK_NAME_BYTES]; /* of 'group' */
    char tier[KPK_NAME_BYTES];     /* the group's first retry tier; "": it has none */
    int tier_bytes;                /* the largest record that it takes */
    bool there, tier_there;        /* is on the cluster */
    int tier_partitions;           /* 0: not known */
};

struct kpk_dlq_topics {
    struct kpk_dlq_topic *all; /* in the order of the table */
    size_t count;
    bool ledger_there;
    int ledger_partitions; /* 0: not known */
};

/* plan     described; NULL: nothing is looked up, and taken to be there
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_dlq_topics_open(struct kpk_dlq_topics *topics, struct kpk_plan *plan,
                        struct kpk_err *err) KPK_MUST_CHECK;
/* The same, having looked at the cluster. returns  0, or -1 with 'err': WAIT too */
int kpk_dlq_topics_look(struct kpk_dlq_topics *topics, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_dlq_topics_close(struct kpk_dlq_topics *topics);

/* By its name on the cluster. NULL: none */
const struct kpk_dlq_topic *kpk_dlq_topic_find(const struct kpk_dlq_topics *topics,
                                               const char *name);

#endif
