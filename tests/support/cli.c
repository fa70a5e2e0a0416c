#include "tests/support/cli.h"

#include "tests/support/test.h"

#include <string.h>
#include <sys/wait.h>

FILE *cli_start(const char *settings, const char *arguments) {
    char command[1024];

    snprintf(command, sizeof(command), "%s " CLI_KPK " %s 2>&1", settings, arguments);
    FILE *pipe = popen(command, "r");
    if (!pipe) fail_msg("%s: cannot be run", command);
    return pipe;
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

void cli_assert_says(const struct cli_output *output, const char *part) {
    if (!strstr(output->text, part)) fail_msg("no '%s' in:\n%s", part, output->text);
}

void cli_assert_status(const struct cli_output *output, int status) {
    if (output->status != status)
        fail_msg("exit %d, not %d:\n%s", output->status, status, output->text);
}
