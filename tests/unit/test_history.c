/* The judge judged: histories with each kind of fault, told by hand in a table. Those made at random
 * are in test_history_random.c. */
#include "common/history.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* --- by hand ----------------------------------------------------------------------------- */

enum { MAX_ARGS = 3 };

static enum kpk_order order_of(const char *word) {
    if (strcmp(word, "oldest") == 0) return KPK_ORDER_OLDEST_FIRST;
    return strcmp(word, "newest") == 0 ? KPK_ORDER_NEWEST_FIRST : KPK_ORDER_NONE;
}

/* One step of a story: "ok alice t1", "bob sees t1", "bob expects alice", ... */
static void step(struct kpk_history *history, const char *a, const char *verb, const char *b) {
    if (strcmp(a, "ok") == 0)
        kpk_history_write(history, verb, b, KPK_WRITE_OK);
    else if (strcmp(a, "failed") == 0)
        kpk_history_write(history, verb, b, KPK_WRITE_FAILED);
    else if (strcmp(a, "unknown") == 0)
        kpk_history_write(history, verb, b, KPK_WRITE_UNKNOWN);
    else if (strcmp(verb, "expects") == 0)
        kpk_history_expect(history, a, b);
    else if (strcmp(verb, "order") == 0)
        kpk_history_order(history, a, order_of(b));
    else if (strcmp(verb, "maybe") == 0)
        kpk_history_maybe(history, a, b);
    else if (strcmp(verb, "sees") == 0)
        kpk_history_see(history, a, b);
    else if (strcmp(verb, "unsees") == 0)
        kpk_history_unsee(history, a);
    else
        fail_msg("the story has no verb: %s %s %s", a, verb, b);
}

static struct kpk_history *tell(const char *story) {
    struct kpk_history *history = kpk_history_new();
    char *copy = strdup(story), *rest = copy, *line;

    assert_non_null(history);
    assert_non_null(copy);
    while ((line = strsep(&rest, ";"))) {
        char arg[MAX_ARGS][16] = {""};
        if (sscanf(line, " %15s %15s %15s", arg[0], arg[1], arg[2]) >= 2)
            step(history, arg[0], arg[1], arg[2]);
    }
    free(copy);
    return history;
}

#define ALICE3 "ok alice t1; ok alice t2; ok alice t3; bob expects alice; "

