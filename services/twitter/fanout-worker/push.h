/* The effect of group fanout-workers: tweets into the home timelines of the followers. Bytes
 * and stores, no consumer: a test calls it. */
#ifndef KPK_SERVICES_TWITTER_FANOUT_WORKER_PUSH_H
#define KPK_SERVICES_TWITTER_FANOUT_WORKER_PUSH_H

#include "common/err.h"
#include "common/event.h"
#include "common/pg.h"
#include "common/redis.h"
#include "services/twitter/events.h"

#include <stddef.h>

/* What a batch of events asks for. */
struct push_work {
    size_t capacity;
    size_t tweets, follows;
    char (*tweet_ids)[KPK_UUID_BYTES]; /* tweets to push ... */
    char (*author_ids)[TWITTER_ID_BYTES];
    char (*follower_ids)[TWITTER_ID_BYTES]; /* timelines to fill ... */
    char (*followee_ids)[TWITTER_ID_BYTES]; /* ... with these authors' tweets */
};

int push_work_init(struct push_work *work, size_t capacity, struct kpk_err *err) KPK_MUST_CHECK;
void push_work_free(struct push_work *work);

/* Add what 'event' asks for: nothing, for a tweet that is pulled.
 * returns  0, or -1 with 'err': REJECT, what is wrong with the event */
int push_work_add(struct push_work *work, const struct kpk_event *event,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* Do it: one query for all followers of all tweets, one for all fills, and pipelined writes. Done
 * twice, it changes nothing. When it returns 0, Redis has it on disk.
 * returns  0, or -1 with 'err': WAIT a store is down, FATAL */
int push_to_timelines(const struct push_work *work, struct kpk_pg *pg, struct kpk_redis *redis,
                      struct kpk_err *err) KPK_MUST_CHECK;

#endif
