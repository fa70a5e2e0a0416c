/* A table looked into past the program under test: does it hold what was promised? */
#ifndef KPK_TESTS_SUPPORT_SQL_H
#define KPK_TESTS_SUPPORT_SQL_H

#include "common/pg.h"

#include <stdint.h>

enum { SQL_ANSWER_BYTES = 8192 };

/* The first value that one statement yields, until the next is asked for; "" when it yields none or NULL.
 * Connects if need be. The test fails when the server refuses it. */
const char *sql_ask(struct kpk_pg *pg, const char *sql);

/* The same as a number. */
int64_t sql_number(struct kpk_pg *pg, const char *sql);

#endif