/* clang-format off */
static const struct {
    const char *what, *story;
    size_t expected, seen, lost, duplicated, reordered, invented;
    const char *first;
} cases[] = {
    {"nothing happened", "", 0, 0, 0, 0, 0, 0, ""},
    {"nobody looks", "ok alice t1", 0, 0, 0, 0, 0, 0, ""},
    {"all seen", ALICE3 "bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 0, 0, ""},
    {"expected before it is written", "bob expects alice; ok alice t1; bob sees t1", 1, 1, 0, 0, 0, 0, ""},
    {"expected twice is expected once", "bob expects alice; bob expects alice; ok alice t1", 1, 0, 1, 0, 0, 0, "bob never saw t1 of alice"},
    {"two observers", ALICE3 "carol expects alice; bob sees t1; bob sees t2; bob sees t3; carol sees t1; carol sees t3", 6, 5, 1, 0, 0, 0, "carol never saw t2 of alice"},
    {"seen by another is not seen", "ok alice t1; bob expects alice; carol expects alice; carol sees t1", 2, 1, 1, 0, 0, 0, "bob never saw t1 of alice"},

    {"one lost", ALICE3 "bob sees t1; bob sees t3", 3, 2, 1, 0, 0, 0, "bob never saw t2 of alice"},
    {"all lost", ALICE3, 3, 0, 3, 0, 0, 0, "bob never saw t1 of alice"},
    {"twice", ALICE3 "bob sees t1; bob sees t2; bob sees t2; bob sees t3", 3, 4, 0, 1, 0, 0, "bob saw t2 of alice more than once"},
    {"three times", "ok alice t1; bob expects alice; bob sees t1; bob sees t1; bob sees t1", 1, 3, 0, 2, 0, 0, "bob saw t1 of alice more than once"},
    {"nobody wrote it", "bob sees t9", 0, 1, 0, 0, 0, 1, "bob saw t9, which nobody wrote"},
    {"nobody wrote it, seen twice", "bob sees t9; bob sees t9", 0, 2, 0, 0, 0, 2, "bob saw t9, which nobody wrote"},
    {"not his", "ok alice t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was not to be seen there"},
    {"one of each", ALICE3 "bob order oldest; bob sees t3; bob sees t2; bob sees t3; bob sees t9", 3, 4, 1, 1, 1, 1, "bob saw t2 of alice after t3"},

    {"failed, not seen", "failed alice t1; bob expects alice", 0, 0, 0, 0, 0, 0, ""},
    {"failed, seen", "failed alice t1; bob expects alice; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was refused"},
    {"failed, seen, excused all the same", "failed alice t1; bob maybe t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was refused"},
    {"unknown, not seen", "unknown alice t1; bob expects alice", 0, 0, 0, 0, 0, 0, ""},
    {"unknown, seen", "unknown alice t1; bob expects alice; bob sees t1", 0, 1, 0, 0, 0, 0, ""},
    {"unknown, seen twice", "unknown alice t1; bob expects alice; bob sees t1; bob sees t1", 0, 2, 0, 1, 0, 0, "bob saw t1 of alice more than once"},
    {"unknown, not his", "unknown alice t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was not to be seen there"},
    {"unknown, then ok: must be seen", "unknown alice t1; ok alice t1; bob expects alice", 1, 0, 1, 0, 0, 0, "bob never saw t1 of alice"},
    {"unknown, then failed: must not", "unknown alice t1; failed alice t1; bob expects alice; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was refused"},
    {"unknown twice, then ok", "unknown alice t1; unknown alice t1; ok alice t1; bob expects alice; bob sees t1", 1, 1, 0, 0, 0, 0, ""},
    {"seen before it is written", "bob expects alice; bob sees t1; ok alice t1", 1, 1, 0, 0, 0, 0, ""},

    {"maybe, not seen", "ok alice t1; bob expects alice; bob maybe t1", 0, 0, 0, 0, 0, 0, ""},
    {"maybe, seen", "ok alice t1; bob maybe t1; bob sees t1", 0, 1, 0, 0, 0, 0, ""},
    {"maybe, seen twice", "ok alice t1; bob maybe t1; bob sees t1; bob sees t1", 0, 2, 0, 1, 0, 0, "bob saw t1 of alice more than once"},
    {"maybe for one is not for another", "ok alice t1; bob maybe t1; carol sees t1", 0, 1, 0, 0, 0, 1, "carol saw t1 of alice, which was not to be seen there"},
    {"maybe, but nobody wrote it", "bob maybe t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1, which nobody wrote"},

    {"looked again", ALICE3 "bob sees t1; bob sees t1; bob sees t9; bob unsees; bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 0, 0, ""},
    {"looked away", ALICE3 "bob sees t1; bob sees t2; bob sees t3; bob unsees", 3, 0, 3, 0, 0, 0, "bob never saw t1 of alice"},

    {"no order asked", ALICE3 "bob sees t3; bob sees t1; bob sees t2", 3, 3, 0, 0, 0, 0, ""},
    {"oldest first", ALICE3 "bob order oldest; bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 0, 0, ""},
    {"oldest first, one late", ALICE3 "bob order oldest; bob sees t1; bob sees t3; bob sees t2", 3, 3, 0, 0, 1, 0, "bob saw t2 of alice after t3"},
    {"oldest first, one early", ALICE3 "bob order oldest; bob sees t3; bob sees t1; bob sees t2", 3, 3, 0, 0, 2, 0, "bob saw t1 of alice after t3"},
    {"newest first", ALICE3 "bob order newest; bob sees t3; bob sees t2; bob sees t1", 3, 3, 0, 0, 0, 0, ""},
    {"newest first, seen the other way", ALICE3 "bob order newest; bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 2, 0, "bob saw t2 of alice after t1"},
    {"redelivery is no disorder", ALICE3 "bob order oldest; bob sees t1; bob sees t2; bob sees t1; bob sees t2; bob sees t3", 3, 5, 0, 2, 0, 0, "bob saw t1 of alice more than once"},
    {"order is within a stream", "ok alice a1; ok carol c1; ok alice a2; bob expects alice; bob expects carol; bob order oldest; bob sees a1; bob sees a2; bob sees c1", 3, 3, 0, 0, 0, 0, ""},
    {"order begins anew for each observer", ALICE3 "carol expects alice; bob order oldest; carol order oldest; bob sees t1; bob sees t2; bob sees t3; carol sees t1; carol sees t2; carol sees t3", 6, 6, 0, 0, 0, 0, ""},
    {"unknown has no place", "ok alice t1; unknown alice t2; ok alice t3; bob expects alice; bob order oldest; bob sees t2; bob sees t1; bob sees t3", 2, 3, 0, 0, 0, 0, ""},
    {"known at once: it has its place", "unknown alice t1; ok alice t1; ok alice t2; bob expects alice; bob order oldest; bob sees t2; bob sees t1", 2, 2, 0, 0, 1, 0, "bob saw t1 of alice after t2"},
    {"known late: before what came between", "unknown alice t1; ok alice t2; ok alice t1; bob expects alice; bob order oldest; bob sees t1; bob sees t2", 2, 2, 0, 0, 0, 0, ""},
    {"known late: or after it", "unknown alice t1; ok alice t2; ok alice t1; bob expects alice; bob order oldest; bob sees t2; bob sees t1", 2, 2, 0, 0, 0, 0, ""},
    {"maybe has its place", "ok alice t1; ok alice t2; bob maybe t1; bob maybe t2; bob order oldest; bob sees t2; bob sees t1", 0, 2, 0, 0, 1, 0, "bob saw t1 of alice after t2"},
};
/* clang-format on */

static void tells_each_fault(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kpk_history *history = tell(cases[i].story);
        struct kpk_report report;
        bool clean = kpk_history_check(history, &report);

        kpk_history_free(history);
        if (report.expected != cases[i].expected || report.seen != cases[i].seen ||
            report.lost != cases[i].lost || report.duplicated != cases[i].duplicated ||
            report.reordered != cases[i].reordered || report.invented != cases[i].invented ||
            strcmp(report.first, cases[i].first) != 0 || clean != (cases[i].first[0] == '\0'))
            fail_msg(
                "%s: expected %zu seen %zu lost %zu duplicated %zu reordered %zu invented %zu "
                "'%s'",
                cases[i].what, report.expected, report.seen, report.lost, report.duplicated,
                report.reordered, report.invented, report.first);
    }
}

/* clang-format off */
static const struct {
    const char *story, *text;
} texts[] = {
    {"", "0 writes, 0 sightings: nothing lost, duplicated, reordered or invented"},
    {ALICE3 "bob sees t1; bob sees t2; bob sees t3; failed alice t4; unknown alice t5",
     "3 writes, 3 sightings: nothing lost, duplicated, reordered or invented"},
    {ALICE3 "bob sees t1; bob sees t3", "1 of 3 lost (first: bob never saw t2 of alice)"},
    {ALICE3 "bob order newest; bob sees t1; bob sees t2; bob sees t2; bob sees t9",
     "1 of 3 lost, 1 duplicated, 1 reordered, 1 invented (first: bob saw t2 of alice after t1)"},
};
/* clang-format on */

static void puts_it_in_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct kpk_history *history = tell(texts[i].story);
        struct kpk_report report;
        char text[300], cut[12];

        kpk_history_check(history, &report);
        kpk_history_free(history);
        assert_string_equal(kpk_report_text(&report, text, sizeof(text)), texts[i].text);
        assert_memory_equal(kpk_report_text(&report, cut, sizeof(cut)), text, sizeof(cut) - 1);
        assert_int_equal(cut[sizeof(cut) - 1], '\0');
    }
}

/* A caller that contradicts itself has no verdict: the process ends. */
static void contradictions_abort(void **state) {
    static const char *const stories[] = {
        "ok alice t1; ok alice t1",      "ok alice t1; failed alice t1",
        "failed alice t1; ok alice t1",  "ok alice t1; unknown alice t1",
        "unknown alice t1; ok carol t1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL); /* cmocka's own handler would take it for a failed test */
            if (!freopen("/dev/null", "w", stderr)) _exit(1);
            kpk_history_free(tell(stories[i]));
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) fail_msg("%s", stories[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_fault),
        cmocka_unit_test(puts_it_in_words),
        cmocka_unit_test(contradictions_abort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
