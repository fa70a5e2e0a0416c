#include "tools/kpk/dlq_topics.h"

#include "topology/admin.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000 };

/* partitions  out; may be NULL */
static bool is_there(struct kpk_plan *plan, const char *name, int *partitions) {
    const struct kpk_topic_plan *topic = plan ? kpk_plan_find(plan, name) : NULL;

    if (partitions) *partitions = topic ? topic->found.partitions : 0;
    return !plan || (topic && topic->found.exists);
}

static void fill(struct kpk_dlq_topic *at, const struct kpk_group *group,
                 const struct kpk_topic *topic, struct kpk_plan *plan) {
    char name[KPK_NAME_BYTES];
    struct kpk_topic row;

    *at = (struct kpk_dlq_topic){.group = group, .topic = topic};
    kpk_full_name(topic->name, at->source);
    kpk_full_name(group->name, at->rejecter);
    kpk_topic_dlq(topic, group, name, &row);
    kpk_full_name(row.name, at->name);
    at->there = is_there(plan, at->name, NULL);
    if (kpk_group_retries(group) == 0) return;
    kpk_topic_retry(topic, group, 0, name, &row);
    kpk_full_name(row.name, at->tier);
    at->tier_bytes = row.max_message_bytes;
    at->tier_there = is_there(plan, at->tier, &at->tier_partitions);
}

int kpk_dlq_topics_open(struct kpk_dlq_topics *topics, struct kpk_plan *plan,
                        struct kpk_err *err) {
    char ledger[KPK_NAME_BYTES];
    size_t most = 0;

    *topics = (struct kpk_dlq_topics){0};
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        most += KPK_GROUP_TOPICS;
    topics->all = calloc(most + 1, sizeof(*topics->all));
    if (!topics->all) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        for (size_t i = 0; group->dlq && group->topics[i]; i++)
            fill(&topics->all[topics->count++], group, kpk_topic_find(group->topics[i]), plan);
    topics->ledger_there =
        is_there(plan, kpk_full_name(KPK_TOPIC_DLQ_LEDGER, ledger), &topics->ledger_partitions);
    return 0;
}

int kpk_dlq_topics_look(struct kpk_dlq_topics *topics, struct kpk_err *err) {
    struct kpk_admin *admin = NULL;
    struct kpk_plan plan = {0};
    int failed = -1;

    *topics = (struct kpk_dlq_topics){0};
    if (kpk_plan_open(&plan, NULL, err)) return -1;
    if (kpk_admin_open(&admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err)) goto out;
    if (kpk_admin_describe(admin, &plan, err)) goto out;
    failed = kpk_dlq_topics_open(topics, &plan, err);
out:
    kpk_admin_close(admin);
    kpk_plan_close(&plan);
    return failed;
}

void kpk_dlq_topics_close(struct kpk_dlq_topics *topics) {
    free(topics->all);
    *topics = (struct kpk_dlq_topics){0};
}

const struct kpk_dlq_topic *kpk_dlq_topic_find(const struct kpk_dlq_topics *topics,
                                               const char *name) {
    for (size_t i = 0; i < topics->count; i++)
        if (strcmp(topics->all[i].name, name) == 0) return &topics->all[i];
    return NULL;
}
