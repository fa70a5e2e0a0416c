#include "topology/plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct {
    const char *name;
    int replicas, min_isr;
} classes[] = {
    [KPK_CRITICAL]  = {"critical",  3, 2},
    [KPK_TELEMETRY] = {"telemetry", 2, 1},
    [KPK_LOSSY]     = {"lossy",     1, 1},
};

const char *const kpk_setting_names[KPK_SETTINGS] = {
    [KPK_RETENTION] = "retention.ms",
    [KPK_CLEANUP]   = "cleanup.policy",
    [KPK_MIN_ISR]   = "min.insync.replicas",
    [KPK_MAX_BYTES] = "max.message.bytes",
};
/* clang-format on */

int kpk_durability_replicas(enum kpk_durability durability) {
    return classes[durability].replicas;
}
int kpk_durability_min_isr(enum kpk_durability durability) {
    return classes[durability].min_isr;
}
const char *kpk_durability_name(enum kpk_durability durability) {
    return classes[durability].name;
}

const char *kpk_topic_outcome_name(enum kpk_topic_outcome outcome) {
    static const char *const names[] = {"unchanged", "created", "altered", "refused", "failed"};

    return names[outcome];
}

const char *kpk_retention_text(int64_t ms, char *out) {
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};

    if (ms < 0) return strcpy(out, "forever");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms == 0 || ms % units[i].ms != 0) continue;
        int64_t count = ms / units[i].ms;
        snprintf(out, KPK_RETENTION_BYTES, "%" PRId64 " %s%s", count, units[i].unit,
                 count == 1 ? "" : "s");
        return out;
    }
    snprintf(out, KPK_RETENTION_BYTES, "%" PRId64 " ms", ms);
    return out;
}

/* --- which topics ------------------------------------------------------------------------ */

bool kpk_system_named(const char *const *systems, const char *system) {
    if (!systems || !systems[0]) return true;
    for (; *systems; systems++)
        if (strcmp(*systems, system) == 0) return true;
    return false;
}

static bool needs(const struct kpk_group *group, const struct kpk_topic *topic) {
    if (group->dlq && strcmp(topic->name, KPK_TOPIC_DLQ_LEDGER) == 0) return true;
    if (group->writes && strcmp(topic->name, group->writes) == 0) return true;
    return kpk_group_reads(group, topic);
}

static bool wanted(const struct kpk_topic *topic, const char *const *systems) {
    if (kpk_system_named(systems, topic->system)) return true;
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (kpk_system_named(systems, group->system) && needs(group, topic)) return true;
    return false;
}

static int check_system(const char *system, struct kpk_err *err) {
    char known[160] = "";
    size_t len = 0;
    const char *last = "";

    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++) {
        if (strcmp(topic->system, system) == 0) return 0;
        if (strcmp(topic->system, last) == 0 || len >= sizeof(known)) continue;
        last = topic->system; /* rows of a system stand together */
        len +=
            (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "", last);
    }
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (strcmp(group->system, system) == 0) return 0;
    return kpk_fail(err, KPK_REJECT, "no system '%.40s'; there is %s", system, known);
}

int kpk_check_systems(const char *const *systems, struct kpk_err *err) {
    for (size_t i = 0; systems && systems[i]; i++)
        if (check_system(systems[i], err)) return -1;
    return 0;
}

static void add(struct kpk_plan *plan, const struct kpk_topic *row) {
    struct kpk_topic_plan *topic = &plan->topics[plan->count++];

    topic->row = *row;
    snprintf(topic->base_name, sizeof(topic->base_name), "%s", row->name);
    topic->row.name = topic->base_name;
    kpk_full_name(topic->base_name, topic->name);
}

/* The group's retry tiers and dead letter topic for 'topic'. */
static void add_derived(struct kpk_plan *plan, const struct kpk_topic *topic,
                        const struct kpk_group *group) {
    char name[KPK_NAME_BYTES];
    struct kpk_topic row;

    for (int tier = 0; tier < kpk_group_retries(group); tier++) {
        kpk_topic_retry(topic, group, tier, name, &row);
        add(plan, &row);
    }
    kpk_topic_dlq(topic, group, name, &row);
    add(plan, &row);
}

int kpk_plan_open(struct kpk_plan *plan, const char *const *systems, struct kpk_err *err) {
    size_t most = 0;

    *plan = (struct kpk_plan){0};
    if (kpk_check_systems(systems, err)) return -1;
    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++) most++;
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        most += KPK_GROUP_TOPICS * (1 + KPK_GROUP_RETRIES);
    plan->topics = calloc(most, sizeof(*plan->topics));
    if (!plan->topics) return kpk_fail(err, KPK_FATAL, "topics: no memory");

    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++) {
        if (!wanted(topic, systems)) continue;
        add(plan, topic);
        for (const struct kpk_group *group = kpk_groups; group->name; group++)
            if (group->dlq && kpk_system_named(systems, group->system) &&
                kpk_group_reads(group, topic))
                add_derived(plan, topic, group);
    }
    return 0;
}

