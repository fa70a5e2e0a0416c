/* The histogram against the sorted list of the same values: never off by more than a thousandth. */
#include "common/clock.h"
#include "common/histogram.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 20000 };

static struct kpk_histogram one, other;

static int empty(void **state) {
    (void)state;
    memset(&one, 0, sizeof(one));
    memset(&other, 0, sizeof(other));
    return 0;
}

static void an_empty_one_answers_zero(void **state) {
    (void)state;
    assert_int_equal(kpk_histogram_at(&one, 50), 0);
    assert_int_equal(kpk_histogram_at(&one, 100), 0);
    assert_true(kpk_histogram_mean(&one) == 0);
}

static void one_value_is_every_percentile(void **state) {
    static const struct {
        int64_t added, found;
    } cases[] = {
        {0, 0},
        {1, 1},
        {2047, 2047},
        {2048, 2048},
        {4097, 4097},
        {999999, 999999},
        {INT64_C(3600000000), INT64_C(3600000000)},
        {-5, 0},
        {(INT64_C(1) << 36) - 1, (INT64_C(1) << 36) - 1},
        {INT64_MAX, (INT64_C(1) << 36) - 1},
        {INT64_MIN, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        empty(state);
        kpk_histogram_add(&one, cases[i].added);
        for (int percentile = 0; percentile <= 100; percentile += 10)
            assert_int_equal(kpk_histogram_at(&one, percentile), cases[i].found);
        assert_int_equal(one.min, cases[i].found);
    }
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Every size equally often, as times have it: many are short, few are very long. */
static int64_t draw(void) {
    return random() % 2 + (random() & ((INT64_C(1) << random() % 31) - 1));
}

static void it_agrees_with_a_sorted_list(void **state) {
    static const double percentiles[] = {0.01, 1, 10, 50, 75, 90, 99, 99.9, 99.99, 100};
    static int64_t values[VALUES];
    const char *given = getenv("KPK_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)kpk_mono_us();

    (void)state;
    srandom(seed);
    for (int i = 0; i < VALUES; i++) {
        values[i] = draw();
        kpk_histogram_add(i % 3 ? &one : &other, values[i]); /* two threads' */
    }
    kpk_histogram_merge(&one, &other);
    qsort(values, VALUES, sizeof(*values), by_value);
    assert_int_equal(one.count, VALUES);
    assert_int_equal(one.min, values[0]);
    assert_int_equal(one.max, values[VALUES - 1]);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++) {
        int64_t exact = values[(int)(percentiles[i] / 100 * VALUES + 0.5) - 1];
        int64_t found = kpk_histogram_at(&one, percentiles[i]);
        if (found < exact || found > exact + exact / 1024)
            fail_msg("KPK_TEST_SEED=%u: p%g is %lld, not %lld", seed, percentiles[i],
                     (long long)found, (long long)exact);
    }
}

static void merging_an_empty_one_changes_nothing(void **state) {
    (void)state;
    kpk_histogram_add(&one, 7);
    kpk_histogram_merge(&one, &other);
    assert_int_equal(one.min, 7);
    kpk_histogram_merge(&other, &one);
    assert_int_equal(other.min, 7);
    assert_int_equal(other.count, 1);
}

/* What HdrHistogram's plotter reads: rows whose shares only grow, the last one 1, and the total. */
static void the_printed_distribution_is_whole(void **state) {
    char *text = NULL, *line;
    size_t len = 0;
    double value, share, last = -1, top = 0;
    long long total = 0;

    (void)state;
    for (int i = 1; i <= 1000; i++) kpk_histogram_add(&one, i);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    kpk_histogram_print(&one, 1000, out);
    fclose(out);
    line = strstr(text, "\n\n");
    assert_non_null(line);
    for (line += 2; sscanf(line, "%lf %lf %lld", &value, &share, &total) == 3;
         line = strchr(line, '\n') + 1) {
        assert_true(share >= last && value >= top);
        last = share, top = value;
    }
    assert_true(last == 1 && top == 1.0 && total == 1000);
    assert_non_null(strstr(text, "Total count    =         1000]"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_answers_zero, empty),
        cmocka_unit_test_setup(one_value_is_every_percentile, empty),
        cmocka_unit_test_setup(it_agrees_with_a_sorted_list, empty),
        cmocka_unit_test_setup(merging_an_empty_one_changes_nothing, empty),
        cmocka_unit_test_setup(the_printed_distribution_is_whole, empty),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
