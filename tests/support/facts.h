/* The facts of the warehouse looked into: is there what was promised, and where is there nothing yet? */
#ifndef KPK_TESTS_SUPPORT_FACTS_H
#define KPK_TESTS_SUPPORT_FACTS_H

#include <stdint.h>

#define FACTS_DAY_MS ((int64_t)24 * 3600 * 1000)

/* sql_ask() and sql_number() of a statement that sees the warehouse and Twitter's own tables. */
const char *facts_ask(const char *sql);
int64_t facts_number(const char *sql);

/* The first moment (epoch ms, UTC) of a day of which there is nothing yet, and nothing of the 'days' - 1 after
 * it. By chance: srand() comes first. */
int64_t facts_unused_day(int days);

#endif
