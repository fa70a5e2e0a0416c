/* The text of /metrics, line by line, and updates from many threads at once. */
#include "common/metrics.h"

#include "common/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How often 'part' stands in the text of all metrics, before which a newline is put. */
static int times(const char *part) {
    char *text = kpk_metrics_text(), *lines;
    int count = 0;

    assert_non_null(text);
    assert_true(asprintf(&lines, "\n%s", text) > 0);
    for (const char *at = lines; (at = strstr(at, part)); at += strlen(part)) count++;
    free(lines);
    free(text);
    return count;
}

#define assert_line(line) assert_int_equal(times("\n" line "\n"), 1)

static void an_unused_metric_is_not_shown(void **state) {
    static struct kpk_metric metric = {.name = "t_first_total", .help = "Help"};

    (void)state;
    assert_int_equal(times("t_first_total"), 0);
    kpk_metric_add(&metric, 0);
    assert_line("t_first_total 0");
}

static void counters_and_gauges(void **state) {
    static struct kpk_metric counter = {.name = "t_count_total", .help = "a\\b\nc"};
    static struct kpk_metric gauge = {
        .name = "t_gauge", .help = "G", .type = KPK_GAUGE, .labels = "topic=\"tweets\""};

    (void)state;
    kpk_metric_add(&counter, 40);
    kpk_metric_add(&counter, 2);
    kpk_metric_set(&gauge, 7);
    kpk_metric_add(&gauge, -10);
    assert_line(
        "# HELP t_count_total a\\\\b\\nc\n# TYPE t_count_total counter\nt_count_total 42");
    assert_line("# HELP t_gauge G\n# TYPE t_gauge gauge\nt_gauge{topic=\"tweets\"} -3");
}

static void a_family_stands_together(void **state) {
    static struct kpk_metric b = {.name = "t_fam_total", .help = "F", .labels = "x=\"2\""};
    static struct kpk_metric other = {.name = "t_fam_other_total", .help = "O"};
    static struct kpk_metric a = {.name = "t_fam_total", .help = "F", .labels = "x=\"1\""};

    (void)state;
    kpk_metric_add(&b, 2);
    kpk_metric_add(&other, 1);
    kpk_metric_add(&a, 1);
    assert_int_equal(times("# HELP t_fam_total "), 1);
    assert_line("# TYPE t_fam_total counter\nt_fam_total{x=\"1\"} 1\nt_fam_total{x=\"2\"} 2");
}

static void histogram_buckets_add_up(void **state) {
    static struct kpk_metric seconds = {
        .name = "t_seconds", .help = "S", .type = KPK_HISTOGRAM, .labels = "op=\"get\""};
    static const int64_t observed_us[] = {-5, 0, 100, 101, 2500, 60000000, 61000000};
    static struct kpk_metric plain = {
        .name = "t_plain_seconds", .help = "P", .type = KPK_HISTOGRAM};

    (void)state;
    for (size_t i = 0; i < sizeof(observed_us) / sizeof(observed_us[0]); i++)
        kpk_metric_observe_us(&seconds, observed_us[i]);
    assert_line("# TYPE t_seconds histogram\nt_seconds_bucket{op=\"get\",le=\"0.0001\"} 3");
    assert_line("t_seconds_bucket{op=\"get\",le=\"0.00025\"} 4");
    assert_line("t_seconds_bucket{op=\"get\",le=\"0.001\"} 4");
    assert_line("t_seconds_bucket{op=\"get\",le=\"0.0025\"} 5");
    assert_line("t_seconds_bucket{op=\"get\",le=\"30\"} 5");
    assert_line("t_seconds_bucket{op=\"get\",le=\"60\"} 6");
    assert_line(
        "t_seconds_bucket{op=\"get\",le=\"+Inf\"} 7\nt_seconds_sum{op=\"get\"} 121.002701\n"
        "t_seconds_count{op=\"get\"} 7");
    assert_int_equal(times("\nt_seconds_bucket{"), KPK_METRIC_BUCKETS + 1);

    kpk_metric_observe_us(&plain, 1500000);
    assert_line("t_plain_seconds_bucket{le=\"+Inf\"} 1\nt_plain_seconds_sum 1.500000\n"
                "t_plain_seconds_count 1");
}

