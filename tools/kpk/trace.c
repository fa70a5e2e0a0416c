/* kpk trace: where one event has been.
 *
 * The outboxes are asked before the topics: an event that is published in between is seen in
 * both, never in neither. The groups come last: their commits are as new as can be. */
#include "tools/kpk/trace.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/lag.h"
#include "tools/kpk/record.h"
#include "tools/kpk/safe.h"
#include "tools/kpk/table.h"
#include "tools/kpk/where.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000, CLOCKS_DIFFER_MS = 60000, DEFAULT_AGO_MS = 24 * 3600 * 1000 };

static struct { const char *since; } args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"since", NULL, KPK_OPT_STR, &args.since, NULL, 0, 0, "read the topics from this time (RFC 3339, or 90s, 5m, 2h, 7d ago); without it: from the time in the id, if it is a UUIDv7, else a day ago"},
    {0},
};
/* clang-format on */

static const struct kpk_program program = {
    .name = "kpk trace",
    .summary =
        "Prints where one event has been: the outboxes, every record with its ce_id in the "
        "topics of the table, what each group that reads them did, its dead letters.",
    .usage = "CE_ID [options]",
    .opts = opts,
};

struct trace {
    const char *id;
    int64_t since_ms;
    struct kpk_outbox_trace outboxes[KPK_TRACE_SYSTEMS];
    size_t systems;
    struct kpk_admin *admin;
    struct kpk_plan topics;
    struct kpk_trace_scan scan;
};

static void add_position(struct kpk_table *table, const struct kpk_dead_letter *at) {
    kpk_table_add(table, "%s:%" PRId32 ":%" PRId64, at->topic, at->partition, at->offset);
}

static void add_text(struct kpk_table *table, const char *text) {
    kpk_table_add(table, "%s", text ? text : "-");
}

/* --- what was found ---------------------------------------------------------------------- */

static void print_outboxes(const struct trace *trace) {
    static const char *const states[] = {
        [KPK_OUTBOX_GONE] = "not there: published and deleted, or it never was",
        [KPK_OUTBOX_NEVER] = "never there: it is no UUID",
        [KPK_OUTBOX_PENDING] = "pending",
        [KPK_OUTBOX_PARKED] = "parked, and never published",
        [KPK_OUTBOX_NONE] = "there is none",
        [KPK_OUTBOX_UNKNOWN] = "unknown",
    };
    struct kpk_table table = {.align = "ll", .indent = 2};

    printf("outbox\n");
    for (size_t i = 0; i < trace->systems; i++) {
        const struct kpk_outbox_trace *at = &trace->outboxes[i];
        kpk_table_add(&table, "%s", at->system);
        kpk_table_add(&table, "%s%s%s", states[at->state], *at->detail ? ": " : "", at->detail);
    }
    kpk_table_print(&table);
}

static void print_scan(const struct trace *trace) {
    const struct kpk_trace_scan *scan = &trace->scan;
    char time[KPK_TIME_BYTES];

    printf("\nrecords: %zu read, of %d partitions of %zu topics, from %s on\n", scan->read,
           scan->partitions - scan->leaderless, scan->topics,
           kpk_record_time(trace->since_ms, time));
    if (scan->missing)
        printf("  %zu topics of the table are not on this cluster\n", scan->missing);
    if (scan->leaderless)
        printf("  %d partitions have no leader now and were not read\n", scan->leaderless);
    if (scan->more) printf("  %zu more have this ce_id and are not shown\n", scan->more);
}

static void print_records(const struct trace *trace) {
    static const char *const head[] = {"RECORD", "TIME", "KEY", "TYPE", NULL};
    struct kpk_table table = {.align = "llll", .indent = 2};
    char time[KPK_TIME_BYTES];

    if (trace->scan.count == trace->scan.retries + trace->scan.dead_letters) {
        printf("  none has this ce_id\n");
        return;
    }
    kpk_table_head(&table, head);
    for (size_t i = 0; i < trace->scan.count; i++) {
        const struct kpk_trace_record *record = &trace->scan.records[i];
        if (record->rejected_by || record->retried_by) continue;
        add_position(&table, &record->at);
        kpk_table_add(&table, "%s", kpk_record_time(record->at.ms, time));
        add_text(&table, record->key);
        add_text(&table, record->type);
    }
    kpk_table_print(&table);
}

