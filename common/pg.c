#include "common/pg.h"
#include "common/pg_wait.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Within these a dead server or a dead network is noticed. A server that hangs is not: its kernel
 * still acknowledges what is sent. See kpk_pg_await(). */
#define TIMEOUTS                                                                               \
    "connect_timeout=2 keepalives_idle=5 keepalives_interval=2 keepalives_count=3 "            \
    "tcp_user_timeout=10000"

enum { LIMIT_MS = 3000 };

/* Statements prepared on this connection, newest first; a program has a dozen. */
struct kpk_pg_prepared {
    const struct kpk_pg_stmt *stmt;
    struct kpk_pg_prepared *next;
};

static void forget_prepared(struct kpk_pg *pg) {
    while (pg->prepared) {
        struct kpk_pg_prepared *next = pg->prepared->next;
        free(pg->prepared);
        pg->prepared = next;
    }
}

static void on_notice(void *arg, const char *message) {
    struct kpk_quoted quoted;

    (void)arg;
    kpk_debug("postgresql", "notice=%s", kpk_quote(&quoted, message));
}

int kpk_pg_open(struct kpk_pg **out, const char *schema, struct kpk_err *err) {
    struct kpk_pg *pg = calloc(1, sizeof(*pg));

    *out = NULL;
    if (!pg || asprintf(&pg->conninfo,
                        TIMEOUTS " fallback_application_name=%s options='-c search_path=%s'",
                        program_invocation_short_name, schema) < 0) {
        free(pg);
        return kpk_fail(err, KPK_FATAL, "postgresql: no memory");
    }
    pg->limit_ms = LIMIT_MS;
    *out = pg;
    return 0;
}

void kpk_pg_close(struct kpk_pg *pg) {
    if (!pg) return;
    forget_prepared(pg);
    PQfinish(pg->conn);
    free(pg->conninfo);
    free(pg);
}

/* One line of libpq's message, which may have several and ends with a newline. */
static int fail_with(struct kpk_err *err, enum kpk_verdict verdict, const char *what,
                     const char *message) {
    return kpk_fail(err, verdict, "postgresql: %s: %.*s", what, (int)strcspn(message, "\n"),
                    message);
}

int kpk_pg_ensure(struct kpk_pg *pg, struct kpk_err *err) {
    if (pg->conn && PQstatus(pg->conn) == CONNECTION_OK) return 0;
    /* The rest of a transaction must not run by itself on a new connection. */
    if (pg->in_transaction)
        return fail_with(err, KPK_WAIT, "transaction lost", PQerrorMessage(pg->conn));
    forget_prepared(pg);
    PQfinish(pg->conn);
    pg->conn = PQconnectdb(pg->conninfo);
    if (PQstatus(pg->conn) != CONNECTION_OK)
        return fail_with(err, KPK_WAIT, "connect", PQerrorMessage(pg->conn));
    PQsetNoticeProcessor(pg->conn, on_notice, NULL);
    PQsetnonblocking(pg->conn, 1);
    return 0;
}

static enum kpk_verdict verdict_of(const char *sqlstate) {
    static const struct {
        const char *prefix; /* of the SQLSTATE: a class or a code */
        enum kpk_verdict verdict;
    } rows[] = {
        {"", KPK_WAIT},      /* the connection broke: nobody said anything */
        {"08", KPK_WAIT},    /* connection exception */
        {"53", KPK_WAIT},    /* out of disk, memory, connections */
        {"57", KPK_WAIT},    /* shutting down, starting, cancelled */
        {"58", KPK_WAIT},    /* its disk fails */
        {"25006", KPK_WAIT}, /* read-only: a standby */
        {"3F000", KPK_WAIT}, /* the schema or ... */
        {"42P01", KPK_WAIT}, /* ... a table is not there yet: its owner is still starting */
        {"40", KPK_RETRY},   /* deadlock, serialization failure */
        {"22", KPK_REJECT},  /* a value it cannot take */
        {"23", KPK_REJECT},  /* a constraint */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t len = strlen(rows[i].prefix);
        if (len == 0 ? *sqlstate == '\0' : strncmp(sqlstate, rows[i].prefix, len) == 0)
            return rows[i].verdict;
    }
    return KPK_FATAL;
}

int kpk_pg_fail(struct kpk_pg *pg, PGresult *result, const char *what, struct kpk_err *err) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", state ? state : "");
    fail_with(err, verdict_of(pg->sqlstate), what,
              primary ? primary : PQerrorMessage(pg->conn));
    PQclear(result);
    return -1;
}

