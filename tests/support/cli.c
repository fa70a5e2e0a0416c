#include "tests/support/cli.h"

#include "common/utf8.h"
#include "tests/support/test.h"

#include <string.h>
#include <sys/wait.h>

static FILE *start(const char *settings, const char *program, const char *arguments) {
    char command[1024];

    snprintf(command, sizeof(command), "%s %s %s 2>&1", settings, program, arguments);
    FILE *pipe = popen(command, "r");
    if (!pipe) fail_msg("%s: cannot be run", command);
    return pipe;
}

FILE *cli_start(const char *settings, const char *arguments) {
    return start(settings, CLI_KPK, arguments);
}

void cli_finish(FILE *pipe, struct cli_output *output) {
    size_t len = fread(output->text, 1, sizeof(output->text) - 1, pipe);

    output->text[len] = '\0';
    output->status = pclose(pipe);
    assert_true(WIFEXITED(output->status));
    output->status = WEXITSTATUS(output->status);
}

struct cli_output *cli_run(const char *settings, const char *fmt, ...) {
    static struct cli_output output;
    char arguments[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(arguments, sizeof(arguments), fmt, args);
    va_end(args);
    cli_finish(cli_start(settings, arguments), &output);
    return &output;
}

struct cli_output *cli_loadgen(const char *arguments) {
    static struct cli_output output;

    cli_finish(start("", CLI_LOADGEN, arguments), &output);
    /* print_message() would cut it, and the next result with it. */
    fprintf(stderr, "%s", output.text);
    return &output;
}

void cli_assert_says(const struct cli_output *output, const char *part) {
    if (!strstr(output->text, part)) fail_msg("no '%s' in:\n%s", part, output->text);
}

void cli_assert_status(const struct cli_output *output, int status) {
    if (output->status != status)
        fail_msg("exit %d, not %d:\n%s", output->status, status, output->text);
}

void cli_assert_harmless(const struct cli_output *output) {
    const char *text = output->text;

    assert_true(kpk_utf8_valid(text, strlen(text), NULL));
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if ((byte < 0x20 && byte != '\n') || byte == 0x7f ||
            (byte == 0xc2 && (unsigned char)at[1] < 0xa0))
            fail_msg("a control character (%02x) at byte %td", byte, at - text);
    }
}
