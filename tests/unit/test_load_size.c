/* The guide's formulas with its own numbers, and what a report must be to be believed. */
#include "loadgen/size.h"

#include "tests/support/capture.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char report_path[] = "/tmp/kpk-load-size-XXXXXX";

static const char report[] =
    "{\"system\":\"whatsapp\",\"topic\":\"load.whatsapp\",\"brokers\":1,\"replicas\":1,"
    "\"partitions\":100,\"value_bytes\":100,\"durability\":\"critical\",\"groups\":1,"
    "\"intended_per_s\":1150000,\"seconds\":60.0,\"acked\":69000000,\"acked_per_s\":1150000.0,"
    "\"mb_per_s\":115.0,\"not_sent\":0,\"failed\":0,"
    "\"cpu\":{\"cores\":2,\"client_s\":50.1,\"brokers_s\":40.2},"
    "\"publish_us\":{\"p50\":1000,\"p75\":2000,\"p90\":3000,\"p99\":4000,\"p99_9\":5000,"
    "\"p99_99\":6000,\"max\":7000,\"mean\":1500.5},"
    "\"end_to_end_us\":{\"p50\":9000,\"p75\":9000,\"p90\":9500,\"p99\":30000,\"p99_9\":40000,"
    "\"p99_99\":50000,\"max\":60000,\"mean\":9100.25},"
    "\"verdict\":\"PASS\"}";

static void write_report(const char *text, size_t len) {
    FILE *file = fopen(report_path, "w");

    assert_non_null(file);
    assert_true(fwrite(text, 1, len, file) == len);
    assert_int_equal(fclose(file), 0);
}

/* The report with 'put' in place of 'part', or as it is when both are NULL. */
static void write_changed(const char *part, const char *put) {
    const char *at = part ? strstr(report, part) : report;
    char *text;

    if (!at) fail_msg("the report has no %s", part);
    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - report), report, put ? put : "",
                         at + (part ? strlen(part) : 0)) > 0);
    write_report(text, strlen(text));
    free(text);
}

static const struct captured *size_from(const char *rest) {
    char line[256];

    snprintf(line, sizeof(line), "size whatsapp --from %s %s", report_path, rest);
    return capture(load_size, line);
}

static void assert_printed(const struct captured *got, const char *part) {
    if (got->code != 0) fail_msg("exit %d: %s", got->code, got->err);
    if (!strstr(got->out, part)) fail_msg("no '%s' in:\n%s", part, got->out);
}

/* Refused: exit 1, a reason, and not one figure. */
static void assert_refused(const struct captured *got, const char *why) {
    assert_int_equal(got->code, 1);
    assert_string_equal(got->out, "");
    if (!strstr(got->err, why)) fail_msg("not '%s', but %s", why, got->err);
}

static void twitter_comes_out_as_in_the_guide(void **state) {
    static const char *const parts[] = {
        "consumers of its groups 10+5+5+3+2 guide\n",
        "  T  60K/s peak x 500 B = 30 MB/s\n",
        "  30 MB/s / 10 MB/s = 3 -> 3; the largest group has 10\n",
        "  -> 10 at least; the guide has 50",
        "  500M x 500 B x 7 d x 3 = 5.25 TB\n",
        "  5.25 TB / 3 brokers = 1.75 TB on each\n",
        "  storage     5.25 TB / 2 TB = 2.625 -> 3\n",
        "  throughput  30 MB/s / 300 MB/s = 0.1 -> 1\n",
        "  -> minimum 3 (storage-bound), use 4-5\n",
        "Twitter's own peak is 60K/s x 500 B = 30 MB/s.\n",
    };
    const struct captured *got = capture(load_size, "size twitter");

    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) assert_printed(got, parts[i]);
    assert_null(strstr(got->out, " assumed\n"));
    assert_null(strstr(got->out, "  extrapolated"));
}

static void every_system_has_a_size(void **state) {
    size_t count = 0;

    (void)state;
    for (const struct size_default *row = size_defaults; row->name; row++, count++) {
        const struct captured *got;
        char line[64], storage[64];
        double day =
            row->messages_per_day > 0 ? row->messages_per_day : row->sustained_per_s * 86400;

        snprintf(line, sizeof(line), "size %s", row->name);
        snprintf(storage, sizeof(storage), " d x 3 = %.6g TB\n",
                 day * row->value_bytes * row->retention_days * 3 / 1e12);
        got = capture(load_size, line);
        assert_printed(got, storage);
        assert_int_equal(row->assumed != 0, strstr(got->out, " assumed\n") != NULL);
        assert_true(row->peak_per_s >= row->sustained_per_s);
        for (int i = 0; row->consumers[i]; i++)
            assert_true(row->consumers[i] <= row->partitions);
    }
    assert_int_equal(count, 9);
}

