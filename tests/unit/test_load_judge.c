/* The judge of a load sees each fault, in a run of any length, and none where there is none. Its answers are
 * compared with those of common/history, which keeps every sighting. */
#include "common/clock.h"
#include "common/random.h"
#include "loadgen/judge.h"
#include "loadgen/keys.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS = 4, SEQS_MOST = 80 };

static struct kpk_err error, *err = &error;

/* What one group saw of one stream of 'sent' records; -1 ends it. */
static const struct {
    const char *what;
    uint32_t sent, unacked;
    int seen[SEQS_MOST];
    size_t lost, duplicated, reordered, invented;
} cases[] = {
    {"all of it", 4, 0, {0, 1, 2, 3, -1}, 0, 0, 0, 0},
    {"nothing was sent", 0, 0, {-1}, 0, 0, 0, 0},
    {"nothing was seen", 3, 0, {-1}, 3, 0, 0, 0},
    {"the first is lost", 3, 0, {1, 2, -1}, 1, 0, 0, 0},
    {"one in the middle", 4, 0, {0, 2, 3, -1}, 1, 0, 0, 0},
    {"the last", 3, 0, {0, 1, -1}, 1, 0, 0, 0},
    {"one twice", 3, 0, {0, 1, 1, 2, -1}, 0, 1, 0, 0},
    {"a batch again", 3, 0, {0, 1, 0, 1, 2, -1}, 0, 2, 0, 0},
    {"two swapped", 3, 0, {0, 2, 1, -1}, 0, 0, 1, 0},
    {"swapped, and again", 3, 0, {0, 2, 1, 1, -1}, 0, 1, 1, 0},
    {"never sent", 2, 0, {0, 1, 2, -1}, 0, 0, 0, 1},
    {"without an answer, and gone", 3, 1, {0, 1, -1}, 0, 0, 0, 0},
    {"without an answer, and there", 3, 1, {0, 1, 2, -1}, 0, 0, 0, 0},
    {"more gone than had no answer", 4, 1, {0, 1, -1}, 1, 0, 0, 0},
};

static void each_fault_is_seen(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint32_t sent[STREAMS] = {[1] = cases[i].sent},
                 unacked[STREAMS] = {[1] = cases[i].unacked};
        struct load_tally tally = {0};
        struct load_judge judge;
        struct kpk_report report;
        assert_ok(load_judge_open(&judge, STREAMS, err), err);
        for (const int *seq = cases[i].seen; *seq >= 0; seq++)
            load_judge_see(&judge, 1, (uint32_t)*seq, &tally);
        load_judge_check(&judge, sent, unacked, &tally, "readers", &report);
        load_judge_close(&judge);
        if (report.lost != cases[i].lost || report.duplicated != cases[i].duplicated ||
            report.reordered != cases[i].reordered || report.invented != cases[i].invented)
            fail_msg("%s: %zu lost, %zu duplicated, %zu reordered, %zu invented", cases[i].what,
                     report.lost, report.duplicated, report.reordered, report.invented);
        assert_int_equal(report.writes, cases[i].sent - cases[i].unacked);
    }
}

static void a_stream_there_is_not_is_invented(void **state) {
    uint32_t none[STREAMS] = {0};
    struct load_tally tally = {0};
    struct load_judge judge;
    struct kpk_report report;

    (void)state;
    assert_ok(load_judge_open(&judge, STREAMS, err), err);
    load_judge_see(&judge, STREAMS, 0, &tally);
    load_judge_see(&judge, UINT32_MAX, 0, &tally);
    load_judge_check(&judge, none, none, &tally, "readers", &report);
    load_judge_close(&judge);
    assert_int_equal(report.invented, 2);
}

/* Far later than the judge can remember: still no record is missing, and it is a fault. */
static void what_is_very_late_counts_as_a_duplicate(void **state) {
    uint32_t sent[1] = {1000}, none[1] = {0};
    struct load_tally tally = {0};
    struct load_judge judge;
    struct kpk_report report;

    (void)state;
    assert_ok(load_judge_open(&judge, 1, err), err);
    for (uint32_t seq = 1; seq < 1000; seq++) load_judge_see(&judge, 0, seq, &tally);
    load_judge_see(&judge, 0, 0, &tally);
    load_judge_check(&judge, sent, none, &tally, "readers", &report);
    load_judge_close(&judge);
    assert_int_equal(report.duplicated, 1);
    assert_int_equal(report.lost, 1);
}

static uint64_t seed;

/* A random run with random harm, near enough for the judge to remember: both judges say the same. */
static void agree_once(void) {
    enum { SENT = 400 };
    uint32_t sent[STREAMS] = {0}, none[STREAMS] = {0};
    struct kpk_history *history = kpk_history_new();
    struct load_tally tally = {0};
    struct load_judge judge;
    struct kpk_report ours, theirs;
    struct {
        uint32_t stream, seq;
    } seen[SENT * 2];
    size_t count = 0;
    char id[32], stream[16];

    assert_ok(load_judge_open(&judge, STREAMS, err), err);
    for (int i = 0; i < SENT; i++) {
        uint32_t s = (uint32_t)(kpk_random(&seed) % STREAMS), seq = sent[s]++;
        snprintf(stream, sizeof(stream), "%u", s);
        snprintf(id, sizeof(id), "%u/%u", s, seq);
        kpk_history_write(history, stream, id, KPK_WRITE_OK);
        kpk_history_expect(history, "readers", stream);
        int times = kpk_random(&seed) % 50 == 0 ? 0 : kpk_random(&seed) % 50 == 0 ? 2 : 1;
        while (times-- > 0) {
            seen[count].stream = s;
            seen[count++].seq = seq;
        }
        if (count > 3 &&
            kpk_random(&seed) % 40 == 0) { /* one changes places with the one before the last */
            __typeof__(seen[0]) last = seen[count - 1];
            seen[count - 1] = seen[count - 3];
            seen[count - 3] = last;
        }
    }
    kpk_history_order(history, "readers", KPK_ORDER_OLDEST_FIRST);
    for (size_t i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "%u/%u", seen[i].stream, seen[i].seq);
        kpk_history_see(history, "readers", id);
        load_judge_see(&judge, seen[i].stream, seen[i].seq, &tally);
    }
    load_judge_check(&judge, sent, none, &tally, "readers", &ours);
    kpk_history_check(history, &theirs);
    kpk_history_free(history);
    load_judge_close(&judge);
    if (ours.lost != theirs.lost || ours.duplicated != theirs.duplicated ||
        ours.reordered != theirs.reordered || ours.invented != theirs.invented)
        fail_msg("lost %zu %zu, duplicated %zu %zu, reordered %zu %zu", ours.lost, theirs.lost,
                 ours.duplicated, theirs.duplicated, ours.reordered, theirs.reordered);
}

static void it_agrees_with_the_history(void **state) {
    const char *given = getenv("KPK_TEST_SEED");

    (void)state;
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)kpk_mono_us();
    print_message("KPK_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < 200; i++) agree_once();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_seen),
        cmocka_unit_test(a_stream_there_is_not_is_invented),
        cmocka_unit_test(what_is_very_late_counts_as_a_duplicate),
        cmocka_unit_test(it_agrees_with_the_history),
    };

    return cmocka_run_group_tests_name("loadgen: judge", tests, NULL, NULL);
}
