/* The relay's half of the outbox: at-least-once, in order per aggregate.
 *
 *   select (1) -> begin, produce, wait for the reports, commit the Kafka transaction (2) -> delete (3)
 *
 * Crash before (2) commits: the records are aborted, nobody reads them, the rows are still there.
 * Crash between (2) and (3): the rows are published again, with the same ids.
 *
 * One relay is active: the holder of a lease in the database. A lease alone does not fence: a relay
 * that was stopped and wakes up late still believes in it. So its sends lie in transactions of one
 * transactional.id, and whoever takes the lease begins with init_transactions(), which aborts what
 * its predecessor left open and refuses whatever it sends from then on.
 *
 * No database transaction is open while Kafka is waited for: vacuum would wait for it too. */
#include "patterns/outbox/outbox.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/fault.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "topology/topology.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_ROWS = 500,
    POLL_MS = 500,
    LEASE_MS = 4000,
    /* Each shorter than what a process has to end in: 10 s after SIGTERM. What did not succeed
     * in time is done again, as a whole. */
    INIT_TIMEOUT_MS = 5000,
    PUBLISH_TIMEOUT_MS = 5000,
    COMMIT_TIMEOUT_MS = 4000,
    OUTAGE_WAIT_MS = 500,
};

static struct kpk_metric published = {.name = "kpk_outbox_published_total",
                                      .help = "Outbox rows published and deleted"};
static struct kpk_metric parked = {.name = "kpk_outbox_parked_total",
                                   .help = "Outbox rows that can never be published"};
static struct kpk_metric active = {.name = "kpk_outbox_active",
                                   .help = "1 while this relay holds the lease",
                                   .type = KPK_GAUGE};
static struct kpk_metric age = {
    .name = "kpk_outbox_age_seconds",
    .help = "From the transaction of a row to its acknowledgement by Kafka",
    .type = KPK_HISTOGRAM};

struct kpk_relay {
    struct kpk_relay_opts opts;
    char channel[128];               /* of NOTIFY: "twitter.outbox" */
    char lease_name[KPK_NAME_BYTES]; /* and transactional.id */
    char owner[KPK_UUID_BYTES];      /* this instance */
    struct kpk_pg *pg;
    int listening_pid;             /* the backend that LISTENs for us; 0: none */
    bool active;                   /* the lease was ours when we last asked */
    int64_t renew_at_ms;           /* monotonic; 0: ask at the next step */
    bool fencing, fenced;          /* the producer has begun, has ended init_transactions() */
    pthread_mutex_t lock;          /* of what the checks read from another thread */
    struct kpk_producer *producer; /* a standby has one too: it must say that Kafka is gone */
    struct kpk_err outage;         /* what the last step met; KPK_OK: nothing */
};

int kpk_relay_open(struct kpk_relay **out, const struct kpk_relay_opts *opts,
                   struct kpk_err *err) {
    struct kpk_relay *relay = calloc(1, sizeof(*relay));

    *out = NULL;
    if (!relay) return kpk_fail(err, KPK_FATAL, "relay: no memory");
    relay->opts = *opts;
    if (!relay->opts.batch) relay->opts.batch = BATCH_ROWS;
    if (!relay->opts.poll_ms) relay->opts.poll_ms = POLL_MS;
    if (!relay->opts.lease_ms) relay->opts.lease_ms = LEASE_MS;
    snprintf(relay->channel, sizeof(relay->channel), "%s.outbox", opts->schema);
    kpk_full_name(opts->name, relay->lease_name);
    kpk_uuid7(relay->owner);
    pthread_mutex_init(&relay->lock, NULL);
    kpk_fail(&relay->outage, KPK_WAIT, "starting");
    if (kpk_pg_open(&relay->pg, opts->schema, err)) {
        free(relay);
        return -1;
    }
    *out = relay;
    return 0;
}