static void with_labels_is_made_once(void **state) {
    static struct kpk_metric like = {.name = "t_with", .help = "W", .type = KPK_GAUGE};
    char long_labels[sizeof(like.labels) + 1];
    struct kpk_metric *zero = kpk_metric_with(&like, "partition=\"0\"");

    (void)state;
    assert_ptr_not_equal(zero, &like);
    assert_ptr_equal(kpk_metric_with(&like, "partition=\"0\""), zero);
    assert_ptr_not_equal(kpk_metric_with(&like, "partition=\"1\""), zero);
    kpk_metric_set(zero, 5);
    assert_line("t_with{partition=\"0\"} 5");
    assert_line("t_with{partition=\"1\"} 0");
    memset(long_labels, 'x', sizeof(long_labels) - 1);
    long_labels[sizeof(long_labels) - 1] = '\0';
    assert_ptr_equal(kpk_metric_with(&like, long_labels), &like);
}

static void the_process_tells_about_itself(void **state) {
    char *text = kpk_metrics_text();
    const char *at = strstr(text, "\nprocess_start_time_seconds ");
    double started;

    (void)state;
    assert_non_null(at);
    started = atof(at + strlen("\nprocess_start_time_seconds "));
    assert_true(started <= (double)kpk_now_ms() / 1000 + 1);
    assert_true(started > (double)kpk_now_ms() / 1000 - 600);
    at = strstr(text, "\nprocess_resident_memory_bytes ");
    assert_non_null(at);
    assert_true(atoll(at + strlen("\nprocess_resident_memory_bytes ")) > 1000000);
    assert_non_null(strstr(text, "\nprocess_cpu_seconds_total "));
    free(text);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 20000 };

static struct kpk_metric raced_count = {.name = "t_raced_total", .help = "R"};
static struct kpk_metric raced_hist = {
    .name = "t_raced_seconds", .help = "R", .type = KPK_HISTOGRAM};
static struct kpk_metric raced_like = {.name = "t_raced_with_total", .help = "R"};

static void *update(void *arg) {
    for (int i = 0; i < ROUNDS; i++) {
        kpk_metric_add(&raced_count, 1);
        kpk_metric_observe_us(&raced_hist, i);
        if (i % 100 == 0) kpk_metric_add(kpk_metric_with(&raced_like, "x=\"1\""), 1);
    }
    return arg;
}

/* In any scrape a bucket holds no more than the count: Prometheus computes quantiles from both.
 */
static void check_scrape(void) {
    char *text = kpk_metrics_text();
    const char *last = strstr(text, "t_raced_seconds_bucket{le=\"60\"}");
    const char *all = strstr(text, "t_raced_seconds_bucket{le=\"+Inf\"}");

    if (last) assert_true(atoll(strchr(last, ' ')) <= atoll(strchr(all, ' ')));
    free(text);
}

static void no_update_is_lost(void **state) {
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update, NULL), 0);
    for (int i = 0; i < 50; i++) check_scrape();
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_line("# TYPE t_raced_total counter\nt_raced_total 160000");
    assert_line("t_raced_seconds_count 160000");
    assert_line("t_raced_with_total{x=\"1\"} 1600");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unused_metric_is_not_shown),
        cmocka_unit_test(counters_and_gauges),
        cmocka_unit_test(a_family_stands_together),
        cmocka_unit_test(histogram_buckets_add_up),
        cmocka_unit_test(with_labels_is_made_once),
        cmocka_unit_test(the_process_tells_about_itself),
        cmocka_unit_test(no_update_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
