#include "services/twitter/analytics-worker/effect.h"

#include "common/metrics.h"
#include "services/twitter/events.h"
#include "services/twitter/warehouse.h"

#include <stdlib.h>
#include <string.h>

#define HELP "Tweets given to the warehouse, by what became of them"
static struct kpk_metric stored = {
    .name = "kpk_warehouse_tweets_total", .help = HELP, .labels = "outcome=\"stored\""};
static struct kpk_metric repeated = {
    .name = "kpk_warehouse_tweets_total", .help = HELP, .labels = "outcome=\"repeated\""};

struct loader {
    struct kpk_pg *pg;
    struct twitter_tweet *tweets; /* of the batch */
    size_t count;
};

static void loader_close(void *ctx) {
    struct loader *loader = ctx;

    if (!loader) return;
    kpk_pg_close(loader->pg);
    free(loader->tweets);
    free(loader);
}

static int loader_open(void **ctx, int batch, struct kpk_err *err) {
    struct loader *loader = calloc(1, sizeof(*loader));

    *ctx = NULL;
    if (!loader) return kpk_fail(err, KPK_FATAL, "analytics: no memory");
    loader->tweets = calloc((size_t)batch, sizeof(*loader->tweets));
    if (!loader->tweets) {
        kpk_fail(err, KPK_FATAL, "analytics: no memory");
        goto fail;
    }
    if (warehouse_open(&loader->pg, err)) goto fail;
    *ctx = loader;
    return 0;
fail:
    loader_close(loader);
    return -1;
}

static void loader_begin(void *ctx) { ((struct loader *)ctx)->count = 0; }

static int loader_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct loader *loader = ctx;
    struct twitter_tweet *tweet = &loader->tweets[loader->count];

    if (strcmp(event->type, TWITTER_TWEET_CREATED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is none that analytics know",
                        event->type);
    if (twitter_tweet_decode(event, tweet, err) || warehouse_takes(tweet, err)) return -1;
    loader->count++;
    return 0;
}

static int loader_apply(void *ctx, struct kpk_err *err) {
    struct loader *loader = ctx;
    size_t fresh;

    if (warehouse_store(loader->pg, loader->tweets, loader->count, &fresh, err)) return -1;
    kpk_metric_add(&stored, (int64_t)fresh);
    kpk_metric_add(&repeated, (int64_t)(loader->count - fresh));
    return 0;
}

const struct kpk_fanout_effect store_facts = {
    .open = loader_open,
    .close = loader_close,
    .begin = loader_begin,
    .note = loader_note,
    .apply = loader_apply,
};
