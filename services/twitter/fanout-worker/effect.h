/* The effect of group fanout-workers: tweets into the home timelines of the followers. The loop
 * around it is patterns/fanout/fanout.c. */
#ifndef KPK_SERVICES_TWITTER_FANOUT_WORKER_EFFECT_H
#define KPK_SERVICES_TWITTER_FANOUT_WORKER_EFFECT_H

#include "patterns/fanout/fanout.h"

/* A tweet that is pushed goes into each follower's timeline, a new follow brings the author's newest
 * ones. One query for all followers of all tweets, one for all follows, and pipelined writes.
 * Done twice, it changes nothing: a timeline is a set. When it is done, Redis has it on disk. */
extern const struct kpk_fanout_effect push_to_timelines;

#endif
