/* kpk lag: how far behind the groups are, and when they will have caught up.
 *
 * Rates come from two readings: IN/S is how fast the ends move, OUT/S how fast the commits do.
 * Both count offsets, so the control records of transactions are in both. What lag means is in
 * lag.h. DLQ counts the dead letters that nothing was done about. */
#include "tools/kpk/lag.h"

#include "common/clock.h"
#include "common/stop.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS = 32, WAIT_MS = 10000 };

static struct {
    const char *groups[GROUPS + 1];
    int watch, interval_s, partitions;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"group", NULL, KPK_OPT_LIST, args.groups, NULL, 0, GROUPS, "a group of the table, or any by its name on the cluster; may be repeated; default: those of the table that exist"},
    {"partitions", NULL, KPK_OPT_FLAG, &args.partitions, NULL, 0, 0, "a line per partition, with its owner"},
    {"watch", NULL, KPK_OPT_FLAG, &args.watch, NULL, 0, 0, "draw again after each interval, until Ctrl-C"},
    {"interval", NULL, KPK_OPT_INT, &args.interval_s, "1", 1, 3600, "seconds between the two readings that rates come from"},
    {0},
};
/* clang-format on */

static const struct kpk_program program = {
    .name = "kpk lag",
    .summary =
        "Prints how far behind groups are, who is in them, and when they will have caught up.",
    .opts = opts,
};

struct view {
    struct kpk_admin *admin;
    struct kpk_peek *peek;
    struct kpk_dlq_counter *counter;
    struct kpk_plan topics;
    size_t left_out;          /* partitions of dead letter topics */
    struct kpk_err uncounted; /* why no dead letter was counted; KPK_OK: they were */
    struct kpk_lag now[GROUPS], before[GROUPS];
    size_t count;
};

/* --- which groups ------------------------------------------------------------------------ */

static void choose(struct view *view) {
    for (size_t i = 0; args.groups[i]; i++) {
        struct kpk_lag *lag = &view->now[view->count++];
        lag->row = kpk_group_find(args.groups[i]);
        if (lag->row)
            kpk_full_name(args.groups[i], lag->name);
        else
            snprintf(lag->name, sizeof(lag->name), "%s", args.groups[i]);
    }
    if (view->count) return;
    for (const struct kpk_group *row = kpk_groups; row->name && view->count < GROUPS; row++) {
        struct kpk_lag *lag = &view->now[view->count++];
        lag->row = row;
        kpk_full_name(row->name, lag->name);
    }
}

/* Without them, how far the groups are is told all the same. */
static void count_letters(struct view *view) {
    struct kpk_err err = {.verdict = KPK_OK};

    if (kpk_count_letters(view->counter, view->admin, view->now, view->count, &view->left_out,
                          &err))
        view->left_out = 0;
    view->uncounted = err;
}

/* A reading; the one before it is kept. */
static int read_all(struct view *view, struct kpk_err *err) {
    for (size_t i = 0; i < view->count; i++) {
        struct kpk_lag *now = &view->now[i], *before = &view->before[i], kept = *before;
        *before = *now;
        *now = kept;
        now->row = before->row;
        memcpy(now->name, before->name, sizeof(now->name));
        if (kpk_lag_read(view->admin, &view->topics, now, err)) return -1;
        if (!now->exists && args.groups[0])
            return kpk_fail(err, KPK_REJECT, "no group '%s' on the cluster", now->name);
        if (kpk_peek(view->peek, now, err)) return -1;
    }
    count_letters(view);
    return 0;
}

/* --- print ------------------------------------------------------------------------------- */

static size_t count_hosts(const struct kpk_lag *lag) {
    size_t hosts = 0;

    for (size_t i = 0; i < lag->member_count; i++) {
        size_t earlier = 0;
        while (earlier < i && strcmp(lag->members[earlier].host, lag->members[i].host) != 0)
            earlier++;
        hosts += earlier == i;
    }
    return hosts;
}

static void add_duration(struct kpk_table *table, const struct kpk_lag_sum *sum) {
    double net = sum->out_s - sum->in_s, seconds = net > 0 ? (double)sum->lag / net : 0;

    if (sum->lag == 0)
        kpk_table_add(table, "-");
    else if (net <= 0)
        kpk_table_add(table, "%s", sum->in_s > sum->out_s ? "grows" : "stands still");
    else if (seconds < 120)
        kpk_table_add(table, "%.0f s", seconds + 0.5);
    else if (seconds < 7200)
        kpk_table_add(table, "%.0f min", seconds / 60);
    else
        kpk_table_add(table, "%.0f h", seconds / 3600);
}

static void add_sum(struct kpk_table *table, const char *topic, const struct kpk_lag_sum *sum) {
    kpk_table_add(table, "%s", topic);
    kpk_table_add(table, "%zu", sum->partitions);
    if (sum->unknown == sum->partitions)
        kpk_table_add(table, "unknown");
    else
        kpk_table_add(table, "%" PRId64, sum->lag);
    kpk_table_add(table, "%.0f", sum->in_s);
    kpk_table_add(table, "%.0f", sum->out_s);
    add_duration(table, sum);
}

/* The group's own columns stand in its first row only. */
static void add_group_columns(struct kpk_table *table, const struct kpk_lag *now, bool first) {
    if (!first) {
        for (int i = 0; i < 5; i++) kpk_table_add(table, "%s", "");
        return;
    }
    kpk_table_add(table, "%s", now->name);
    kpk_table_add(table, "%s", now->state);
    kpk_table_add(table, "%zu", now->member_count);
    kpk_table_add(table, "%zu", count_hosts(now));
    if (now->letters < 0)
        kpk_table_add(table, "-");
    else
        kpk_table_add(table, "%" PRId64, now->letters);
}