static void options_take_the_place_of_numbers(void **state) {
    static const struct {
        const char *options, *part;
    } cases[] = {
        {"--throughput-mb 200", "  T  200 MB/s, given\n"},
        {"--throughput-mb 200", "  200 MB/s / 10 MB/s = 20 -> 20; "},
        {"--throughput-mb 200", "  -> 20 at least; "},
        {"--throughput-mb 200", "  throughput  200 MB/s / 300 MB/s = 0.6667 -> 1\n"},
        {"--throughput-mb 0.5", "  0.5 MB/s / 10 MB/s = 0.05 -> 1; "},
        {"--throughput-mb 1K", "  -> 100 at least; the guide has 50: too few\n"},
        {"--throughput-mb 3K", "  -> minimum 10 (throughput-bound), use 11-12\n"},
        {"--partition-mb 0.1",
         "  30 MB/s / 0.1 MB/s = 300 -> 300; "}, /* not 301, by rounding */
        {"--messages-per-day 1G", "  1G x 500 B x 7 d x 3 = 10.5 TB\n"},
        {"--messages-per-day 1G", "  T  120K/s peak x 500 B = 60 MB/s\n"},
        {"--messages-per-day=1000000000", "  1G x 500 B x 7 d x 3 = 10.5 TB\n"},
        {"--bytes 1000", "  500M x 1000 B x 7 d x 3 = 10.5 TB\n"},
        {"--retention-days 1", "  500M x 500 B x 1 d x 3 = 0.75 TB\n"},
        {"--retention-days 1", "  -> minimum 3 (bound by the number of copies), use 4-5\n"},
        {"--rf 1", "  500M x 500 B x 7 d x 1 = 1.75 TB\n"},
        {"--rf 1 --retention-days 1", "  -> minimum 1 (storage-bound), use 2-3\n"},
        {"--broker-tb 0.5", "  storage     5.25 TB / 0.5 TB = 10.5 -> 11\n"},
        {"--broker-tb 1.75", "  storage     5.25 TB / 1.75 TB = 3 -> 3\n"},
        {"--broker-mb 7.5", "  throughput  30 MB/s / 7.5 MB/s = 4 -> 4\n"},
        {"--consumers 80", "  -> 80 at least; the guide has 50: too few\n"},
        {"--help", "usage: loadgen size <system> [options]"},
        {"--help-markdown", "| `--retention-days` |"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[128];
        snprintf(line, sizeof(line), "size twitter %s", cases[i].options);
        assert_printed(capture(load_size, line), cases[i].part);
    }
}

static void wrong_options_are_refused(void **state) {
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"size", "one system is needed"},
        {"size twitter whatsapp", "one system is needed"},
        {"size Twitter",
         "'Twitter' is no system: there are twitter, whatsapp, notification, ads, "
         "tickets, jobs, crawler, banking, payments"},
        {"size twitter --bytes 0", "--bytes: 0 is not in 1..10000000"},
        {"size twitter --rf 10", "--rf: 10 is not in 1..9"},
        {"size twitter --messages-per-day 0", "--messages-per-day: 0 is not in 1..1e+15"},
        {"size twitter --messages-per-day -5", "--messages-per-day: '-5' is not a number"},
        {"size twitter --messages-per-day 5MM", "--messages-per-day: '5MM' is not a number"},
        {"size twitter --messages-per-day M", "--messages-per-day: 'M' is not a number"},
        {"size twitter --messages-per-day 5M5", "--messages-per-day: '5M5' is not a number"},
        {"size twitter --messages-per-day 1.2.3",
         "--messages-per-day: '1.2.3' is not a number"},
        {"size twitter --broker-tb nan", "--broker-tb: 'nan' is not a number"},
        {"size twitter --broker-tb inf", "--broker-tb: 'inf' is not a number"},
        {"size twitter --broker-mb 1e3", "--broker-mb: '1e3' is not a number"},
        {"size twitter --partition-mb 0x10", "--partition-mb: '0x10' is not a number"},
        {"size twitter --throughput-mb 0.0001",
         "--throughput-mb: 0.0001 is not in 0.001..1e+09"},
        {"size twitter --tb 5", "--tb: no such option"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(capture(load_size, cases[i].line), cases[i].why);
}

static void a_run_stands_beside_each_figure(void **state) {
    static const struct {
        const char *options, *part;
    } cases[] = {
        {"", "  69M messages of 100 B acknowledged in 60 s: 1.15M/s, 115 MB/s; 100 partitions"},
        {"", "  end to end p50 9 ms, p99 30 ms (guide: 5-10 ms at p50); not extrapolated"},
        {"",
         "  extrapolated  230 MB/s / 1.15 MB/s = 200 -> 200 at most (measured: 115 MB/s over "
         "100 partitions"},
        {"",
         "  extrapolated  throughput  230 MB/s / 115 MB/s = 2 -> 2, further copies not counted "
         "(measured: 115 MB/s on 1, RF 1)"},
        {"",
         "  extrapolated  2.3M/s x 0.5826 us = 1.34 cores for the brokers, 1 machine like this "
         "one (measured: 40.2 s of CPU for 69M messages, 2 cores)"},
        {"", "  extrapolated  2.3M/s x 0.7261 us = 1.67 cores for the client, 1 machine"},
        {"", "measured with RF 1: the 2 further copies"},
        {"", "\n1 group read along, the system has 2."},
        {"", "not known     bytes on disk: the run has no disk_bytes_per_record"},
        {"--rf 1", "230 MB/s / 115 MB/s = 2 -> 2 at most (measured"},
        {"--rf 2", "the 1 further copy of"},
        {"--throughput-mb 1150", "11.5M/s x 0.5826 us = 6.7 cores for the brokers, 4 machines"},
        {"--bytes 200", "\nIts values had 100 B, these have 200 B"},
    };

    (void)state;
    write_changed(NULL, NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_printed(size_from(cases[i].options), cases[i].part);
    assert_null(strstr(size_from("--rf 1")->out, "measured with RF"));
}

static void what_was_not_measured_is_not_said(void **state) {
    const struct captured *got;

    (void)state;
    write_changed("\"brokers_s\":40.2", "\"brokers_s\":null");
    got = size_from("");
    assert_printed(got, "not known     brokers and their cores: they ran elsewhere");
    assert_printed(got, "cores for the client");
    assert_null(strstr(got->out, "cores for the brokers"));
    assert_null(strstr(got->out, "extrapolated  throughput"));
    assert_null(strstr(got->out, "loopback"));

    write_changed("\"verdict\"", "\"disk_bytes_per_record\":71.5,\"verdict\"");
    assert_printed(size_from(""),
                   "extrapolated  99.36G x 71.5 B x 7 d x 3 = 149.189 TB (measured: "
                   "71.5 B on disk for a value of 100 B)");
    assert_printed(size_from("--bytes 99"),
                   "not known     bytes on disk: measured with values of "
                   "100 B, not of 99 B");

    write_changed("\"groups\":1", "\"groups\":0"); /* nobody read: no end to end */
    assert_null(strstr(size_from("")->out, "end to end"));
    write_changed("\"verdict\"",
                  "\"later\":{\"more\":[1,2]},\"verdict\""); /* another version's */
    assert_printed(size_from(""), "cores for the client");
}

/* One change each to the report. */
static const struct {
    const char *part, *put, *why;
} impossible[] = {
    {"\"system\":\"whatsapp\"", "\"system\":\"twitter\"", "system: a run of 'twitter', not of"},
    {"\"system\":\"whatsapp\"", "\"system\":7", "system: must be a string"},
    {"\"system\":\"whatsapp\",", "", "system: missing"},
    {"\"PASS\"", "\"FAIL\"", "verdict: 'FAIL', not PASS"},
    {"\"PASS\"", "\"\"", "verdict: '', not PASS"},
    {",\"verdict\":\"PASS\"", "", "verdict: missing"},
    {"\"topic\":\"load.whatsapp\",", "", "topic: missing"},
    {"\"durability\":\"critical\"", "\"durability\":null", "durability: must be a string"},
    {"\"brokers\":1", "\"brokers\":0", "brokers: must be from 1 to 1000"},
    {"\"brokers\":1", "\"brokers\":1.5", "brokers: must be a whole number"},
    {"\"replicas\":1", "\"replicas\":3", "replicas: 3, but there are 1 brokers"},
    {"\"partitions\":100", "\"partitions\":-1", "partitions: must be from 1"},
    {"\"partitions\":100,", "", "partitions: missing"},
    {"\"value_bytes\":100", "\"value_bytes\":\"100\"", "value_bytes: must be a whole number"},
    {"\"groups\":1", "\"groups\":-1", "groups: must be from 0"},
    {"\"intended_per_s\":1150000", "\"intended_per_s\":0", "intended_per_s: 0 is not in"},
    {"\"seconds\":60.0", "\"seconds\":0", "seconds: 0 is not in 1..1e+07"},
    {"\"seconds\":60.0", "\"seconds\":\"60\"", "seconds: must be a number"},
    {"\"seconds\":60.0", "\"seconds\":60000", "acked_per_s: 1.15e+06, but acked / seconds is"},
    {"\"acked\":69000000", "\"acked\":0", "acked: 0 is not in"},
    {"\"acked_per_s\":1150000.0", "\"acked_per_s\":-1", "acked_per_s: -1 is not in"},
    {"\"acked_per_s\":1150000.0", "\"acked_per_s\":NaN", "not JSON"},
    {"\"acked_per_s\":1150000.0", "\"acked_per_s\":1e999", "not JSON: a number too large"},
    {"\"acked_per_s\":1150000.0", "\"acked_per_s\":1e300", "acked_per_s: 1e+300 is not in"},
    {"\"mb_per_s\":115.0", "\"mb_per_s\":115000", "mb_per_s: 115000, but acked_per_s x"},
    {"\"mb_per_s\":115.0", "\"mb_per_s\":null", "mb_per_s: must be a number"},
    {"\"not_sent\":0", "\"not_sent\":-1", "not_sent: -1 is not in"},
    {"\"failed\":0,", "", "failed: missing"},
    {"\"cores\":2", "\"cores\":0", "cpu.cores: 0 is not in"},
    {"\"cores\":2", "\"cores\":2.5", "cpu.cores: must be a whole number"},
    {"\"client_s\":50.1", "\"client_s\":0", "cpu.client_s: 0 is not in"},
    {"\"client_s\":50.1", "\"client_s\":50100", "cpu: 50140.2 seconds of work, but 2 cores"},
    {"\"brokers_s\":40.2", "\"brokers_s\":-1", "cpu.brokers_s: -1 is not in"},
    {",\"brokers_s\":40.2", "", "cpu.brokers_s: missing"},
    {"\"cpu\":{", "\"cpus\":{", "cpu: missing"},
    {"{\"cores\":2,\"client_s\":50.1,\"brokers_s\":40.2}", "[]", "cpu: must be an object"},
    {"\"publish_us\":", "\"publish\":", "publish_us: missing"},
    {"\"p99\":4000", "\"p99\":40", "publish_us.p99: 40 is below the percentile before it"},
    {"\"p99_9\":5000,", "", "publish_us.p99_9: missing"},
    {"\"mean\":1500.5", "\"mean\":7001", "publish_us.mean: 7001 is not in 0..7000"},
    {"\"p50\":9000", "\"p50\":true", "end_to_end_us.p50: must be a number"},
    {"\"verdict\"", "\"disk_bytes_per_record\":0,\"verdict\"", "disk_bytes_per_record: 0 is"},
    {"\"verdict\"", "\"acked\":5,\"verdict\"", "acked: given twice"},
    {"\"verdict\"", "verdict", "not JSON"},
};

static void a_report_that_cannot_be_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(impossible); i++) {
        write_changed(impossible[i].part, impossible[i].put);
        assert_refused(size_from(""), impossible[i].why);
        assert_refused(size_from(""), report_path); /* which file it is about */
    }
}

