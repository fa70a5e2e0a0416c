#include "topology/topology.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS(n) ((int64_t)(n)*24 * 3600 * 1000)

enum {
    DLQ_PARTITIONS = 3, /* and of a retry tier: few, the key spreads them */
    DLQ_RETENTION_DAYS = 30,
    DEFAULT_MESSAGE_BYTES = 1048588, /* message.max.bytes of a broker */
    DLQ_HEADER_BYTES = 16 * 1024,    /* what a dead letter adds to its record */
    NAMESPACE_BYTES = 64,
};

/* clang-format off */
const struct kpk_topic kpk_topics[] = {
    /* name, system, partitions, key, retention, cleanup, durability, max bytes, schema */
    {KPK_TOPIC_TWEETS,  "twitter", 50, "author user_id",   DAYS(7), "delete", KPK_CRITICAL, 0, "tweet.created.json"},
    {KPK_TOPIC_FOLLOWS, "twitter", 10, "follower user_id", DAYS(7), "delete", KPK_CRITICAL, 0, "user.followed.json"},
    {KPK_TOPIC_NOTIFICATIONS_PENDING, "notification", 20, "recipient user_id", DAYS(3), "delete", KPK_CRITICAL, 0, "notification.requested.json"},
    /* What the worked examples in patterns/ run on. */
    {KPK_TOPIC_POSTS,   "fanout",  12, "author",           DAYS(1), "delete", KPK_CRITICAL, 0, NULL},
    {KPK_TOPIC_ORDERS,  "outbox",  12, "order_id",         DAYS(7), "delete", KPK_CRITICAL, 0, NULL},
    {KPK_TOPIC_CHARGES, "retry-dlq", 12, "customer_id",    DAYS(1), "delete", KPK_CRITICAL, 0, NULL},
    /* What was done about dead letters (kpk dlq): there wherever a group has dead letters. */
    {KPK_TOPIC_DLQ_LEDGER, "dlq",   3, "topic:partition:offset of the letter", KPK_RETENTION_INFINITE, "compact", KPK_CRITICAL, 0, NULL},
    {0},
};

const struct kpk_group kpk_groups[] = {
    /* name, system, topics, consumers, start, program, dlq, retry tiers, writes */
    {KPK_GROUP_FANOUT_WORKERS, "twitter", {KPK_TOPIC_TWEETS, KPK_TOPIC_FOLLOWS}, 10, KPK_FROM_BEGINNING, "fanout-worker", true, {0}, NULL},
    {KPK_GROUP_SEARCH_INDEXER, "twitter", {KPK_TOPIC_TWEETS}, 5, KPK_FROM_BEGINNING, "search-indexer", true, {0}, NULL},
    {KPK_GROUP_NOTIFICATION_WORKERS, "twitter", {KPK_TOPIC_TWEETS}, 5, KPK_FROM_BEGINNING, "notification-worker", true, {0}, KPK_TOPIC_NOTIFICATIONS_PENDING},
    {KPK_GROUP_TRENDING_WORKERS, "twitter", {KPK_TOPIC_TWEETS}, 3, KPK_FROM_BEGINNING, "trending-worker", true, {0}, NULL},
    {KPK_GROUP_ANALYTICS, "twitter", {KPK_TOPIC_TWEETS}, 2, KPK_FROM_BEGINNING, "analytics-worker", true, {0}, NULL},
    {KPK_GROUP_EMAIL_WORKERS, "notification", {KPK_TOPIC_NOTIFICATIONS_PENDING}, 4, KPK_FROM_BEGINNING, "email-worker", true, {2000, 10000, 60000}, NULL},
    {KPK_GROUP_SMS_WORKERS, "notification", {KPK_TOPIC_NOTIFICATIONS_PENDING}, 4, KPK_FROM_BEGINNING, "sms-worker", true, {2000, 10000, 60000}, NULL},
    {KPK_GROUP_PUSH_WORKERS, "notification", {KPK_TOPIC_NOTIFICATIONS_PENDING}, 4, KPK_FROM_BEGINNING, "push-worker", true, {2000, 10000, 60000}, NULL},
    {KPK_GROUP_POSTS_TIMELINES, "fanout", {KPK_TOPIC_POSTS}, 2, KPK_FROM_BEGINNING, "fanout", true, {0}, NULL},
    {KPK_GROUP_POSTS_SEARCH, "fanout", {KPK_TOPIC_POSTS}, 2, KPK_FROM_BEGINNING, "fanout", true, {0}, NULL},
    {KPK_GROUP_POSTS_ALERTS, "fanout", {KPK_TOPIC_POSTS}, 2, KPK_FROM_BEGINNING, "fanout", true, {0}, NULL},
    {KPK_GROUP_CHARGE_WORKERS, "retry-dlq", {KPK_TOPIC_CHARGES}, 2, KPK_FROM_BEGINNING, "retry-dlq", true, {1000, 3000}, NULL},
    {0},
};
/* clang-format on */

