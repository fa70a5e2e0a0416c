/* demo-twitter, run as a person runs it: it ends with a verdict, and its exit code says the same. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LINE_BYTES = 512, SCREEN_LINES = 40 };

struct told {
    int exit_code, lines;
    char last[LINE_BYTES];
};

static void run(const char *command, struct told *told) {
    FILE *output = popen(command, "r");
    char line[LINE_BYTES];

    assert_non_null(output);
    *told = (struct told){.lines = 0};
    while (fgets(line, sizeof(line), output)) {
        print_message("%s", line);
        snprintf(told->last, sizeof(told->last), "%s", line);
        told->lines++;
    }
    told->exit_code = WEXITSTATUS(pclose(output));
}

static void a_worker_dies_and_nothing_is_lost(void **state) {
    struct told told;

    (void)state;
    run("build/bin/demo-twitter --stack \"$KPK_TEST_STACK\"", &told);
    assert_int_equal(told.exit_code, 0);
    assert_non_null(strstr(told.last, "verdict: PASS"));
    assert_true(told.lines <= SCREEN_LINES);
}

static void without_a_stack_it_says_what_to_do(void **state) {
    struct told told;

    (void)state;
    run("KPK_TWEET_SERVICE_URL=http://127.0.0.1:1 build/bin/demo-twitter", &told);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "verdict: FAIL"));
    assert_non_null(strstr(told.last, "make up"));
}

static void a_worker_it_cannot_find_is_named(void **state) {
    struct told told;

    (void)state;
    run("build/bin/demo-twitter --stack \"$KPK_TEST_STACK\" --victim fanout-worker-9", &told);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "verdict: FAIL"));
    assert_non_null(strstr(told.last, "fanout-worker-9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_dies_and_nothing_is_lost),
        cmocka_unit_test(without_a_stack_it_says_what_to_do),
        cmocka_unit_test(a_worker_it_cannot_find_is_named),
    };

    return cmocka_run_group_tests_name("twitter: the demo", tests, NULL, NULL);
}