static void a_file_that_is_no_report_is_refused(void **state) {
    enum { TOO_LARGE = (1 << 20) + 1 };
    char *large = malloc(TOO_LARGE);

    (void)state;
    assert_non_null(large);
    memset(large, ' ', TOO_LARGE);
    memcpy(large, report, sizeof(report) - 1);
    write_report(large, TOO_LARGE);
    assert_refused(size_from(""), "larger than 1 MiB");
    write_report(large, TOO_LARGE - 1); /* blanks after it do no harm */
    assert_printed(size_from(""), "cores for the client");
    free(large);
    write_report("", 0);
    assert_refused(size_from(""), "not JSON: empty");
    write_report("second,phase\n", 13);
    assert_refused(size_from(""), "not a JSON object");
    write_report("{\"a\":\0}", 7);
    assert_refused(size_from(""), "not JSON");
    assert_refused(capture(load_size, "size whatsapp --from /nowhere/run.json"),
                   "/nowhere/run.json: No such file or directory");
    assert_refused(capture(load_size, "size whatsapp --from /tmp"), "/tmp: Is a directory");
}

static int make_file(void **state) {
    int fd = mkstemp(report_path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(report_path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twitter_comes_out_as_in_the_guide),
        cmocka_unit_test(every_system_has_a_size),
        cmocka_unit_test(options_take_the_place_of_numbers),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(a_run_stands_beside_each_figure),
        cmocka_unit_test(what_was_not_measured_is_not_said),
        cmocka_unit_test(a_report_that_cannot_be_is_refused),
        cmocka_unit_test(a_file_that_is_no_report_is_refused),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
