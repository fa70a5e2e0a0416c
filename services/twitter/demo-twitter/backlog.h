/* How many tweets a group has still to do, counted as records: offsets have gaps (each of the relay's
 * transactions leaves a marker), so "end - committed" is too much. The records are read from the
 * topic, by a reader that belongs to no group; those at or past the committed offset are the
 * backlog. */
#ifndef KPK_SERVICES_TWITTER_DEMO_BACKLOG_H
#define KPK_SERVICES_TWITTER_DEMO_BACKLOG_H

#include "topology/admin.h"

#include <stdbool.h>
#include <stdint.h>

struct backlog; /* one thread uses it */

/* Of 'group' (a base name) in the topic of tweets. Only records that come after this call count; with
 * 'all', those that the topic has now, and none that come later.
 * most  read no more than that many (8 bytes of memory each)
 * returns  0, or -1 with 'err': WAIT no broker answers; REJECT there are more than 'most' */
int backlog_open(struct backlog **backlog, struct kpk_admin *admin, const char *group, bool all,
                 int64_t most, struct kpk_err *err) KPK_MUST_CHECK;
void backlog_close(struct backlog *backlog); /* NULL is fine */

/* returns  0 with 'tweets', or -1 with 'err' (WAIT, FATAL, or REJECT as above) */
int backlog_read(struct backlog *backlog, int64_t *tweets, struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until it is 0; not longer than 'stuck_ms' without progress.
 * returns  0, or -1 with 'err' */
int backlog_await_none(struct backlog *backlog, int stuck_ms,
                       struct kpk_err *err) KPK_MUST_CHECK;

int64_t backlog_known(const struct backlog *backlog); /* records read so far */

#endif
