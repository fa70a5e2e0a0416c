/* What goes into PostgreSQL by COPY, or in an array, comes out as it was, whatever it is; what the
 * server refuses is refused as a whole; and a connection that breaks in the middle is a WAIT. */
#include "common/clock.h"
#include "common/pg.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kpk_err error, *err = &error;
static struct kpk_pg *pg;

#define ROW_SQL "COPY copied (n, text, more) FROM STDIN"

/* clang-format off */
static const char *const hostile[] = {
    "", " ", "plain", "NULL", "null", "\\N", "\\\\N", "\\.", ".", "\\", "\\\\", "\\\\\\", "ends with \\",
    "\t", "\n", "\r", "\r\n", "a\tb", "a\nb", "a\\tb", "\\t", "\\n", "\\.\n\\.\n", "\n\\.\n", "\b\f\v",
    "\x01\x02\x1b\x7f", "'", "''", "\"", "\"\"", "\"a\",\"b\"", "{", "}", "{}", "{a,b}", ",", ";", "%s%n", "$1",
    "'; DROP TABLE copied; --", "\\x41", "\\101", "\\b", "\\'", "E'\\n'", "(1,2)", "\xc3\xa9",
    "\xf0\x9f\x90\xa6", "\xe2\x80\xa8", "\xef\xbb\xbf", "\xc2\xa0", "\xc2\x85",
};
/* clang-format on */

enum { HOSTILE = sizeof(hostile) / sizeof(*hostile), CELL = 64 };

static int setup(void **state) {
    static const struct kpk_pg_stmt create = {
        "create", "CREATE TEMP TABLE copied (n integer PRIMARY KEY, text text, more text)"};

    (void)state;
    assert_ok(kpk_pg_open(&pg, "public", err), err);
    assert_ok(kpk_pg_run(pg, &create, NULL, 0, err), err);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    kpk_pg_close(pg);
    return 0;
}

static void copy_row(struct kpk_pg_copy *copy, int n, const char *text, const char *more) {
    char number[16];

    snprintf(number, sizeof(number), "%d", n);
    assert_ok(kpk_pg_copy_row(copy, (const char *[]){number, text, more}, 3, err), err);
}

static void every_text_comes_out_as_it_was(void **state) {
    static const struct kpk_pg_stmt all = {"all", "SELECT text, more FROM copied ORDER BY n"};
    struct kpk_pg_copy copy;
    PGresult *rows;

    (void)state;
    assert_ok(kpk_pg_copy_begin(&copy, pg, ROW_SQL, err), err);
    for (int i = 0; i < HOSTILE; i++) copy_row(&copy, i, hostile[i], hostile[HOSTILE - 1 - i]);
    copy_row(&copy, HOSTILE, NULL, "NULL before me");
    copy_row(&copy, HOSTILE + 1, "NULL behind me", NULL);
    assert_ok(kpk_pg_copy_end(&copy, err), err);

    rows = kpk_pg_exec(pg, &all, NULL, 0, err);
    assert_non_null(rows);
    assert_int_equal(PQntuples(rows), HOSTILE + 2);
    for (int i = 0; i < HOSTILE; i++) {
        assert_false(PQgetisnull(rows, i, 0));
        assert_string_equal(PQgetvalue(rows, i, 0), hostile[i]);
        assert_string_equal(PQgetvalue(rows, i, 1), hostile[HOSTILE - 1 - i]);
    }
    assert_true(PQgetisnull(rows, HOSTILE, 0));
    assert_true(PQgetisnull(rows, HOSTILE + 1, 1));
    PQclear(rows);
}

/* Every ASCII character but NUL, at every place relative to the end of a buffer. */
static void rows_are_cut_anywhere(void **state) {
    enum { ROWS = 1000, LEN = 997 };
    static const struct kpk_pg_stmt all = {"long", "SELECT text FROM copied ORDER BY n"};
    static char texts[ROWS][LEN + 1];
    struct kpk_pg_copy copy;
    PGresult *rows;

    (void)state;
    assert_ok(kpk_pg_copy_begin(&copy, pg, ROW_SQL, err), err);
    for (int i = 0; i < ROWS; i++) {
        for (int c = 0; c < LEN; c++) texts[i][c] = (char)((i + c) % 127 + 1);
        copy_row(&copy, i, texts[i], NULL);
    }
    assert_ok(kpk_pg_copy_end(&copy, err), err);
    rows = kpk_pg_exec(pg, &all, NULL, 0, err);
    assert_non_null(rows);
    assert_int_equal(PQntuples(rows), ROWS);
    for (int i = 0; i < ROWS; i++) assert_string_equal(PQgetvalue(rows, i, 0), texts[i]);
    PQclear(rows);
}

static void a_refused_row_refuses_all(void **state) {
    static const struct {
        const char *what, *n, *text;
        enum kpk_verdict verdict;
        const char *sqlstate;
    } cases[] = {
        {"the same key twice", "1", "x", KPK_REJECT, "23505"},
        {"no number", "one", "x", KPK_REJECT, "22P02"},
        {"a key that is NULL", NULL, "x", KPK_REJECT, "23502"},
        {"not UTF-8", "2", "\xff", KPK_REJECT, "22021"},
    };
    struct kpk_pg_copy copy;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_ok(kpk_pg_copy_begin(&copy, pg, ROW_SQL, err), err);
        copy_row(&copy, 1, "good", "good");
        assert_ok(
            kpk_pg_copy_row(&copy, (const char *[]){cases[i].n, cases[i].text, ""}, 3, err),
            err);
        for (int n = 10; n < 2000; n++) copy_row(&copy, n, "more rows", "after it");
        assert_int_equal(kpk_pg_copy_end(&copy, err), -1);
        if (err->verdict != cases[i].verdict || strcmp(pg->sqlstate, cases[i].sqlstate) != 0)
            fail_msg("%s: %s %s %s", cases[i].what, kpk_verdict_name(err->verdict),
                     pg->sqlstate, err->msg);
        assert_string_equal(sql_ask(pg, "SELECT count(*) FROM copied"), "0");
    }
}

