/* What a topic should be on this cluster, what it is, and what has to be done about it.
 * Decisions only: admin.h talks to the cluster, so all of this is tested without one.
 *
 *   table --(scale, brokers there are)--> wanted   --.
 *                                                    +--(kpk_topic_decide)--> what to do, in
 * words cluster --(admin.h)-----------------> found    --'
 *
 * Three things are never done by themselves:
 *   - partitions are not removed: Kafka cannot;
 *   - a keyed topic is not grown: a key would move to another partition, and its order would
 * break across the move;
 *   - a topic that exists is not made less durable because brokers are down at the moment, nor
 * is its min.insync.replicas raised above the replicas it has, which would stop all writes. */
#ifndef KPK_TOPOLOGY_PLAN_H
#define KPK_TOPOLOGY_PLAN_H

#include "topology/topology.h"

/* The settings of a topic that the table decides. */
enum kpk_setting { KPK_RETENTION, KPK_CLEANUP, KPK_MIN_ISR, KPK_MAX_BYTES, KPK_SETTINGS };

extern const char *const kpk_setting_names[KPK_SETTINGS]; /* "retention.ms", ... */

enum { KPK_SETTING_BYTES = 32 };

struct kpk_topic_found {
    bool exists;
    int partitions;
    int replicas;         /* of the partition that has the fewest */
    int leaderless;       /* partitions nobody can write to now */
    int under_replicated; /* partitions with a replica out of sync */
    char settings[KPK_SETTINGS][KPK_SETTING_BYTES];
};

enum kpk_topic_outcome {
    KPK_TOPIC_UNCHANGED,
    KPK_TOPIC_CREATED,
    KPK_TOPIC_ALTERED,
    KPK_TOPIC_REFUSED, /* it must grow and may not; other settings are still altered */
    KPK_TOPIC_FAILED,  /* the cluster said no */
};

/* "unchanged", "created", ... */
const char *kpk_topic_outcome_name(enum kpk_topic_outcome outcome);

/* One topic: everything about it in one place. */
struct kpk_topic_plan {
    struct kpk_topic row;           /* of the table, or a dead letter topic derived from it */
    char base_name[KPK_NAME_BYTES]; /* row.name points here */
    char name[KPK_NAME_BYTES];      /* on the cluster */
    struct kpk_topic_found found;   /* filled by kpk_admin_describe() */
    int partitions, replicas;       /* wanted */
    char settings[KPK_SETTINGS][KPK_SETTING_BYTES]; /* wanted */
    bool grow, alter[KPK_SETTINGS];                 /* to do */
    enum kpk_topic_outcome outcome;
    char detail[256]; /* the outcome in words */
};

struct kpk_plan {
    struct kpk_topic_plan *topics;
    size_t count;
};

/* A choice of systems: NULL-terminated names; NULL or empty: all. */
bool kpk_system_named(const char *const *systems, const char *system);
/* returns  0, or -1 with 'err' (REJECT): no such system, and which there are */
int kpk_check_systems(const char *const *systems, struct kpk_err *err) KPK_MUST_CHECK;

/* The topics of the named systems: their rows, what their groups read and write (of whatever
 * system), and the retry tiers and dead letter topics of these groups. In the order of the table,
 * each once.
 * returns  0, or -1 with 'err' (REJECT: as kpk_check_systems(); FATAL: memory) */
int kpk_plan_open(struct kpk_plan *plan, const char *const *systems,
                  struct kpk_err *err) KPK_MUST_CHECK;
void kpk_plan_close(struct kpk_plan *plan); /* NULL is fine */

/* Fill what is wanted and to do from 'topic->found' and the brokers there are. Growing a keyed
 * topic is REFUSED unless 'grow'. */
void kpk_topic_decide(struct kpk_topic_plan *topic, int brokers, bool grow);

/* By its name on the cluster. NULL: none */
struct kpk_topic_plan *kpk_plan_find(struct kpk_plan *plan, const char *name);

/* returns  0, or -1 with 'err' (FATAL) naming the first topic that was refused or failed */
int kpk_plan_verdict(const struct kpk_plan *plan, struct kpk_err *err) KPK_MUST_CHECK;

/* What a durability class asks for, before it is clamped. */
int kpk_durability_replicas(enum kpk_durability durability);
int kpk_durability_min_isr(enum kpk_durability durability);
const char *kpk_durability_name(enum kpk_durability durability); /* "critical" */

/* "7 days", "36 hours", "90 seconds", "1500 ms", "forever". returns 'out' */
enum { KPK_RETENTION_BYTES = 32 };
const char *kpk_retention_text(int64_t ms, char *out);

#endif