/* Only a group that has tiers hands anything over to them. */
static void print_retries(const struct trace *trace) {
    static const char *const head[] = {"RECORD", "TIME", "FROM", "GROUP", "REASON", NULL};
    struct kpk_table table = {.align = "lllll", .indent = 2};
    char time[KPK_TIME_BYTES];

    if (trace->scan.retries == 0) return;
    printf("\nretries\n");
    kpk_table_head(&table, head);
    for (size_t i = 0; i < trace->scan.count; i++) {
        const struct kpk_trace_record *record = &trace->scan.records[i];
        if (!record->retried_by) continue;
        add_position(&table, &record->at);
        kpk_table_add(&table, "%s", kpk_record_time(record->at.ms, time));
        add_text(&table, record->at.from);
        kpk_table_add(&table, "%s", record->retried_by->name);
        add_text(&table, record->at.reason);
    }
    kpk_table_print(&table);
}

static const char *done_about(const struct kpk_ledger *ledger,
                              const struct kpk_dead_letter *at) {
    const struct kpk_ledger_entry *entry =
        kpk_ledger_find(ledger, at->topic, at->partition, at->offset, at->ms);

    return kpk_dlq_state_name(entry ? entry->state : KPK_DLQ_OPEN);
}

static int print_dead_letters(struct trace *trace, struct kpk_err *err) {
    static const char *const head[] = {"RECORD", "TIME",   "FROM", "GROUP",
                                       "STATE",  "REASON", NULL};
    struct kpk_table table = {.align = "llllll", .indent = 2};
    struct kpk_dlq_topics topics = {0};
    struct kpk_ledger ledger = {.topics = &topics};
    char time[KPK_TIME_BYTES];
    int failed = -1;

    printf("\ndead letters\n");
    if (trace->scan.dead_letters == 0) {
        printf("  none has this ce_id\n");
        return 0;
    }
    if (kpk_dlq_topics_open(&topics, &trace->topics, err)) goto out;
    if (kpk_ledger_read(&ledger, WAIT_MS, err)) goto out;
    kpk_table_head(&table, head);
    for (size_t i = 0; i < trace->scan.count; i++) {
        const struct kpk_trace_record *record = &trace->scan.records[i];
        if (!record->rejected_by) continue;
        add_position(&table, &record->at);
        kpk_table_add(&table, "%s", kpk_record_time(record->at.ms, time));
        add_text(&table, record->at.from);
        kpk_table_add(&table, "%s", record->rejected_by->name);
        kpk_table_add(&table, "%s", done_about(&ledger, &record->at));
        add_text(&table, record->at.reason);
    }
    kpk_table_print(&table);
    failed = 0;
out:
    kpk_ledger_free(&ledger);
    kpk_dlq_topics_close(&topics);
    return failed;
}

/* --- groups ------------------------------------------------------------------------------ */

static bool reads(const struct kpk_group *group, const struct kpk_trace_record *record) {
    return kpk_group_reading(group, record->at.topic) != KPK_READS_NOT;
}

static bool reads_any(const struct kpk_group *group, const struct trace *trace) {
    for (size_t i = 0; i < trace->scan.count; i++)
        if (reads(group, &trace->scan.records[i])) return true;
    return false;
}

/* Behind its offset lies the commit: it is done, if it was not handed over. */
static const char *what_became(const struct trace *trace, const struct kpk_group *group,
                               const struct kpk_dead_letter *at) {
    const char *became = "processed";
    char position[KPK_NAME_BYTES + 40];

    snprintf(position, sizeof(position), "%s:%" PRId32 ":%" PRId64, at->topic, at->partition,
             at->offset);
    for (size_t i = 0; i < trace->scan.count; i++) {
        const struct kpk_trace_record *record = &trace->scan.records[i];
        if (!record->at.from || strcmp(record->at.from, position) != 0) continue;
        if (record->rejected_by == group) return "rejected";
        if (record->retried_by == group) became = "retried";
    }
    return became;
}

static const struct kpk_lag_partition *find_partition(const struct kpk_lag *lag,
                                                      const struct kpk_dead_letter *at) {
    for (size_t i = 0; i < lag->count; i++)
        if (lag->partitions[i].partition == at->partition &&
            strcmp(lag->partitions[i].topic, at->topic) == 0)
            return &lag->partitions[i];
    return NULL;
}

static void add_progress(struct kpk_table *table, const struct trace *trace,
                         const struct kpk_lag *lag, const struct kpk_dead_letter *at) {
    const struct kpk_lag_partition *partition = find_partition(lag, at);

    kpk_table_add(table, "%s", lag->row->name);
    add_position(table, at);
    if (!lag->exists)
        kpk_table_add(table, "not yet: there is no such group");
    else if (!partition || partition->committed < 0)
        kpk_table_add(table, "not yet: nothing is committed");
    else if (partition->committed <= at->offset)
        kpk_table_add(table, "not yet: %" PRId64 " offsets to go",
                      at->offset + 1 - partition->committed);
    else
        kpk_table_add(table, "%s", what_became(trace, lag->row, at));
    if (partition && partition->committed >= 0)
        kpk_table_add(table, "%" PRId64, partition->committed);
    else
        kpk_table_add(table, "-");
    if (partition && partition->lag >= 0)
        kpk_table_add(table, "%" PRId64, partition->lag);
    else
        kpk_table_add(table, "-");
}

