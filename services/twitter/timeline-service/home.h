/* Reading timelines: pushed tweets from Redis, pulled ones from PostgreSQL, merged. */
#ifndef KPK_SERVICES_TWITTER_TIMELINE_SERVICE_HOME_H
#define KPK_SERVICES_TWITTER_TIMELINE_SERVICE_HOME_H

#include "common/err.h"
#include "common/pg.h"
#include "common/redis.h"
#include "common/uuid.h"

#include <cjson/cJSON.h>

enum { PAGE_MAX = 100 };

/* A place in a timeline: after 'served' tweets, the last of which was 'before'. */
struct cursor {
    char before[KPK_UUID_BYTES]; /* "": the beginning */
    int served;
};

/* "<id>.<served>", as next_cursor hands it out. returns 0, or -1: not a cursor */
int cursor_parse(const char *text, struct cursor *cursor) KPK_MUST_CHECK;

/* A page of 'user_id's home timeline: up to 'limit' tweets of the authors that the user follows
 * now, newest first, ending after the newest TIMELINE_CAP.
 * tweets   an array to append to
 * cursor   where to begin; moved on by what was appended
 * returns  1 when there may be more, 0 at the end, -1 with 'err' */
int home_page(struct kpk_pg *pg, struct kpk_redis *redis, const char *user_id, int limit,
              struct cursor *cursor, cJSON *tweets, struct kpk_err *err) KPK_MUST_CHECK;

/* The same for the tweets that 'user_id' wrote, without an end. */
int user_page(struct kpk_pg *pg, const char *user_id, int limit, struct cursor *cursor,
              cJSON *tweets, struct kpk_err *err) KPK_MUST_CHECK;

#endif
