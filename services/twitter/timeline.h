/* A home timeline in Redis: the newest pushed tweets, as a sorted set of tweet ids.
 *
 *   timeline:{user}   score 0 for all, so members sort by their bytes: UUIDv7, so by time
 *
 * Writing an id twice changes nothing: that is what makes a redelivered event harmless. */
#ifndef KPK_SERVICES_TWITTER_TIMELINE_H
#define KPK_SERVICES_TWITTER_TIMELINE_H

#include "common/err.h"
#include "common/redis.h"
#include "common/uuid.h"

#include <stddef.h>

enum { TIMELINE_CAP = 800, TIMELINE_KEY_BYTES = 128 };

/* The key of 'user_id', with the namespace. returns 'out' */
const char *timeline_key(const char *user_id, char out[TIMELINE_KEY_BYTES]);

/* Queue the write of 'count' tweets (1 to TIMELINE_CAP), and the trim to the newest TIMELINE_CAP. It is
 * done when kpk_redis_drain() has said so. */
int timeline_push(struct kpk_redis *redis, const char *user_id,
                  const char (*tweet_ids)[KPK_UUID_BYTES], size_t count,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* Up to 'limit' ids older than 'before' (NULL: the newest), newest first.
 * ids      out; room for 'limit'
 * floor    out; the oldest id if the timeline is full, so that older tweets may have been trimmed;
 *          else "": whatever was pushed is there
 * returns  the number of ids, or -1 with 'err' */
int timeline_read(struct kpk_redis *redis, const char *user_id, const char *before, int limit,
                  char (*ids)[KPK_UUID_BYTES], char floor[KPK_UUID_BYTES],
                  struct kpk_err *err) KPK_MUST_CHECK;

#endif
