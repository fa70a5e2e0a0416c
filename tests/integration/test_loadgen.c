/* loadgen against a real broker: a run passes and leaves nothing, a stranger's record is seen, a missed
 * objective and a wrong word have exit codes of their own, Ctrl-C ends it with a report, and a broker that dies in
 * the middle is an event and not the end. */
#include "common/child.h"
#include "common/json.h"
#include "common/stop.h"
#include "tests/support/cli.h"
#include "tests/support/runs.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/admin.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct kpk_err error, *err = &error;

static bool topic_exists(const char *name) {
    struct kpk_topic_plan topic = {.row = {.name = name}};
    struct kpk_plan plan = {.topics = &topic, .count = 1};
    struct kpk_admin *admin;

    snprintf(topic.base_name, sizeof(topic.base_name), "%s", name);
    kpk_full_name(name, topic.name);
    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){0}, err), err);
    assert_ok(kpk_admin_describe(admin, &plan, err), err);
    kpk_admin_close(admin);
    return topic.found.exists;
}

static void a_run_passes_and_leaves_nothing(void **state) {
    char arguments[512];
    int sustained = 0;
    cJSON *json;
    char *line;

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "run tickets --rate 500 --warm-up 1 --duration 3 --groups 2 --consumers 2 --json "
             "%s --csv %s "
             "--hdr %s",
             run_path("run.json"), run_path("run.csv"), run_path("hdr"));
    const struct cli_output *ended = cli_loadgen(arguments);
    int sent = run_assert_passed(ended, 2000, 2);

    json = cJSON_Parse(run_file("run.json"));
    assert_non_null(json);
    assert_true(run_number(json, "in_topic") == sent);
    assert_true(run_number(json, "not_sent") <= 2000 - sent);
    /* What was due in the warm-up may be acknowledged in the phase that is measured. */
    assert_in_range(run_number(json, "acked"), 1, 2000);
    assert_true(run_number(cJSON_GetObjectItem(json, "end_to_end_us"), "p50") > 0);
    assert_true(run_number(cJSON_GetObjectItem(json, "publish_us"), "p50") > 0);
    assert_true(run_number(cJSON_GetObjectItem(json, "cpu"), "brokers_s") > 0);
    cJSON_Delete(json);

    line = run_file("run.csv");
    assert_int_equal(strncmp(line, "second,phase,intended_per_s,", 28), 0);
    while ((line = strchr(line, '\n'))) sustained += strstr(++line, ",sustained,500,") && *line;
    assert_true(sustained >= 3);
    assert_non_null(strstr(run_file("hdr.end-to-end"), "TotalCount"));
    assert_false(topic_exists("load.tickets"));
}

static void without_a_reader_the_topic_is_counted(void **state) {
    (void)state;
    const struct cli_output *ended =
        cli_loadgen("run peers --rate max --warm-up 0 --duration 1");
    assert_int_equal(ended->status, 0);
    assert_non_null(strstr(ended->text, "the topic has so many"));
}

static void a_spike_is_told_with_its_drain(void **state) {
    (void)state;
    const struct cli_output *ended = cli_loadgen(
        "run tickets --rate 200 --warm-up 0 --duration 2 --peak 2 --peak-rate 3k --groups 1");
    assert_int_equal(ended->status, 0);
    assert_non_null(strstr(ended->text, "3000 records/s intended"));
    assert_non_null(strstr(ended->text, "every group had all of it after"));
}

static void the_highest_rate_is_looked_for(void **state) {
    (void)state;
    char arguments[256];

    snprintf(arguments, sizeof(arguments),
             "run peers --find-max --rate 100k --step 1 --warm-up 1 --duration 1 --csv %s",
             run_path("steps.csv"));
    const struct cli_output *ended = cli_loadgen(arguments);
    assert_non_null(strstr(ended->text, "not held"));
    assert_non_null(strstr(ended->text, "held    "));
    assert_non_null(strstr(ended->text, "verdict: PASS"));
    snprintf(arguments, sizeof(arguments), "plot %s", run_path("steps.csv"));
    assert_int_equal(cli_loadgen(arguments)->status, 0);
}

/* Between two records as after the last one. */
static void what_comes_seldom_is_measured_as_long(void **state) {
    char arguments[256];

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "run peers --rate 1.5 --warm-up 0 --duration 3 --json %s",
             run_path("seldom.json"));
    const struct cli_output *ended = cli_loadgen(arguments);
    assert_int_equal(ended->status, 0);
    assert_non_null(strstr(ended->text, "1.5 records/s intended for 3.0 s: 5 were due"));
    cJSON *json = cJSON_Parse(run_file("seldom.json"));
    assert_non_null(json);
    assert_true(run_number(json, "seconds") >= 3);
    assert_true(run_number(json, "acked") == 5);
    cJSON_Delete(json);
}

