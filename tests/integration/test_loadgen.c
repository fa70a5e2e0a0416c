/* loadgen against a real broker: a run passes and leaves nothing, a stranger's record is seen, a missed
 * objective and a wrong word have exit codes of their own, Ctrl-C ends it with a report, and a broker that dies in
 * the middle is an event and not the end. */
#include "common/child.h"
#include "common/json.h"
#include "common/stop.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/admin.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOADGEN "build/bin/loadgen"

enum { OUTPUT_BYTES = 64 * 1024, END_MS = 90000 };

static struct kpk_err error, *err = &error;
static char folder[] = "/tmp/kpk-loadgen.XXXXXX";

/* --- running it -------------------------------------------------------------------------- */

struct ended {
    int code;
    char text[OUTPUT_BYTES];
};

static struct ended *run(const char *arguments) {
    static struct ended ended;
    char command[1024];
    size_t len;

    snprintf(command, sizeof(command), LOADGEN " %s 2>&1", arguments);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    len = fread(ended.text, 1, sizeof(ended.text) - 1, output);
    ended.text[len] = '\0';
    ended.code = WEXITSTATUS(pclose(output));
    fprintf(stderr, "%s",
            ended.text); /* print_message() would cut it, and the next result with it */
    return &ended;
}

static const char *path(const char *name) {
    static char out[4][128];
    static int next;

    next = (next + 1) % 4;
    snprintf(out[next], sizeof(out[next]), "%s/%s", folder, name);
    return out[next];
}

static char *read_file(const char *name) {
    static char text[OUTPUT_BYTES];
    FILE *file = fopen(path(name), "r");

    if (!file) fail_msg("%s was not written", name);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static double number(const cJSON *json, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

    if (!cJSON_IsNumber(item)) fail_msg("the report has no number %s", name);
    return item->valuedouble;
}

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

/* A broker may name it a moment longer than the controller has it. */
static bool is_gone(void *ctx) { return !topic_exists(ctx); }

static struct kpk_child *start(const char *const *options) {
    const char *argv[24] = {LOADGEN, "run"};
    struct kpk_child *child;

    for (size_t i = 0; options[i]; i++) argv[i + 2] = options[i];
    assert_ok(kpk_child_start(&child, &(struct kpk_child_opts){"loadgen", argv, NULL}, err),
              err);
    return child;
}

/* So many lines are in the CSV: that many seconds have passed, and the header. */
struct lines {
    const char *name;
    int count;
};

static bool has_lines(void *ctx) {
    const struct lines *lines = ctx;
    FILE *file = fopen(path(lines->name), "r");
    int found = 0, c;

    if (!file) return false;
    while ((c = fgetc(file)) != EOF) found += c == '\n';
    fclose(file);
    return found >= lines->count;
}

static void await_seconds(const char *name, int seconds) {
    struct lines lines = {name, seconds + 1};

    if (!wait_until(END_MS, has_lines, &lines)) fail_msg("no %d seconds in %s", seconds, name);
}

/* --- the tests --------------------------------------------------------------------------- */

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
             path("run.json"), path("run.csv"), path("hdr"));
    const struct ended *ended = run(arguments);
    assert_int_equal(ended->code, 0);
    assert_non_null(
        strstr(ended->text, "verdict: PASS 2000 writes, 4000 sightings: nothing lost"));

    json = cJSON_Parse(read_file("run.json"));
    assert_non_null(json);
    assert_true(number(json, "in_topic") == 2000);
    assert_true(number(json, "not_sent") == 0);
    /* What was due in the warm-up may be acknowledged in the phase that is measured. */
    assert_in_range(number(json, "acked"), 1, 2000);
    assert_true(number(cJSON_GetObjectItem(json, "end_to_end_us"), "p50") > 0);
    assert_true(number(cJSON_GetObjectItem(json, "publish_us"), "p50") > 0);
    assert_true(number(cJSON_GetObjectItem(json, "cpu"), "brokers_s") > 0);
    cJSON_Delete(json);

    line = read_file("run.csv");
    assert_int_equal(strncmp(line, "second,phase,intended_per_s,", 28), 0);
    while ((line = strchr(line, '\n'))) sustained += strstr(++line, ",sustained,500,") && *line;
    assert_true(sustained >= 3);
    assert_non_null(strstr(read_file("hdr.end-to-end"), "TotalCount"));
    assert_true(wait_until(END_MS, is_gone, "load.tickets"));
}