const char *const kpk_systems_that_run[] = {"twitter", "notification", NULL};

static struct {
    char prefix[NAMESPACE_BYTES + 2];
    bool small;
} config;

const struct kpk_topic *kpk_topic_find(const char *base_name) {
    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++)
        if (strcmp(topic->name, base_name) == 0) return topic;
    return NULL;
}

const struct kpk_group *kpk_group_find(const char *base_name) {
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (strcmp(group->name, base_name) == 0) return group;
    return NULL;
}

bool kpk_group_reads(const struct kpk_group *group, const struct kpk_topic *topic) {
    for (size_t i = 0; group->topics[i]; i++)
        if (strcmp(group->topics[i], topic->name) == 0) return true;
    return false;
}

int kpk_topic_max_bytes(const struct kpk_topic *topic) {
    return topic->max_message_bytes ? topic->max_message_bytes : DEFAULT_MESSAGE_BYTES;
}

/* A topic of the group's own for records of 'topic' that it could not do. */
static void derive(const struct kpk_topic *topic, const struct kpk_group *group, char *name,
                   struct kpk_topic *out) {
    *out = (struct kpk_topic){
        .name = name,
        .system = group->system,
        .partitions = DLQ_PARTITIONS,
        .key = "as in the source record",
        .retention_ms = DAYS(DLQ_RETENTION_DAYS),
        .cleanup = "delete",
        .durability = KPK_CRITICAL,
        .max_message_bytes = kpk_topic_max_bytes(topic) + DLQ_HEADER_BYTES,
    };
}

void kpk_topic_dlq(const struct kpk_topic *topic, const struct kpk_group *group, char *name,
                   struct kpk_topic *out) {
    snprintf(name, KPK_NAME_BYTES, "%s.%s.dlq", topic->name, group->name);
    derive(topic, group, name, out);
}

void kpk_topic_retry(const struct kpk_topic *topic, const struct kpk_group *group, int tier,
                     char *name, struct kpk_topic *out) {
    int ms = group->retry_ms[tier];
    int n = ms % 60000 == 0 ? ms / 60000 : ms % 1000 == 0 ? ms / 1000 : ms;

    snprintf(name, KPK_NAME_BYTES, "%s.%s.retry-%d%s", topic->name, group->name, n,
             ms % 60000 == 0  ? "m"
             : ms % 1000 == 0 ? "s"
                              : "ms");
    derive(topic, group, name, out);
}

int kpk_group_retries(const struct kpk_group *group) {
    int count = 0;

    while (group->retry_ms[count]) count++;
    return count;
}

