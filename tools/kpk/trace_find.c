/* Looking for an event: in the outboxes, by its id; in the topics, record by record, as Kafka
 * has no index of headers. */
#include "common/event.h"
#include "common/pg.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "tools/kpk/record.h"
#include "tools/kpk/safe.h"
#include "tools/kpk/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_NAME = 80, SHOWN_REASON = 120, POLL_MS = 500 };

/* --- outbox ------------------------------------------------------------------------------ */

static void describe_row(struct kpk_outbox_trace *trace, const PGresult *row) {
    const char *reason = PQgetisnull(row, 0, 3) ? NULL : PQgetvalue(row, 0, 3);
    const char *key = PQgetvalue(row, 0, 1);
    char *safe_key = kpk_safe_text(key, strlen(key), SHOWN_NAME), *safe_reason = NULL;
    char time[KPK_TIME_BYTES];

    if (reason) safe_reason = kpk_safe_text(reason, strlen(reason), SHOWN_REASON);
    trace->state = reason ? KPK_OUTBOX_PARKED : KPK_OUTBOX_PENDING;
    snprintf(trace->detail, sizeof(trace->detail), "since %s, for topic %.80s, key %s%s%s",
             kpk_record_time(strtoll(PQgetvalue(row, 0, 2), NULL, 10), time),
             PQgetvalue(row, 0, 0), safe_key ? safe_key : "?", reason ? ": " : "",
             safe_reason ? safe_reason : "");
    free(safe_key);
    free(safe_reason);
}

static void ask_outbox(const char *id, struct kpk_outbox_trace *trace) {
    static const struct kpk_pg_stmt find = {
        "trace_outbox", "SELECT aggregatetype, aggregateid, "
                        "(extract(epoch FROM created_at) * 1000)::bigint, parked "
                        "FROM outbox WHERE id = $1"};
    char schema[KPK_NAME_BYTES];
    struct kpk_pg *pg = NULL;
    PGresult *rows = NULL;
    struct kpk_err err;

    if (!kpk_pg_open(&pg, kpk_schema_name(trace->system, schema), &err))
        rows = kpk_pg_exec(pg, &find, &id, 1, &err);
    if (rows) {
        trace->state = KPK_OUTBOX_GONE;
        if (PQntuples(rows) > 0) describe_row(trace, rows);
        PQclear(rows);
    } else {
        bool no_table = pg && strcmp(pg->sqlstate, "42P01") == 0;
        trace->state = no_table ? KPK_OUTBOX_NONE : KPK_OUTBOX_UNKNOWN;
        if (!no_table) snprintf(trace->detail, sizeof(trace->detail), "%s", err.msg);
    }
    kpk_pg_close(pg);
}

static bool is_listed(const struct kpk_outbox_trace *traces, size_t count, const char *system) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(traces[i].system, system) == 0) return true;
    return false;
}

size_t kpk_trace_outboxes(const char *id, struct kpk_outbox_trace *out) {
    size_t count = 0;

    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++) {
        if (count == KPK_TRACE_SYSTEMS || is_listed(out, count, topic->system)) continue;
        out[count] = (struct kpk_outbox_trace){.system = topic->system};
        if (kpk_uuid_valid(id))
            ask_outbox(id, &out[count]);
        else
            out[count].state = KPK_OUTBOX_NEVER;
        count++;
    }
    return count;
}

/* --- records ----------------------------------------------------------------------------- */

/* Whose dead letter or retry it is, by where it lies. */
static void tell_group(struct kpk_trace_record *record, const char *topic) {
    struct kpk_dlq_topics table;
    const struct kpk_dlq_topic *at;
    struct kpk_err ignored;

    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (kpk_group_reading(group, topic) == KPK_READS_TIER) record->retried_by = group;
    if (kpk_dlq_topics_open(&table, NULL, &ignored)) return;
    at = kpk_dlq_topic_find(&table, topic);
    if (at) record->rejected_by = at->group;
    kpk_dlq_topics_close(&table);
}

static void keep(struct kpk_trace_scan *scan, const rd_kafka_message_t *msg,
                 struct kpk_plan *topics) {
    struct kpk_trace_record *record = &scan->records[scan->count++];
    const char *topic = rd_kafka_topic_name(msg->rkt);
    const void *type;
    size_t len;

    *record = (struct kpk_trace_record){
        .key = msg->key ? kpk_safe_text(msg->key, msg->key_len, SHOWN_NAME) : NULL,
    };
    tell_group(record, topic);
    scan->dead_letters += record->rejected_by != NULL;
    scan->retries += record->retried_by != NULL;
    kpk_dead_letter_fill(&record->at, msg, kpk_plan_find(topics, topic)->name);
    if (kpk_record_header(msg, "ce_type", &type, &len))
        record->type = kpk_safe_text(type, len, SHOWN_NAME);
}

static int scan_all(struct kpk_tail *tail, struct kpk_plan *topics, const char *id,
                    struct kpk_trace_scan *scan, struct kpk_err *err) {
    size_t len = strlen(id);

    while (!kpk_tail_done(tail)) {
        rd_kafka_message_t *msg;
        if (kpk_stopping())
            return kpk_fail(err, KPK_WAIT, "interrupted after %zu records", scan->read);
        if (kpk_tail_next(tail, POLL_MS, &msg, err)) return -1;
        if (!msg) continue;
        scan->read++;
        if (kpk_record_has(msg, "ce_id", id, len)) {
            if (scan->count < KPK_TRACE_RECORDS)
                keep(scan, msg, topics);
            else
                scan->more++;
        }
        rd_kafka_message_destroy(msg);
    }
    qsort(scan->records, scan->count, sizeof(scan->records[0]), kpk_dead_letter_compare);
    return 0;
}

int kpk_trace_records(struct kpk_plan *topics, const char *id, int64_t since_ms,
                      struct kpk_trace_scan *scan, struct kpk_err *err) {
    const char **names = calloc(topics->count + 1, sizeof(*names));
    struct kpk_tail *tail = NULL;
    int failed = -1;

    *scan = (struct kpk_trace_scan){0};
    if (!names) return kpk_fail(err, KPK_FATAL, "trace: no memory");
    for (size_t i = 0; i < topics->count; i++)
        if (topics->topics[i].found.exists) names[scan->topics++] = topics->topics[i].name;
    scan->missing = topics->count - scan->topics;
    if (kpk_tail_open_at(&tail,
                         &(struct kpk_tail_opts){
                             .topics = names,
                             .partition = KPK_TAIL_ALL,
                             .from = {KPK_TAIL_TIME, since_ms},
                             .until_end = true,
                             .skip_leaderless = true,
                         },
                         err))
        goto out;
    scan->partitions = kpk_tail_partitions(tail);
    scan->leaderless = kpk_tail_leaderless(tail);
    failed = scan_all(tail, topics, id, scan, err);
out:
    kpk_tail_close(tail);
    free(names);
    return failed;
}

void kpk_trace_scan_free(struct kpk_trace_scan *scan) {
    for (size_t i = 0; i < scan->count; i++) {
        kpk_dead_letter_free(&scan->records[i].at);
        free(scan->records[i].key);
        free(scan->records[i].type);
    }
    *scan = (struct kpk_trace_scan){0};
}
