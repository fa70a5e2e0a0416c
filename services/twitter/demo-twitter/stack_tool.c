#include "services/twitter/demo-twitter/stack_tool.h"

#include "common/command.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MOST = 4, COMMAND_BYTES = 600, LINE_BYTES = 200 };

/* The last line that is not empty: there a tool says what went wrong. */
struct last {
    char *line;
    size_t bytes;
};

static void keep_last(char *line, void *ctx) {
    const struct last *last = ctx;

    if (line[0]) snprintf(last->line, last->bytes, "%s", line);
}

static int await(FILE *output, char *line, size_t line_bytes) {
    struct last last = {line, line_bytes};

    line[0] = '\0';
    return kpk_command_await(output, keep_last, &last);
}

int stack_tool_run(const char *command, char *line, size_t line_bytes) {
    return await(popen(command, "r"), line, line_bytes);
}

int stack_tool_pid(const char *tool, const char *name, pid_t *pid, struct kpk_err *err) {
    char command[COMMAND_BYTES], line[LINE_BYTES];

    snprintf(command, sizeof(command), "'%s' pid '%s' 2>/dev/null", tool, name);
    *pid = stack_tool_run(command, line, sizeof(line)) == 0 ? (pid_t)atoi(line) : 0;
    if (*pid > 0) return 0;
    return kpk_fail(
        err, KPK_FATAL,
        "%s knows no process %s: the demo kills a worker of the stack that 'make up' "
        "started on this machine",
        tool, name);
}

static int each(const char *tool, const char *verb, const char *const *names,
                struct kpk_err *err) {
    FILE *running[NAMES_MOST] = {NULL};
    int failed = 0;

    for (int i = 0; i < NAMES_MOST && names[i]; i++) {
        char command[COMMAND_BYTES];
        snprintf(command, sizeof(command), "'%s' %s '%s' 2>&1", tool, verb, names[i]);
        running[i] = popen(command, "r");
    }
    for (int i = 0; i < NAMES_MOST && names[i]; i++) {
        char line[LINE_BYTES];
        if (await(running[i], line, sizeof(line)) != 0 && !failed)
            failed = kpk_fail(err, KPK_FATAL, "%s %s %s: %.120s", tool, verb, names[i], line);
    }
    return failed;
}

int stack_tool_stop(const char *tool, const char *const *names, struct kpk_err *err) {
    return each(tool, "stop", names, err);
}

int stack_tool_start(const char *tool, const char *const *names, struct kpk_err *err) {
    return each(tool, "start", names, err);
}
