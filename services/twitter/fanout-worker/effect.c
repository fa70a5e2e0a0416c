#include "services/twitter/fanout-worker/effect.h"

#include "common/metrics.h"
#include "common/pg.h"
#include "common/redis.h"
#include "services/twitter/database.h"
#include "services/twitter/events.h"
#include "services/twitter/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kpk_metric writes = {
    .name = "kpk_timeline_writes_total",
    .help = "Entries written to home timelines, repeated ones included",
};

/* What a batch of events asks for, and the stores that it is done in. */
struct push {
    struct kpk_pg *pg;
    struct kpk_redis *redis;
    size_t tweets, follows;
    char (*tweet_ids)[KPK_UUID_BYTES]; /* tweets to push ... */
    char (*author_ids)[TWITTER_ID_BYTES];
    char (*follower_ids)[TWITTER_ID_BYTES]; /* timelines to fill ... */
    char (*followee_ids)[TWITTER_ID_BYTES]; /* ... with these authors' tweets */
    /* The rows of one timeline that follow each other are one command. */
    char owner_id[TWITTER_ID_BYTES];
    char entries[TIMELINE_CAP][KPK_UUID_BYTES];
    size_t count;
};

static void push_close(void *ctx) {
    struct push *push = ctx;

    if (!push) return;
    free(push->tweet_ids);
    free(push->author_ids);
    free(push->follower_ids);
    free(push->followee_ids);
    kpk_pg_close(push->pg);
    kpk_redis_close(push->redis);
    free(push);
}

static int push_open(void **ctx, int batch, struct kpk_err *err) {
    struct push *push = calloc(1, sizeof(*push));
    size_t room = (size_t)batch;

    *ctx = NULL;
    if (!push) return kpk_fail(err, KPK_FATAL, "fanout: no memory");
    push->tweet_ids = calloc(room, sizeof(*push->tweet_ids));
    push->author_ids = calloc(room, sizeof(*push->author_ids));
    push->follower_ids = calloc(room, sizeof(*push->follower_ids));
    push->followee_ids = calloc(room, sizeof(*push->followee_ids));
    if (!push->tweet_ids || !push->author_ids || !push->follower_ids || !push->followee_ids) {
        kpk_fail(err, KPK_FATAL, "fanout: no memory");
        goto fail;
    }
    if (twitter_database_open(&push->pg, err) || kpk_redis_open(&push->redis, err)) goto fail;
    *ctx = push;
    return 0;
fail:
    push_close(push);
    return -1;
}

/* --- what a batch asks for --------------------------------------------------------------- */

static void push_begin(void *ctx) {
    struct push *push = ctx;

    push->tweets = push->follows = 0;
}

static int add_tweet(struct push *push, const struct kpk_event *event, struct kpk_err *err) {
    struct twitter_tweet tweet;

    if (twitter_tweet_decode(event, &tweet, err)) return -1;
    if (tweet.delivery == TWITTER_PULL) return 0;
    strcpy(push->tweet_ids[push->tweets], tweet.id);
    strcpy(push->author_ids[push->tweets], tweet.author_id);
    push->tweets++;
    return 0;
}

static int add_follow(struct push *push, const struct kpk_event *event, struct kpk_err *err) {
    struct twitter_follow follow;

    if (twitter_follow_decode(event, &follow, err)) return -1;
    strcpy(push->follower_ids[push->follows], follow.follower_id);
    strcpy(push->followee_ids[push->follows], follow.followee_id);
    push->follows++;
    return 0;
}

static int push_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct push *push = ctx;

    if (strcmp(event->type, TWITTER_TWEET_CREATED) == 0) return add_tweet(push, event, err);
    if (strcmp(event->type, TWITTER_USER_FOLLOWED) == 0) return add_follow(push, event, err);
    return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
}

/* --- doing it ---------------------------------------------------------------------------- */

static int write_timeline(struct push *push, struct kpk_err *err) {
    size_t count = push->count;

    push->count = 0;
    if (count == 0) return 0;
    kpk_metric_add(&writes, (int64_t)count);
    return timeline_push(push->redis, push->owner_id,
                         (const char(*)[KPK_UUID_BYTES])push->entries, count, err);
}

/* Columns: timeline's owner, tweet */
static int push_row(const PGresult *result, void *arg, struct kpk_err *err) {
    const char *owner_id = PQgetvalue(result, 0, 0);
    struct push *push = arg;

    if (push->count == TIMELINE_CAP || strcmp(push->owner_id, owner_id) != 0)
        if (write_timeline(push, err)) return -1;
    snprintf(push->owner_id, sizeof(push->owner_id), "%s", owner_id);
    snprintf(push->entries[push->count++], KPK_UUID_BYTES, "%s", PQgetvalue(result, 0, 1));
    return 0;
}

/* 'stmt' takes two arrays, of as many ids each, and yields the rows to write. */
static int push_rows(struct push *push, const struct kpk_pg_stmt *stmt, char *a, char *b,
                     struct kpk_err *err) {
    const char *params[] = {a, b};
    int failed = a && b ? kpk_pg_each(push->pg, stmt, params, 2, push_row, push, err)
                        : kpk_fail(err, KPK_FATAL, "fanout: no memory");

    if (!failed) failed = write_timeline(push, err);
    push->count = 0; /* of a try that failed */
    free(a);
    free(b);
    return failed;
}

static int push_apply(void *ctx, struct kpk_err *err) {
    struct push *push = ctx;
    static const struct kpk_pg_stmt followers = {
        "followers", "SELECT f.follower_id, t.tweet_id "
                     "FROM unnest($1::uuid[], $2::bigint[]) AS t(tweet_id, author_id) "
                     "JOIN follows f ON f.followee_id = t.author_id ORDER BY f.follower_id"};
    /* Only while the follow still stands, and only what is pushed: the rest is pulled. */
    static const struct kpk_pg_stmt fills = {
        "fills", "SELECT f.follower_id, t.id "
                 "FROM unnest($1::bigint[], $2::bigint[]) AS new(follower_id, followee_id) "
                 "JOIN follows f USING (follower_id, followee_id) "
                 "CROSS JOIN LATERAL (SELECT id FROM tweets WHERE author_id = f.followee_id "
                 "    AND delivery = 'push' ORDER BY id DESC LIMIT 800) AS t"};
    _Static_assert(TIMELINE_CAP == 800, "the limit of 'fills'");

    if (push->tweets &&
        push_rows(push, &followers,
                  kpk_pg_array(*push->tweet_ids, KPK_UUID_BYTES, push->tweets),
                  kpk_pg_array(*push->author_ids, TWITTER_ID_BYTES, push->tweets), err))
        return -1;
    if (push->follows &&
        push_rows(push, &fills,
                  kpk_pg_array(*push->follower_ids, TWITTER_ID_BYTES, push->follows),
                  kpk_pg_array(*push->followee_ids, TWITTER_ID_BYTES, push->follows), err))
        return -1;
    return kpk_redis_drain(push->redis, err);
}

const struct kpk_fanout_effect push_to_timelines = {
    .open = push_open,
    .close = push_close,
    .begin = push_begin,
    .note = push_note,
    .apply = push_apply,
};
