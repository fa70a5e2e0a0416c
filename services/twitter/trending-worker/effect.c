#include "services/twitter/trending-worker/effect.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/metrics.h"
#include "services/twitter/events.h"
#include "services/twitter/trending.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRUNE_MS = 60 * 1000 };

#define HELP "Tweets with hashtags, by what became of them"
static struct kpk_metric counted = {
    .name = "kpk_trending_tweets_total", .help = HELP, .labels = "outcome=\"counted\""};
static struct kpk_metric repeated = {
    .name = "kpk_trending_tweets_total", .help = HELP, .labels = "outcome=\"repeated\""};
static struct kpk_metric old = {
    .name = "kpk_trending_tweets_total", .help = HELP, .labels = "outcome=\"too old\""};
static struct kpk_metric ahead = {
    .name = "kpk_trending_tweets_total", .help = HELP, .labels = "outcome=\"too early\""};

struct counter {
    struct kpk_pg *pg;
    struct trending_use *uses; /* of the batch */
    size_t count;
    int64_t prune_at_ms; /* of the monotonic clock */
};

static void counter_close(void *ctx) {
    struct counter *counter = ctx;

    if (!counter) return;
    kpk_pg_close(counter->pg);
    free(counter->uses);
    free(counter);
}

static int counter_open(void **ctx, int batch, struct kpk_err *err) {
    struct counter *counter = calloc(1, sizeof(*counter));

    *ctx = NULL;
    if (!counter) return kpk_fail(err, KPK_FATAL, "trending: no memory");
    counter->uses = calloc((size_t)batch * HASHTAGS_MOST, sizeof(*counter->uses));
    if (!counter->uses) {
        kpk_fail(err, KPK_FATAL, "trending: no memory");
        goto fail;
    }
    if (hashtags_init(err) || trending_open(&counter->pg, err)) goto fail;
    *ctx = counter;
    return 0;
fail:
    counter_close(counter);
    return -1;
}

static void counter_begin(void *ctx) { ((struct counter *)ctx)->count = 0; }

static int counter_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    char tags[HASHTAGS_MOST][HASHTAG_BYTES];
    struct counter *counter = ctx;
    struct twitter_tweet tweet;
    size_t count;

    if (strcmp(event->type, TWITTER_TWEET_CREATED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is none that trending-workers know",
                        event->type);
    if (twitter_tweet_decode(event, &tweet, err)) return -1;
    count = hashtags_find(tweet.text, tags);
    for (size_t i = 0; i < count; i++) {
        struct trending_use *use = &counter->uses[counter->count++];
        strcpy(use->tweet_id, tweet.id);
        snprintf(use->minute, sizeof(use->minute), "%" PRId64, kpk_uuid7_ms(tweet.id) / 60000);
        strcpy(use->tag, tags[i]);
    }
    return 0;
}

static int counter_apply(void *ctx, struct kpk_err *err) {
    struct counter *counter = ctx;
    struct trending_result result;

    if (counter->count > 0) {
        if (trending_count(counter->pg, counter->uses, counter->count, &result, err)) return -1;
        kpk_metric_add(&counted, result.counted);
        kpk_metric_add(&repeated, result.repeated);
        kpk_metric_add(&old, result.old);
        kpk_metric_add(&ahead, result.ahead);
        if (kpk_fault("trending:after-count", err)) return -1;
    }
    if (kpk_mono_ms() < counter->prune_at_ms) return 0;
    if (trending_prune(counter->pg, err)) return -1;
    counter->prune_at_ms = kpk_mono_ms() + PRUNE_MS;
    return 0;
}

const struct kpk_fanout_effect count_hashtags = {
    .open = counter_open,
    .close = counter_close,
    .begin = counter_begin,
    .note = counter_note,
    .apply = counter_apply,
};
