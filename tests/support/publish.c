#include "tests/support/publish.h"

#include "common/event.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 30000 };

static const int64_t year_10000_ms = 253402300800000; /* which RFC 3339 cannot say */

static struct kpk_err error, *err = &error;

struct twitter_tweet publish_make(const char *author_id, const char *text) {
    struct twitter_tweet tweet = {.delivery = TWITTER_PULL};

    kpk_uuid7(tweet.id);
    snprintf(tweet.author_id, sizeof(tweet.author_id), "%s", author_id);
    snprintf(tweet.text, sizeof(tweet.text), "%s", text);
    tweet.created_at = kpk_uuid7_ms(tweet.id);
    return tweet;
}

struct kpk_producer *publish_open(void) {
    struct kpk_producer *producer;

    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    return producer;
}

void publish_tweet(struct kpk_producer *producer, const struct twitter_tweet *tweet,
                   const char *key, const char *traceparent) {
    char topic[KPK_NAME_BYTES], id[KPK_UUID_BYTES], *json = twitter_tweet_encode(tweet);
    struct kpk_event event = {.id = id,
                              .source = "/stranger",
                              .type = TWITTER_TWEET_CREATED,
                              .subject = tweet->id,
                              .traceparent = traceparent,
                              .time_ms = tweet->created_at % year_10000_ms,
                              .key = key ? key : tweet->author_id,
                              .data = json};

    assert_non_null(json);
    kpk_uuid5(tweet->id, TWITTER_TWEET_CREATED, id);
    event.key_len = strlen(event.key);
    event.len = strlen(json);
    kpk_full_name(KPK_TOPIC_TWEETS, topic);
    assert_ok(kpk_event_send(producer, topic, &event, err), err);
    free(json);
}

void publish_close(struct kpk_producer *producer) {
    assert_ok(kpk_producer_wait(producer, WAIT_MS, err), err);
    kpk_producer_close(producer);
}
