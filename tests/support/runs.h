/* loadgen run, as a test has it: its files in a folder of the test's own, and what it does while it runs. */
#ifndef KPK_TESTS_SUPPORT_RUNS_H
#define KPK_TESTS_SUPPORT_RUNS_H

#include "common/child.h"
#include "tests/support/cli.h"

#include <cjson/cJSON.h>

enum { RUN_END_MS = 90000 };

/* A group's setup and teardown. */
int run_make_folder(void **state);
int run_remove_folder(void **state);

/* Where a file of that name lies; good for the next three calls. */
const char *run_path(const char *name);
/* What is in it, until the next one is read. It must be there. */
char *run_file(const char *name);
/* A member of a report; it must be there. */
double run_number(const cJSON *json, const char *name);

/* It passed, and each of 'groups' saw all of it. What a slow machine could not send in time is told, and no failure.
 * returns  records that were sent, of those that were due */
int run_assert_passed(const struct cli_output *ended, int due, int groups);

/* Start it with --csv, and let it run until that has so many seconds.
 * csv        a name, for run_path()
 * arguments  as in a shell, but no quotes: "tickets --rate 50" */
struct kpk_child *run_start(const char *csv, int seconds, const char *arguments);
/* Wait until the CSV has so many seconds. */
void run_await_seconds(const char *csv, int seconds);

/* Run 'system' for some seconds, and write a word that is no record of it to 'base_topic' in the middle.
 * returns  its exit code */
int run_disturbed(const char *system, const char *base_topic);

#endif
