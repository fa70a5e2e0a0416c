/* build/bin/kpk, or loadgen, as a person would call it: what it prints, and how it ends. */
#ifndef KPK_TESTS_SUPPORT_CLI_H
#define KPK_TESTS_SUPPORT_CLI_H

#include "common/err.h"

#include <stdio.h>

#define CLI_KPK "build/bin/kpk"
#define CLI_LOADGEN "build/bin/loadgen"

enum {
    CLI_OUTPUT_BYTES = 8 * 1024 * 1024
}; /* the largest record, each byte escaped, and more */

struct cli_output {
    char text[CLI_OUTPUT_BYTES]; /* what it wrote, stderr too */
    int status;
};

/* Start it; its output is the caller's to read, and cli_finish() takes the rest.
 * settings  environment in front of the command: "PGPORT=1", or "" */
FILE *cli_start(const char *settings, const char *arguments);
void cli_finish(FILE *pipe, struct cli_output *output);

/* Both. returns  the output, which the next call overwrites */
struct cli_output *cli_run(const char *settings, const char *fmt, ...) KPK_PRINTF(2, 3);
/* loadgen; what it says is in the test's own output too. */
struct cli_output *cli_loadgen(const char *arguments);

/* The test fails, showing the output, unless it has 'part', or unless it ended so. */
void cli_assert_says(const struct cli_output *output, const char *part);
void cli_assert_status(const struct cli_output *output, int status);
/* ... or if a terminal is not safe from it: nothing but UTF-8, without control characters of either
 * kind. */
void cli_assert_harmless(const struct cli_output *output);

#endif
