/* kpk topics list, kpk topics describe: the table of topology/, and how it is on the cluster.
 */
#include "tools/kpk/topics.h"

#include "tools/kpk/kpk.h"
#include "tools/kpk/table.h"
#include "topology/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYSTEMS = 16 };

static struct {
    const char *systems[SYSTEMS + 1];
    int names, markdown;
} args;

/* --- list -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct kpk_opt list_opts[] = {
    {"system", NULL, KPK_OPT_LIST, args.systems, NULL, 0, SYSTEMS, "only this system's topics, and those its groups read; may be repeated"},
    {"names", NULL, KPK_OPT_FLAG, &args.names, NULL, 0, 0, "print the base names of all topics and groups, one a line"},
    {0},
};
/* clang-format on */

static const struct kpk_program list_program = {
    .name = "kpk topics list",
    .summary = "Prints the topics of the table; asks no cluster.",
    .opts = list_opts,
};

static int print_names(struct kpk_err *err) {
    if (kpk_check_systems(args.systems, err)) return KPK_EXIT_USAGE;
    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++)
        if (kpk_system_named(args.systems, topic->system)) puts(topic->name);
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (kpk_system_named(args.systems, group->system)) puts(group->name);
    return KPK_EXIT_OK;
}

int kpk_topics_list(int argc, char **argv, struct kpk_err *err) {
    static const char *const head[] = {"TOPIC",     "SYSTEM", "PARTITIONS", "KEY",
                                       "RETENTION", "CLASS",  "READ BY",    NULL};
    struct kpk_table table = {.align = "llrllll"};
    struct kpk_plan plan;
    char retention[KPK_RETENTION_BYTES], readers[KPK_READERS_BYTES];
    int parsed = kpk_opts_parse(&list_program, &argc, argv, err);

    if (parsed) return parsed < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (args.names) return print_names(err);
    if (kpk_plan_open(&plan, args.systems, err)) return KPK_EXIT_USAGE;
    kpk_table_head(&table, head);
    for (size_t i = 0; i < plan.count; i++) {
        const struct kpk_topic *topic = &plan.topics[i].row;
        kpk_table_add(&table, "%s", plan.topics[i].name);
        kpk_table_add(&table, "%s", topic->system);
        kpk_table_add(&table, "%d", kpk_scaled_partitions(topic));
        kpk_table_add(&table, "%s", topic->key ? topic->key : "-");
        kpk_table_add(&table, "%s", kpk_retention_text(topic->retention_ms, retention));
        kpk_table_add(&table, "%s", kpk_durability_name(topic->durability));
        kpk_table_add(&table, "%s", kpk_topic_readers(topic, kpk_scaled_consumers, readers));
    }
    kpk_table_print(&table);
    kpk_plan_close(&plan);
    return KPK_EXIT_OK;
}

/* --- describe ---------------------------------------------------------------------------- */

/* clang-format off */
static const struct kpk_opt describe_opts[] = {
    {"markdown", NULL, KPK_OPT_FLAG, &args.markdown, NULL, 0, 0, "print docs/TOPICS.md: from the tables alone, at the guide's scale"},
    {0},
};
/* clang-format on */

static const struct kpk_program describe_program = {
    .name = "kpk topics describe",
    .summary = "Prints what topics are on the cluster, and where that differs from the table.",
    .usage = "[TOPIC...] [options]",
    .opts = describe_opts,
};

static bool is_named(const struct kpk_topic_plan *topic, const char *name) {
    return strcmp(name, topic->base_name) == 0 || strcmp(name, topic->name) == 0;
}

static bool chosen(const struct kpk_topic_plan *topic, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (is_named(topic, argv[i])) return true;
    return argc < 2;
}

static int check_names(const struct kpk_plan *plan, int argc, char **argv,
                       struct kpk_err *err) {
    for (int i = 1; i < argc; i++) {
        size_t at = 0;
        while (at < plan->count && !is_named(&plan->topics[at], argv[i])) at++;
        if (at == plan->count)
            return kpk_fail(err, KPK_REJECT,
                            "no topic '%.80s' in the table (see kpk topics list)", argv[i]);
    }
    return 0;
}

static void add_found(struct kpk_table *table, const struct kpk_topic_plan *topic) {
    const struct kpk_topic_found *found = &topic->found;
    char retention[KPK_RETENTION_BYTES];

    if (!found->exists) {
        kpk_table_add(table, "missing (table %d)", topic->partitions);
        for (int i = 0; i < 6; i++) kpk_table_add(table, "-");
        return;
    }
    if (found->partitions == topic->partitions)
        kpk_table_add(table, "%d", found->partitions);
    else
        kpk_table_add(table, "%d (table %d)", found->partitions, topic->partitions);
    kpk_table_add(table, "%d", found->replicas);
    kpk_table_add(table, "%s", found->settings[KPK_MIN_ISR]);
    kpk_table_add(table, "%d", found->under_replicated);
    kpk_table_add(
        table, "%s",
        kpk_retention_text(strtoll(found->settings[KPK_RETENTION], NULL, 10), retention));
    kpk_table_add(table, "%s", found->settings[KPK_CLEANUP]);
    kpk_table_add(table, "%s", found->settings[KPK_MAX_BYTES]);
}

static void print_described(const struct kpk_plan *plan, int argc, char **argv) {
    static const char *const head[] = {"TOPIC",     "PARTITIONS", "RF",      "MIN ISR",
                                       "UNDER-REP", "RETENTION",  "CLEANUP", "MAX BYTES",
                                       "CLASS",     "KEY",        "READ BY", NULL};
    struct kpk_table table = {.align = "lrrrrllrlll"};
    int leaderless = 0;

    kpk_table_head(&table, head);
    for (size_t i = 0; i < plan->count; i++) {
        const struct kpk_topic_plan *topic = &plan->topics[i];
        char readers[KPK_READERS_BYTES];
        if (!chosen(topic, argc, argv)) continue;
        kpk_table_add(&table, "%s", topic->name);
        add_found(&table, topic);
        kpk_table_add(&table, "%s", kpk_durability_name(topic->row.durability));
        kpk_table_add(&table, "%s", topic->row.key ? topic->row.key : "-");
        kpk_table_add(&table, "%s",
                      kpk_topic_readers(&topic->row, kpk_scaled_consumers, readers));
        leaderless += topic->found.leaderless;
    }
    kpk_table_print(&table);
    if (leaderless)
        printf("%d partitions have no leader: nobody can write to them\n", leaderless);
}

int kpk_topics_describe(int argc, char **argv, struct kpk_err *err) {
    struct kpk_admin *admin = NULL;
    struct kpk_plan plan = {0};
    int code = kpk_opts_parse(&describe_program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (args.markdown) return kpk_topics_markdown(err);
    if (kpk_plan_open(&plan, argc > 1 ? NULL : kpk_systems_that_run, err))
        return KPK_EXIT_FAILED;
    code = KPK_EXIT_USAGE;
    if (check_names(&plan, argc, argv, err)) goto out;
    code = KPK_EXIT_FAILED;
    if (kpk_admin_open(&admin, &(struct kpk_admin_opts){.wait_ms = 10000}, err)) goto out;
    if (kpk_admin_describe(admin, &plan, err)) goto out;
    kpk_admin_decide(admin, &plan, false);
    print_described(&plan, argc, argv);
    code = KPK_EXIT_OK;
out:
    kpk_admin_close(admin);
    kpk_plan_close(&plan);
    return code;
}
