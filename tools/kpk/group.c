/* kpk group reset: set where a stopped group goes on.
 *
 *   read the group (1) --> ask every partition (2) --> decide (3) --> alter (4)
 *
 * The group's retry tiers stay where they are, unless one is named: a reset to the end would lose
 * what waits in them, and one to the beginning is not in need of them, as what fails again goes there
 * again.
 *
 * All or nothing: a partition that has no answer ends it before (4), and (4) is one request, which
 * the broker refuses as a whole when the group has a member by then. What the group does again is
 * harmless where its effects may be repeated (patterns/fanout); what it skips it never does. */
#include "common/clock.h"
#include "common/fault.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/lag.h"
#include "tools/kpk/reset.h"
#include "tools/kpk/safe.h"
#include "tools/kpk/table.h"
#include "tools/kpk/where.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000, GROUPS_SHOWN = 100 };

static struct {
    const char *to, *topic;
    int dry_run;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"to", NULL, KPK_OPT_STR, &args.to, NULL, 0, 0, "must be given: beginning, end, a time (RFC 3339, or 90s, 5m, 2h, 7d ago), or an offset (of each partition, or the nearest that it has)"},
    {"topic", NULL, KPK_OPT_STR, &args.topic, NULL, 0, 0, "only this one of the group's topics, or of its retry tiers, which stay where they are unless named"},
    {"dry-run", NULL, KPK_OPT_FLAG, &args.dry_run, NULL, 0, 0, "print what would be done; alter nothing"},
    {0},
};
/* clang-format on */

static const struct kpk_program program = {
    .name = "kpk group reset",
    .summary = "Sets the committed offsets of a group that has no members now, in every "
               "partition of its topics or in none.",
    .usage = "GROUP --to WHERE [options]",
    .opts = opts,
};

struct reset {
    struct kpk_admin *admin;
    struct kpk_plan topics;
    struct kpk_lag group;
    struct kpk_tail_from to;
    char topic[KPK_NAME_BYTES]; /* "": all */
    struct kpk_reset_partition *partitions;
    size_t count;
    size_t tiers; /* partitions of retry tiers that are left alone */
};

/* --- (1) the group ----------------------------------------------------------------------- */

/* The table's base name, or the name on the cluster, as a log has it: both find the row. */
static void choose_group(const char *name, struct kpk_lag *group) {
    const char *base = kpk_group_find(name) ? name : kpk_base_name(name);

    group->row = base ? kpk_group_find(base) : NULL;
    if (group->row)
        kpk_full_name(base, group->name);
    else
        snprintf(group->name, sizeof(group->name), "%s", name);
}

static void print_safe(const char *text) {
    kpk_safe_print(stdout, text, strlen(text), KPK_NAME_BYTES);
}

