/* N members of a consumer group in one process: a thread each, with a handle of its own. */
#ifndef KPK_COMMON_MEMBERS_H
#define KPK_COMMON_MEMBERS_H

#include "common/err.h"

/* Runs one member until kpk_stopping(). returns 0, or -1 with 'err' */
typedef int (*kpk_member)(int index, void *arg, struct kpk_err *err);

/* Run 'member' in 'count' threads and wait for all of them. The first that fails stops the rest,
 * and so the process: a group that quietly lost a member would only look healthy.
 * returns  0, or -1 with the first failure */
int kpk_members_run(int count, kpk_member member, void *arg,
                    struct kpk_err *err) KPK_MUST_CHECK;

#endif