static void without_a_reader_the_topic_is_counted(void **state) {
    (void)state;
    const struct ended *ended = run("run peers --rate max --warm-up 0 --duration 1");
    assert_int_equal(ended->code, 0);
    assert_non_null(strstr(ended->text, "the topic has so many"));
}

static void a_spike_is_told_with_its_drain(void **state) {
    (void)state;
    const struct ended *ended = run(
        "run tickets --rate 200 --warm-up 0 --duration 2 --peak 2 --peak-rate 3k --groups 1");
    assert_int_equal(ended->code, 0);
    assert_non_null(strstr(ended->text, "3000 records/s intended"));
    assert_non_null(strstr(ended->text, "every group had all of it after"));
}

static void the_highest_rate_is_looked_for(void **state) {
    (void)state;
    char arguments[256];

    snprintf(arguments, sizeof(arguments),
             "run peers --find-max --rate 100k --step 1 --warm-up 1 --duration 1 --csv %s",
             path("steps.csv"));
    const struct ended *ended = run(arguments);
    assert_non_null(strstr(ended->text, "not held"));
    assert_non_null(strstr(ended->text, "held    "));
    assert_non_null(strstr(ended->text, "verdict: PASS"));
    snprintf(arguments, sizeof(arguments), "plot %s", path("steps.csv"));
    assert_int_equal(run(arguments)->code, 0);
}

/* Between two records as after the last one. */
static void what_comes_seldom_is_measured_as_long(void **state) {
    char arguments[256];

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "run peers --rate 1.5 --warm-up 0 --duration 3 --json %s", path("seldom.json"));
    const struct ended *ended = run(arguments);
    assert_int_equal(ended->code, 0);
    assert_non_null(strstr(ended->text, "1.5 records/s intended for 3.0 s: 5 were due"));
    cJSON *json = cJSON_Parse(read_file("seldom.json"));
    assert_non_null(json);
    assert_true(number(json, "seconds") >= 3);
    assert_true(number(json, "acked") == 5);
    cJSON_Delete(json);
}

/* What was due until then and not sent is told as such, also when a run is ended early. */
static void ctrl_c_does_not_hide_what_was_not_sent(void **state) {
    const char *const options[] = {
        "peers", "--rate",        "90M",    "--warm-up",      "0", "--duration", "4",
        "--csv", path("far.csv"), "--json", path("far.json"), NULL};

    (void)state;
    unlink(path("far.csv"));
    struct kpk_child *child = start(options);
    await_seconds("far.csv", 1);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, END_MS));
    kpk_child_close(child);
    cJSON *json = cJSON_Parse(read_file("far.json"));
    assert_non_null(json);
    assert_true(number(json, "not_sent") > 1e6);
    cJSON_Delete(json);
}

/* The later one would take the topic away, and what the first sent would be lost. */
static void two_loads_of_a_system_do_not_meet(void **state) {
    const char *const options[] = {"tickets", "--warm-up", "0",     "--duration",    "600",
                                   "--rate",  "50",        "--csv", path("one.csv"), NULL};

    (void)state;
    unlink(path("one.csv"));
    struct kpk_child *child = start(options);
    await_seconds("one.csv", 1);
    const struct ended *ended = run("run tickets --duration 1");
    assert_int_equal(ended->code, 1);
    assert_non_null(strstr(ended->text, "another load of tickets runs"));
    assert_int_equal(run("run peers --warm-up 0 --rate 10 --duration 1")->code, 0);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, END_MS));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
}

static void a_rate_that_is_not_held_is_not_hidden(void **state) {
    char arguments[256];
    cJSON *json;

    (void)state;
    snprintf(arguments, sizeof(arguments),
             "run peers --rate 90M --warm-up 0 --duration 1 --json %s", path("far.json"));
    const struct ended *ended = run(arguments);
    assert_int_equal(ended->code, 0);
    json = cJSON_Parse(read_file("far.json"));
    assert_non_null(json);
    assert_true(number(json, "not_sent") > 1e6);
    assert_true(number(json, "acked") + number(json, "not_sent") <= 90e6);
    cJSON_Delete(json);
}

