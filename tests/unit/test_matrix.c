/* The crash matrix: its kinds, what its cells say, and that it is red when it should be. */
#include "common/matrix.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct kpk_err error, *err = &error;

static int unlisted(void) { return kpk_fault("matrix:unlisted", err); }

static void kinds_are_words(void **state) {
    static const struct {
        const char *text;
        int failed;
        unsigned kinds;
    } cases[] = {
        {"exit", 0, 1 << KPK_FAULT_EXIT},
        {"delay,exit", 0, 1 << KPK_FAULT_EXIT | 1 << KPK_FAULT_DELAY},
        {"exit,stop,error,delay", 0, KPK_FAULTS_ALL},
        {"", -1, 0},
        {"exit,", -1, 0},
        {"kill", -1, 0},
        {"exit stop", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        unsigned kinds;
        int failed = kpk_fault_kinds_parse(cases[i].text, &kinds, err);
        if (failed != cases[i].failed || (!failed && kinds != cases[i].kinds))
            fail_msg("'%s': %d, %u", cases[i].text, failed, kinds);
    }
}

/* What each cell finds, in the order they are run. */
static const struct kpk_cell found[] = {
    {.met = true},
    {.met = true, .again = 4},
    {.met = true, .report = {.lost = 2, .expected = 9, .first = "x never saw y"}},
    {.met = false},
    {.met = true, .report = {.reordered = 1, .first = "z"}},
    {.met = true, .report = {.duplicated = 3, .invented = 1, .first = "z"}},
};

static int run_cell(void *ctx, const char *point, enum kpk_fault_kind kind,
                    struct kpk_cell *cell, struct kpk_err *why) {
    int *next = ctx;

    (void)point, (void)kind, (void)why;
    *cell = found[(*next)++];
    return 0;
}

/* What 'matrix' prints. returns a string for free() */
static char *printed(const struct kpk_matrix *matrix, struct kpk_matrix_result *result) {
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len), *real = stdout;

    assert_non_null(memory);
    stdout = memory;
    int failed = kpk_matrix_run(matrix, result, err);
    stdout = real;
    fclose(memory);
    assert_ok(failed, err);
    return text;
}

static void cells_say_what_was_found(void **state) {
    int next = 0;
    const struct kpk_matrix matrix = {
        .points = (const char *const[]){"a:one", "a:two", "b:one", NULL},
        .prefixes = (const char *const[]){NULL},
        .kinds = 1 << KPK_FAULT_EXIT | 1 << KPK_FAULT_ERROR,
        .run = run_cell,
        .ctx = &next,
    };
    struct kpk_matrix_result result;
    char *text = printed(&matrix, &result);

    (void)state;
    assert_string_equal(text, "                           exit            error          \n"
                              "  a:one                    ok              ok, 4 again    \n"
                              "  a:two                    LOST 2          NOT MET        \n"
                              "  b:one                    REORDERED 1     TWICE 3        \n");
    assert_int_equal(result.cells, 6);
    assert_int_equal(result.red, 4);
    assert_string_equal(result.first, "exit at a:two: 2 of 9 lost (first: x never saw y)");
    free(text);
}

static void one_may_choose_points(void **state) {
    int next = 0;
    struct kpk_matrix matrix = {
        .points = (const char *const[]){"a:one", "b:one", NULL},
        .prefixes = (const char *const[]){NULL},
        .only = "b:",
        .kinds = 1 << KPK_FAULT_STOP,
        .run = run_cell,
        .ctx = &next,
    };
    struct kpk_matrix_result result;
    char *text = printed(&matrix, &result);

    (void)state;
    assert_int_equal(result.cells, 1);
    assert_null(strstr(text, "a:one"));
    free(text);
    matrix.only = "c:";
    FILE *real = stdout;
    stdout = fopen("/dev/null", "w");
    assert_int_equal(kpk_matrix_run(&matrix, &result, err), -1);
    fclose(stdout);
    stdout = real;
    assert_string_equal(err->msg, "no point begins with 'c:'");
}

static void no_point_is_forgotten(void **state) {
    const struct kpk_matrix matrix = {
        .points = (const char *const[]){"matrix:listed", NULL},
        .prefixes = (const char *const[]){"matrix:", NULL},
        .kinds = KPK_FAULTS_ALL,
    };
    struct kpk_matrix_result result;

    (void)state;
    assert_int_equal(unlisted(), 0);
    assert_int_equal(kpk_matrix_run(&matrix, &result, err), -1);
    assert_string_equal(err->msg, "the matrix forgets matrix:unlisted");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_words),
        cmocka_unit_test(cells_say_what_was_found),
        cmocka_unit_test(one_may_choose_points),
        cmocka_unit_test(no_point_is_forgotten),
    };

    return cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
}
