/* COPY FROM STDIN in text format: a line a row, a tab between two fields, \N for NULL, and a
 * backslash before whatever would be taken for one of these.
 * https://www.postgresql.org/docs/15/sql-copy.html, "Text Format" */
#include "common/pg_wait.h"

#include <string.h>

int kpk_pg_copy_begin(struct kpk_pg_copy *copy, struct kpk_pg *pg, const char *sql,
                      struct kpk_err *err) {
    PGresult *result;
    int failed = 0;

    copy->pg = pg;
    copy->len = 0;
    if (kpk_pg_ensure(pg, err)) return -1;
    result = kpk_pg_take(pg, PQsendQuery(pg->conn, sql), "copy", err);
    if (!result) return -1;
    if (PQresultStatus(result) != PGRES_COPY_IN)
        failed = kpk_fail(err, KPK_FATAL, "postgresql: copy: it takes no rows: %s", sql);
    PQclear(result);
    return failed;
}

/* Everything is sent, or sending failed: what does the server say of it?
 * why  NULL; else it is told to drop what it has */
static int end(struct kpk_pg *pg, const char *why, struct kpk_err *err) {
    PGresult *result = kpk_pg_take(pg, PQputCopyEnd(pg->conn, why) == 1, "copy", err);

    PQclear(result);
    return result ? 0 : -1;
}

/* libpq would take all of it and grow: what is sent has left before the next is made. */
static int flush(struct kpk_pg_copy *copy, struct kpk_err *err) {
    struct kpk_pg *pg = copy->pg;
    size_t len = copy->len;

    copy->len = 0;
    if (PQputCopyData(pg->conn, copy->buffer, (int)len) != 1)
        return kpk_pg_fail(pg, NULL, "copy", err);
    return kpk_pg_await(pg, KPK_PG_SENT, "copy", err);
}

static int put(struct kpk_pg_copy *copy, char c, struct kpk_err *err) {
    if (copy->len == sizeof(copy->buffer) && flush(copy, err)) return -1;
    copy->buffer[copy->len++] = c;
    return 0;
}

static int put_field(struct kpk_pg_copy *copy, const char *field, struct kpk_err *err) {
    if (!field) return put(copy, '\\', err) || put(copy, 'N', err) ? -1 : 0;
    for (const char *c = field; *c; c++) {
        static const char special[] = "\\\t\n\r", letters[] = "\\tnr";
        const char *found = strchr(special, *c);
        if (found && put(copy, '\\', err)) return -1;
        if (put(copy, found ? letters[found - special] : *c, err)) return -1;
    }
    return 0;
}

int kpk_pg_copy_row(struct kpk_pg_copy *copy, const char *const *fields, size_t count,
                    struct kpk_err *err) {
    struct kpk_err ignored;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && put(copy, '\t', err)) goto fail;
        if (put_field(copy, fields[i], err)) goto fail;
    }
    if (!put(copy, '\n', err)) return 0;
fail:
    (void)end(copy->pg, "a row failed", &ignored);
    return -1;
}

int kpk_pg_copy_end(struct kpk_pg_copy *copy, struct kpk_err *err) {
    struct kpk_err ignored;

    if (!flush(copy, err)) return end(copy->pg, NULL, err);
    (void)end(copy->pg, "the rest is lost", &ignored);
    return -1;
}