static void a_missed_objective_is_99(void **state) {
    (void)state;
    const struct ended *ended =
        run("run tickets --warm-up 0 --duration 1 --groups 1 --slo 'p50<1us'");
    assert_int_equal(ended->code, 99);
    assert_non_null(strstr(ended->text, "verdict: FAIL p50<1us is missed"));
}

/* Run 'system' for some seconds, and write a word that is no record of it to 'base_topic' in the middle.
 * returns  its exit code */
static int disturb(const char *system, const char *base_topic) {
    const char *const options[] = {
        system,   "--warm-up", "0",     "--duration",         "4", "--groups", "1",
        "--rate", "50",        "--csv", path("stranger.csv"), NULL};
    struct kpk_producer *producer;
    char topic[KPK_NAME_BYTES];
    int code;

    unlink(path("stranger.csv"));
    struct kpk_child *child = start(options);
    await_seconds("stranger.csv", 1);
    assert_ok(kpk_producer_open(&producer, &(struct kpk_producer_opts){0}, err), err);
    assert_ok(kpk_producer_send(producer, kpk_full_name(base_topic, topic), "k", 1, "hello", 5,
                                NULL, err),
              err);
    assert_ok(kpk_producer_wait(producer, 10000, err), err);
    kpk_producer_close(producer);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, END_MS));
    code = kpk_child_status(child);
    kpk_child_close(child);
    return code;
}

static void a_strangers_record_is_a_failure(void **state) {
    (void)state;
    assert_int_equal(disturb("tickets", "load.tickets"), 1);
}

/* On a topic that others may write to it is not the load's; that the services' groups reject it is. */
static void a_dead_letter_is_a_failure(void **state) {
    (void)state;
    assert_int_equal(disturb("twitter", KPK_TOPIC_TWEETS), 1);
}

static void ctrl_c_ends_it_with_a_report(void **state) {
    const char *const options[] = {
        "tickets", "--warm-up",       "0",      "--duration",       "600", "--groups", "1",
        "--csv",   path("early.csv"), "--json", path("early.json"), NULL};

    (void)state;
    unlink(path("early.csv"));
    struct kpk_child *child = start(options);
    await_seconds("early.csv", 2);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, END_MS));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
    cJSON *json = cJSON_Parse(read_file("early.json"));
    assert_non_null(json);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "interrupted")));
    assert_true(number(json, "seconds") < 300 && number(json, "acked") > 0);
    assert_string_equal(cJSON_GetObjectItem(json, "verdict")->valuestring, "PASS");
    cJSON_Delete(json);
    assert_true(wait_until(END_MS, is_gone, "load.tickets"));
}

static void a_broker_that_dies_is_an_event(void **state) {
    const char *const options[] = {
        "tickets", "--warm-up", "0",     "--duration",     "600",    "--groups",        "1",
        "--rate",  "50",        "--csv", path("dies.csv"), "--json", path("dies.json"), NULL};

    (void)state;
    unlink(path("dies.csv"));
    struct kpk_child *child = start(options);
    await_seconds("dies.csv", 2);
    stack_await_restart("broker-1", stack_signal("broker-1", SIGKILL));
    /* Some seconds of it are behind the outage. */
    FILE *file = fopen(path("dies.csv"), "r");
    int seconds = 0, c;
    while ((c = fgetc(file)) != EOF) seconds += c == '\n';
    fclose(file);
    await_seconds("dies.csv", seconds + 3);
    kpk_child_signal(child, SIGINT);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, END_MS));
    kpk_child_close(child);
    cJSON *json = cJSON_Parse(read_file("dies.json"));
    assert_non_null(json);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(json, "events")) > 0);
    assert_string_equal(cJSON_GetObjectItem(json, "verdict")->valuestring, "PASS");
    cJSON_Delete(json);
}

/* --- through the services ---------------------------------------------------------------- */

static double of(const cJSON *json, const char *object, const char *member, const char *name) {
    const cJSON *inner = cJSON_GetObjectItem(json, object);

    return number(member ? cJSON_GetObjectItem(inner, member) : inner, name);
}

