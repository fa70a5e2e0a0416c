#include "tests/support/tweets.h"

#include "tests/support/offsets.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 60000 };

static struct kpk_err error, *err = &error;

void tweet_make(struct twitter_tweet *tweet, int64_t ms, const char *text) {
    char time[16];

    *tweet = (struct twitter_tweet){
        .author_id = "9000000000000000001", .created_at = ms, .followers = 7};
    kpk_uuid7(tweet->id);
    /* The same id, but for its 48 bits of milliseconds. */
    snprintf(time, sizeof(time), "%08" PRIx64 "-%04" PRIx64, ms >> 16 & 0xffffffff,
             ms & 0xffff);
    memcpy(tweet->id, time, strlen(time));
    snprintf(tweet->text, sizeof(tweet->text), "%s", text);
}

struct kpk_producer *tweets_open(void) {
    struct kpk_producer *producer;

    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    return producer;
}

void tweets_send(struct kpk_producer *producer, const struct twitter_tweet *tweet,
                 const char *event_id, const char *key) {
    char topic[KPK_NAME_BYTES], new_id[KPK_UUID_BYTES];
    char *json = twitter_tweet_encode(tweet);

    assert_non_null(json);
    kpk_uuid7(new_id);
    if (!key) key = tweet->author_id;
    assert_ok(kpk_event_send(producer, kpk_full_name(KPK_TOPIC_TWEETS, topic),
                             &(struct kpk_event){.id = event_id ? event_id : new_id,
                                                 .source = TWITTER_SOURCE,
                                                 .type = TWITTER_TWEET_CREATED,
                                                 .subject = tweet->id,
                                                 .time_ms = tweet->created_at,
                                                 .key = key,
                                                 .key_len = strlen(key),
                                                 .data = json,
                                                 .len = strlen(json)},
                             err),
              err);
    free(json);
}

void tweets_await(struct kpk_producer *producer, const char *base_group) {
    char topic[KPK_NAME_BYTES], group[KPK_NAME_BYTES];

    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    offsets_await_all(kpk_full_name(base_group, group), kpk_full_name(KPK_TOPIC_TWEETS, topic),
                      ARRIVE_MS);
}
