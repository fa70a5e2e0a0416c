#include "services/twitter/warehouse.h"

#include "common/embed.h"
#include "common/event.h"
#include "common/fault.h"
#include "common/uuid.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_BYTES = sizeof("2026-01-31") };

KPK_EMBED(warehouse_ddl, "services/twitter/warehouse.sql");

const char *warehouse_schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("warehouse", name);
}

int warehouse_open(struct kpk_pg **pg, struct kpk_err *err) {
    return kpk_pg_open(pg, warehouse_schema(), err);
}

int warehouse_migrate(struct kpk_pg *pg, struct kpk_err *err) {
    return kpk_pg_migrate(pg, warehouse_schema(), warehouse_ddl, err);
}

int warehouse_check(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"check", "SELECT FROM tweet_facts LIMIT 1"};

    return kpk_pg_run(pg, &look, NULL, 0, err);
}

/* The time in its id as PostgreSQL reads it; the day (UTC) is its beginning. */
static const char *time_of(const struct twitter_tweet *tweet, char out[KPK_TIME_BYTES]) {
    return kpk_time_format(kpk_uuid7_ms(tweet->id), out);
}

static void day_of(const struct twitter_tweet *tweet, char out[DAY_BYTES]) {
    char time[KPK_TIME_BYTES];

    snprintf(out, DAY_BYTES, "%s", time_of(tweet, time));
}

int warehouse_takes(const struct twitter_tweet *tweet, struct kpk_err *err) {
    static const int64_t first = 1142899200000; /* 2006-03-21, the day of the first tweet */
    static const int64_t end = 4102444800000;   /* 2100-01-01 */
    int64_t ms = kpk_uuid7_ms(tweet->id);

    if (ms >= first && ms < end) return 0;
    return kpk_fail(err, KPK_REJECT, "tweet_id: its time, %" PRId64 " ms, cannot be", ms);
}

/* --- partitions -------------------------------------------------------------------------- */

/* A member that needs the same at the same time waits for the other, then finds it there: the
 * schema is locked by kpk_pg_migrate(). In a transaction of its own, as it locks the table: who
 * holds rows of it and waits for that lock might wait for ever. */
static int make_partition(struct kpk_pg *pg, const char *day, const char *next_day,
                          struct kpk_err *err) {
    char ddl[256];

    snprintf(ddl, sizeof(ddl),
             "CREATE TABLE IF NOT EXISTS tweet_facts_%.4s_%.2s_%.2s "
             "PARTITION OF tweet_facts FOR VALUES FROM ('%s') TO ('%s')",
             day, day + 5, day + 8, day, next_day);
    return kpk_pg_migrate(pg, warehouse_schema(), ddl, err);
}

/* Asked anew each time, and not remembered: a day may be dropped while we run. */
static int make_missing_partitions(struct kpk_pg *pg, const struct twitter_tweet *tweets,
                                   size_t count, struct kpk_err *err) {
    static const struct kpk_pg_stmt missing = {
        "missing_partitions",
        "SELECT DISTINCT to_char(day, 'YYYY-MM-DD'), to_char(day + 1, 'YYYY-MM-DD') "
        "FROM unnest($1::date[]) AS day "
        "WHERE to_regclass('tweet_facts_' || to_char(day, 'YYYY_MM_DD')) IS NULL"};
    char(*days)[DAY_BYTES] = calloc(count, sizeof(*days)), *array = NULL;
    PGresult *rows = NULL;
    int failed = -1;

    for (size_t i = 0; days && i < count; i++) day_of(&tweets[i], days[i]);
    if (days) array = kpk_pg_array(*days, sizeof(*days), count);
    if (!array) {
        kpk_fail(err, KPK_FATAL, "warehouse: no memory");
        goto out;
    }
    rows = kpk_pg_exec(pg, &missing, (const char *[]){array}, 1, err);
    if (!rows) goto out;
    for (int i = 0; i < PQntuples(rows); i++)
        if (make_partition(pg, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), err)) goto out;
    failed = 0;
out:
    PQclear(rows);
    free(array);
    free(days);
    return failed;
}

/* --- facts ------------------------------------------------------------------------------- */

static int copy_tweets(struct kpk_pg *pg, const struct twitter_tweet *tweets, size_t count,
                       struct kpk_err *err) {
    struct kpk_pg_copy copy;

    if (kpk_pg_copy_begin(&copy, pg,
                          "COPY new_facts (day, tweet_id, author_id, created_at, delivery, "
                          "followers, text) FROM STDIN",
                          err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct twitter_tweet *tweet = &tweets[i];
        char day[DAY_BYTES], time[KPK_TIME_BYTES], followers[24];
        day_of(tweet, day);
        snprintf(followers, sizeof(followers), "%" PRId64, tweet->followers);
        const char *fields[] = {day,
                                tweet->id,
                                tweet->author_id,
                                time_of(tweet, time),
                                twitter_delivery_name(tweet->delivery),
                                tweet->followers == TWITTER_UNKNOWN ? NULL : followers,
                                tweet->text};
        if (kpk_pg_copy_row(&copy, fields, sizeof(fields) / sizeof(*fields), err)) return -1;
    }
    return kpk_pg_copy_end(&copy, err);
}

/* In the order of their keys: two members with the same tweets wait for each other, not in a ring. */
static int insert_facts(struct kpk_pg *pg, size_t *fresh, struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "insert_facts",
        "INSERT INTO tweet_facts SELECT * FROM new_facts ORDER BY day, tweet_id "
        "ON CONFLICT DO NOTHING"};
    PGresult *result = kpk_pg_exec(pg, &insert, NULL, 0, err);

    if (!result) return -1;
    *fresh = (size_t)strtoull(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return 0;
}

int warehouse_store(struct kpk_pg *pg, const struct twitter_tweet *tweets, size_t count,
                    size_t *fresh, struct kpk_err *err) {
    static const struct kpk_pg_stmt create = {
        "create_new_facts", "CREATE TEMPORARY TABLE IF NOT EXISTS new_facts (LIKE tweet_facts) "
                            "ON COMMIT DELETE ROWS"};
    int failed = -1;

    *fresh = 0;
    if (count == 0) return 0;
    if (make_missing_partitions(pg, tweets, count, err)) return -1;
    if (kpk_pg_begin(pg, err)) return -1;
    if (kpk_pg_run(pg, &create, NULL, 0, err)) goto out;
    if (copy_tweets(pg, tweets, count, err)) goto out;
    if (kpk_fault("warehouse:after-copy", err)) goto out;
    if (insert_facts(pg, fresh, err)) goto out;
    if (kpk_fault("warehouse:before-commit", err)) goto out;
    if (kpk_pg_commit(pg, err)) goto out;
    failed = kpk_fault("warehouse:after-commit", err);
out:
    kpk_pg_rollback(pg);
    return failed;
}