/* Every group of the topic has had its effect, and the workers' own metrics say how old the tweets were. */
static void valid_tweets_reach_every_group(void **state) {
    static const char *const groups[] = {KPK_GROUP_FANOUT_WORKERS, KPK_GROUP_SEARCH_INDEXER,
                                         KPK_GROUP_NOTIFICATION_WORKERS,
                                         KPK_GROUP_TRENDING_WORKERS, KPK_GROUP_ANALYTICS};
    static const char *const ways[] = {"topic", "http"};
    char arguments[512];

    (void)state;
    for (size_t way = 0; way < 2; way++) {
        snprintf(arguments, sizeof(arguments),
                 "run twitter --via %s --rate 100 --warm-up 1 --duration 4 --json %s",
                 ways[way], path("tweets.json"));
        const struct ended *ended = run(arguments);
        assert_int_equal(ended->code, 0);
        assert_non_null(strstr(ended->text, "verdict: PASS 500 writes, 500 sightings"));
        cJSON *json = cJSON_Parse(read_file("tweets.json"));
        assert_non_null(json);
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
            assert_true(of(json, "services", groups[i], "effects") > 0);
            assert_true(of(json, "services", groups[i], "age_p50_ms") > 0);
        }
        assert_true(of(json, "processes_cpu_s", NULL, "fanout-worker-1") > 0);
        assert_true(of(json, "processes_cpu_s", NULL, "postgresql") > 0);
        cJSON_Delete(json);
    }
}

static int wake_them(void **state) {
    (void)state;
    stack_wake("search-indexer-1");
    stack_wake("search-indexer-2");
    return 0;
}

/* A group that stands still is behind, and the run that waits for it says so. */
static void a_group_that_stands_still_is_told(void **state) {
    const char *const options[] = {"twitter",    "--rate", "100",   "--warm-up",       "0",
                                   "--duration", "600",    "--csv", path("still.csv"), NULL};

    (void)state;
    unlink(path("still.csv"));
    struct kpk_child *child = start(options);
    await_seconds("still.csv", 2);
    stack_hang("search-indexer-1");
    stack_hang("search-indexer-2");
    struct lines more = {"still.csv", 8};
    assert_true(wait_until(END_MS, has_lines, &more));
    kpk_child_signal(child, SIGINT);
    wake_them(NULL);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, END_MS * 2));
    assert_int_equal(kpk_child_status(child), 0);
    kpk_child_close(child);
    /* Some second of it had a lag: column 6. */
    char *text = read_file("still.csv");
    long most = 0;
    while ((text = strchr(text, '\n')) && *++text) {
        long lag = 0;
        if (sscanf(text, "%*d,%*[a-z],%*d,%*d,%*d,%ld", &lag) == 1 && lag > most) most = lag;
    }
    assert_true(most >= 100);
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
        const struct ended *ended = run(cases[i].arguments);
        if (ended->code != 1 || !strstr(ended->text, cases[i].said))
            fail_msg("'%s': %d, %s", cases[i].arguments, ended->code, ended->text);
    }
    assert_int_equal(run("walk")->code, 2);
}

/* Nor does a run that does not take place leave empty files, or empty those of the one before. */
static void without_a_cluster_it_says_so(void **state) {
    char arguments[512];

    (void)state;
    setenv("KPK_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1);
    FILE *file = fopen(path("before.csv"), "w");
    assert_true(file && fputs("before", file) >= 0 && fclose(file) == 0);
    snprintf(arguments, sizeof(arguments),
             "run tickets --duration 1 --csv %s --json %s --hdr %s", path("before.csv"),
             path("none.json"), path("none"));
    const struct ended *ended = run(arguments);
    assert_string_equal(read_file("before.csv"), "before");
    assert_int_not_equal(access(path("none.json"), F_OK), 0);
    assert_int_not_equal(access(path("none.publish"), F_OK), 0);
    unsetenv("KPK_KAFKA_BOOTSTRAP_SERVERS");
    assert_int_equal(ended->code, 1);
    assert_non_null(strstr(ended->text, "127.0.0.1:1"));
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) && !kpk_topology_init(err) ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
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
        cmocka_unit_test(a_missed_objective_is_99),
        cmocka_unit_test(a_strangers_record_is_a_failure),
        cmocka_unit_test(ctrl_c_ends_it_with_a_report),
        cmocka_unit_test(valid_tweets_reach_every_group),
        cmocka_unit_test(a_dead_letter_is_a_failure),
        cmocka_unit_test_teardown(a_group_that_stands_still_is_told, wake_them),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(without_a_cluster_it_says_so),
        cmocka_unit_test(a_broker_that_dies_is_an_event),
    };

    return cmocka_run_group_tests_name("loadgen", tests, make_folder, remove_folder);
}