/* What was due until then and not sent is told as such, also when a run is ended early. */
static void ctrl_c_does_not_hide_what_was_not_sent(void **state) {
    char arguments[256];

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "peers --rate 90M --warm-up 0 --duration 4 --json %s", run_path("far.json"));
    struct kpk_child *child = run_start("far.csv", 1, arguments);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS));
    kpk_child_close(child);
    cJSON *json = cJSON_Parse(run_file("far.json"));
    assert_non_null(json);
    assert_true(run_number(json, "not_sent") > 1e6);
    cJSON_Delete(json);
}

/* The later one would take the topic away, and what the first sent would be lost. */
static void two_loads_of_a_system_do_not_meet(void **state) {
    (void)state;
    struct kpk_child *child =
        run_start("one.csv", 1, "tickets --warm-up 0 --duration 600 --rate 50");
    const struct cli_output *ended = cli_loadgen("run tickets --duration 1");
    assert_int_equal(ended->status, 1);
    assert_non_null(strstr(ended->text, "another load of tickets runs"));
    assert_int_equal(cli_loadgen("run peers --warm-up 0 --rate 10 --duration 1")->status, 0);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
}

/* What an earlier run left in it is none of this one's. */
static void a_topic_that_is_kept_can_be_used_again(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct cli_output *ended =
            cli_loadgen("run tickets --rate 50 --warm-up 0 --duration 1 --groups 1 "
                        "--partitions 3 --keep-topic");
        run_assert_passed(ended, 50, 1);
    }
    assert_true(topic_exists("load.tickets"));
    assert_int_equal(cli_loadgen("run tickets --rate 50 --warm-up 0 --duration 1")->status, 0);
    assert_false(topic_exists("load.tickets"));
}

static void a_rate_that_is_not_held_is_not_hidden(void **state) {
    char arguments[256];
    cJSON *json;

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "run peers --rate 90M --warm-up 0 --duration 1 --json %s", run_path("far.json"));
    const struct cli_output *ended = cli_loadgen(arguments);
    assert_int_equal(ended->status, 0);
    json = cJSON_Parse(run_file("far.json"));
    assert_non_null(json);
    assert_true(run_number(json, "not_sent") > 1e6);
    assert_true(run_number(json, "acked") + run_number(json, "not_sent") <= 90e6);
    cJSON_Delete(json);
}

static void a_missed_objective_is_99(void **state) {
    (void)state;
    const struct cli_output *ended =
        cli_loadgen("run tickets --warm-up 0 --duration 1 --groups 1 --slo 'p50<1us'");
    assert_int_equal(ended->status, 99);
    assert_non_null(strstr(ended->text, "verdict: FAIL p50<1us is missed"));
}

static void a_strangers_record_is_a_failure(void **state) {
    (void)state;
    assert_int_equal(run_disturbed("tickets", "load.tickets"), 1);
}

static void ctrl_c_ends_it_with_a_report(void **state) {
    char arguments[256];

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "tickets --warm-up 0 --duration 600 --groups 1 --json %s", run_path("early.json"));
    struct kpk_child *child = run_start("early.csv", 2, arguments);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
    cJSON *json = cJSON_Parse(run_file("early.json"));
    assert_non_null(json);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "interrupted")));
    assert_true(run_number(json, "seconds") < 300 && run_number(json, "acked") > 0);
    assert_string_equal(cJSON_GetObjectItem(json, "verdict")->valuestring, "PASS");
    cJSON_Delete(json);
    assert_false(topic_exists("load.tickets"));
}

static void a_broker_that_dies_is_an_event(void **state) {
    char arguments[256];

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "tickets --warm-up 0 --duration 600 --groups 1 --rate 50 --json %s",
             run_path("dies.json"));
    struct kpk_child *child = run_start("dies.csv", 2, arguments);
    stack_await_restart("broker-1", stack_signal("broker-1", SIGKILL));
    /* Some seconds of it are behind the outage. */
    FILE *file = fopen(run_path("dies.csv"), "r");
    int seconds = 0, c;
    while ((c = fgetc(file)) != EOF) seconds += c == '\n';
    fclose(file);
    run_await_seconds("dies.csv", seconds + 3);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS));
    kpk_child_close(child);
    cJSON *json = cJSON_Parse(run_file("dies.json"));
    assert_non_null(json);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(json, "events")) > 0);
    assert_string_equal(cJSON_GetObjectItem(json, "verdict")->valuestring, "PASS");
    cJSON_Delete(json);
}

