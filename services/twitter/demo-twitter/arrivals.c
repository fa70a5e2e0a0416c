#include "services/twitter/demo-twitter/arrivals.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/stop.h"
#include "common/tail.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 30000, PAUSE_MS = 1, DAY_MINUTES = 24 * 60, SUMMED_MOST = 256 };

struct arrivals {
    struct world *world;
    int first, count; /* whose timelines */
    struct kpk_tail *tweets, *mentions;
    int shown;      /* so many timelines show it */
    char query[64]; /* that finds this tweet and no other */
};

int arrivals_open(struct arrivals **out, struct world *world, int first, int count,
                  struct kpk_err *err) {
    struct arrivals *arrivals = calloc(1, sizeof(*arrivals));
    char topic[KPK_NAME_BYTES];

    *out = NULL;
    if (!arrivals) return kpk_fail(err, KPK_FATAL, "arrivals: no memory");
    arrivals->world = world;
    arrivals->first = first;
    arrivals->count = count;
    if (kpk_tail_open(&arrivals->tweets, kpk_full_name(KPK_TOPIC_TWEETS, topic), true, err))
        goto fail;
    if (kpk_tail_open(&arrivals->mentions,
                      kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic), true, err))
        goto fail;
    *out = arrivals;
    return 0;
fail:
    arrivals_close(arrivals);
    return -1;
}

void arrivals_close(struct arrivals *arrivals) {
    if (!arrivals) return;
    kpk_tail_close(arrivals->tweets);
    kpk_tail_close(arrivals->mentions);
    free(arrivals);
}

/* --- is it there? returns  1 yes, 0 not yet, -1 with 'err' --------------------------------- */

/* The first of the records that have come whose event 'is_it'. */
static int take_record(struct kpk_tail *tail, struct arrival *arrival,
                       bool (*is_it)(const struct kpk_event *event,
                                     const struct arrival *arrival),
                       struct kpk_err *err) {
    struct kpk_event event;
    struct kpk_err ignored;
    rd_kafka_message_t *msg;

    for (;;) {
        if (kpk_tail_next(tail, 0, &msg, err)) return -1;
        if (!msg) return 0;
        bool found = !kpk_event_decode(msg, &event, &ignored) && is_it(&event, arrival);
        if (found && event.subject && strcmp(event.subject, arrival->tweet.id) == 0) {
            arrival->partition = msg->partition;
            arrival->offset = msg->offset;
        }
        rd_kafka_message_destroy(msg);
        if (found) return 1;
    }
}

static bool is_tweet(const struct kpk_event *event, const struct arrival *arrival) {
    return event->subject && strcmp(event->subject, arrival->tweet.id) == 0;
}

static int ask_topic(struct arrivals *arrivals, struct arrival *arrival, struct kpk_err *err) {
    return take_record(arrivals->tweets, arrival, is_tweet, err);
}

static bool is_mention(const struct kpk_event *event, const struct arrival *arrival) {
    struct twitter_mention mention;
    struct kpk_err ignored;

    return !twitter_mention_decode(event, &mention, &ignored) &&
           strcmp(mention.tweet_id, arrival->tweet.id) == 0;
}

static int ask_mentions(struct arrivals *arrivals, struct arrival *arrival,
                        struct kpk_err *err) {
    return take_record(arrivals->mentions, arrival, is_mention, err);
}

/* Is it the newest tweet of this home timeline? */
static int is_shown(struct arrivals *arrivals, int follower, const char *tweet_id,
                    struct kpk_err *err) {
    struct client_reply reply;
    char path[96];

    snprintf(path, sizeof(path), "/v1/users/%s/home_timeline?limit=1",
             arrivals->world->users[follower].id);
    const struct client_call call = {CLIENT_TIMELINES, "GET", path, NULL, NULL};
    if (client_call(arrivals->world->client, &call, &reply, err)) return -1;
    const cJSON *tweets = cJSON_GetObjectItem(reply.body, "tweets");
    const char *newest =
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(tweets, 0), "id"));
    int shown = newest && strcmp(newest, tweet_id) == 0;
    cJSON_Delete(reply.body);
    return shown;
}

static int ask_first_timeline(struct arrivals *arrivals, struct arrival *arrival,
                              struct kpk_err *err) {
    arrivals->shown = is_shown(arrivals, arrivals->first, arrival->tweet.id, err);
    return arrivals->shown;
}

/* One by one, from where the last round ended; once the first one shows it. */
static int ask_timelines(struct arrivals *arrivals, struct arrival *arrival,
                         struct kpk_err *err) {
    if (arrivals->shown == 0) return 0;
    while (arrivals->shown < arrivals->count) {
        int shown =
            is_shown(arrivals, arrivals->first + arrivals->shown, arrival->tweet.id, err);
        if (shown <= 0) return shown;
        arrivals->shown++;
    }
    return 1;
}

struct found {
    const char *tweet_id;
    int found;
};