int kpk_topology_init(struct kpk_err *err) {
    const char *name = getenv("KPK_NAMESPACE");
    const char *scale = getenv("KPK_SCALE");

    config.prefix[0] = '\0';
    config.small = false;
    if (name && *name) {
        size_t len = strlen(name);
        if (len > NAMESPACE_BYTES)
            return kpk_fail(err, KPK_FATAL, "KPK_NAMESPACE: longer than %d characters",
                            NAMESPACE_BYTES);
        /* It becomes part of topic names, SQL schemas and Redis keys: the letters all three share. */
        if (!islower((unsigned char)name[0]) ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
            return kpk_fail(
                err, KPK_FATAL,
                "KPK_NAMESPACE: '%.40s' must be a lower-case letter, then lower-case "
                "letters, digits and _",
                name);
        snprintf(config.prefix, sizeof(config.prefix), "%s.", name);
    }
    if (scale && *scale) {
        config.small = strcmp(scale, "small") == 0;
        if (!config.small && strcmp(scale, "guide") != 0)
            return kpk_fail(err, KPK_FATAL, "KPK_SCALE: '%.40s' is none of guide, small",
                            scale);
    }
    return 0;
}

const char *kpk_namespace(void) { return config.prefix; }

bool kpk_scale_small(void) { return config.small; }

const char *kpk_full_name(const char *base_name, char *out) {
    snprintf(out, KPK_NAME_BYTES, "%s%s", config.prefix, base_name);
    return out;
}

const char *kpk_base_name(const char *full_name) {
    size_t len = strlen(config.prefix);

    return strncmp(full_name, config.prefix, len) == 0 ? full_name + len : NULL;
}

const char *kpk_schema_name(const char *system, char *out) {
    kpk_full_name(system, out);
    for (char *c = out; *c; c++)
        if (*c == '.') *c = '_';
    return out;
}

static int scaled(int count, int least) {
    if (!config.small) return count;
    count = (count + 9) / 10;
    return count > least ? count : least;
}

int kpk_scaled_partitions(const struct kpk_topic *topic) {
    return scaled(topic->partitions, 3);
}

int kpk_scaled_consumers(const struct kpk_group *group) { return scaled(group->consumers, 2); }

const char *kpk_group_topic(const struct kpk_group *group, size_t n, char *name) {
    size_t each = 1 + (size_t)kpk_group_retries(group), at = 0;
    struct kpk_topic row;

    while (group->topics[at] && at < n / each) at++;
    if (!group->topics[at]) return NULL;
    if (n % each == 0)
        snprintf(name, KPK_NAME_BYTES, "%s", group->topics[at]);
    else
        kpk_topic_retry(kpk_topic_find(group->topics[at]), group, (int)(n % each) - 1, name,
                        &row);
    return name;
}

enum kpk_reading kpk_group_reading(const struct kpk_group *group, const char *topic) {
    const char *base = kpk_base_name(topic);
    size_t each = 1 + (size_t)kpk_group_retries(group);
    char name[KPK_NAME_BYTES];

    for (size_t n = 0; base && kpk_group_topic(group, n, name); n++)
        if (strcmp(base, name) == 0) return n % each ? KPK_READS_TIER : KPK_READS_TOPIC;
    return KPK_READS_NOT;
}

enum { MEMBER_TOPICS = KPK_GROUP_TOPICS * (1 + KPK_GROUP_RETRIES) };

int kpk_group_open(struct kpk_consumer **consumer, const char *base_name, struct kpk_err *err) {
    const struct kpk_group *row = kpk_group_find(base_name);
    char group[KPK_NAME_BYTES], names[MEMBER_TOPICS][KPK_NAME_BYTES], base[KPK_NAME_BYTES];
    const char *topics[MEMBER_TOPICS + 1] = {NULL}, *topic;

    if (!row) return kpk_fail(err, KPK_FATAL, "group %s: not in the topology", base_name);
    for (size_t i = 0; (topic = kpk_group_topic(row, i, base)); i++)
        topics[i] = kpk_full_name(topic, names[i]);
    return kpk_consumer_open(consumer,
                             &(struct kpk_consumer_opts){
                                 .group = kpk_full_name(row->name, group),
                                 .topics = topics,
                                 .from_end = row->start == KPK_FROM_END,
                             },
                             err);
}