static void other_statements_are_refused(void **state) {
    struct kpk_pg_copy copy;

    (void)state;
    assert_int_equal(kpk_pg_copy_begin(&copy, pg, "COPY nowhere FROM STDIN", err), -1);
    assert_int_equal(err->verdict, KPK_WAIT); /* its owner may still be starting */
    assert_int_equal(kpk_pg_copy_begin(&copy, pg, "SELECT 1", err), -1);
    assert_int_equal(kpk_pg_copy_begin(&copy, pg, "COPY", err), -1);
    assert_int_equal(err->verdict, KPK_FATAL);
    assert_string_equal(sql_ask(pg, "SELECT count(*) FROM copied"), "0");
}

static void a_rollback_ends_a_copy(void **state) {
    struct kpk_pg_copy copy;

    (void)state;
    assert_ok(kpk_pg_begin(pg, err), err);
    assert_ok(kpk_pg_copy_begin(&copy, pg, ROW_SQL, err), err);
    copy_row(&copy, 1, "x", "y");
    kpk_pg_rollback(pg);
    assert_string_equal(sql_ask(pg, "SELECT count(*) FROM copied"), "0");
}

/* From beside, as when the server is shut down. */
static void end_connection(int backend) {
    static const struct kpk_pg_stmt terminate = {"terminate",
                                                 "SELECT pg_terminate_backend($1, 10000)"};
    struct kpk_pg *other;
    char id[16];

    snprintf(id, sizeof(id), "%d", backend);
    assert_ok(kpk_pg_open(&other, "public", err), err);
    assert_ok(kpk_pg_run(other, &terminate, (const char *[]){id}, 1, err), err);
    kpk_pg_close(other);
}

static void a_lost_connection_is_a_wait(void **state) {
    struct kpk_pg_copy copy;
    int failed = 0, rows = 0;

    (void)state;
    assert_ok(kpk_pg_begin(pg, err), err);
    assert_ok(kpk_pg_copy_begin(&copy, pg, ROW_SQL, err), err);
    copy_row(&copy, 1, "x", "y");
    end_connection(PQbackendPID(pg->conn));
    /* Far more than the buffers between us and the server hold. */
    for (; !failed && rows < 100000; rows++)
        failed = kpk_pg_copy_row(
            &copy, (const char *[]){"1", "much more than one row, so that it is sent", ""}, 3,
            err);
    if (!failed) failed = kpk_pg_copy_end(&copy, err);
    assert_int_equal(failed, -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    kpk_pg_rollback(pg);
    assert_string_equal(sql_ask(pg, "SELECT 7"), "7");
}

/* It still has its connection, and takes and says nothing. */
static void a_server_that_hangs_is_a_wait(void **state) {
    enum { LIMIT_MS = 300 };
    struct kpk_pg_copy copy;
    int failed = 0, backend;
    int64_t began;

    (void)state;
    assert_ok(kpk_pg_begin(pg, err), err);
    assert_ok(kpk_pg_copy_begin(&copy, pg, ROW_SQL, err), err);
    backend = PQbackendPID(pg->conn);
    pg->limit_ms = LIMIT_MS;
    began = kpk_mono_ms();
    assert_int_equal(kill(backend, SIGSTOP), 0);
    for (int rows = 0; !failed && rows < 1000000; rows++)
        failed = kpk_pg_copy_row(
            &copy, (const char *[]){"1", "more than its kernel keeps for it", ""}, 3, err);
    kpk_pg_rollback(pg);
    kill(backend, SIGCONT);
    assert_int_equal(failed, -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    assert_true(kpk_mono_ms() - began < 20 * LIMIT_MS);
    assert_string_equal(sql_ask(pg, "SELECT 7"), "7");
}

static void an_array_comes_out_as_it_was(void **state) {
    static const struct kpk_pg_stmt same = {"same", "SELECT unnest($1::text[])"};
    static char cells[HOSTILE][CELL];
    PGresult *rows;
    char *array;

    (void)state;
    for (int i = 0; i < HOSTILE; i++) snprintf(cells[i], CELL, "%s", hostile[i]);
    array = kpk_pg_array(*cells, CELL, HOSTILE);
    assert_non_null(array);
    rows = kpk_pg_exec(pg, &same, (const char *[]){array}, 1, err);
    if (!rows) fail_msg("%s", err->msg);
    assert_int_equal(PQntuples(rows), HOSTILE);
    for (int i = 0; i < HOSTILE; i++) {
        assert_false(PQgetisnull(rows, i, 0));
        assert_string_equal(PQgetvalue(rows, i, 0), hostile[i]);
    }
    PQclear(rows);
    free(array);

    array = kpk_pg_array(*cells, CELL, 0);
    rows = kpk_pg_exec(pg, &same, (const char *[]){array}, 1, err);
    assert_non_null(rows);
    assert_int_equal(PQntuples(rows), 0);
    PQclear(rows);
    free(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_text_comes_out_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_cut_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_row_refuses_all, setup, teardown),
        cmocka_unit_test_setup_teardown(other_statements_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rollback_ends_a_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_connection_is_a_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_hangs_is_a_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(an_array_comes_out_as_it_was, setup, teardown),
    };

    return cmocka_run_group_tests_name("pg: copy", tests, NULL, NULL);
}