static void wrong_words_are_named(void **state) {
    static const struct {
        const char *arguments;
        const char *said;
    } cases[] = {
        {"run", "which system"},
        {"run nobody", "no system 'nobody'"},
        {"run twitter whatsapp", "which system"},
        {"run twitter --rate 0", "--rate 0"},
        {"run twitter --rate 5x", "--rate 5x"},
        {"run twitter --rate nan", "--rate nan"},
        {"run twitter --compression zip", "--compression zip"},
        {"run twitter --acks 2", "--acks 2"},
        {"run tickets --bytes 10000000", "bytes"},
        {"run tickets --bytes 20", "--bytes 20"},
        {"run twitter --bytes 300", "--via plain"},
        {"run twitter --via mail", "--via mail"},
        {"run tickets --via http", "tickets has no services"},
        {"run whatsapp --peak 10", "--peak-rate"},
        {"run twitter --duration 86400 --rate 90M", "the brokers' disk"},
        {"run twitter --slo 50ms", "--slo 50ms"},
        {"run twitter --csv /nowhere/x.csv", "/nowhere/x.csv"},
        {"run twitter --json /nowhere/x.json", "/nowhere/x.json"},
        {"run twitter --csv /tmp", "/tmp: Is a directory"},
        {"run twitter --hdr /nowhere/x", "/nowhere/x.publish"},
        {"run twitter --slo 'p99<nanms'", "--slo p99<nanms"},
        {"run twitter --slo 'p99<infms'", "--slo p99<infms"},
        {"run twitter --slo 'pnan<1ms'", "--slo pnan<1ms"},
        {"run peers --rate 10 --warm-up 0 --duration 1 --csv /dev/full", "lines are missing"},
        {"list 2>&1 > /dev/full #", "could not be written"},
        {"consume tweets --json /nowhere/x.json", "/nowhere/x.json"},
        {"ping tweets --json /nowhere/x.json", "/nowhere/x.json"},
        {"consume", "which topic"},
        {"consume no-such-topic", "no-such-topic"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct cli_output *ended = cli_loadgen(cases[i].arguments);
        if (ended->status != 1 || !strstr(ended->text, cases[i].said))
            fail_msg("'%s': %d, %s", cases[i].arguments, ended->status, ended->text);
    }
    assert_int_equal(cli_loadgen("walk")->status, 2);
}

/* Nor does a run that does not take place leave empty files, or empty those of the one before. */
static void without_a_cluster_it_says_so(void **state) {
    char arguments[512];

    (void)state;
    setenv("KPK_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1);
    FILE *file = fopen(run_path("before.csv"), "w");
    assert_true(file && fputs("before", file) >= 0 && fclose(file) == 0);
    snprintf(arguments, sizeof(arguments),
             "run tickets --duration 1 --csv %s --json %s --hdr %s", run_path("before.csv"),
             run_path("none.json"), run_path("none"));
    const struct cli_output *ended = cli_loadgen(arguments);
    assert_string_equal(run_file("before.csv"), "before");
    assert_int_not_equal(access(run_path("none.json"), F_OK), 0);
    assert_int_not_equal(access(run_path("none.publish"), F_OK), 0);
    unsetenv("KPK_KAFKA_BOOTSTRAP_SERVERS");
    assert_int_equal(ended->status, 1);
    assert_non_null(strstr(ended->text, "127.0.0.1:1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_passes_and_leaves_nothing),
        cmocka_unit_test(without_a_reader_the_topic_is_counted),
        cmocka_unit_test(a_spike_is_told_with_its_drain),
        cmocka_unit_test(the_highest_rate_is_looked_for),
        cmocka_unit_test(a_rate_that_is_not_held_is_not_hidden),
        cmocka_unit_test(what_comes_seldom_is_measured_as_long),
        cmocka_unit_test(ctrl_c_does_not_hide_what_was_not_sent),
        cmocka_unit_test(two_loads_of_a_system_do_not_meet),
        cmocka_unit_test(a_topic_that_is_kept_can_be_used_again),
        cmocka_unit_test(a_missed_objective_is_99),
        cmocka_unit_test(a_strangers_record_is_a_failure),
        cmocka_unit_test(ctrl_c_ends_it_with_a_report),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(without_a_cluster_it_says_so),
        cmocka_unit_test(a_broker_that_dies_is_an_event),
    };

    return cmocka_run_group_tests_name("loadgen", tests, run_make_folder, run_remove_folder);
}