void kpk_relay_close(struct kpk_relay *relay) {
    if (!relay) return;
    kpk_producer_close(relay->producer);
    kpk_pg_close(relay->pg);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

int kpk_relay_check(struct kpk_relay *relay, struct kpk_err *err) {
    pthread_mutex_lock(&relay->lock);
    *err = relay->outage;
    pthread_mutex_unlock(&relay->lock);
    return err->verdict == KPK_OK ? 0 : -1;
}

int kpk_relay_check_kafka(struct kpk_relay *relay, struct kpk_err *err) {
    int failed;

    /* Asking may take a second when Kafka is down; the relay has nothing better to do then. */
    pthread_mutex_lock(&relay->lock);
    if (relay->producer)
        failed = kpk_kafka_check(relay->producer->rk, err);
    else
        failed = kpk_fail(err, KPK_WAIT, "kafka: the producer is being made anew");
    pthread_mutex_unlock(&relay->lock);
    return failed;
}

static void set_outage(struct kpk_relay *relay, const struct kpk_err *outage) {
    pthread_mutex_lock(&relay->lock);
    relay->outage = *outage;
    pthread_mutex_unlock(&relay->lock);
}

/* --- who relays -------------------------------------------------------------------------- */

static void set_producer(struct kpk_relay *relay, struct kpk_producer *producer) {
    pthread_mutex_lock(&relay->lock);
    relay->producer = producer;
    pthread_mutex_unlock(&relay->lock);
}

static void drop_producer(struct kpk_relay *relay) {
    struct kpk_producer *producer = relay->producer;

    set_producer(relay, NULL);
    kpk_producer_close(producer);
    relay->fencing = relay->fenced = false;
    relay->renew_at_ms = 0; /* we may have been fenced: ask before the next try */
}

static void step_down(struct kpk_relay *relay, const char *why) {
    struct kpk_quoted quoted;

    if (relay->active)
        kpk_log("relay-standby", "lease=%s why=%s", relay->lease_name, kpk_quote(&quoted, why));
    relay->active = false;
    kpk_metric_set(&active, 0);
    if (relay->fencing) drop_producer(relay);
}

static void become_active(struct kpk_relay *relay) {
    struct kpk_err outage;

    kpk_log("relay-active", "lease=%s owner=%s", relay->lease_name, relay->owner);
    relay->active = true;
    kpk_metric_set(&active, 1);
    kpk_fail(&outage, KPK_WAIT, "taking over");
    set_outage(relay, &outage); /* until it has relayed what is there */
}

/* Take the lease, or renew it. By the database's clock, so that the relays' clocks do not matter.
 * returns  1 it is ours, 0 it is another's, -1 with 'err' */
static int hold_lease(struct kpk_relay *relay, struct kpk_err *err) {
    static const struct kpk_pg_stmt take = {
        "relay_lease",
        "INSERT INTO outbox_lease AS lease (name, owner, expires_at) "
        "VALUES ($1, $2, clock_timestamp() + $3 * interval '1 ms') "
        "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = "
        "excluded.expires_at "
        "WHERE lease.owner = excluded.owner OR lease.expires_at < clock_timestamp() "
        "RETURNING owner"};
    char lease_ms[16];
    const char *params[] = {relay->lease_name, relay->owner, lease_ms};
    int64_t now = kpk_mono_ms();
    PGresult *result;
    int ours;

    if (relay->active && now < relay->renew_at_ms) return 1;
    snprintf(lease_ms, sizeof(lease_ms), "%d", relay->opts.lease_ms);
    result = kpk_pg_exec(relay->pg, &take, params, 3, err);
    if (!result) return -1;
    ours = PQntuples(result);
    PQclear(result);
    if (!ours) {
        step_down(relay, "another relay holds the lease");
        return 0;
    }
    if (!relay->active) become_active(relay);
    relay->renew_at_ms = now + relay->opts.lease_ms / 3;
    return 1;
}

/* So that the standby need not wait for it to expire. */
static void release_lease(struct kpk_relay *relay) {
    static const struct kpk_pg_stmt release = {
        "relay_release", "DELETE FROM outbox_lease WHERE name = $1 AND owner = $2"};
    struct kpk_err ignored;

    if (!relay->active) return;
    step_down(relay, "asked to stop");
    if (kpk_pg_run(relay->pg, &release, (const char *[]){relay->lease_name, relay->owner}, 2,
                   &ignored))
        return; /* it expires */
}

/* A transactional call's outcome. Whatever went wrong, the cure is the same: drop the producer, make
 * a new one, publish the rows again; init_transactions() settles what the old one left behind. */
static int kafka_failed(rd_kafka_error_t *error, const char *what, struct kpk_err *err) {
    if (!error) return 0;
    kpk_fail(err, KPK_WAIT, "kafka: %s: %s", what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

static int open_producer(struct kpk_relay *relay, struct kpk_err *err) {
    struct kpk_producer_opts opts = {.durability = KPK_CRITICAL,
                                     .transactional_id = relay->lease_name};
    struct kpk_producer *producer;

    if (relay->producer) return 0;
    if (kpk_producer_open(&producer, &opts, err)) return -1;
    set_producer(relay, producer);
    return 0;
}

/* Every relay before us is refused from here on, and what it left open is aborted. It is tried for
 * less than the lease lasts: who waits for Kafka keeps the lease, or two would hand it to and fro. */
static int fence_others(struct kpk_relay *relay, struct kpk_err *err) {
    int timeout_ms = relay->opts.lease_ms * 3 / 4;
    rd_kafka_error_t *error;
    bool resumable;

    if (relay->fenced) return 0;
    relay->fencing = true;
    if (timeout_ms > INIT_TIMEOUT_MS) timeout_ms = INIT_TIMEOUT_MS;
    error = rd_kafka_init_transactions(relay->producer->rk, timeout_ms);
    resumable = error && rd_kafka_error_is_retriable(error);
    if (kafka_failed(error, "init_transactions", err)) {
        if (!resumable) drop_producer(relay);
        return -1;
    }
    relay->fenced = true;
    return 0;
}

/* --- what is relayed --------------------------------------------------------------------- */

enum column { SEQ, ID, TOPIC, KEY, TYPE, SUBJECT, PAYLOAD, TRACEPARENT, CREATED_MS };

static const char *text(const PGresult *rows, int row, enum column column) {
    return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

/* (1) The oldest rows that are visible now, whatever their seq. */
static PGresult *select_rows(struct kpk_relay *relay, struct kpk_err *err) {
    static const struct kpk_pg_stmt select = {
        "relay_select", "SELECT seq, id, aggregatetype, aggregateid, type, subject, payload, "
                        "headers->>'traceparent', "
                        "       (extract(epoch FROM created_at) * 1000)::bigint "
                        "FROM outbox WHERE parked IS NULL ORDER BY seq LIMIT $1"};
    char limit[16];

    snprintf(limit, sizeof(limit), "%d", relay->opts.batch);
    return kpk_pg_exec(relay->pg, &select, (const char *[]){limit}, 1, err);
}

/* A row that no try can publish must not stop those behind it, and must not vanish. */
static int park(struct kpk_relay *relay, const char *seq, const char *why,
                struct kpk_err *err) {
    static const struct kpk_pg_stmt update = {"relay_park",
                                              "UPDATE outbox SET parked = $2 WHERE seq = $1"};
    struct kpk_quoted quoted;

    kpk_error("outbox-parked", "seq=%s reason=%s", seq, kpk_quote(&quoted, why));
    kpk_metric_add(&parked, 1);
    return kpk_pg_run(relay->pg, &update, (const char *[]){seq, why}, 2, err);
}

/* returns  0 sent, 1 parked, -1 with 'err' */
static int send_row(struct kpk_relay *relay, const PGresult *rows, int row,
                    struct kpk_err *err) {
    const char *payload = text(rows, row, PAYLOAD), *key = text(rows, row, KEY);
    struct kpk_event event = {
        .id = text(rows, row, ID),
        .source = relay->opts.source,
        .type = text(rows, row, TYPE),
        .subject = text(rows, row, SUBJECT),
        .traceparent = text(rows, row, TRACEPARENT),
        .time_ms = strtoll(text(rows, row, CREATED_MS), NULL, 10),
        .key = key,
        .key_len = strlen(key),
        .data = payload,
        .len = strlen(payload),
    };
    char topic[KPK_NAME_BYTES];

    if (!kpk_topic_find(text(rows, row, TOPIC)))
        kpk_fail(err, KPK_REJECT, "aggregatetype: no such topic in the topology");
    else if (!kpk_event_send(relay->producer, kpk_full_name(text(rows, row, TOPIC), topic),
                             &event, err))
        return 0;
    if (err->verdict != KPK_REJECT) return -1;
    return park(relay, text(rows, row, SEQ), err->msg, err) ? -1 : 1;
}

/* (2) All rows or none: consumers read committed records only.
 * seqs  out; the rows sent, as an array literal of SQL: "{1,2,5}" */
static int publish(struct kpk_relay *relay, const PGresult *rows, char *seqs,
                   struct kpk_err *err) {
    rd_kafka_t *rk = relay->producer->rk;
    char *end = seqs;

    if (kafka_failed(rd_kafka_begin_transaction(rk), "begin_transaction", err)) return -1;
    for (int row = 0; row < PQntuples(rows); row++) {
        int outcome = send_row(relay, rows, row, err);
        if (outcome < 0) return -1;
        if (outcome == 0)
            end += sprintf(end, "%c%s", end == seqs ? '{' : ',', text(rows, row, SEQ));
    }
    strcpy(end, end == seqs ? "{}" : "}");
    if (kpk_fault("outbox:after-produce", err)) return -1;
    if (kpk_producer_wait(relay->producer, PUBLISH_TIMEOUT_MS, err)) return -1;
    if (kpk_fault("outbox:before-commit", err)) return -1;
    return kafka_failed(rd_kafka_commit_transaction(rk, COMMIT_TIMEOUT_MS),
                        "commit_transaction", err);
}

/* (3) By seq, never "up to seq": a row with a smaller one may have become visible meanwhile. */
static int delete_rows(struct kpk_relay *relay, const char *seqs, struct kpk_err *err) {
    static const struct kpk_pg_stmt delete = {
        "relay_delete", "DELETE FROM outbox WHERE seq = ANY($1::bigint[])"};

    return kpk_pg_run(relay->pg, &delete, (const char *[]){seqs}, 1, err);
}

static void count_published(const PGresult *rows) {
    int64_t now = kpk_now_ms();

    for (int row = 0; row < PQntuples(rows); row++)
        kpk_metric_observe_us(&age,
                              (now - strtoll(text(rows, row, CREATED_MS), NULL, 10)) * 1000);
    kpk_metric_add(&published, PQntuples(rows));
}

/* returns  rows relayed, 0 when there are none, -1 with 'err' */
static int relay_batch(struct kpk_relay *relay, struct kpk_err *err) {
    PGresult *rows = select_rows(relay, err); /* (1) */
    char *seqs = NULL;
    int count = -1;

    if (!rows) return -1;
    if (PQntuples(rows) == 0) {
        PQclear(rows);
        return 0;
    }
    seqs = malloc((size_t)PQntuples(rows) * 21 + 3);
    if (!seqs) {
        kpk_fail(err, KPK_FATAL, "relay: no memory");
        goto out;
    }
    if (kpk_fault("outbox:after-select", err)) goto out;
    if (publish(relay, rows, seqs, err)) { /* (2) */
        /* A producer that was fenced is beyond repair; the relay is not. */
        if (rd_kafka_fatal_error(relay->producer->rk, NULL, 0)) err->verdict = KPK_WAIT;
        drop_producer(relay);
        goto out;
    }
    if (kpk_fault("outbox:after-publish", err)) goto out;
    if (delete_rows(relay, seqs, err)) goto out; /* (3) */
    if (kpk_fault("outbox:after-delete", err)) goto out;
    count_published(rows);
    count = PQntuples(rows);
out:
    free(seqs);
    PQclear(rows);
    return count;
}

/* --- the loop ---------------------------------------------------------------------------- */

/* Until NOTIFY, or the poll that is its safety net. A LISTEN dies with its connection. */
static int wait_for_rows(struct kpk_relay *relay, struct kpk_err *err) {
    PGconn *conn = relay->pg->conn;
    PGnotify *notify;

    if (relay->listening_pid != PQbackendPID(conn)) {
        char *name = PQescapeIdentifier(conn, relay->channel, strlen(relay->channel));
        char sql[160];
        snprintf(sql, sizeof(sql), "LISTEN %s", name);
        PQfreemem(name);
        if (kpk_pg_query(relay->pg, sql, "listen", err)) return -1;
        relay->listening_pid = PQbackendPID(conn);
        return 0; /* look once more: a row may have come before LISTEN was heard */
    }
    poll(&(struct pollfd){.fd = PQsocket(conn), .events = POLLIN}, 1, relay->opts.poll_ms);
    if (!PQconsumeInput(conn)) return kpk_pg_fail(relay->pg, NULL, "listen", err);
    while ((notify = PQnotifies(conn))) PQfreemem(notify);
    return 0;
}

/* One round. returns 0, or -1 with 'err' */
static int step(struct kpk_relay *relay, struct kpk_err *err) {
    int held, count;

    if (open_producer(relay, err)) return -1;
    held = hold_lease(relay, err);
    if (held < 0) return -1;
    if (!held) {
        /* A standby's events are of no interest, but must not pile up. */
        if (relay->producer) rd_kafka_poll(relay->producer->rk, 0);
        kpk_stop_wait(relay->opts.poll_ms);
        return 0;
    }
    if (fence_others(relay, err)) return -1;
    count = relay_batch(relay, err);
    if (count < 0) return -1;
    return count > 0 ? 0 : wait_for_rows(relay, err);
}

int kpk_relay_run(struct kpk_relay *relay, struct kpk_err *err) {
    while (!kpk_stopping()) {
        struct kpk_quoted quoted;
        if (step(relay, err) == 0) {
            set_outage(relay, &(struct kpk_err){.verdict = KPK_OK});
            continue;
        }
        if (err->verdict == KPK_FATAL) return -1;
        set_outage(relay, err);
        kpk_warn("relay-waits", "lease=%s reason=%s", relay->lease_name,
                 kpk_quote(&quoted, err->msg));
        kpk_stop_wait(OUTAGE_WAIT_MS);
    }
    release_lease(relay);
    return 0;
}
