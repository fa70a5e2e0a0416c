/* The tool that controls the bundled stack (deploy/native/stack), asked as a person would. */
#ifndef KPK_SERVICES_TWITTER_DEMO_STACK_TOOL_H
#define KPK_SERVICES_TWITTER_DEMO_STACK_TOOL_H

#include "common/err.h"

#include <stddef.h>
#include <sys/types.h>

/* returns  0, or -1 with 'err' (FATAL): it runs no process of that name */
int stack_tool_pid(const char *tool, const char *name, pid_t *pid,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* Stop or start processes, all at once; to stop what does not run, or to start what does, is
 * fine. Their supervisor leaves those that were stopped alone.
 * names  NULL-terminated, 4 at most
 * returns  0, or -1 with 'err' (FATAL) in the tool's own words */
int stack_tool_stop(const char *tool, const char *const *names,
                    struct kpk_err *err) KPK_MUST_CHECK;
int stack_tool_start(const char *tool, const char *const *names,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* Run a command and wait for it.
 * line  out: the last line that it printed, without its newline
 * returns  its exit code; -1: it could not be run, or died */
int stack_tool_run(const char *command, char *line, size_t line_bytes);

#endif
