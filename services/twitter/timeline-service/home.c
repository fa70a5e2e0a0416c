/* A home timeline is read from two sides.
 *
 *   pushed  ids in Redis, written by fanout-worker; looked up in PostgreSQL, where authors that are
 *           no longer followed fall out
 *   pulled  straight from PostgreSQL: tweets with delivery 'pull' of the authors followed; and,
 *           where a full Redis timeline ends (its floor), all older ones, since they may have been
 *           trimmed to make room for authors that are no longer followed
 *
 * Both are ordered by id, which is the order of time, so a page is a merge. Its horizon: when
 * Redis had more ids than were read, nothing older than the last one read may be shown yet. */
#include "services/twitter/timeline-service/home.h"

#include "common/json.h"
#include "services/twitter/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWEST "ffffffff-ffff-ffff-ffff-ffffffffffff"
#define OLDEST "00000000-0000-0000-0000-000000000000"

/* Columns: id, author_id, handle, text, delivery */
static void append_tweets(const PGresult *rows, struct cursor *cursor, cJSON *tweets) {
    for (int row = 0; row < PQntuples(rows); row++) {
        const char *id = PQgetvalue(rows, row, 0);
        cJSON *tweet = cJSON_CreateObject();
        cJSON_AddStringToObject(tweet, "id", id);
        cJSON_AddStringToObject(tweet, "author_id", PQgetvalue(rows, row, 1));
        cJSON_AddStringToObject(tweet, "author_handle", PQgetvalue(rows, row, 2));
        cJSON_AddStringToObject(tweet, "text", PQgetvalue(rows, row, 3));
        kpk_json_add_int(tweet, "created_at", kpk_uuid7_ms(id));
        cJSON_AddStringToObject(tweet, "delivery", PQgetvalue(rows, row, 4));
        cJSON_AddItemToArray(tweets, tweet);
        snprintf(cursor->before, sizeof(cursor->before), "%s", id);
        cursor->served++;
    }
}

/* Tweets of the authors that $1 follows: those among $2 (pushed), and between $3 and $4 both
 * the pulled ones and everything older than $5 (the floor). The UNION drops what is in two of
 * them. */
static const struct kpk_pg_stmt home = {
    "home",
    "SELECT id, author_id, (SELECT handle FROM users WHERE users.id = author_id), text, "
    "delivery FROM ("
    "  SELECT t.* FROM tweets t JOIN follows f ON f.followee_id = t.author_id "
    "  WHERE f.follower_id = $1 AND t.id = ANY($2::uuid[]) "
    "UNION "
    "  SELECT t.* FROM follows f CROSS JOIN LATERAL ("
    "    SELECT * FROM tweets WHERE author_id = f.followee_id AND delivery = 'pull' "
    "    AND id < $3 AND id >= $4 ORDER BY id DESC LIMIT $6) t WHERE f.follower_id = $1 "
    "UNION "
    "  SELECT t.* FROM follows f CROSS JOIN LATERAL ("
    "    SELECT * FROM tweets WHERE author_id = f.followee_id "
    "    AND id < least($3::uuid, $5::uuid) AND id >= $4 ORDER BY id DESC LIMIT $6) t "
    "  WHERE f.follower_id = $1 AND $5::uuid > $4::uuid"
    ") visible ORDER BY id DESC LIMIT $6"};

/* One round: what one read of Redis allows to show.
 * returns  1 there may be more, 0 at the end, -1 with 'err' */
static int home_round(struct kpk_pg *pg, struct kpk_redis *redis, const char *user_id,
                      int limit, struct cursor *scan, struct cursor *cursor, cJSON *tweets,
                      struct kpk_err *err) {
    char ids[PAGE_MAX][KPK_UUID_BYTES], floor[KPK_UUID_BYTES], limit_text[16];
    const char *before = *scan->before ? scan->before : NULL, *horizon;
    int pushed = timeline_read(redis, user_id, before, limit, ids, floor, err), shown;
    char *array;
    PGresult *rows;

    if (pushed < 0) return -1;
    array = kpk_pg_array(*ids, KPK_UUID_BYTES, (size_t)pushed);
    if (!array) return kpk_fail(err, KPK_FATAL, "timeline: no memory");
    horizon = pushed == limit ? ids[pushed - 1] : OLDEST;
    snprintf(limit_text, sizeof(limit_text), "%d", limit);
    rows = kpk_pg_exec(pg, &home,
                       (const char *[]){user_id, array, before ? before : NEWEST, horizon,
                                        *floor ? floor : OLDEST, limit_text},
                       6, err);
    free(array);
    if (!rows) return -1;
    append_tweets(rows, cursor, tweets);
    shown = PQntuples(rows);
    PQclear(rows);
    snprintf(scan->before, sizeof(scan->before), "%s",
             shown == limit ? cursor->before : horizon);
    return shown == limit || pushed == limit;
}

int home_page(struct kpk_pg *pg, struct kpk_redis *redis, const char *user_id, int limit,
              struct cursor *cursor, cJSON *tweets, struct kpk_err *err) {
    struct cursor scan = *cursor;
    int target = cursor->served + limit, more = 1;

    if (target > TIMELINE_CAP) target = TIMELINE_CAP;
    while (more > 0 && cursor->served < target)
        more =
            home_round(pg, redis, user_id, target - cursor->served, &scan, cursor, tweets, err);
    if (more <= 0) return more;
    return cursor->served < TIMELINE_CAP;
}

int user_page(struct kpk_pg *pg, const char *user_id, int limit, struct cursor *cursor,
              cJSON *tweets, struct kpk_err *err) {
    static const struct kpk_pg_stmt wrote = {
        "user_tweets", "SELECT t.id, author_id, handle, text, delivery FROM tweets t JOIN "
                       "users u ON u.id = author_id "
                       "WHERE author_id = $1 AND t.id < $2 ORDER BY t.id DESC LIMIT $3"};
    char limit_text[16];
    PGresult *rows;
    int shown;

    snprintf(limit_text, sizeof(limit_text), "%d", limit);
    rows = kpk_pg_exec(
        pg, &wrote,
        (const char *[]){user_id, *cursor->before ? cursor->before : NEWEST, limit_text}, 3,
        err);
    if (!rows) return -1;
    append_tweets(rows, cursor, tweets);
    cursor->served = 0; /* it counts toward the end of a home timeline; this one has none */
    shown = PQntuples(rows);
    PQclear(rows);
    return shown == limit;
}
