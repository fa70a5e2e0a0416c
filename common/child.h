/* Processes that an example, a demo or a test starts, watches, harms and ends -- by their id.
 *
 *   kpk_child_start(&relay, &(struct kpk_child_opts){.name = "relay-1", .argv = argv,
 *                           .env = (const char *const[]){"KPK_FAULT=outbox:after-publish=exit", NULL}}, err)
 *   kpk_child_await(relay, KPK_CHILD_KILLED, 10000)        it died at the fault
 *   kpk_child_close(relay)
 *
 * What a child logs goes to a file that can be asked for words; what it prints on standard output
 * can be read line by line, and lines can be sent to it. No child outlives who started it: the
 * kernel kills it when the starting thread ends, even by kill -9. */
#ifndef KPK_COMMON_CHILD_H
#define KPK_COMMON_CHILD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum kpk_child_state {
    KPK_CHILD_RUNS,
    KPK_CHILD_STOPPED, /* by SIGSTOP */
    KPK_CHILD_EXITED,  /* by itself; see kpk_child_status() */
    KPK_CHILD_KILLED,  /* by a signal that was sent to it */
    KPK_CHILD_CRASHED, /* by one that a program brings upon itself, as SIGSEGV: never what a fault point does */
};

struct kpk_child_opts {
    const char *name;        /* for messages: "relay-1" */
    const char *const *argv; /* NULL-terminated; argv[0] is a path */
    const char *const *env;  /* NAME=VALUE, NULL-terminated: added to our own; may be NULL */
};

struct kpk_child; /* one thread uses it */

/* The path of this very program, for children that play a part of it. */
const char *kpk_child_self(void);

/* returns  0, or -1 with 'err' (FATAL): it could not be started */
int kpk_child_start(struct kpk_child **child, const struct kpk_child_opts *opts,
                    struct kpk_err *err) KPK_MUST_CHECK;
/* End it (kill -9 if it still runs) and forget it. NULL is fine. */
void kpk_child_close(struct kpk_child *child);

const char *kpk_child_name(const struct kpk_child *child);
pid_t kpk_child_pid(const struct kpk_child *child);

enum kpk_child_state kpk_child_state(struct kpk_child *child); /* now */
int kpk_child_status(const struct kpk_child *child); /* exit code, or number of the signal */

/* Wait until it is in 'state'. returns whether it is; no longer than 'timeout_ms', nor when it has ended
 * in another way */
bool kpk_child_await(struct kpk_child *child, enum kpk_child_state state, int timeout_ms);

/* Send a signal to it. SIGSTOP and SIGCONT are waited for. */
void kpk_child_signal(struct kpk_child *child, int signal);

/* Ask it to end (its standard input ends, SIGTERM) and wait.
 * returns  0: it exited with 0; -1 with 'err' (FATAL): it did not in time, or not with 0 */
int kpk_child_end(struct kpk_child *child, int timeout_ms, struct kpk_err *err) KPK_MUST_CHECK;

/* A port on 127.0.0.1 that nobody listens on now, for a child that is told it. 0: none */
int kpk_child_free_port(void);

/* Has it logged 'words' (on standard error) since it was started? */
bool kpk_child_said(struct kpk_child *child, const char *words);
/* Has it met the fault point (common/fault.h, which logs it)? */
bool kpk_child_met(struct kpk_child *child, const char *point);
/* Wait for words. returns -1 with 'err' (WAIT) that shows its last line, when it is over or ends */
int kpk_child_await_words(struct kpk_child *child, const char *words, int timeout_ms,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* Send it 'line' (without its newline), and wait for one line of its standard output.
 * answer   out, without the newline; cut to fit
 * returns  0; -1 with 'err' (WAIT): it ended, or gave none in time */
int kpk_child_ask(struct kpk_child *child, const char *line, char *answer, size_t answer_bytes,
                  int timeout_ms, struct kpk_err *err) KPK_MUST_CHECK;

#endif
