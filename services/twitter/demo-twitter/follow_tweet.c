#include "common/clock.h"
#include "common/event.h"
#include "common/stop.h"
#include "common/tail.h"
#include "services/twitter/demo-twitter/demo.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 10, MORE = 30, ARRIVE_MS = 30000, PEEK_MS = 100 };

/* When one tweet was where, in microseconds after it was posted. */
struct journey {
    struct twitter_tweet tweet;
    int64_t answered, published, first, last;
    int32_t partition;
    int64_t offset;
};

/* --- one step each ----------------------------------------------------------------------- */

/* The record of this tweet in the topic: its ce_subject is the tweet's id. */
static int await_record(struct kpk_tail *tail, struct journey *journey, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + ARRIVE_MS;
    struct kpk_event event;
    struct kpk_err ignored;
    bool found = false;

    while (!found) {
        rd_kafka_message_t *msg;
        if (kpk_mono_ms() >= deadline || kpk_stopping())
            return kpk_fail(err, KPK_WAIT, "tweet %s is not in the topic after %d s",
                            journey->tweet.id, ARRIVE_MS / 1000);
        if (kpk_tail_next(tail, PEEK_MS, &msg, err)) return -1;
        if (!msg) continue;
        found = !kpk_event_decode(msg, &event, &ignored) && event.subject &&
                strcmp(event.subject, journey->tweet.id) == 0;
        journey->partition = msg->partition;
        journey->offset = msg->offset;
        rd_kafka_message_destroy(msg);
    }
    return 0;
}

/* Is it the newest tweet of this home timeline? returns  1 yes, 0 no, -1 with 'err' */
static int is_shown(struct demo *demo, const struct world_user *follower, const char *tweet_id,
                    struct kpk_err *err) {
    struct client_reply reply;
    char path[96];

    snprintf(path, sizeof(path), "/v1/users/%s/home_timeline?limit=1", follower->id);
    const struct client_call call = {CLIENT_TIMELINES, "GET", path, NULL, NULL};
    if (client_call(demo->world->client, &call, &reply, err)) return -1;
    const cJSON *tweets = cJSON_GetObjectItem(reply.body, "tweets");
    const char *newest =
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(tweets, 0), "id"));
    int shown = newest && strcmp(newest, tweet_id) == 0;
    cJSON_Delete(reply.body);
    return shown;
}

/* Read the followers' timelines round and round until the tweet is in all of them. */
static int await_timelines(struct demo *demo, struct journey *journey, int64_t begin,
                           struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + ARRIVE_MS;

    for (int next = 0; next < demo->followers;) {
        int shown =
            is_shown(demo, &demo->world->users[DEMO_AUTHORS + next], journey->tweet.id, err);
        if (shown < 0) return -1;
        if (!shown && (kpk_mono_ms() >= deadline || kpk_stopping()))
            return kpk_fail(err, KPK_WAIT, "tweet %s is in %d of %d timelines after %d s",
                            journey->tweet.id, next, demo->followers, ARRIVE_MS / 1000);
        if (!shown) continue;
        journey->last = kpk_mono_us() - begin;
        if (next++ == 0) journey->first = journey->last;
    }
    return 0;
}

static int travel(struct demo *demo, struct kpk_tail *tail, struct journey *journey,
                  struct kpk_err *err) {
    int64_t begin = kpk_mono_us();

    if (world_post(demo->world, 0, &journey->tweet, err)) return -1;
    journey->answered = kpk_mono_us() - begin;
    if (await_record(tail, journey, err)) return -1;
    journey->published = kpk_mono_us() - begin;
    return await_timelines(demo, journey, begin, err);
}

/* --- told -------------------------------------------------------------------------------- */

static double ms(int64_t us) { return (double)us / 1000; }

static void tell(const struct demo *demo, const struct journey *journey, const char *topic) {
    printf("  One tweet, from its post on:\n\n"
           "  %6.1f ms  201 Created: tweet and event are in PostgreSQL, in one transaction\n"
           "  %6.1f ms  topic %s, partition %" PRId32 ", offset %" PRId64
           ": the relay published it\n"
           "  %6.1f ms  the first home timeline shows it: a worker pushed it to Redis\n"
           "  %6.1f ms  the last of %d home timelines, read one by one over HTTP\n\n",
           ms(journey->answered), ms(journey->published), topic, journey->partition,
           journey->offset, ms(journey->first), ms(journey->last), demo->followers);
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int demo_follow_tweet(struct demo *demo, struct kpk_err *err) {
    char topic[KPK_NAME_BYTES];
    struct kpk_tail *tail = NULL;
    struct journey journey;
    int64_t last[MORE];
    int failed = -1;

    kpk_full_name(KPK_TOPIC_TWEETS, topic);
    if (kpk_tail_open(&tail, topic, true, err)) goto out;
    for (int i = 0; i < WARM_UP; i++) /* connections are made, plans are prepared */
        if (travel(demo, tail, &journey, err)) goto out;
    if (travel(demo, tail, &journey, err)) goto out;
    tell(demo, &journey, topic);
    for (int i = 0; i < MORE; i++) {
        if (travel(demo, tail, &journey, err)) goto out;
        last[i] = journey.last;
    }
    qsort(last, MORE, sizeof(*last), by_size);
    printf("  %d more: in the last timeline after %.1f ms in the median, %.1f ms at worst\n\n",
           MORE, ms(last[MORE / 2]), ms(last[MORE - 1]));
    failed = 0;
out:
    kpk_tail_close(tail);
    return failed;
}
