/* Trending hashtags: how many tweets used a tag, per minute of the tweets' own time.
 *
 *   counted_tweets  ids that are counted already     both are written in one statement, so in one
 *   tag_counts      minute, tag -> tweets            transaction: a tweet counts once or not yet
 *
 * PostgreSQL and not Redis, since there "was this id seen?" and "add one" are one transaction that
 * kill -9 cannot cut in two, whatever the size of a batch. (In Redis it would take a script, and a
 * key per tweet to expire.) A schema of its own: drop it, read the topic again, and it is back.
 *
 * A window is whole minutes up to and with the one that runs, by the clock of the database: one
 * clock for all members, readers and the pruning. */
#ifndef KPK_SERVICES_TWITTER_TRENDING_H
#define KPK_SERVICES_TWITTER_TRENDING_H

#include "common/err.h"
#include "common/pg.h"
#include "common/uuid.h"
#include "services/twitter/hashtags.h"

#include <stddef.h>
#include <stdint.h>

enum { TRENDING_WINDOW_MAX = 24 * 60 /* minutes */, TRENDING_LIMIT_MAX = 100 };

/* "trending", or "ci_trending" with KPK_NAMESPACE=ci. A connection to it; connects when used. */
int trending_open(struct kpk_pg **pg, struct kpk_err *err) KPK_MUST_CHECK;
/* Create the tables if need be: trending-worker does. */
int trending_migrate(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;
/* For /readyz: 0 when the tables answer */
int trending_check(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* --- writing ----------------------------------------------------------------------------- */

/* One tag of one tweet. */
struct trending_use {
    char tweet_id[KPK_UUID_BYTES];
    char minute[24]; /* since the epoch, in decimal */
    char tag[HASHTAG_BYTES];
};

/* What became of the tweets, by their number. */
struct trending_result {
    int64_t counted, repeated; /* new; counted before */
    int64_t old, ahead; /* skipped: before the longest window; over ten minutes too early */
};

/* Count 'uses'; the same tweets may come again, all or some of them, from several connections at
 * once: each counts once. Rows are locked in the order of their keys, so nobody deadlocks.
 * returns  0: it is durable; -1 with 'err' as kpk_pg_exec() */
int trending_count(struct kpk_pg *pg, const struct trending_use *uses, size_t count,
                   struct trending_result *result, struct kpk_err *err) KPK_MUST_CHECK;

/* Delete what no window reaches any more. Rows that somebody else holds are left for the next time:
 * it waits for nobody. Call now and then, outside a transaction. */
int trending_prune(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* --- reading ----------------------------------------------------------------------------- */

struct trending_window {
    int64_t from_ms, until_ms; /* the tweets' times it covers: from <= time < until */
};

typedef void (*trending_tag_fn)(const char *tag, int64_t tweets, void *ctx);

/* The 'limit' tags that the most tweets used in the last 'minutes' (1 to TRENDING_WINDOW_MAX), the
 * most used first, equals by the bytes of the tag. */
int trending_top(struct kpk_pg *pg, int minutes, int limit, struct trending_window *window,
                 trending_tag_fn on_tag, void *ctx, struct kpk_err *err) KPK_MUST_CHECK;

/* How many tweets used 'tag', as hashtag_read() has it. */
int trending_tweets(struct kpk_pg *pg, const char *tag, int minutes,
                    struct trending_window *window, int64_t *tweets,
                    struct kpk_err *err) KPK_MUST_CHECK;

#endif
