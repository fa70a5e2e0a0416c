#include "tests/support/sql.h"

#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct kpk_err error, *err = &error;

const char *sql_ask(struct kpk_pg *pg, const char *sql) {
    static char answer[SQL_ANSWER_BYTES];

    assert_ok(kpk_pg_ensure(pg, err), err);
    PGresult *result = PQexec(pg->conn, sql);
    answer[0] = '\0';
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        snprintf(answer, sizeof(answer), "%s", PQgetvalue(result, 0, 0));
    else if (PQresultStatus(result) != PGRES_TUPLES_OK &&
             PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
    return answer;
}

int64_t sql_number(struct kpk_pg *pg, const char *sql) {
    return strtoll(sql_ask(pg, sql), NULL, 10);
}
