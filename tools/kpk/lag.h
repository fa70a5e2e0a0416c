/* What a group has still to do, partition by partition.
 *
 *   committed   the offset the group will begin from (its next record), as it committed it
 *   end         the last stable offset: the first one that a read_committed consumer, as every
 *               consumer of the kit is, cannot be given yet
 *   lag         the records between the two
 *
 * The distance of the offsets is not the lag. A transaction ends with a control record, which
 * takes an offset and is given to nobody, and so do the records of aborted transactions. A
 * consumer that commits "last record + 1" therefore stays one offset behind the end of an idle
 * partition for ever. kafka-consumer-groups.sh subtracts the committed offset from the high
 * watermark: it shows a lag of 1 on each idle partition of a transactional topic, and counts
 * transactions that are open or were aborted as well. Here a partition that is at most
 * KPK_LAG_PEEK offsets behind is read from its committed offset, and its lag is the records
 * that come: 0 means there is nothing to do. Further behind, the distance is shown: an upper
 * bound, and far enough from 0 that it does not mislead.
 *
 * Without a committed offset the lag counts from where the group would begin: from the
 * beginning of the partition, or not at all (unknown, -1) for a group that starts at the end.
 */
#ifndef KPK_TOOLS_LAG_H
#define KPK_TOOLS_LAG_H

#include "topology/admin.h"

enum { KPK_LAG_PEEK = 8 };

struct kpk_lag_partition {
    const char *topic; /* on the cluster */
    int partition;
    int64_t committed; /* -1: none */
    int64_t end;       /* -1: unknown, for the topic is gone or the partition has no leader */
    int64_t unstable;  /* offsets past the end that belong to open transactions */
    int64_t lag;       /* -1: unknown */
    int member;        /* index of its owner, or -1 */
    bool tier;         /* of a retry tier: its records may wait until they are due */
};

struct kpk_lag_member {
    char client[64];
    char host[64];
    char id[160]; /* begins with the client id */
};

/* A group at one moment. */
struct kpk_lag {
    char name[KPK_NAME_BYTES];   /* on the cluster */
    const struct kpk_group *row; /* NULL: not in the table */
    bool exists;
    char state[32]; /* "Stable", "Empty", ... */
    int64_t at_us;  /* monotonic */
    struct kpk_lag_member *members;
    size_t member_count;
    struct kpk_lag_partition *partitions; /* by topic, then partition */
    size_t count;
    int64_t letters; /* open dead letters, by kpk_count_letters(); -1: not counted */
    rd_kafka_topic_partition_list_t *offsets; /* private: holds the topics' names */
};

/* Looks into partitions that are nearly drained. One thread uses it. */
struct kpk_peek;
int kpk_peek_open(struct kpk_peek **peek, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_peek_close(struct kpk_peek *peek); /* NULL is fine */
/* Count the records of partitions that are at most KPK_LAG_PEEK offsets behind. Bounded: what
 * is not counted after two seconds keeps its distance. */
int kpk_peek(struct kpk_peek *peek, struct kpk_lag *lag, struct kpk_err *err) KPK_MUST_CHECK;

/* Read the group 'lag->name' ('lag->row' set too). A group that is not there is no error: see
 * 'exists'.
 * topics   described: how many partitions the table's topics have on this cluster
 * returns  0, or -1 with 'err' (WAIT) */
int kpk_lag_read(struct kpk_admin *admin, struct kpk_plan *topics, struct kpk_lag *lag,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* Forget what was read; the name stays. */
void kpk_lag_clear(struct kpk_lag *lag);

/* Counts dead letters that nothing was done about: begin and end of the dead letter topics, less the
 * entries of the ledger between them. No letter is read, and so a copy counts as one more. The ledger
 * is read again only when it has grown. One thread uses it. */
struct kpk_dlq_counter;
/* topics  described */
int kpk_dlq_counter_open(struct kpk_dlq_counter **counter, struct kpk_plan *topics,
                         struct kpk_err *err) KPK_MUST_CHECK;
void kpk_dlq_counter_close(struct kpk_dlq_counter *counter); /* NULL is fine */
/* Fill 'letters' of the groups that have dead letter topics on the cluster. Partitions that nobody leads
 * now are left out.
 * left_out  out: how many these are
 * returns   0, or -1 with 'err' (WAIT, FATAL): none is counted */
int kpk_count_letters(struct kpk_dlq_counter *counter, struct kpk_admin *admin,
                      struct kpk_lag *lags, size_t count, size_t *left_out,
                      struct kpk_err *err) KPK_MUST_CHECK;

/* The partitions of a group together. */
struct kpk_lag_sum {
    size_t partitions, unknown; /* 'unknown': without a lag */
    int64_t lag, unstable;
    int64_t retrying;   /* of the lag: what lies in retry tiers */
    double in_s, out_s; /* offsets a second: how the ends move, how the commits do */
};

/* topic  NULL: all of them
 * The rates come from the time between two readings; 'before' may be cleared: they are 0 */
struct kpk_lag_sum kpk_lag_sum(const struct kpk_lag *now, const struct kpk_lag *before,
                               const char *topic);

#endif
