/* Where a group goes on after a reset, and what that means for it. */
#include "tools/kpk/reset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { NONE = -1 };

static struct kpk_reset_partition partition(int64_t committed, int64_t begin, int64_t end,
                                            int64_t first) {
    return (struct kpk_reset_partition){
        .topic = "t", .committed = committed, .begin = begin, .end = end, .first = first};
}

static void test_decide(void **state) {
    enum {
        BEGIN = KPK_TAIL_BEGINNING,
        END = KPK_TAIL_END,
        AT = KPK_TAIL_OFFSET,
        SINCE = KPK_TAIL_TIME
    };
    /* clang-format off */
    static const struct {
        const char *what;
        int start; int64_t at;
        int64_t committed, begin, end, first;
        int64_t target, again, skipped, lost;
        int note;
    } cases[] = {
        /*                             to           has                         becomes             */
        {"all of it again",            BEGIN, 0,    80, 0, 100, NONE,           0, 80, 0, 0,        KPK_RESET_EXACT},
        {"what retention left",        BEGIN, 0,    80, 30, 100, NONE,          30, 50, 0, 0,       KPK_RESET_EXACT},
        {"retention passed it",        BEGIN, 0,    20, 30, 100, NONE,          30, 0, 0, 10,       KPK_RESET_EXACT},
        {"nothing committed",          BEGIN, 0,    NONE, 30, 100, NONE,        30, 0, 0, 0,        KPK_RESET_EXACT},
        {"an empty partition",         BEGIN, 0,    NONE, 0, 0, NONE,           0, 0, 0, 0,         KPK_RESET_EXACT},
        {"to the end",                 END, 0,      80, 0, 100, NONE,           100, 0, 20, 0,      KPK_RESET_EXACT},
        {"it is there already",        END, 0,      100, 0, 100, NONE,          100, 0, 0, 0,       KPK_RESET_EXACT},
        {"to the end, passed",         END, 0,      20, 30, 100, NONE,          100, 0, 70, 10,     KPK_RESET_EXACT},
        {"to the end, new",            END, 0,      NONE, 30, 100, NONE,        100, 0, 70, 0,      KPK_RESET_EXACT},
        {"a topic made anew",          END, 0,      500, 0, 100, NONE,          100, 0, 0, 0,       KPK_RESET_EXACT},
        {"an offset before",           AT, 50,      80, 0, 100, NONE,           50, 30, 0, 0,       KPK_RESET_EXACT},
        {"an offset after",            AT, 90,      80, 0, 100, NONE,           90, 0, 10, 0,       KPK_RESET_EXACT},
        {"the end as an offset",       AT, 100,     80, 0, 100, NONE,           100, 0, 20, 0,      KPK_RESET_EXACT},
        {"the beginning as an offset", AT, 30,      80, 30, 100, NONE,          30, 50, 0, 0,       KPK_RESET_EXACT},
        {"an offset that is gone",     AT, 29,      80, 30, 100, NONE,          30, 50, 0, 0,       KPK_RESET_BEGINS_LATER},
        {"an offset to come",          AT, 101,     80, 30, 100, NONE,          100, 0, 20, 0,      KPK_RESET_ENDS_BEFORE},
        {"the largest offset",         AT, INT64_MAX, 80, 30, 100, NONE,        100, 0, 20, 0,      KPK_RESET_ENDS_BEFORE},
        {"an offset, empty",           AT, 5,       NONE, 0, 0, NONE,           0, 0, 0, 0,         KPK_RESET_ENDS_BEFORE},
        {"a time",                     SINCE, 1,    80, 30, 100, 60,            60, 20, 0, 0,       KPK_RESET_EXACT},
        {"a time after all",           SINCE, 1,    80, 30, 100, NONE,          100, 0, 20, 0,      KPK_RESET_NONE_SINCE},
        {"retention while asking",     SINCE, 1,    80, 30, 100, 25,            30, 50, 0, 0,       KPK_RESET_EXACT},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_reset_partition at =
            partition(cases[i].committed, cases[i].begin, cases[i].end, cases[i].first);
        const struct kpk_tail_from to = {(enum kpk_tail_start)cases[i].start, cases[i].at};
        struct kpk_err err;
        assert_int_equal(kpk_reset_decide(&at, 1, &to, false, &err), 0);
        if (at.target != cases[i].target || at.again != cases[i].again ||
            at.skipped != cases[i].skipped || at.lost != cases[i].lost ||
            (int)at.note != cases[i].note)
            fail_msg("%s: to %ld, again %ld, skipped %ld, lost %ld, note %d", cases[i].what,
                     (long)at.target, (long)at.again, (long)at.skipped, (long)at.lost,
                     (int)at.note);
    }
}

/* A group that starts at the end has not skipped what was there before it. */
static void test_from_end(void **state) {
    struct kpk_reset_partition at = partition(NONE, 30, 100, NONE);
    struct kpk_err err;

    (void)state;
    assert_int_equal(
        kpk_reset_decide(&at, 1, &(struct kpk_tail_from){KPK_TAIL_END, 0}, true, &err), 0);
    assert_int_equal(at.skipped, 0);
    assert_int_equal(
        kpk_reset_decide(&at, 1, &(struct kpk_tail_from){KPK_TAIL_BEGINNING, 0}, true, &err),
        0);
    assert_int_equal(at.again, 70);
}

/* One partition without an answer, and none is decided. */
static void test_all_or_nothing(void **state) {
    enum { UNTOUCHED = -7 };
    static const struct {
        int64_t begin, end;
    } missing[] = {{NONE, NONE}, {NONE, 100}, {30, NONE}};

    (void)state;
    for (size_t i = 0; i < COUNT(missing); i++) {
        struct kpk_reset_partition all[] = {
            partition(80, 0, 100, 50),
            partition(80, missing[i].begin, missing[i].end, 50),
            partition(80, 0, 100, 50),
        };
        all[1].partition = 1;
        struct kpk_err err = {0};
        for (size_t p = 0; p < COUNT(all); p++) all[p].target = UNTOUCHED;
        assert_int_equal(kpk_reset_decide(all, COUNT(all),
                                          &(struct kpk_tail_from){KPK_TAIL_TIME, 1}, false,
                                          &err),
                         -1);
        assert_int_equal(err.verdict, KPK_WAIT);
        assert_non_null(strstr(err.msg, "t [1]"));
        assert_non_null(strstr(err.msg, "1 of 3 partitions"));
        for (size_t p = 0; p < COUNT(all); p++) assert_int_equal(all[p].target, UNTOUCHED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_from_end),
        cmocka_unit_test(test_all_or_nothing),
    };

    return cmocka_run_group_tests_name("kpk: group reset", tests, NULL, NULL);
}
