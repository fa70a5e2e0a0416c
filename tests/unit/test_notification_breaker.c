/* The breaker and the rate of a provider, with a clock of the test's own. */
#include "services/notification/breaker.h"
#include "services/notification/rate.h"
#include "tests/support/test.h"

#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the breaker ---- */

enum { LIMIT = 3, OPEN_MS = 100 };

/* What happens, and what it must say then. */
enum step {
    END,
    SEND,         /* asked: one may be sent */
    PROBE,        /* asked: one may try */
    WAIT,         /* asked: no */
    GOOD,         /* a success: no news */
    CLOSES,       /* a success: it closes by it */
    BAD,          /* a failure of a new delivery: no news */
    AGAIN,        /* a failure of the delivery before: no news */
    OPENS,        /* a failure of a new one: it opens by it */
    BAD_PROBE,    /* the probe fails: no news */
    CLOSES_PROBE, /* the probe, a new one, fails: it closes by it */
    CLOSES_AGAIN, /* the probe, the delivery before, fails: it closes by it */
    CUT,          /* no connection: it opens by it */
    CUT_LATE,     /* no connection: no news */
    CUT_PROBE,    /* the probe has no connection: no news */
    NO_PROBE,     /* the probe has no result */
    LATER,        /* OPEN_MS pass */
    ALMOST,       /* a millisecond less */
};

/* clang-format off */
static const struct {
    const char *name;
    enum step steps[16];
} stories[] = {
    {"nothing happens", {SEND, GOOD, SEND, GOOD}},
    {"it opens after so many in a row", {SEND, BAD, SEND, BAD, SEND, OPENS, WAIT}},
    {"a success breaks the row", {BAD, BAD, GOOD, BAD, BAD, SEND, OPENS, WAIT}},
    {"the same one again is no news", {BAD, AGAIN, AGAIN, AGAIN, SEND, BAD, AGAIN, SEND, OPENS}},
    {"one may try, when time has passed", {BAD, BAD, OPENS, ALMOST, WAIT, LATER, PROBE, WAIT, WAIT}},
    {"it is back", {BAD, BAD, OPENS, LATER, PROBE, CLOSES, SEND, SEND}},
    {"back, the row begins anew", {BAD, BAD, OPENS, LATER, PROBE, CLOSES, BAD, BAD, SEND, OPENS}},
    {"it is not back", {BAD, BAD, OPENS, LATER, PROBE, BAD_PROBE, WAIT, ALMOST, WAIT, LATER, PROBE, CLOSES}},
    {"a probe that has no result", {BAD, BAD, OPENS, LATER, PROBE, NO_PROBE, PROBE, CLOSES}},
    {"what was in flight fails late", {BAD, BAD, OPENS, BAD, BAD, WAIT, LATER, PROBE, BAD, WAIT}},
    {"what was in flight succeeds late", {BAD, BAD, OPENS, CLOSES, SEND}},
    {"no connection: it opens at once", {SEND, CUT, WAIT, ALMOST, WAIT, LATER, PROBE, CLOSES, SEND}},
    {"no connection yet", {CUT, LATER, PROBE, CUT_PROBE, WAIT, ALMOST, WAIT, LATER, PROBE, CLOSES}},
    {"what was in flight has none, late", {BAD, BAD, OPENS, CUT_LATE, LATER, PROBE, CUT_LATE, WAIT, CLOSES}},
    {"it connects again, and fails: it counts", {CUT, LATER, PROBE, CLOSES_PROBE, SEND, BAD, SEND, OPENS, WAIT}},
    {"the same one fails for ever: others pass", {BAD, CUT, LATER, PROBE, CLOSES_AGAIN, SEND, CUT, LATER, PROBE, CLOSES_AGAIN, SEND}},
    {"it connects again, and fails as before", {BAD, BAD, CUT, LATER, PROBE, BAD_PROBE, WAIT, LATER, PROBE, CLOSES, SEND}},
    {"down, and then not even a connection", {BAD, BAD, OPENS, LATER, PROBE, CUT_PROBE, LATER, PROBE, BAD_PROBE, WAIT}},
    {"what was in flight fails late, and is no connection", {CUT, BAD, BAD, BAD, WAIT, LATER, PROBE, CLOSES}},
};
/* clang-format on */

/* What it is told, by 'step'. */
static void tell(struct breaker *breaker, enum step step, uint64_t *delivery, int64_t now_ms) {
    bool again = step == AGAIN || step == CLOSES_AGAIN,
         probe = step == BAD_PROBE || step == CLOSES_PROBE || step == CLOSES_AGAIN;

    switch (step) {
    case GOOD:
    case CLOSES:
        breaker_answered(breaker, now_ms);
        break;
    case CUT:
    case CUT_LATE:
    case CUT_PROBE:
        breaker_not_connected(breaker, step == CUT_PROBE, now_ms);
        break;
    case NO_PROBE:
        breaker_gave_up(breaker, true);
        break;
    default:
        breaker_failed(breaker, again ? *delivery : ++*delivery, probe, now_ms);
    }
}