static void add_group(struct kpk_table *table, const struct kpk_lag *now,
                      const struct kpk_lag *before) {
    size_t topics = 0;
    struct kpk_lag_sum sum;

    for (size_t i = 0; i < now->count; i++) {
        const char *topic = now->partitions[i].topic;
        if (i > 0 && strcmp(topic, now->partitions[i - 1].topic) == 0) continue;
        add_group_columns(table, now, topics++ == 0);
        sum = kpk_lag_sum(now, before, topic);
        add_sum(table, topic, &sum);
    }
    if (topics == 1) return;
    add_group_columns(table, now, topics == 0);
    sum = kpk_lag_sum(now, before, NULL);
    add_sum(table, topics ? "(all)" : "-", &sum);
}

static void print_groups(const struct view *view) {
    static const char *const head[] = {"GROUP", "STATE", "MEMBERS",    "HOSTS",
                                       "DLQ",   "TOPIC", "PARTITIONS", "LAG",
                                       "IN/S",  "OUT/S", "DRAINED IN"};
    struct kpk_table table = {.align = "llrrrlrrrrr"};
    int64_t unstable = 0;
    size_t there = 0, unknown = 0;

    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        kpk_table_add(&table, "%s", head[i]);
    for (size_t i = 0; i < view->count; i++) {
        if (!view->now[i].exists) continue;
        there++;
        add_group(&table, &view->now[i], &view->before[i]);
        struct kpk_lag_sum sum = kpk_lag_sum(&view->now[i], &view->before[i], NULL);
        unstable += sum.unstable;
        unknown += sum.unknown;
    }
    kpk_table_print(&table);
    if (!there) printf("no group of the table is on this cluster yet\n");
    if (unknown)
        printf("%zu partitions are not in LAG: nothing committed yet, no leader, or the topic "
               "is gone\n",
               unknown);
    if (view->left_out)
        printf("%zu partitions are not in DLQ: they have no leader now\n", view->left_out);
    if (view->uncounted.verdict != KPK_OK)
        printf("DLQ is not known: %s\n", view->uncounted.msg);
    if (unstable)
        printf("%" PRId64 " offsets lie in transactions still open: nobody can read them yet\n",
               unstable);
}

static void add_offset(struct kpk_table *table, int64_t offset) {
    if (offset < 0)
        kpk_table_add(table, "-");
    else
        kpk_table_add(table, "%" PRId64, offset);
}

static void print_partitions(const struct kpk_lag *lag) {
    static const char *const head[] = {"TOPIC", "PARTITION", "COMMITTED", "END",
                                       "LAG",   "MEMBER",    "HOST"};
    struct kpk_table table = {.align = "lrrrrll"};

    if (!lag->exists) return;
    printf("\n%s\n", lag->name);
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        kpk_table_add(&table, "%s", head[i]);
    for (size_t i = 0; i < lag->count; i++) {
        const struct kpk_lag_partition *at = &lag->partitions[i];
        kpk_table_add(&table, "%s", at->topic);
        kpk_table_add(&table, "%d", at->partition);
        add_offset(&table, at->committed);
        add_offset(&table, at->end);
        add_offset(&table, at->lag);
        kpk_table_add(&table, "%s", at->member < 0 ? "-" : lag->members[at->member].id);
        kpk_table_add(&table, "%s", at->member < 0 ? "-" : lag->members[at->member].host);
    }
    kpk_table_print(&table);
}

static void print(const struct view *view) {
    if (args.watch && isatty(STDOUT_FILENO)) printf("\033[H\033[2J");
    print_groups(view);
    for (size_t i = 0; args.partitions && i < view->count; i++) print_partitions(&view->now[i]);
    if (args.watch && !isatty(STDOUT_FILENO)) printf("\n");
    fflush(stdout);
}

/* --- run --------------------------------------------------------------------------------- */

static int run(struct view *view, struct kpk_err *err) {
    int64_t began;

    if (kpk_admin_open(&view->admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err))
        return -1;
    if (kpk_peek_open(&view->peek, err)) return -1;
    if (kpk_plan_open(&view->topics, NULL, err)) return -1;
    began = kpk_mono_ms();
    if (kpk_admin_describe(view->admin, &view->topics, err)) return -1;
    if (kpk_dlq_counter_open(&view->counter, &view->topics, err)) return -1;
    if (read_all(view, err)) return -1;
    do {
        int64_t left =
            began + args.interval_s * 1000 - kpk_mono_ms(); /* a first look is slow */
        kpk_stop_wait(left > 0 ? (int)left : 0);
        began = kpk_mono_ms();
        if (kpk_stopping()) break;
        if (read_all(view, err)) {
            if (kpk_stopping()) break;
            if (!args.watch || err->verdict != KPK_WAIT) return -1;
            fprintf(stderr, "kpk lag: %s; trying again\n",
                    err->msg); /* a broker may come back */
            continue;
        }
        print(view);
    } while (args.watch && !kpk_stopping());
    return 0;
}

int kpk_lag_command(int argc, char **argv, struct kpk_err *err) {
    static struct view view; /* large */
    int code = kpk_opts_parse(&program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (args.watch) kpk_stop_init();
    choose(&view);
    code = run(&view, err) ? KPK_EXIT_FAILED : KPK_EXIT_OK;
    for (size_t i = 0; i < view.count; i++) {
        kpk_lag_clear(&view.now[i]);
        kpk_lag_clear(&view.before[i]);
    }
    kpk_dlq_counter_close(view.counter);
    kpk_plan_close(&view.topics);
    kpk_peek_close(view.peek);
    kpk_admin_close(view.admin);
    return code;
}