static void look(const struct twitter_tweet *tweet, void *ctx) {
    struct found *found = ctx;

    if (strcmp(tweet->id, found->tweet_id) == 0) found->found = 1;
}

int arrivals_found(struct arrivals *arrivals, struct arrival *arrival, struct kpk_err *err) {
    struct found found = {arrival->tweet.id, 0};

    if (client_search(arrivals->world->client, arrivals->query, 10, look, &found, err))
        return -1;
    return found.found;
}

/* The world's own hashtag is counted as often as it was posted. */
static int ask_trending(struct arrivals *arrivals, struct arrival *arrival,
                        struct kpk_err *err) {
    struct world *world = arrivals->world;
    int64_t counted;

    (void)arrival;
    if (client_count_tag(world->client, world->tag, DAY_MINUTES, &counted, err)) return -1;
    return counted >= world->tagged;
}

static int ask_warehouse(struct arrivals *arrivals, struct arrival *arrival,
                         struct kpk_err *err) {
    static const struct kpk_pg_stmt fact = {
        "fact", "SELECT FROM tweet_facts WHERE tweet_id = $1 "
                "AND day = (to_timestamp($2::bigint / 1000.0) AT TIME ZONE 'UTC')::date"};
    char ms[24];

    snprintf(ms, sizeof(ms), "%" PRId64, arrival->tweet.created_at);
    PGresult *rows = kpk_pg_exec(arrivals->world->warehouse, &fact,
                                 (const char *[]){arrival->tweet.id, ms}, 2, err);
    if (!rows) return -1;
    int found = PQntuples(rows) > 0;
    PQclear(rows);
    return found;
}

static const struct {
    const char *name;
    int (*ask)(struct arrivals *arrivals, struct arrival *arrival, struct kpk_err *err);
} places[PLACES] = {
    [PLACE_TOPIC] = {"the topic", ask_topic},
    [PLACE_FIRST_TIMELINE] = {"the first timeline", ask_first_timeline},
    [PLACE_LAST_TIMELINE] = {"the last timeline", ask_timelines},
    [PLACE_SEARCH] = {"search", arrivals_found},
    [PLACE_MENTIONS] = {"notifications", ask_mentions},
    [PLACE_TRENDING] = {"the trends", ask_trending},
    [PLACE_WAREHOUSE] = {"the warehouse", ask_warehouse},
};

/* --- round and round --------------------------------------------------------------------- */

/* Ask every place in 'missing', and take out of it those that have the tweet. */
static int go_round(struct arrivals *arrivals, unsigned *missing, int64_t begin_us,
                    struct arrival *arrival, struct kpk_err *err) {
    int64_t round_us = kpk_mono_us();

    for (int place = 0; place < PLACES; place++) {
        if (!(*missing & 1U << place)) continue;
        int there = places[place].ask(arrivals, arrival, err);
        if (there < 0) return -1;
        if (!there) continue;
        arrival->after_us[place] = kpk_mono_us() - begin_us;
        *missing &= ~(1U << place);
    }
    round_us = kpk_mono_us() - round_us;
    if (round_us > arrival->round_us) arrival->round_us = round_us;
    return 0;
}

int arrivals_follow(struct arrivals *arrivals, unsigned wanted, struct arrival *arrival,
                    struct kpk_err *err) {
    struct world *world = arrivals->world;
    int64_t begin_us = kpk_mono_us(), deadline_ms = kpk_mono_ms() + ARRIVE_MS;
    unsigned missing = wanted & ~(1U << PLACE_ANSWERED);

    *arrival = (struct arrival){.partition = -1};
    arrivals->shown = 0;
    if (world_post(world, 0, &arrival->tweet, err)) return -1;
    arrival->after_us[PLACE_ANSWERED] = kpk_mono_us() - begin_us;
    snprintf(arrivals->query, sizeof(arrivals->query), "%d %s", world->texts, world->tag);
    while (missing) {
        if (go_round(arrivals, &missing, begin_us, arrival, err)) return -1;
        if (!missing) break;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_mono_ms() >= deadline_ms)
            return kpk_fail(err, KPK_WAIT, "tweet %s is not in %s after %d s: see make status",
                            arrival->tweet.id, places[__builtin_ctz(missing)].name,
                            ARRIVE_MS / 1000);
        kpk_stop_wait(PAUSE_MS);
    }
    return 0;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void arrivals_sum_up(const struct arrival *arrivals, int count, enum place place,
                     int64_t *median_us, int64_t *worst_us) {
    int64_t sorted[SUMMED_MOST] = {0};

    if (count > SUMMED_MOST) count = SUMMED_MOST;
    for (int i = 0; i < count; i++) sorted[i] = arrivals[i].after_us[place];
    qsort(sorted, (size_t)count, sizeof(*sorted), by_size);
    *median_us = sorted[count / 2];
    *worst_us = sorted[count > 0 ? count - 1 : 0];
}
