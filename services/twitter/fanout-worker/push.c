#include "services/twitter/fanout-worker/push.h"

#include "common/metrics.h"
#include "services/twitter/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kpk_metric writes = {
    .name = "kpk_timeline_writes_total",
    .help = "Entries written to home timelines, repeated ones included",
};

int push_work_init(struct push_work *work, size_t capacity, struct kpk_err *err) {
    *work = (struct push_work){
        .capacity = capacity,
        .tweet_ids = calloc(capacity, sizeof(*work->tweet_ids)),
        .author_ids = calloc(capacity, sizeof(*work->author_ids)),
        .follower_ids = calloc(capacity, sizeof(*work->follower_ids)),
        .followee_ids = calloc(capacity, sizeof(*work->followee_ids)),
    };
    if (work->tweet_ids && work->author_ids && work->follower_ids && work->followee_ids)
        return 0;
    push_work_free(work);
    return kpk_fail(err, KPK_FATAL, "fanout: no memory");
}

void push_work_free(struct push_work *work) {
    free(work->tweet_ids);
    free(work->author_ids);
    free(work->follower_ids);
    free(work->followee_ids);
    *work = (struct push_work){0};
}

static int add_tweet(struct push_work *work, const struct kpk_event *event,
                     struct kpk_err *err) {
    struct twitter_tweet tweet;

    if (twitter_tweet_decode(event, &tweet, err)) return -1;
    if (tweet.delivery == TWITTER_PULL) return 0;
    strcpy(work->tweet_ids[work->tweets], tweet.id);
    strcpy(work->author_ids[work->tweets], tweet.author_id);
    work->tweets++;
    return 0;
}

static int add_follow(struct push_work *work, const struct kpk_event *event,
                      struct kpk_err *err) {
    struct twitter_follow follow;

    if (twitter_follow_decode(event, &follow, err)) return -1;
    strcpy(work->follower_ids[work->follows], follow.follower_id);
    strcpy(work->followee_ids[work->follows], follow.followee_id);
    work->follows++;
    return 0;
}

int push_work_add(struct push_work *work, const struct kpk_event *event, struct kpk_err *err) {
    if (strcmp(event->type, TWITTER_TWEET_CREATED) == 0) return add_tweet(work, event, err);
    if (strcmp(event->type, TWITTER_USER_FOLLOWED) == 0) return add_follow(work, event, err);
    return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
}

/* Columns: timeline's owner, tweet */
static int push_row(const PGresult *result, void *arg, struct kpk_err *err) {
    kpk_metric_add(&writes, 1);
    return timeline_push(arg, PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), err);
}

/* 'stmt' takes two arrays, of 'count' ids each, and yields the rows to write. */
static int push_rows(const struct kpk_pg_stmt *stmt, char *a, char *b, struct kpk_pg *pg,
                     struct kpk_redis *redis, struct kpk_err *err) {
    const char *params[] = {a, b};
    int failed = a && b ? kpk_pg_each(pg, stmt, params, 2, push_row, redis, err)
                        : kpk_fail(err, KPK_FATAL, "fanout: no memory");

    free(a);
    free(b);
    return failed;
}

int push_to_timelines(const struct push_work *work, struct kpk_pg *pg, struct kpk_redis *redis,
                      struct kpk_err *err) {
    static const struct kpk_pg_stmt followers = {
        "followers", "SELECT f.follower_id, t.tweet_id "
                     "FROM unnest($1::uuid[], $2::bigint[]) AS t(tweet_id, author_id) "
                     "JOIN follows f ON f.followee_id = t.author_id"};
    /* Only while the follow still stands, and only what is pushed: the rest is pulled. */
    static const struct kpk_pg_stmt fills = {
        "fills", "SELECT f.follower_id, t.id "
                 "FROM unnest($1::bigint[], $2::bigint[]) AS new(follower_id, followee_id) "
                 "JOIN follows f USING (follower_id, followee_id) "
                 "CROSS JOIN LATERAL (SELECT id FROM tweets WHERE author_id = f.followee_id "
                 "    AND delivery = 'push' ORDER BY id DESC LIMIT 800) AS t"};
    _Static_assert(TIMELINE_CAP == 800, "the limit of 'fills'");

    if (work->tweets &&
        push_rows(&followers, kpk_pg_array(*work->tweet_ids, KPK_UUID_BYTES, work->tweets),
                  kpk_pg_array(*work->author_ids, TWITTER_ID_BYTES, work->tweets), pg, redis,
                  err))
        return -1;
    if (work->follows &&
        push_rows(&fills, kpk_pg_array(*work->follower_ids, TWITTER_ID_BYTES, work->follows),
                  kpk_pg_array(*work->followee_ids, TWITTER_ID_BYTES, work->follows), pg, redis,
                  err))
        return -1;
    return kpk_redis_drain(redis, err);
}
