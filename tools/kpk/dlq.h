/* Dead letters: what groups rejected, read from their dead letter topics. What a letter says of
 * itself may come from a stranger, who can write to such a topic as well; here it is safe text
 * already (safe.h), cut to what fits a line. */
#ifndef KPK_TOOLS_DLQ_H
#define KPK_TOOLS_DLQ_H

#include "topology/topology.h"

#include <stddef.h>

/* The dead letter topics of the table:
 *   for (struct kpk_dlq_topic at = {0}; kpk_dlq_next(&at);) ... */
struct kpk_dlq_topic {
    const struct kpk_group *group;
    const struct kpk_topic *topic; /* what the group reads */
    char name[KPK_NAME_BYTES];     /* on the cluster */
};
bool kpk_dlq_next(struct kpk_dlq_topic *at);

struct kpk_dead_letter {
    char topic[KPK_NAME_BYTES]; /* where it lies, on the cluster */
    int32_t partition;
    int64_t offset;
    int64_t ms; /* when it was put there */
    /* As its headers say. NULL: they say nothing, or memory is short */
    char *from;  /* "tweets:3:128" */
    char *group; /* on the cluster */
    char *reason;
};

/* Read the headers of a dead letter. */
void kpk_dead_letter_fill(struct kpk_dead_letter *letter, const rd_kafka_message_t *msg);
void kpk_dead_letter_free(struct kpk_dead_letter *letter); /* what it holds; not 'letter' */
/* For qsort() of letters, or of structs that begin with one: oldest first. */
int kpk_dead_letter_compare(const void *a, const void *b);

enum { KPK_DEAD_LETTERS = 100000 }; /* held at once: about 500 bytes each */

struct kpk_dead_letters {
    struct kpk_dead_letter *all; /* oldest first */
    size_t count, capacity;
    size_t topics;     /* read */
    size_t missing;    /* topics that are not on this cluster */
    size_t leaderless; /* partitions nobody leads now: not read */
    size_t more;       /* letters past KPK_DEAD_LETTERS: not held */
};

/* Read those of 'group' and of 'topic' (base names or names on the cluster; "": all), up to
 * where their topics end now.
 * returns  0, or -1 with 'err': REJECT no such group or topic with dead letters; WAIT, FATAL */
int kpk_dead_letters_read(struct kpk_dead_letters *letters, const char *group,
                          const char *topic, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_dead_letters_free(struct kpk_dead_letters *letters);

#endif