static int refuse_unknown(struct reset *reset, struct kpk_err *err) {
    rd_kafka_AdminOptions_t *options =
        kpk_admin_options(reset->admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
    rd_kafka_event_t *event;
    size_t count;

    rd_kafka_ListConsumerGroups(reset->admin->rk, options, kpk_admin_queue(reset->admin));
    event = kpk_admin_answer(reset->admin, options, "list groups", err);
    if (!event) return -1;
    const rd_kafka_ConsumerGroupListing_t **groups = rd_kafka_ListConsumerGroups_result_valid(
        rd_kafka_event_ListConsumerGroups_result(event), &count);
    printf("%s\n", count ? "groups on this cluster:" : "no group is on this cluster");
    for (size_t i = 0; i < count && i < GROUPS_SHOWN; i++) {
        printf("  ");
        print_safe(rd_kafka_ConsumerGroupListing_group_id(groups[i]));
        printf("\n");
    }
    if (count > GROUPS_SHOWN) printf("and %zu others\n", count - GROUPS_SHOWN);
    rd_kafka_event_destroy(event);
    return kpk_fail(err, KPK_REJECT, "no group '%s' on this cluster: nothing was altered",
                    reset->group.name);
}

static void add_safe(struct kpk_table *table, const char *text) {
    char *safe = kpk_safe_text(text, strlen(text), 0);

    kpk_table_add(table, "%s", safe ? safe : "(no memory)");
    free(safe);
}

static int refuse_members(const struct kpk_lag *group, struct kpk_err *err) {
    struct kpk_table table = {.align = "lll"};

    kpk_table_head(&table, (const char *[]){"CLIENT", "HOST", "MEMBER", NULL});
    for (size_t i = 0; i < group->member_count; i++) {
        add_safe(&table, group->members[i].client);
        add_safe(&table, group->members[i].host);
        add_safe(&table, group->members[i].id);
    }
    kpk_table_print(&table);
    return kpk_fail(err, KPK_REJECT,
                    "group %s has members (%zu): nothing was altered. Stop them first; in the "
                    "bundled stack: deploy/native/stack stop NAME (make status has the names). "
                    "One that died leaves when its session times out",
                    group->name, group->member_count);
}

static int read_group(struct reset *reset, struct kpk_err *err) {
    if (kpk_admin_open(&reset->admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err))
        return -1;
    if (kpk_plan_open(&reset->topics, NULL, err)) return -1;
    if (kpk_admin_describe(reset->admin, &reset->topics, err)) return -1;
    if (kpk_lag_read(reset->admin, &reset->topics, &reset->group, err)) return -1;
    if (!reset->group.exists) return refuse_unknown(reset, err);
    return 0;
}

/* --- (2) its partitions ------------------------------------------------------------------ */

/* By the table; a group that is not in it reads what it has committed. */
static bool is_meant(const struct reset *reset, const struct kpk_lag_partition *at) {
    const struct kpk_group *row = reset->group.row;
    enum kpk_reading reading = row ? kpk_group_reading(row, at->topic) : KPK_READS_TOPIC;

    if (*reset->topic) return reading && strcmp(reset->topic, at->topic) == 0;
    return reading == KPK_READS_TOPIC;
}

static int choose_partitions(struct reset *reset, struct kpk_err *err) {
    const struct kpk_lag *group = &reset->group;

    reset->partitions = calloc(group->count + 1, sizeof(*reset->partitions));
    if (!reset->partitions) return kpk_fail(err, KPK_FATAL, "reset: no memory");
    for (size_t i = 0; i < group->count; i++) {
        const struct kpk_lag_partition *at = &group->partitions[i];
        if (!is_meant(reset, at)) {
            reset->tiers += at->tier && !*reset->topic;
            continue;
        }
        reset->partitions[reset->count++] = (struct kpk_reset_partition){
            .topic = at->topic,
            .partition = at->partition,
            .committed = at->committed,
            .begin = -1,
            .end = at->end, /* known: there is somebody to ask */
            .first = -1,
        };
    }
    if (reset->count) return 0;
    if (*reset->topic)
        return kpk_fail(err, KPK_REJECT, "group %s has nothing in a topic '%s'", group->name,
                        reset->topic);
    return kpk_fail(err, KPK_REJECT, "group %s reads no topic that is on this cluster",
                    group->name);
}

static void store_begin(struct kpk_reset_partition *at, int64_t offset) { at->begin = offset; }
static void store_first(struct kpk_reset_partition *at, int64_t offset) { at->first = offset; }
static void store_end(struct kpk_reset_partition *at, int64_t offset) { at->end = offset; }

/* list  beside reset->partitions */
static int ask(struct reset *reset, rd_kafka_topic_partition_list_t *list, int64_t spec,
               void (*store)(struct kpk_reset_partition *at, int64_t offset),
               struct kpk_err *err) {
    if (kpk_admin_offsets(reset->admin, list, spec, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
                          err))
        return -1;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        if (answer->err)
            return kpk_fail(err, KPK_WAIT, "%s [%d]: %s: nothing was altered", answer->topic,
                            answer->partition, rd_kafka_err2str(answer->err));
        store(&reset->partitions[i], answer->offset);
    }
    return 0;
}

/* The end is asked for last: it is never before the other two. */
static int ask_partitions(struct reset *reset, struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *list = NULL;
    int rc = -1;

    for (size_t i = 0; i < reset->count; i++)
        if (reset->partitions[i].end < 0) return 0; /* kpk_reset_decide() will refuse */
    list = rd_kafka_topic_partition_list_new((int)reset->count);
    for (size_t i = 0; i < reset->count; i++)
        rd_kafka_topic_partition_list_add(list, reset->partitions[i].topic,
                                          reset->partitions[i].partition);
    if (ask(reset, list, RD_KAFKA_OFFSET_SPEC_EARLIEST, store_begin, err)) goto out;
    if (reset->to.start == KPK_TAIL_TIME && ask(reset, list, reset->to.at, store_first, err))
        goto out;
    rc = ask(reset, list, RD_KAFKA_OFFSET_SPEC_LATEST, store_end, err);
out:
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* --- (4) alter --------------------------------------------------------------------------- */

static int judge(const struct reset *reset, const rd_kafka_topic_partition_list_t *results,
                 struct kpk_err *err) {
    const rd_kafka_topic_partition_t *first = NULL;
    int failed = 0;

    for (int i = 0; i < results->cnt; i++) {
        if (!results->elems[i].err) continue;
        if (!failed++) first = &results->elems[i];
    }
    if (!failed) return 0;
    if (first->err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID)
        return kpk_fail(err, KPK_REJECT,
                        "group %s: a member joined meanwhile, so the broker refused: nothing "
                        "was altered. Stop it, and try again",
                        reset->group.name);
    return kpk_fail(err, KPK_WAIT,
                    "group %s: %d of %d partitions were not altered: %s [%d]: %s",
                    reset->group.name, failed, results->cnt, first->topic, first->partition,
                    rd_kafka_err2str(first->err));
}

static int alter(struct reset *reset, struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reset->count);
    rd_kafka_AdminOptions_t *options;
    rd_kafka_AlterConsumerGroupOffsets_t *request;
    rd_kafka_event_t *event;
    size_t count;
    int rc;

    for (size_t i = 0; i < reset->count; i++)
        rd_kafka_topic_partition_list_add(list, reset->partitions[i].topic,
                                          reset->partitions[i].partition)
            ->offset = reset->partitions[i].target;
    request = rd_kafka_AlterConsumerGroupOffsets_new(reset->group.name, list);
    rd_kafka_topic_partition_list_destroy(list);
    options = kpk_admin_options(reset->admin, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
    rd_kafka_AlterConsumerGroupOffsets(reset->admin->rk, &request, 1, options,
                                       kpk_admin_queue(reset->admin));
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    event = kpk_admin_answer(reset->admin, options,
                             "see kpk lag --partitions whether it was "
                             "altered",
                             err);
    if (!event) return -1;
    const rd_kafka_group_result_t *result = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count)[0];
    const rd_kafka_error_t *error = rd_kafka_group_result_error(result);
    if (error)
        rc = kpk_fail(err, KPK_WAIT, "group %s: %s", reset->group.name,
                      rd_kafka_error_string(error));
    else
        rc = judge(reset, rd_kafka_group_result_partitions(result), err);
    rd_kafka_event_destroy(event);
    return rc;
}