static bool is_news(enum step step) {
    return step == CLOSES || step == OPENS || step == CLOSES_PROBE || step == CLOSES_AGAIN ||
           step == CUT;
}

static void play(const char *name, const enum step *steps) {
    struct breaker breaker = {.limit = LIMIT, .open_ms = OPEN_MS};
    uint64_t delivery = 1;
    int64_t now_ms = 1000;

    for (int i = 0; steps[i] != END; i++) {
        bool right = true, lets = breaker_lets(&breaker, now_ms),
             was_closed = breaker.state == BREAKER_CLOSED;
        switch (steps[i]) {
        case SEND:
            right = lets && breaker_ask(&breaker, now_ms) == BREAKER_SEND;
            break;
        case PROBE:
            right = lets && breaker_ask(&breaker, now_ms) == BREAKER_PROBE;
            break;
        case WAIT:
            right = !lets && breaker_ask(&breaker, now_ms) == BREAKER_WAIT;
            break;
        case LATER:
            now_ms += OPEN_MS;
            break;
        case ALMOST:
            now_ms += OPEN_MS - 1;
            break;
        default:
            tell(&breaker, steps[i], &delivery, now_ms);
            right = ((breaker.state == BREAKER_CLOSED) != was_closed) == is_news(steps[i]);
        }
        if (!right) fail_msg("%s: step %d", name, i + 1);
    }
}

static void test_breaker(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) play(stories[i].name, stories[i].steps);
}

/* Whatever it answers counts, and nothing else does. A clock may begin at 0. */
static void test_answered_since(void **state) {
    struct breaker breaker = {.limit = LIMIT, .open_ms = OPEN_MS};

    (void)state;
    assert_false(breaker_answered_since(&breaker, -1000));
    breaker_failed(&breaker, 1, false, 10);
    breaker_not_connected(&breaker, false, 10);
    breaker_gave_up(&breaker, false);
    assert_false(breaker_answered_since(&breaker, -1000));
    breaker_answered(&breaker, 20);
    breaker_failed(&breaker, 1, false, 30);
    assert_true(breaker_answered_since(&breaker, -1000));
    assert_true(breaker_answered_since(&breaker, 20));
    assert_false(breaker_answered_since(&breaker, 21));
}

/* ---- the rate ---- */

/* Ask every 'every_us' for ten seconds, taking what there is. */
static int taken(int per_second, int64_t every_us) {
    struct rate rate = {.per_second = per_second};
    int count = 0;

    for (int64_t now_us = 5000000; now_us < 15000000; now_us += every_us)
        if (rate_take(&rate, now_us) == 0) count++;
    return count;
}

static void test_rate(void **state) {
    static const struct {
        int per_second;
        int64_t every_us;
        int min, max; /* in ten seconds, with a tenth of a second's at first */
    } cases[] = {
        {1, 1000, 10, 11},       {3, 100, 30, 31},
        {100, 100, 1000, 1011},  {1000, 10, 10000, 10101},
        {7, 333, 70, 71},        {1000, 100000, 100, 100},
        {0, 1000, 10000, 10000}, {RATE_MAX, 1000, 10000, 10000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int count = taken(cases[i].per_second, cases[i].every_us);
        if (count < cases[i].min || count > cases[i].max)
            fail_msg("%d a second: %d in ten", cases[i].per_second, count);
    }
}

/* What it says one must wait is enough, and no more than that. */
static void test_rate_says_how_long(void **state) {
    struct rate rate = {.per_second = 3};
    int64_t now_us = 1000000, wait_us;

    (void)state;
    assert_int_equal(rate_take(&rate, now_us), 0);
    for (int i = 0; i < 100; i++) {
        wait_us = rate_take(&rate, now_us);
        assert_true(wait_us > 0 && wait_us <= 333334);
        assert_int_equal(rate_take(&rate, now_us + wait_us - 1), 1);
        now_us += wait_us;
        assert_int_equal(rate_take(&rate, now_us), 0);
    }
}

/* An hour of silence is no hour's worth of tokens. */
static void test_rate_keeps_little(void **state) {
    struct rate rate = {.per_second = 100};
    int64_t now_us = 1000000;
    int at_once = 0;

    (void)state;
    assert_int_equal(rate_take(&rate, now_us), 0);
    now_us += INT64_C(3600) * 1000000;
    while (rate_take(&rate, now_us) == 0) at_once++;
    assert_int_equal(at_once, 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker),
        cmocka_unit_test(test_answered_since),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_says_how_long),
        cmocka_unit_test(test_rate_keeps_little),
    };

    return cmocka_run_group_tests_name("notification: breaker and rate", tests, NULL, NULL);
}
