#include "tests/support/facts.h"

#include "common/clock.h"
#include "services/twitter/database.h"
#include "services/twitter/warehouse.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct kpk_err error, *err = &error;

const char *facts_ask(const char *sql) {
    char schemas[2 * KPK_NAME_BYTES];
    struct kpk_pg *pg;

    snprintf(schemas, sizeof(schemas), "%s,%s", warehouse_schema(), twitter_schema());
    assert_ok(kpk_pg_open(&pg, schemas, err), err);
    const char *answer = sql_ask(pg, sql);
    kpk_pg_close(pg);
    return answer;
}

int64_t facts_number(const char *sql) { return strtoll(facts_ask(sql), NULL, 10); }

int64_t facts_unused_day(int days) {
    char sql[256];
    int64_t ms;

    do {
        ms = (kpk_now_ms() - (3000 + rand() % 3000) * FACTS_DAY_MS) / FACTS_DAY_MS *
             FACTS_DAY_MS;
        snprintf(sql, sizeof(sql),
                 "SELECT count(to_regclass('tweet_facts_' || to_char(to_timestamp(%" PRId64
                 ") AT TIME ZONE 'UTC' + n * interval '1 day', 'YYYY_MM_DD'))) "
                 "FROM generate_series(0, %d) n",
                 ms / 1000, days - 1);
    } while (facts_number(sql) > 0);
    return ms;
}
