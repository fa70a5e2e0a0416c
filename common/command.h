/* Commands, run by the shell as a person would run them: the kit's own programs and tools.
 *
 *   snprintf(command, sizeof(command), "'%s' dlq list 2>&1", kpk_command_path("kpk", path));
 *   kpk_command_run(command, print, NULL) */
#ifndef KPK_COMMON_COMMAND_H
#define KPK_COMMON_COMMAND_H

#include <stdio.h>

/* A program of the kit, which lies beside this one.
 * path  at least KPK_COMMAND_PATH_BYTES
 * returns  'path' */
enum { KPK_COMMAND_PATH_BYTES = 600 };
const char *kpk_command_path(const char *name, char *path);

/* One line that it printed, without its newline; what is longer than 1 KB comes in pieces. */
typedef void (*kpk_command_line)(char *line, void *ctx);

/* Run a command and wait for it.
 * returns  its exit code; -1: it could not be run, or died */
int kpk_command_run(const char *command, kpk_command_line on_line, void *ctx);
/* The same for one that was begun with popen(command, "r"), which may have failed. */
int kpk_command_await(FILE *output, kpk_command_line on_line, void *ctx);

#endif