static bool ok(const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN;
}

/* --- statements -------------------------------------------------------------------------- */

/* Nobody knows what would still come over it, and when: the connection is given up. Cut first, or
 * libpq would try to say good-bye to somebody who does not listen. */
static int give_up(struct kpk_pg *pg, const char *what, struct kpk_err *err) {
    shutdown(PQsocket(pg->conn), SHUT_RDWR);
    forget_prepared(pg);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->sqlstate[0] = '\0';
    return kpk_fail(err, KPK_WAIT, "postgresql: %s: no answer for %d ms", what, pg->limit_ms);
}

int kpk_pg_await(struct kpk_pg *pg, enum kpk_pg_awaited what_for, const char *what,
                 struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + pg->limit_ms;
    int unsent;

    while ((unsent = PQflush(pg->conn)) == 1 ||
           (what_for == KPK_PG_ANSWER && PQisBusy(pg->conn))) {
        struct pollfd polled = {.fd = PQsocket(pg->conn),
                                .events = (short)(POLLIN | (unsent == 1 ? POLLOUT : 0))};
        int64_t left = until - kpk_mono_ms();

        if (polled.fd < 0) return 0;
        if (left <= 0) return give_up(pg, what, err);
        if (poll(&polled, 1, (int)left) <= 0) continue;
        if ((polled.revents & ~POLLOUT) && !PQconsumeInput(pg->conn)) return 0;
        until = kpk_mono_ms() + pg->limit_ms;
    }
    return 0;
}

PGresult *kpk_pg_take(struct kpk_pg *pg, int sent, const char *what, struct kpk_err *err) {
    PGresult *taken = NULL, *next;

    while (sent) {
        if (kpk_pg_await(pg, KPK_PG_ANSWER, what, err)) {
            PQclear(taken);
            return NULL;
        }
        next = PQgetResult(pg->conn);
        if (!next) break;
        if (!taken || ok(taken)) {
            PQclear(taken);
            taken = next;
        } else {
            PQclear(next);
        }
        if (PQresultStatus(next) == PGRES_COPY_IN) break; /* it is our turn */
    }
    if (taken && ok(taken)) return taken;
    kpk_pg_fail(pg, taken, what, err);
    return NULL;
}

static int prepare(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt, struct kpk_err *err) {
    struct kpk_pg_prepared *row;
    PGresult *result;

    for (row = pg->prepared; row; row = row->next)
        if (row->stmt == stmt) return 0;
    result = kpk_pg_take(pg, PQsendPrepare(pg->conn, stmt->name, stmt->sql, 0, NULL),
                         stmt->name, err);
    if (!result) return -1;
    PQclear(result);
    row = calloc(1, sizeof(*row));
    if (!row) return kpk_fail(err, KPK_FATAL, "postgresql: no memory");
    *row = (struct kpk_pg_prepared){.stmt = stmt, .next = pg->prepared};
    pg->prepared = row;
    return 0;
}

static PGresult *exec_once(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt,
                           const char *const *params, int n_params, struct kpk_err *err) {
    if (kpk_pg_ensure(pg, err) || prepare(pg, stmt, err)) return NULL;
    return kpk_pg_take(
        pg, PQsendQueryPrepared(pg->conn, stmt->name, n_params, params, NULL, NULL, 0),
        stmt->name, err);
}

PGresult *kpk_pg_exec(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt,
                      const char *const *params, int n_params, struct kpk_err *err) {
    /* A connection that was idle while the server restarted looks alive until it is used. One that
     * could not be made, or was given up, would only cost its time again. */
    bool looked_alive = PQstatus(pg->conn) == CONNECTION_OK;
    PGresult *result = exec_once(pg, stmt, params, n_params, err);
    bool broke = pg->conn && PQstatus(pg->conn) != CONNECTION_OK;

    if (result || pg->in_transaction || !looked_alive || !broke) return result;
    return exec_once(pg, stmt, params, n_params, err);
}

int kpk_pg_query(struct kpk_pg *pg, const char *sql, const char *what, struct kpk_err *err) {
    PGresult *result = kpk_pg_take(pg, PQsendQuery(pg->conn, sql), what, err);

    PQclear(result);
    return result ? 0 : -1;
}

int kpk_pg_run(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt, const char *const *params,
               int n_params, struct kpk_err *err) {
    PGresult *result = kpk_pg_exec(pg, stmt, params, n_params, err);

    PQclear(result);
    return result ? 0 : -1;
}

