/* docs/TOPICS.md: both tables as a page, at the guide's scale and without a namespace, so that
 * the same source always makes the same bytes. */
#include "tools/kpk/topics.h"

#include "tools/kpk/kpk.h"
#include "topology/plan.h"

#include <stdio.h>
#include <string.h>

const char *kpk_topic_readers(const struct kpk_topic *topic,
                              int (*consumers)(const struct kpk_group *), char *out) {
    size_t len = 0;

    strcpy(out, "-");
    for (const struct kpk_group *group = kpk_groups; group->name; group++) {
        if (!kpk_group_reads(group, topic) || len >= KPK_READERS_BYTES) continue;
        len += (size_t)snprintf(out + len, KPK_READERS_BYTES - len, "%s%s %d", len ? ", " : "",
                                group->name, consumers(group));
    }
    return out;
}

static int guide_consumers(const struct kpk_group *group) { return group->consumers; }

static void print_topics(const struct kpk_plan *plan) {
    printf(
        "## Topics\n\n"
        "| topic | system | partitions | key | retention | cleanup | class | largest record | "
        "schema | read by (consumers) |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < plan->count; i++) {
        const struct kpk_topic *topic = &plan->topics[i].row;
        char retention[KPK_RETENTION_BYTES], readers[KPK_READERS_BYTES];
        printf("| `%s` | %s | %d | %s | %s | %s | %s | %d bytes | ", topic->name, topic->system,
               topic->partitions, topic->key ? topic->key : "none",
               kpk_retention_text(topic->retention_ms, retention), topic->cleanup,
               kpk_durability_name(topic->durability), kpk_topic_max_bytes(topic));
        if (topic->schema) printf("[%s](../topology/schemas/%s)", topic->schema, topic->schema);
        printf(" | %s |\n", kpk_topic_readers(topic, guide_consumers, readers));
    }
}

static void print_groups(void) {
    printf("\n## Groups\n\n"
           "| group | system | reads | consumers | starts at | retries after | dead letters | "
           "program |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (const struct kpk_group *group = kpk_groups; group->name; group++) {
        printf("| `%s` | %s | ", group->name, group->system);
        for (size_t i = 0; group->topics[i]; i++)
            printf("%s`%s`", i ? ", " : "", group->topics[i]);
        printf(" | %d | %s | ", group->consumers,
               group->start == KPK_FROM_BEGINNING ? "the beginning" : "the end");
        for (int tier = 0; tier < kpk_group_retries(group); tier++)
            printf("%s%g s", tier ? ", " : "", group->retry_ms[tier] / 1e3);
        printf("%s | %s | `%s` |\n", kpk_group_retries(group) ? "" : "none",
               group->dlq ? "a topic per topic it reads" : "none", group->program);
    }
}

static void print_classes(void) {
    static const enum kpk_durability all[] = {KPK_CRITICAL, KPK_TELEMETRY, KPK_LOSSY};
    static const char *const lost[] = {"nothing", "what a dying leader had not passed on",
                                       "anything"};

    printf(
        "\n## Durability classes\n\n"
        "| class | replicas | min.insync.replicas | what may be lost |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        printf("| %s | %d | %d | %s |\n", kpk_durability_name(all[i]),
               kpk_durability_replicas(all[i]), kpk_durability_min_isr(all[i]), lost[all[i]]);
}

int kpk_topics_markdown(struct kpk_err *err) {
    struct kpk_plan plan;

    if (kpk_plan_open(&plan, NULL, err)) return KPK_EXIT_FAILED;
    printf(
        "# Topics and groups\n\n"
        "Made by `kpk topics describe --markdown` from `topology/topology.c`; do not edit.\n\n"
        "Counts are the guide's. `KPK_SCALE=small` takes a tenth of the partitions (at least "
        "3) "
        "and of the\nconsumers (at least 2). On the cluster a name carries `KPK_NAMESPACE` as "
        "a prefix. A topic never has\nmore replicas than there are brokers when it is "
        "made.\n\n");
    print_topics(&plan);
    print_groups();
    print_classes();
    kpk_plan_close(&plan);
    return KPK_EXIT_OK;
}