/* --- print ------------------------------------------------------------------------------- */

static void add_note(struct kpk_table *table, const struct kpk_reset_partition *at) {
    static const char *const notes[] = {
        [KPK_RESET_EXACT] = "",
        [KPK_RESET_BEGINS_LATER] = "its beginning is the nearest",
        [KPK_RESET_ENDS_BEFORE] = "its end is the nearest",
        [KPK_RESET_NONE_SINCE] = "no record since then",
    };
    const char *note = notes[at->note];

    if (at->lost)
        kpk_table_add(table, "%s%s%" PRId64 " lost to retention", note, *note ? "; " : "",
                      at->lost);
    else
        kpk_table_add(table, "%s", *note ? note : "-");
}

static void print(const struct reset *reset) {
    struct kpk_table table = {.align = "lrrrrrl"};
    int64_t again = 0, skipped = 0, lost = 0;

    kpk_table_head(&table, (const char *[]){"TOPIC", "PARTITION", "COMMITTED",
                                            args.dry_run ? "WOULD BE" : "IS NOW", "AGAIN",
                                            "SKIPPED", "NOTE", NULL});
    for (size_t i = 0; i < reset->count; i++) {
        const struct kpk_reset_partition *at = &reset->partitions[i];
        again += at->again;
        skipped += at->skipped;
        lost += at->lost;
        kpk_table_add(&table, "%s", at->topic);
        kpk_table_add(&table, "%d", at->partition);
        if (at->committed < 0)
            kpk_table_add(&table, "-");
        else
            kpk_table_add(&table, "%" PRId64, at->committed);
        kpk_table_add(&table, "%" PRId64, at->target);
        kpk_table_add(&table, "%" PRId64, at->again);
        kpk_table_add(&table, "%" PRId64, at->skipped);
        add_note(&table, at);
    }
    kpk_table_print(&table);
    printf("%s: %" PRId64 " offsets come again, %" PRId64 " are skipped", reset->group.name,
           again, skipped);
    if (lost) printf(", %" PRId64 " were lost to retention", lost);
    if (reset->tiers) printf("; its retry tiers stay where they are");
    printf(args.dry_run ? "; a dry run: nothing was altered\n"
                        : "; its members may be started again\n");
}

/* --- run --------------------------------------------------------------------------------- */

static int run(struct reset *reset, struct kpk_err *err) {
    if (read_group(reset, err)) return -1;        /* (1) */
    if (choose_partitions(reset, err)) return -1; /* (2) */
    if (reset->group.member_count) return refuse_members(&reset->group, err);
    if (ask_partitions(reset, err)) return -1;
    if (kpk_reset_decide(reset->partitions, reset->count, &reset->to, /* (3) */
                         reset->group.row && reset->group.row->start == KPK_FROM_END, err))
        return -1;
    if (kpk_fault("group-reset:before-alter", err)) return -1;
    if (!args.dry_run && alter(reset, err)) return -1; /* (4) */
    print(reset);
    return 0;
}

int kpk_group_reset(int argc, char **argv, struct kpk_err *err) {
    static struct reset reset; /* large */
    int code = kpk_opts_parse(&program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (argc != 2 || !*argv[1] || strlen(argv[1]) >= KPK_NAME_BYTES)
        return kpk_fail(err, KPK_REJECT, "one group must be named, as kpk lag prints it"),
               KPK_EXIT_USAGE;
    if (!*args.to)
        return kpk_fail(err, KPK_REJECT,
                        "--to must say where: beginning, end, a time, an offset"),
               KPK_EXIT_USAGE;
    if (kpk_where_from(args.to, kpk_now_ms(), &reset.to, err)) return KPK_EXIT_USAGE;
    if (*args.topic && kpk_where_topic(args.topic, reset.topic, err)) return KPK_EXIT_USAGE;
    choose_group(argv[1], &reset.group);
    code = run(&reset, err) ? KPK_EXIT_FAILED : KPK_EXIT_OK;
    free(reset.partitions);
    kpk_lag_clear(&reset.group);
    kpk_plan_close(&reset.topics);
    kpk_admin_close(reset.admin);
    return code;
}
