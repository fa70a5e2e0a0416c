/* Named fault points: places between two steps whose order matters, where a test lets the
 * process die, hang, fail or dawdle -- at that place, every time, instead of somewhere,
 * sometimes.
 *
 *   if (publish(...)) goto out;                                 (2)
 *   if (kpk_fault("outbox:after-publish", err)) goto out;
 *   if (delete_rows(...)) goto out;                             (3)
 *
 * does nothing unless the environment asks for it:
 *
 *   KPK_FAULT=outbox:after-publish=exit@3
 *
 *   exit    the process is gone, as by kill -9
 *   stop    it hangs, as by SIGSTOP, until somebody sends SIGCONT
 *   error   the call fails: WAIT, as if a dependency had gone
 *   delay   it takes 2 s
 *   @3      at the third passage of any thread, once; without it, at the first
 *
 * Several are separated by commas. A point that the program does not have is refused, so that a
 * misspelt one does not pass for a guarantee that held. */
#ifndef KPK_COMMON_FAULT_H
#define KPK_COMMON_FAULT_H

#include "common/err.h"

#include <stddef.h>

enum kpk_fault_kind {
    KPK_FAULT_EXIT,
    KPK_FAULT_STOP,
    KPK_FAULT_ERROR,
    KPK_FAULT_DELAY,
    KPK_FAULT_KINDS
};

/* Mark the place 'point' (a string literal), and its name in the list of the program.
 * returns  0, or -1 with 'err': the fault 'error' struck */
#define kpk_fault(point, err)                                                                  \
    __extension__({                                                                            \
        static const char *const kpk_fault_name __attribute__((section("kpk_faults"), used)) = \
            (point);                                                                           \
        kpk_fault_at(kpk_fault_name, (err));                                                   \
    })

int kpk_fault_at(const char *point, struct kpk_err *err) KPK_MUST_CHECK;

/* Read KPK_FAULT. kpk_opts_parse() does it for every program.
 * returns  0, or -1 with 'err' that says what is wrong with it */
int kpk_fault_init(struct kpk_err *err) KPK_MUST_CHECK;

/* The points of this program, in the order of their names, each once.
 * returns  their number; 'points' is filled up to 'max' */
size_t kpk_fault_points(const char **points, size_t max);

/* "exit", "stop", "error", "delay" */
const char *kpk_fault_kind_name(enum kpk_fault_kind kind);

#endif
