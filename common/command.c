#include "common/command.h"

#include "common/child.h"

#include <string.h>
#include <sys/wait.h>

enum { LINE_BYTES = 1024 };

const char *kpk_command_path(const char *name, char *path) {
    const char *self = kpk_child_self(), *slash = strrchr(self, '/');

    snprintf(path, KPK_COMMAND_PATH_BYTES, "%.*s/%s", slash ? (int)(slash - self) : 1,
             slash ? self : ".", name);
    return path;
}

int kpk_command_await(FILE *output, kpk_command_line on_line, void *ctx) {
    char line[LINE_BYTES];

    if (!output) return -1;
    while (fgets(line, sizeof(line), output)) {
        line[strcspn(line, "\n")] = '\0';
        on_line(line, ctx);
    }
    int status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int kpk_command_run(const char *command, kpk_command_line on_line, void *ctx) {
    return kpk_command_await(popen(command, "r"), on_line, ctx);
}
