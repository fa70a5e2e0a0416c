/* PostgreSQL: a connection that comes back, prepared statements that survive it, errors with a
 * verdict, and no wait without an end: a server that hangs is one that is down. Transactions stay
 * in sight of the caller: kpk_pg_begin() ... kpk_pg_commit().
 *
 * Addresses come from libpq's own variables (PGHOST, PGPORT, PGUSER, PGDATABASE, ...). Each system
 * of the kit has a schema: "twitter", or "ci_twitter" with KPK_NAMESPACE=ci. */
#ifndef KPK_COMMON_PG_H
#define KPK_COMMON_PG_H

#include "common/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* One thread uses it. */
struct kpk_pg {
    PGconn *conn;
    char sqlstate[6]; /* of the last failure; "" when the server said nothing */
    /* How long the server may be silent while it is waited for, 3 s unless changed; then the
     * connection is given up, and what was asked may happen all the same. */
    int limit_ms;
    /* private */
    bool in_transaction;
    char *conninfo;
    struct kpk_pg_prepared *prepared; /* on this connection */
};

/* A statement is prepared at its first use on a connection. It is identified by its address:
 *   static const struct kpk_pg_stmt get_tweet = {"get_tweet", "SELECT ... WHERE id = $1"}; */
struct kpk_pg_stmt {
    const char *name;
    const char *sql;
};

/* schema  search path of the connection; it need not exist yet
 * Connects at the first use, so a server that is down is not an error here.
 * returns  0, or -1 with 'err' (FATAL: memory) */
int kpk_pg_open(struct kpk_pg **pg, const char *schema, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_pg_close(struct kpk_pg *pg); /* NULL is fine */

/* Connect, or connect again. returns 0, or -1 with 'err' (WAIT) */
int kpk_pg_ensure(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Run 'stmt' with text parameters; NULL is SQL's NULL.
 * returns  the result, for PQclear(); NULL with 'err': WAIT the server is gone, silent, starting or
 *          full; RETRY a deadlock or serialization failure; REJECT a constraint or value refused by the
 *          server (class 22, 23); FATAL the rest. Outside a transaction a lost connection is made
 *          again and the statement repeated, once: it must be one that may run twice. Inside a
 *          transaction it is WAIT, and the transaction is gone. */
PGresult *kpk_pg_exec(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt,
                      const char *const *params, int n_params, struct kpk_err *err);

/* The same for a statement whose rows do not matter. */
int kpk_pg_run(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt, const char *const *params,
               int n_params, struct kpk_err *err) KPK_MUST_CHECK;

/* SQL without parameters that is not worth preparing: several statements, LISTEN. Connected already.
 * what     names it in 'err' */
int kpk_pg_query(struct kpk_pg *pg, const char *sql, const char *what,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* Run 'stmt' and hand over its rows one by one, so that a large result is never in memory whole.
 * row      called with the current row at index 0 of 'result'; may fail: the rest is then skipped
 * returns  0, or -1 with 'err' of the statement or of 'row' */
typedef int (*kpk_pg_row)(const PGresult *result, void *arg, struct kpk_err *err);
int kpk_pg_each(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt, const char *const *params,
                int n_params, kpk_pg_row row, void *arg, struct kpk_err *err) KPK_MUST_CHECK;

/* {"a","b","c"}: an array parameter of 'count' strings that lie 'stride' bytes apart.
 * returns  a string for free(), or NULL: memory is short */
char *kpk_pg_array(const char *first, size_t stride, size_t count);

int kpk_pg_begin(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;
/* returns  -1 with 'err' (WAIT) also when the connection broke before the answer: the transaction
 *          may then have been committed or not */
int kpk_pg_commit(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_pg_rollback(
    struct kpk_pg *pg); /* fine outside a transaction and on a dead connection */

/* COPY: rows in bulk, many times faster than an INSERT each. A statement as any other, refused as
 * a whole: rows become visible with its transaction.
 *
 *   if (kpk_pg_copy_begin(&copy, pg, "COPY facts (id, text) FROM STDIN", err)) return -1;
 *   for (...)
 *       if (kpk_pg_copy_row(&copy, (const char *[]){id, text}, 2, err)) return -1;
 *   return kpk_pg_copy_end(&copy, err);
 *
 * The connection is the copy's from a begin that succeeded to its end. The end says whether the
 * server took the rows, with verdicts as kpk_pg_exec(); a broken connection is always WAIT, and
 * nothing is repeated. A row that fails ends the copy too, and so does kpk_pg_rollback(). */
enum { KPK_PG_COPY_BYTES = 16 * 1024 }; /* sent at a time */
struct kpk_pg_copy {
    struct kpk_pg *pg; /* private, all of it */
    size_t len;
    char buffer[KPK_PG_COPY_BYTES];
};

int kpk_pg_copy_begin(struct kpk_pg_copy *copy, struct kpk_pg *pg, const char *sql,
                      struct kpk_err *err) KPK_MUST_CHECK;
/* fields  'count' texts, as many as the statement has columns; NULL is SQL's NULL */
int kpk_pg_copy_row(struct kpk_pg_copy *copy, const char *const *fields, size_t count,
                    struct kpk_err *err) KPK_MUST_CHECK;
int kpk_pg_copy_end(struct kpk_pg_copy *copy, struct kpk_err *err) KPK_MUST_CHECK;

/* 'err' from a failed result or connection, by SQLSTATE as above. Clears 'result'. returns -1 */
int kpk_pg_fail(struct kpk_pg *pg, PGresult *result, const char *what, struct kpk_err *err);

/* Create the schema if need be, and run 'ddl' in it, in one transaction and one process at a time.
 * Every statement of 'ddl' must be harmless when run again (IF NOT EXISTS). */
int kpk_pg_migrate(struct kpk_pg *pg, const char *schema, const char *ddl,
                   struct kpk_err *err) KPK_MUST_CHECK;

#endif
