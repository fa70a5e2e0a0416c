/* Children: their environment, what they say, how they end, and that none is left. */
#include "common/child.h"
#include "common/stop.h"
#include "tests/support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 10000 };

static struct kpk_err error, *err = &error;

static struct kpk_child *run(const char *script, const char *const *env) {
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct kpk_child *child;

    assert_ok(kpk_child_start(&child, &(struct kpk_child_opts){"child", argv, env}, err), err);
    return child;
}

static void it_gets_our_environment_and_more(void **state) {
    const char *const env[] = {"KPK_TEST_A=new", "KPK_TEST_B=x y", NULL};
    char answer[64];

    (void)state;
    setenv("KPK_TEST_A", "old", 1);
    setenv("KPK_TEST_AB", "kept", 1);
    struct kpk_child *child =
        run("read l; echo \"$l:$KPK_TEST_A:$KPK_TEST_AB:$KPK_TEST_B\"", env);
    assert_ok(kpk_child_ask(child, "hello", answer, sizeof(answer), WAIT_MS, err), err);
    assert_string_equal(answer, "hello:new:kept:x y");
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, WAIT_MS));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
    assert_string_equal(getenv("KPK_TEST_A"), "old");
}

static void its_log_is_searched(void **state) {
    struct kpk_child *child = run("echo one >&2; read l; echo two >&2; exit 3", NULL);

    (void)state;
    assert_ok(kpk_child_await_words(child, "one", WAIT_MS, err), err);
    assert_false(kpk_child_said(child, "two"));
    assert_int_equal(kpk_child_end(child, WAIT_MS, err), -1);
    assert_true(kpk_child_said(child, "two") || kpk_child_state(child) == KPK_CHILD_KILLED);
    assert_int_equal(kpk_child_await_words(child, "three", WAIT_MS, err), -1);
    assert_non_null(strstr(err->msg, "ended without saying 'three'"));
    kpk_child_close(child);
}

/* Each end is told apart. 'say' is what the error of kpk_child_end() begins with. */
static void ends_are_told_apart(void **state) {
    static const struct {
        const char *script;
        const char *say; /* NULL: a clean end */
    } cases[] = {
        {"trap '' TERM; echo set >&2; cat >/dev/null", NULL}, /* its standard input ends */
        {"trap 'exit 0' TERM; echo set >&2; while :; do sleep 0.02; done", NULL},
        {"trap 'exit 5' TERM; echo set >&2; while :; do sleep 0.02; done",
         "child: ended with status 5"},
        {"exit 4", "child: ended with status 4"},
        {"kill -9 $$", "child: died of signal 9"},
        {"kill -SEGV $$", "child: died of signal 11"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct kpk_child *child = run(cases[i].script, NULL);
        if (strstr(cases[i].script, "trap")) /* before it is set, the signal would kill */
            assert_ok(kpk_child_await_words(child, "set", WAIT_MS, err), err);
        else if (cases[i].say)
            while (kpk_child_state(child) == KPK_CHILD_RUNS) kpk_stop_wait(1);
        int failed = kpk_child_end(child, WAIT_MS, err);
        if (cases[i].say && (!failed || strcmp(err->msg, cases[i].say) != 0))
            fail_msg("%s: '%s', not '%s'", cases[i].script, failed ? err->msg : "",
                     cases[i].say);
        if (!cases[i].say) assert_ok(failed, err);
        kpk_child_close(child);
    }
}

/* What waits for a death at a fault point takes no crash for it. */
static void a_crash_is_no_kill(void **state) {
    static const char *const crashes[] = {"kill -SEGV $$", "kill -ABRT $$"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kpk_child *child = run(crashes[i], NULL);
        assert_true(kpk_child_await(child, KPK_CHILD_CRASHED, WAIT_MS));
        assert_false(kpk_child_await(child, KPK_CHILD_KILLED, WAIT_MS));
        kpk_child_close(child);
    }
}

static void it_stops_and_goes_on(void **state) {
    struct kpk_child *child = run("read l; echo back", NULL);
    char answer[16];

    (void)state;
    kpk_child_signal(child, SIGSTOP);
    assert_int_equal(kpk_child_state(child), KPK_CHILD_STOPPED);
    assert_int_equal(kpk_child_ask(child, "x", answer, sizeof(answer), 50, err), -1);
    kpk_child_signal(child, SIGCONT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, WAIT_MS));
    kpk_child_close(child);
}

static void a_dead_one_does_not_answer(void **state) {
    struct kpk_child *child = run("read l; exit 0", NULL);
    char answer[16];

    (void)state;
    assert_int_equal(kpk_child_ask(child, "x", answer, sizeof(answer), WAIT_MS, err), -1);
    assert_non_null(strstr(err->msg, "ended without an answer"));
    assert_int_equal(kpk_child_state(child), KPK_CHILD_EXITED);
    assert_int_equal(kpk_child_ask(child, "x", answer, sizeof(answer), WAIT_MS, err), -1);
    kpk_child_close(child);
}

static void closing_leaves_none(void **state) {
    struct kpk_child *child = run("trap '' TERM; while :; do sleep 1; done", NULL);
    pid_t pid = kpk_child_pid(child);

    (void)state;
    kpk_child_close(child);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void what_cannot_be_run_says_so(void **state) {
    const char *const argv[] = {"/nowhere/program", NULL};
    struct kpk_child *child;

    (void)state;
    assert_ok(kpk_child_start(&child, &(struct kpk_child_opts){"ghost", argv, NULL}, err), err);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, WAIT_MS));
    assert_int_equal(kpk_child_status(child), 127);
    assert_true(kpk_child_said(child, "/nowhere/program: No such file or directory"));
    kpk_child_close(child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gets_our_environment_and_more),
        cmocka_unit_test(its_log_is_searched),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(a_crash_is_no_kill),
        cmocka_unit_test(it_stops_and_goes_on),
        cmocka_unit_test(a_dead_one_does_not_answer),
        cmocka_unit_test(closing_leaves_none),
        cmocka_unit_test(what_cannot_be_run_says_so),
    };

    signal(SIGPIPE, SIG_IGN); /* as kpk_stop_init() does */
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
