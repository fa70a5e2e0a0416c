#include "services/twitter/demo-twitter/facts.h"

#include "services/twitter/warehouse.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

enum { SQL_BYTES = 1024 };

const char *facts_aside_name(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("warehouse_set_aside", name);
}

int facts_aside(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt find = {"find_aside",
                                            "SELECT FROM pg_namespace WHERE nspname = $1"};
    PGresult *rows = kpk_pg_exec(pg, &find, (const char *[]){facts_aside_name()}, 1, err);

    if (!rows) return -1;
    int there = PQntuples(rows) > 0;
    PQclear(rows);
    return there;
}

/* Names of schemas are letters, digits and _ (kpk_topology_init()). */
int facts_set_aside(struct kpk_pg *pg, struct kpk_err *err) {
    static char sql[SQL_BYTES];
    static const struct kpk_pg_stmt rename = {"set_aside", sql};
    int failed = -1;

    snprintf(sql, sizeof(sql), "ALTER SCHEMA %s RENAME TO %s", warehouse_schema(),
             facts_aside_name());
    if (kpk_pg_begin(pg, err)) return -1;
    if (!kpk_pg_run(pg, &rename, NULL, 0, err)) failed = kpk_pg_commit(pg, err);
    kpk_pg_rollback(pg);
    return failed;
}

int facts_put_back(struct kpk_pg *pg, struct kpk_err *err) {
    static char drop_sql[SQL_BYTES], rename_sql[SQL_BYTES];
    static const struct kpk_pg_stmt drop = {"drop_replayed", drop_sql};
    static const struct kpk_pg_stmt rename = {"put_back", rename_sql};
    int failed = -1;

    snprintf(drop_sql, sizeof(drop_sql), "DROP SCHEMA IF EXISTS %s CASCADE",
             warehouse_schema());
    snprintf(rename_sql, sizeof(rename_sql), "ALTER SCHEMA %s RENAME TO %s", facts_aside_name(),
             warehouse_schema());
    if (kpk_pg_begin(pg, err)) return -1;
    if (!kpk_pg_run(pg, &drop, NULL, 0, err) && !kpk_pg_run(pg, &rename, NULL, 0, err))
        failed = kpk_pg_commit(pg, err);
    kpk_pg_rollback(pg);
    return failed;
}

int facts_fingerprint(struct kpk_pg *pg, const struct world *world, struct fingerprint *print,
                      struct kpk_err *err) {
    /* A sum, as no order is in it, and as a row that is there twice shows. */
    static const struct kpk_pg_stmt sum = {
        "fingerprint",
        "SELECT count(*), to_hex((coalesce(sum(hashtextextended(fact::text, 0)), 0) "
        "% 9223372036854775807)::bigint) "
        "FROM tweet_facts AS fact WHERE author_id = ANY($1::bigint[])"};
    char *ids = kpk_pg_array(world->users->id, sizeof(*world->users), (size_t)world->n_users);

    if (!ids) return kpk_fail(err, KPK_FATAL, "facts: no memory");
    PGresult *row = kpk_pg_exec(pg, &sum, (const char *[]){ids}, 1, err);
    free(ids);
    if (!row) return -1;
    print->facts = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
    snprintf(print->hash, sizeof(print->hash), "%s", PQgetvalue(row, 0, 1));
    PQclear(row);
    return 0;
}

int facts_compare(struct kpk_pg *pg, struct facts_difference *difference, struct kpk_err *err) {
    static char sql[SQL_BYTES];
    static const struct kpk_pg_stmt compare = {"compare", sql};

    snprintf(sql, sizeof(sql),
             "SELECT count(*), count(*) FILTER (WHERE fact::text = aside::text), "
             "count(*) FILTER (WHERE fact::text <> aside::text), "
             "count(*) FILTER (WHERE fact.tweet_id IS NULL) "
             "FROM %s.tweet_facts AS aside LEFT JOIN %s.tweet_facts AS fact "
             "USING (day, tweet_id)",
             facts_aside_name(), warehouse_schema());
    PGresult *row = kpk_pg_exec(pg, &compare, NULL, 0, err);
    if (!row) return -1;
    *difference = (struct facts_difference){
        .before = strtoll(PQgetvalue(row, 0, 0), NULL, 10),
        .same = strtoll(PQgetvalue(row, 0, 1), NULL, 10),
        .differ = strtoll(PQgetvalue(row, 0, 2), NULL, 10),
        .gone = strtoll(PQgetvalue(row, 0, 3), NULL, 10),
    };
    PQclear(row);
    return 0;
}