void kpk_plan_close(struct kpk_plan *plan) {
    if (!plan) return;
    free(plan->topics);
    *plan = (struct kpk_plan){0};
}

struct kpk_topic_plan *kpk_plan_find(struct kpk_plan *plan, const char *name) {
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->topics[i].name, name) == 0) return &plan->topics[i];
    return NULL;
}

int kpk_plan_verdict(const struct kpk_plan *plan, struct kpk_err *err) {
    for (size_t i = 0; i < plan->count; i++) {
        const struct kpk_topic_plan *topic = &plan->topics[i];
        if (topic->outcome == KPK_TOPIC_REFUSED || topic->outcome == KPK_TOPIC_FAILED)
            return kpk_fail(err, KPK_FATAL, "%s: %s", topic->name, topic->detail);
    }
    return 0;
}

/* --- what to do about one ---------------------------------------------------------------- */

static int least(int a, int b) { return a < b ? a : b; }

static void say(struct kpk_topic_plan *topic, const char *fmt, ...) KPK_PRINTF(2, 3);

static void say(struct kpk_topic_plan *topic, const char *fmt, ...) {
    size_t len = strlen(topic->detail);
    va_list args;

    if (len) len += (size_t)snprintf(topic->detail + len, sizeof(topic->detail) - len, "; ");
    if (len >= sizeof(topic->detail)) return;
    va_start(args, fmt);
    vsnprintf(topic->detail + len, sizeof(topic->detail) - len, fmt, args);
    va_end(args);
}

static void want(struct kpk_topic_plan *topic, int brokers) {
    const struct kpk_topic *row = &topic->row;
    int asked = kpk_durability_replicas(row->durability);

    topic->partitions = kpk_scaled_partitions(row);
    topic->replicas = least(asked, brokers);
    int replicas = topic->found.exists ? topic->found.replicas : topic->replicas;
    snprintf(topic->settings[KPK_RETENTION], KPK_SETTING_BYTES, "%" PRId64, row->retention_ms);
    snprintf(topic->settings[KPK_CLEANUP], KPK_SETTING_BYTES, "%s", row->cleanup);
    snprintf(topic->settings[KPK_MIN_ISR], KPK_SETTING_BYTES, "%d",
             least(kpk_durability_min_isr(row->durability), replicas));
    snprintf(topic->settings[KPK_MAX_BYTES], KPK_SETTING_BYTES, "%d", kpk_topic_max_bytes(row));
}

static void decide_new(struct kpk_topic_plan *topic) {
    char retention[KPK_RETENTION_BYTES];

    topic->outcome = KPK_TOPIC_CREATED;
    say(topic, "%d partitions, RF %d, min ISR %s, %s", topic->partitions, topic->replicas,
        topic->settings[KPK_MIN_ISR], kpk_retention_text(topic->row.retention_ms, retention));
}

static void decide_partitions(struct kpk_topic_plan *topic, bool grow) {
    int there = topic->found.partitions;

    if (there == topic->partitions) {
        say(topic, "%d partitions, RF %d", there, topic->found.replicas);
    } else if (there > topic->partitions) {
        say(topic, "%d partitions kept (the table says %d), RF %d", there, topic->partitions,
            topic->found.replicas);
    } else if (topic->row.key && !grow) {
        topic->outcome = KPK_TOPIC_REFUSED;
        say(topic,
            "has %d partitions and the table says %d, but it is keyed: keys would move to "
            "other "
            "partitions and their order break; --grow does it all the same",
            there, topic->partitions);
    } else {
        topic->outcome = KPK_TOPIC_ALTERED;
        topic->grow = true;
        say(topic, "partitions %d -> %d", there, topic->partitions);
    }
}

void kpk_topic_decide(struct kpk_topic_plan *topic, int brokers, bool grow) {
    want(topic, brokers);
    topic->outcome = KPK_TOPIC_UNCHANGED;
    topic->detail[0] = '\0';
    topic->grow = false;
    memset(topic->alter, 0, sizeof(topic->alter));
    if (!topic->found.exists) {
        decide_new(topic);
        return;
    }
    decide_partitions(topic, grow);
    for (size_t i = 0; i < KPK_SETTINGS; i++) {
        if (strcmp(topic->found.settings[i], topic->settings[i]) == 0) continue;
        topic->alter[i] = true;
        if (topic->outcome == KPK_TOPIC_UNCHANGED) topic->outcome = KPK_TOPIC_ALTERED;
        say(topic, "%s %s -> %s", kpk_setting_names[i], topic->found.settings[i],
            topic->settings[i]);
    }
    if (topic->found.replicas < topic->replicas)
        say(topic, "RF %d kept (the table says %d)", topic->found.replicas, topic->replicas);
}
