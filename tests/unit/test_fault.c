/* Fault points: what KPK_FAULT may say, and that each kind does what it says, when it says. */
#include "common/fault.h"
#include "common/stop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int pass_one(struct kpk_err *err) { return kpk_fault("test:one", err); }
static int pass_two(struct kpk_err *err) { return kpk_fault("test:two", err); }
static int pass_one_elsewhere(struct kpk_err *err) { return kpk_fault("test:one", err); }

static void ask(const char *faults) {
    struct kpk_err err;

    setenv("KPK_FAULT", faults, 1);
    if (kpk_fault_init(&err)) fail_msg("'%s': %s", faults, err.msg);
}

static void points_are_listed_once(void **state) {
    const char *points[4];

    (void)state;
    assert_int_equal(kpk_fault_points(points, 4), 2);
    assert_string_equal(points[0], "test:one");
    assert_string_equal(points[1], "test:two");
    assert_int_equal(kpk_fault_points(points, 0), 2);
}

static void a_wrong_wish_is_refused(void **state) {
    static const char *const wishes[] = {
        "test:one",          "test:one=",       "test:one=fly",     "test:three=exit",
        "test:one=exit@0",   "test:one=exit@x", "test:one=exit@1 ", "test:one=exit,",
        "test:one=exit@1@2", "=exit",           "TEST:ONE=exit",    "test:one=exit@ 1",
        "test:one=exit@+1",  "test:one=exit@",  "test:one=exit@01", "test:one=exit@4294967297",
    };
    struct kpk_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++) {
        setenv("KPK_FAULT", wishes[i], 1);
        if (kpk_fault_init(&err) == 0) fail_msg("'%s' was taken", wishes[i]);
        assert_int_equal(err.verdict, KPK_FATAL);
        assert_int_equal(strncmp(err.msg, "KPK_FAULT: ", 11), 0);
    }
}

static void nothing_strikes_unasked(void **state) {
    struct kpk_err err;

    (void)state;
    ask("");
    for (int i = 0; i < 3; i++) assert_int_equal(pass_one(&err), 0);
}

static void error_strikes_once_at_its_passage(void **state) {
    struct kpk_err err = {0};

    (void)state;
    ask("test:one=error@3,test:two=error");
    assert_int_equal(pass_one(&err), 0);
    assert_int_equal(pass_one_elsewhere(&err), 0);
    assert_int_equal(pass_two(&err), -1);
    assert_string_equal(err.msg, "fault at test:two");
    assert_int_equal(pass_one(&err), -1);
    assert_int_equal(err.verdict, KPK_WAIT);
    assert_int_equal(pass_one(&err), 0);
    assert_int_equal(pass_two(&err), 0);
}

/* A child passes the point and ends with 7. returns  its first change of state */
static int child_status(const char *faults, pid_t *pid) {
    int status;

    *pid = fork();
    assert_true(*pid >= 0);
    if (*pid == 0) {
        struct kpk_err err;
        setenv("KPK_FAULT", faults, 1);
        if (kpk_fault_init(&err) || pass_one(&err)) _exit(1);
        _exit(7);
    }
    assert_int_equal(waitpid(*pid, &status, WUNTRACED), *pid);
    return status;
}

static void exit_is_a_kill(void **state) {
    pid_t pid;
    int status = child_status("test:one=exit", &pid);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void stop_lasts_until_it_is_continued(void **state) {
    pid_t pid;
    int status = child_status("test:one=stop", &pid);

    (void)state;
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_listed_once),
        cmocka_unit_test(a_wrong_wish_is_refused),
        cmocka_unit_test(nothing_strikes_unasked),
        cmocka_unit_test(error_strikes_once_at_its_passage),
        cmocka_unit_test(exit_is_a_kill),
        cmocka_unit_test(stop_lasts_until_it_is_continued),
    };

    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