int kpk_pg_each(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt, const char *const *params,
                int n_params, kpk_pg_row row, void *arg, struct kpk_err *err) {
    struct kpk_err silence;
    PGresult *result;
    int failed = 0;

    if (kpk_pg_ensure(pg, err) || prepare(pg, stmt, err)) return -1;
    if (!PQsendQueryPrepared(pg->conn, stmt->name, n_params, params, NULL, NULL, 0))
        return kpk_pg_fail(pg, NULL, stmt->name, err);
    PQsetSingleRowMode(pg->conn);
    /* Also after a failure: the connection is free again only when all has been read. */
    for (;;) {
        if (kpk_pg_await(pg, KPK_PG_ANSWER, stmt->name, &silence)) {
            if (!failed) *err = silence;
            return -1;
        }
        result = PQgetResult(pg->conn);
        if (!result) return failed;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE && !failed) failed = row(result, arg, err);
        if (status == PGRES_SINGLE_TUPLE || ok(result))
            PQclear(result);
        else if (failed)
            PQclear(result);
        else
            failed = kpk_pg_fail(pg, result, stmt->name, err);
    }
}

char *kpk_pg_array(const char *first, size_t stride, size_t count) {
    char *text = malloc(count * (2 * stride + 3) + 3), *end = text;

    if (!text) return NULL;
    *end++ = '{';
    for (size_t i = 0; i < count; i++) {
        if (i) *end++ = ',';
        *end++ = '"'; /* without quotes a text may mean something else: null */
        for (const char *c = first + i * stride; *c; *end++ = *c++)
            if (*c == '"' || *c == '\\') *end++ = '\\';
        *end++ = '"';
    }
    strcpy(end, "}");
    return text;
}

int kpk_pg_begin(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt begin = {"begin", "BEGIN"};

    if (kpk_pg_run(pg, &begin, NULL, 0, err)) return -1;
    pg->in_transaction = true;
    return 0;
}

int kpk_pg_commit(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt commit = {"commit", "COMMIT"};

    if (kpk_pg_run(pg, &commit, NULL, 0, err)) return -1;
    pg->in_transaction = false;
    return 0;
}

/* A COPY that was begun and not ended would take the next statement for its data. */
static void end_copy(struct kpk_pg *pg) {
    struct kpk_err ignored;

    if (PQtransactionStatus(pg->conn) != PQTRANS_ACTIVE) return;
    PQclear(kpk_pg_take(pg, PQputCopyEnd(pg->conn, "rolled back") == 1, "copy", &ignored));
}

void kpk_pg_rollback(struct kpk_pg *pg) {
    struct kpk_err ignored;

    if (!pg->in_transaction) return;
    pg->in_transaction = false;
    if (PQstatus(pg->conn) != CONNECTION_OK) return; /* the server rolls back by itself */
    end_copy(pg);
    if (!pg->conn) return;
    if (kpk_pg_query(pg, "ROLLBACK", "rollback", &ignored)) return; /* and here */
}

/* Names are identifiers of the kit (topology checks the namespace), but are quoted all the same. */
static int create_schema(struct kpk_pg *pg, const char *schema, struct kpk_err *err) {
    char *name = PQescapeIdentifier(pg->conn, schema, strlen(schema)), *sql = NULL;
    int failed;

    if (!name || asprintf(&sql, "CREATE SCHEMA IF NOT EXISTS %s", name) < 0) {
        PQfreemem(name);
        return kpk_fail(err, KPK_FATAL, "postgresql: no memory");
    }
    failed = kpk_pg_query(pg, sql, "create schema", err);
    free(sql);
    PQfreemem(name);
    return failed;
}

int kpk_pg_migrate(struct kpk_pg *pg, const char *schema, const char *ddl,
                   struct kpk_err *err) {
    /* "IF NOT EXISTS" alone does not keep two processes apart: both may look before one creates. */
    static const struct kpk_pg_stmt lock = {"migrate_lock",
                                            "SELECT pg_advisory_xact_lock(hashtext($1))"};
    int failed = -1;

    if (kpk_pg_begin(pg, err)) return -1;
    if (kpk_pg_run(pg, &lock, (const char *[]){schema}, 1, err)) goto out;
    if (create_schema(pg, schema, err)) goto out;
    if (kpk_pg_query(pg, ddl, schema, err)) goto out;
    failed = kpk_pg_commit(pg, err);
out:
    kpk_pg_rollback(pg);
    return failed;
}