static int add_group(struct kpk_table *table, struct trace *trace, struct kpk_peek *peek,
                     const struct kpk_group *group, struct kpk_err *err) {
    struct kpk_lag lag = {.row = group};
    int failed;

    kpk_full_name(group->name, lag.name);
    failed = kpk_lag_read(trace->admin, &trace->topics, &lag, err) || kpk_peek(peek, &lag, err);
    for (size_t i = 0; !failed && i < trace->scan.count; i++)
        if (reads(group, &trace->scan.records[i]))
            add_progress(table, trace, &lag, &trace->scan.records[i].at);
    kpk_lag_clear(&lag);
    return failed ? -1 : 0;
}

static int print_groups(struct trace *trace, struct kpk_err *err) {
    static const char *const head[] = {"GROUP", "RECORD", "STATE", "COMMITTED", "LAG", NULL};
    struct kpk_table table = {.align = "lllrr", .indent = 2};
    struct kpk_peek *peek;
    int failed = 0;

    if (trace->scan.count == trace->scan.dead_letters) return 0; /* nobody reads those */
    if (kpk_peek_open(&peek, err)) return -1;
    kpk_table_head(&table, head);
    for (const struct kpk_group *group = kpk_groups; group->name && !failed; group++)
        if (reads_any(group, trace)) failed = add_group(&table, trace, peek, group, err);
    printf("\ngroups\n");
    kpk_table_print(&table);
    kpk_peek_close(peek);
    return failed;
}

/* --- run --------------------------------------------------------------------------------- */

static int choose_since(struct trace *trace, struct kpk_err *err) {
    int64_t now = kpk_now_ms();

    trace->since_ms = now - DEFAULT_AGO_MS;
    if (*args.since) return kpk_where_time(args.since, now, &trace->since_ms, err);
    /* No record is older than its event, but for clocks that differ. */
    if (kpk_uuid_valid(trace->id) && trace->id[14] == '7' && kpk_uuid7_ms(trace->id) < now &&
        kpk_uuid7_ms(trace->id) > CLOCKS_DIFFER_MS)
        trace->since_ms = kpk_uuid7_ms(trace->id) - CLOCKS_DIFFER_MS;
    return 0;
}

static bool is_anywhere(const struct trace *trace) {
    for (size_t i = 0; i < trace->systems; i++)
        if (trace->outboxes[i].state == KPK_OUTBOX_PENDING ||
            trace->outboxes[i].state == KPK_OUTBOX_PARKED)
            return true;
    return trace->scan.count > 0;
}

static int run(struct trace *trace, struct kpk_err *err) {
    trace->systems = kpk_trace_outboxes(trace->id, trace->outboxes);
    print_outboxes(trace);
    fflush(stdout); /* the topics may take a while, or not answer */
    if (kpk_plan_open(&trace->topics, NULL, err)) return -1;
    if (kpk_admin_open(&trace->admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err))
        return -1;
    if (kpk_admin_describe(trace->admin, &trace->topics, err)) return -1;
    if (kpk_trace_records(&trace->topics, trace->id, trace->since_ms, &trace->scan, err))
        return -1;
    print_scan(trace);
    print_records(trace);
    print_retries(trace);
    if (print_dead_letters(trace, err)) return -1;
    if (print_groups(trace, err)) return -1;
    if (is_anywhere(trace)) return 0;
    return kpk_fail(err, KPK_FATAL, "found nowhere; --since reaches further back");
}

int kpk_trace_command(int argc, char **argv, struct kpk_err *err) {
    static struct trace trace; /* large */
    int code = kpk_opts_parse(&program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (argc != 2 || !*argv[1]) {
        kpk_fail(err, KPK_REJECT, "one ce_id must be named");
        return KPK_EXIT_USAGE;
    }
    trace.id = argv[1];
    if (choose_since(&trace, err)) return KPK_EXIT_USAGE;
    kpk_stop_init();
    signal(SIGPIPE, SIG_DFL); /* only reads: may be ended at any time */
    code = run(&trace, err) ? KPK_EXIT_FAILED : KPK_EXIT_OK;
    kpk_trace_scan_free(&trace.scan);
    kpk_plan_close(&trace.topics);
    kpk_admin_close(trace.admin);
    return code;
}
