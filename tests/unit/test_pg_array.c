/* Array parameters, as PostgreSQL reads them. */
#include "common/pg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 3, BYTES = 24 };

/* clang-format off */
static const struct {
    size_t count;
    char items[MOST][BYTES];
    const char *array;
} cases[] = {
    {0, {""},                      "{}"},
    {1, {"7"},                     "{\"7\"}"},
    {3, {"1", "22", "333"},        "{\"1\",\"22\",\"333\"}"},
    {2, {"", "NULL"},              "{\"\",\"NULL\"}"},
    {1, {"a,b} {c"},               "{\"a,b} {c\"}"},
    {1, {"say \"hi\""},            "{\"say \\\"hi\\\"\"}"},
    {2, {"\\", "\\\""},            "{\"\\\\\",\"\\\\\\\"\"}"},
    {1, {"'; DROP TABLE x; --\n"}, "{\"'; DROP TABLE x; --\n\"}"},
};
/* clang-format on */

static void test_arrays(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *array = kpk_pg_array(cases[i].items[0], BYTES, cases[i].count);
        assert_string_equal(array, cases[i].array);
        free(array);
    }
}

/* Nothing but characters that need a backslash, up to the end of each string. */
static void test_growth(void **state) {
    char items[MOST][BYTES];

    (void)state;
    memset(items, '"', sizeof(items));
    for (int i = 0; i < MOST; i++) items[i][BYTES - 1] = '\0';
    char *array = kpk_pg_array(items[0], BYTES, MOST);
    assert_int_equal(strlen(array), 2 + MOST * (2 + 2 * (BYTES - 1)) + (MOST - 1));
    free(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arrays),
                                       cmocka_unit_test(test_growth)};

    return cmocka_run_group_tests_name("pg_array", tests, NULL, NULL);
}
