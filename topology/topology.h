/* Every topic and consumer group of the kit, in one table (topology.c). No topic or group name is
 * written anywhere else: programs use the identifiers below.
 *
 * Names in the table are base names. On the cluster they carry KPK_NAMESPACE as a prefix
 * ("ci." -> "ci.tweets"), so that examples, tests and several users of one cluster never meet.
 * Counts in the table are the guide's; KPK_SCALE=small takes a tenth of them (at least 3
 * partitions and 2 consumers). */
#ifndef KPK_TOPOLOGY_TOPOLOGY_H
#define KPK_TOPOLOGY_TOPOLOGY_H

#include "common/err.h"
#include "common/kafka.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kpk_start { KPK_FROM_BEGINNING, KPK_FROM_END };

enum { KPK_RETENTION_INFINITE = -1 };

struct kpk_topic {
    const char *name;   /* base name */
    const char *system; /* "twitter" */
    int partitions;
    const char *key; /* what the key is: "author user_id" */
    int64_t retention_ms;
    const char *cleanup; /* "delete" or "compact" */
    enum kpk_durability durability;
    int max_message_bytes; /* of a record as the broker counts it; 0: the broker's default, 1 MiB */
    const char *schema; /* file under topology/schemas/, or NULL */
};

enum { KPK_GROUP_TOPICS = 4, KPK_GROUP_RETRIES = 4 };

struct kpk_group {
    const char *name; /* base name */
    const char *system;
    const char *topics[KPK_GROUP_TOPICS + 1]; /* base names, NULL-terminated */
    int consumers;
    enum kpk_start start; /* where it begins without a committed offset */
    const char *program;  /* who runs it */
    bool dlq;             /* has a dead letter topic per topic it reads */
    /* Its retry tiers, a topic each per topic it reads: how long a record that failed waits in them,
     * shortest first; 0 ends them. A group that has some has dead letter topics too. */
    int retry_ms[KPK_GROUP_RETRIES + 1];
    const char *writes; /* a topic its effect produces to, of whatever system; NULL: none */
};

#define KPK_TOPIC_TWEETS "tweets"
#define KPK_TOPIC_FOLLOWS "follows"
#define KPK_TOPIC_NOTIFICATIONS_PENDING "notifications-pending"
#define KPK_TOPIC_POSTS "posts"
#define KPK_TOPIC_ORDERS "orders"
#define KPK_TOPIC_CHARGES "charges"
#define KPK_TOPIC_DLQ_LEDGER "dlq-ledger"
#define KPK_GROUP_FANOUT_WORKERS "fanout-workers"
#define KPK_GROUP_SEARCH_INDEXER "search-indexer"
#define KPK_GROUP_NOTIFICATION_WORKERS "notification-workers"
#define KPK_GROUP_TRENDING_WORKERS "trending-workers"
#define KPK_GROUP_ANALYTICS "analytics"
#define KPK_GROUP_POSTS_TIMELINES "posts-timelines"
#define KPK_GROUP_POSTS_SEARCH "posts-search"
#define KPK_GROUP_POSTS_ALERTS "posts-alerts"
#define KPK_GROUP_EMAIL_WORKERS "email-workers"
#define KPK_GROUP_SMS_WORKERS "sms-workers"
#define KPK_GROUP_PUSH_WORKERS "push-workers"
#define KPK_GROUP_CHARGE_WORKERS "charge-workers"

/* The tables, as written; a row with a NULL name ends them. */
extern const struct kpk_topic kpk_topics[];
extern const struct kpk_group kpk_groups[];

const struct kpk_topic *kpk_topic_find(const char *base_name); /* NULL: none */
const struct kpk_group *kpk_group_find(const char *base_name); /* NULL: none */

/* The systems whose services run: all but the worked examples of patterns/, which make their topics
 * in namespaces of their own. NULL-terminated */
extern const char *const kpk_systems_that_run[];

bool kpk_group_reads(const struct kpk_group *group, const struct kpk_topic *topic);

/* The largest record that 'topic' takes, as the broker counts it: the default written out. */
int kpk_topic_max_bytes(const struct kpk_topic *topic);

/* The dead letter topic of 'group' for 'topic': few partitions, longer retention, and room for a
 * record of the largest size that 'topic' takes plus the headers that say why it is there.
 * name  storage for out->name; at least KPK_NAME_BYTES */
enum { KPK_NAME_BYTES = 250 }; /* Kafka's own limit is 249 characters */
void kpk_topic_dlq(const struct kpk_topic *topic, const struct kpk_group *group, char *name,
                   struct kpk_topic *out);

/* The topic of the group's retry tier 'tier' (0: the shortest) for 'topic': as the dead letter topic,
 * and named by its delay, "<topic>.<group>.retry-10s". name as above. */
void kpk_topic_retry(const struct kpk_topic *topic, const struct kpk_group *group, int tier,
                     char *name, struct kpk_topic *out);
/* How many tiers 'group' has. */
int kpk_group_retries(const struct kpk_group *group);

/* What the members of 'group' read, one after the other: each of its topics, and behind it the retry
 * tiers for it.
 * n        0, 1, ...
 * name     out: its base name; at least KPK_NAME_BYTES
 * returns  'name'; NULL: there are no more */
const char *kpk_group_topic(const struct kpk_group *group, size_t n, char *name);

/* How the members of 'group' come to read 'topic' (on the cluster), if they do. */
enum kpk_reading { KPK_READS_NOT, KPK_READS_TOPIC, KPK_READS_TIER };
enum kpk_reading kpk_group_reading(const struct kpk_group *group, const char *topic);

/* Read KPK_NAMESPACE and KPK_SCALE. Call once, from main, before the rest of this header.
 * returns  0, or -1 with 'err' naming the variable and what it may be */
int kpk_topology_init(struct kpk_err *err) KPK_MUST_CHECK;

const char *kpk_namespace(void); /* "" or "ci." */
bool kpk_scale_small(void);

/* Base name -> name on the cluster. returns 'out'; at least KPK_NAME_BYTES */
const char *kpk_full_name(const char *base_name, char *out);
/* Name on the cluster -> base name: a pointer into 'full_name', or NULL when it is of another
 * namespace. */
const char *kpk_base_name(const char *full_name);

/* The PostgreSQL schema of a system: "twitter", or "ci_twitter" with KPK_NAMESPACE=ci. An outbox
 * is in its system's schema. returns 'out'; at least KPK_NAME_BYTES */
const char *kpk_schema_name(const char *system, char *out);

/* Open a member of 'base_name': its topics, its retry tiers and where it starts come from the table.
 * Close it with kpk_consumer_close().
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_group_open(struct kpk_consumer **consumer, const char *base_name,
                   struct kpk_err *err) KPK_MUST_CHECK;

int kpk_scaled_partitions(const struct kpk_topic *topic);
int kpk_scaled_consumers(const struct kpk_group *group);

#endif
