/* How many records a group has still to do, counted: offsets have gaps (each of a relay's transactions
 * leaves a marker), so "end - committed" is too much. The records are read from the topic, by a reader
 * that belongs to no group; those at or past the committed offset are the backlog. */
#ifndef KPK_TOPOLOGY_BACKLOG_H
#define KPK_TOPOLOGY_BACKLOG_H

#include "topology/admin.h"

#include <stdbool.h>
#include <stdint.h>

struct kpk_backlog; /* one thread uses it */

struct kpk_backlog_opts {
    const char *group, *topic; /* base names */
    bool all; /* what the topic has now, and nothing later; else only what comes from now on */
    int64_t most; /* read no more than that many (8 bytes of memory each) */
};

/* returns  0, or -1 with 'err': WAIT no broker answers; REJECT there are more than 'most' */
int kpk_backlog_open(struct kpk_backlog **backlog, struct kpk_admin *admin,
                     const struct kpk_backlog_opts *opts, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_backlog_close(struct kpk_backlog *backlog); /* NULL is fine */

/* returns  0 with 'records', or -1 with 'err' (WAIT, FATAL, or REJECT as above) */
int kpk_backlog_read(struct kpk_backlog *backlog, int64_t *records,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until it is 0; not longer than 'stuck_ms' without progress.
 * returns  0, or -1 with 'err' */
int kpk_backlog_await_none(struct kpk_backlog *backlog, int stuck_ms,
                           struct kpk_err *err) KPK_MUST_CHECK;

int64_t kpk_backlog_known(const struct kpk_backlog *backlog); /* records read so far */

#endif
