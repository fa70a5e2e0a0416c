#include "tests/support/runs.h"

#include "common/kafka.h"
#include "tests/support/cli.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 64 * 1024 };

static struct kpk_err error, *err = &error;
static char folder[] = "/tmp/kpk-loadgen.XXXXXX";

int run_make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) && !kpk_topology_init(err) ? 0 : -1;
}

int run_remove_folder(void **state) {
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

const char *run_path(const char *name) {
    static char out[4][128];
    static int next;

    next = (next + 1) % 4;
    snprintf(out[next], sizeof(out[next]), "%s/%s", folder, name);
    return out[next];
}

char *run_file(const char *name) {
    static char text[OUTPUT_BYTES];
    FILE *file = fopen(run_path(name), "r");

    if (!file) fail_msg("%s was not written", name);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

double run_number(const cJSON *json, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

    if (!cJSON_IsNumber(item)) fail_msg("the report has no number %s", name);
    return item->valuedouble;
}

int run_assert_passed(const struct cli_output *ended, int due, int groups) {
    const char *verdict = strstr(ended->text, "verdict: PASS ");
    int writes = 0, sightings = 0;

    cli_assert_status(ended, 0);
    if (!verdict ||
        sscanf(verdict, "verdict: PASS %d writes, %d sightings", &writes, &sightings) != 2)
        fail_msg("no run that passed:\n%s", ended->text);
    assert_in_range(writes, 1, due);
    assert_int_equal(sightings, writes * groups);
    return writes;
}

/* So many lines are in the CSV: that many seconds have passed, and the header. */
struct lines {
    const char *name;
    int count;
};

static bool has_lines(void *ctx) {
    const struct lines *lines = ctx;
    FILE *file = fopen(run_path(lines->name), "r");
    int found = 0, c;

    if (!file) return false;
    while ((c = fgetc(file)) != EOF) found += c == '\n';
    fclose(file);
    return found >= lines->count;
}

void run_await_seconds(const char *name, int seconds) {
    struct lines lines = {name, seconds + 1};

    if (!wait_until(RUN_END_MS, has_lines, &lines))
        fail_msg("no %d seconds in %s", seconds, name);
}

struct kpk_child *run_start(const char *csv, int seconds, const char *arguments) {
    const char *argv[32] = {CLI_LOADGEN, "run", "--csv", run_path(csv)};
    struct kpk_child *child;
    char text[512], *rest;
    size_t count = 4;

    snprintf(text, sizeof(text), "%s", arguments);
    for (char *word = strtok_r(text, " ", &rest); word && count < 31;
         word = strtok_r(NULL, " ", &rest))
        argv[count++] = word;
    unlink(argv[3]);
    assert_ok(kpk_child_start(&child, &(struct kpk_child_opts){"loadgen", argv, NULL}, err),
              err);
    run_await_seconds(csv, seconds);
    return child;
}

/* Run 'system' for some seconds, and write a word that is no record of it to 'base_topic' in the middle.
 * returns  its exit code */
int run_disturbed(const char *system, const char *base_topic) {
    char arguments[128];
    struct kpk_producer *producer;
    char topic[KPK_NAME_BYTES];
    int code;

    snprintf(arguments, sizeof(arguments), "%s --warm-up 0 --duration 4 --groups 1 --rate 50",
             system);
    struct kpk_child *child = run_start("stranger.csv", 1, arguments);
    assert_ok(kpk_producer_open(&producer, &(struct kpk_producer_opts){0}, err), err);
    assert_ok(kpk_producer_send(producer, kpk_full_name(base_topic, topic), "k", 1, "hello", 5,
                                NULL, err),
              err);
    assert_ok(kpk_producer_wait(producer, 10000, err), err);
    kpk_producer_close(producer);
    assert_true(kpk_child_await(child, KPK_CHILD_EXITED, RUN_END_MS));
    code = kpk_child_status(child);
    kpk_child_close(child);
    return code;
}
