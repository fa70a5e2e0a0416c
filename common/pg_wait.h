/* How the files of common/pg wait for the server: never without an end. For pg.c and pg_copy.c alone.
 *
 * The connection is non-blocking, so libpq keeps what the network does not take yet; these send it. */
#ifndef KPK_COMMON_PG_WAIT_H
#define KPK_COMMON_PG_WAIT_H

#include "common/pg.h"

enum kpk_pg_awaited {
    KPK_PG_SENT,   /* until all is with the kernel */
    KPK_PG_ANSWER, /* and until PQgetResult() would not block: a result is there */
};

/* Returns early when the connection breaks: the next call to libpq tells.
 * returns  0; -1 with 'err' (WAIT): nothing moved for pg->limit_ms, the connection is given up */
int kpk_pg_await(struct kpk_pg *pg, enum kpk_pg_awaited what_for, const char *what,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* sent     what PQsend...() returned: 0 is a failure of the connection
 * returns  the last result of what was sent, for PQclear(), with all of them read; a COPY that begins is
 *          the last. NULL with 'err': the first that is an error, or as kpk_pg_await() */
PGresult *kpk_pg_take(struct kpk_pg *pg, int sent, const char *what, struct kpk_err *err);

#endif
