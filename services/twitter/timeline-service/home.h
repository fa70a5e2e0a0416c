/* Reading timelines: pushed tweets from Redis, pulled ones from PostgreSQL, merged. */
#ifndef KPK_SERVICES_TWITTER_TIMELINE_SERVICE_HOME_H
#define KPK_SERVICES_TWITTER_TIMELINE_SERVICE_HOME_H

#include "common/err.h"
#include "common/pg.h"
#include "common/redis.h"
#include "services/twitter/timeline-service/page.h"

#include <cjson/cJSON.h>

/* A page of 'user_id's home timeline: up to 'limit' tweets of the authors that the user follows
 * now, newest first, ending after the newest TIMELINE_CAP.
 * tweets   an array to append to
 * cursor   where to begin; moved on by what was appended
 * returns  1 when there may be more, 0 at the end, -1 with 'err' */
int home_page(struct kpk_pg *pg, struct kpk_redis *redis, const char *user_id, int limit,
              struct cursor *cursor, cJSON *tweets, struct kpk_err *err) KPK_MUST_CHECK;

/* The same for the tweets that 'user_id' wrote, however many. */
int user_page(struct kpk_pg *pg, const char *user_id, int limit, struct cursor *cursor,
              cJSON *tweets, struct kpk_err *err) KPK_MUST_CHECK;

#endif
