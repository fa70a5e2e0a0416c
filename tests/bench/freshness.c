/* freshness: how long after its answer is a tweet in its follower's timeline, at a steady rate?
 *
 *   posters (threads) --POST /v1/tweets--> ... --> Redis <--ZSCORE, every ms-- watcher (main)
 *
 * Tweets are posted by the clock, whatever became of the ones before, so that a stall is seen by all
 * that it hits; the time to the answer counts from when the tweet was due. One tweet in ten is
 * watched. Works in the world of tests/bench/world.sql. Prints "bench NAME VALUE" lines.
 * Exit 1: a post was not answered 201, or a watched tweet never came. */
#include "common/clock.h"
#include "common/histogram.h"
#include "common/opts.h"
#include "services/twitter/client.h"
#include "services/twitter/timeline.h"
#include "topology/topology.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POSTERS = 32, WATCH_ONE_IN = 10, WATCH_US = 1000, GIVE_UP_US = 180 * 1000000 };

struct watched {
    char follower_id[TWITTER_ID_BYTES], tweet_id[KPK_UUID_BYTES];
    int64_t answered_us;
    int64_t took_us; /* until it was seen; -1: not yet */
};

struct run {
    int rate, seconds, first, users;
    const char *name;
    int64_t begin_us;
    int tweets;
    int64_t *answer_us;   /* of each tweet, from when it was due; -1: no 201 */
    pthread_mutex_t lock; /* of what follows */
    struct watched *watched;
    int count;
    int posting;          /* posters that have not ended */
    struct kpk_err error; /* the last one */
};

struct poster {
    struct run *run;
    int number;
    pthread_t thread;
    struct client *client;
};

/* --- posting ----------------------------------------------------------------------------- */

static void watch(struct run *run, int author, const char *tweet_id, int64_t answered_us) {
    pthread_mutex_lock(&run->lock);
    struct watched *watched = &run->watched[run->count++];
    /* world.sql: the next user follows this one. */
    snprintf(watched->follower_id, sizeof(watched->follower_id), "%d",
             run->first + (author + 1) % run->users);
    strcpy(watched->tweet_id, tweet_id);
    watched->answered_us = answered_us;
    watched->took_us = -1;
    pthread_mutex_unlock(&run->lock);
}

static void post(struct poster *poster, int number, int64_t due_us) {
    struct run *run = poster->run;
    int author = (int)((unsigned)number * 2654435761U % (unsigned)run->users);
    char author_id[TWITTER_ID_BYTES], key[64], text[160];
    struct twitter_tweet tweet;
    struct kpk_err err;

    snprintf(author_id, sizeof(author_id), "%d", run->first + author);
    snprintf(key, sizeof(key), "%s-%d", run->name, number);
    snprintf(text, sizeof(text),
             "Tweet %d of a steady load, as long as people write them #tag%d", number,
             number % 100);
    if (client_post(poster->client, author_id, key, text, &tweet, &err) != KPK_WRITE_OK) {
        pthread_mutex_lock(&run->lock);
        run->error = err;
        pthread_mutex_unlock(&run->lock);
        return;
    }
    int64_t now_us = kpk_mono_us();
    run->answer_us[number] = now_us - due_us;
    if (number % WATCH_ONE_IN == 0) watch(run, author, tweet.id, now_us);
}

static void *post_by_the_clock(void *arg) {
    struct poster *poster = arg;
    struct run *run = poster->run;

    for (int number = poster->number; number < run->tweets; number += POSTERS) {
        int64_t due_us = run->begin_us + (int64_t)number * 1000000 / run->rate;
        int64_t early_us = due_us - kpk_mono_us();
        if (early_us > 0) usleep((useconds_t)early_us);
        post(poster, number, due_us);
    }
    pthread_mutex_lock(&run->lock);
    run->posting--;
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* --- watching ---------------------------------------------------------------------------- */

/* returns  1 it is there, 0 not yet, -1 with 'err' */
static int look(struct kpk_redis *redis, const struct watched *watched, struct kpk_err *err) {
    char key[TIMELINE_KEY_BYTES];
    redisReply *reply = kpk_redis_command(
        redis, err, "ZSCORE %s %s", timeline_key(watched->follower_id, key), watched->tweet_id);
    int there = reply ? reply->type != REDIS_REPLY_NIL : -1;

    if (reply) freeReplyObject(reply);
    return there;
}

/* Until all watched tweets were seen and no poster is left, or the last one is given up. */
static int watch_all(struct run *run, struct kpk_redis *redis, struct kpk_err *err) {
    int64_t give_up_us = run->begin_us + (int64_t)run->seconds * 1000000 + GIVE_UP_US;
    int count, posting, first = 0, missing;

    do {
        pthread_mutex_lock(&run->lock);
        count = run->count;
        posting = run->posting;
        pthread_mutex_unlock(&run->lock);
        missing = 0;
        for (int i = first; i < count; i++) {
            struct watched *watched = &run->watched[i];
            int there = watched->took_us < 0 ? look(redis, watched, err) : 0;
            if (there < 0) return -1;
            if (there) watched->took_us = kpk_mono_us() - watched->answered_us;
            if (watched->took_us < 0) missing++;
            if (!missing) first = i + 1;
        }
        usleep(WATCH_US);
    } while ((missing || posting) && kpk_mono_us() < give_up_us);
    return 0;
}

/* --- saying ------------------------------------------------------------------------------ */

static void print_percentiles(const char *name, const struct kpk_histogram *took_us) {
    for (int percent = 50; percent <= 99 && took_us->count > 0; percent += 49)
        printf("bench %s_p%d_ms %.1f\n", name, percent,
               (double)kpk_histogram_at(took_us, percent) / 1000);
}

static int report(struct run *run, struct kpk_err *err) {
    static struct kpk_histogram answers, timelines;
    int refused, unseen;

    for (int i = 0; i < run->tweets; i++)
        if (run->answer_us[i] >= 0) kpk_histogram_add(&answers, run->answer_us[i]);
    for (int i = 0; i < run->count; i++)
        if (run->watched[i].took_us >= 0)
            kpk_histogram_add(&timelines, run->watched[i].took_us);
    print_percentiles("answer", &answers);
    print_percentiles("timeline", &timelines);
    refused = run->tweets - (int)answers.count;
    unseen = run->count - (int)timelines.count;
    printf("bench good %d\nbench watched %d\n", run->tweets - refused, run->count);
    if (refused)
        return kpk_fail(err, KPK_FATAL, "%d of %d posts failed: %.150s", refused, run->tweets,
                        run->error.msg);
    if (unseen)
        return kpk_fail(err, KPK_FATAL, "%d of %d tweets never reached a timeline", unseen,
                        run->count);
    return 0;
}

static int measure(struct run *run, struct kpk_err *err) {
    struct poster posters[POSTERS] = {0};
    struct kpk_redis *redis = NULL;
    int started = 0, failed = -1;

    run->tweets = run->rate * run->seconds;
    run->answer_us = malloc((size_t)run->tweets * sizeof(*run->answer_us));
    run->watched = calloc((size_t)run->tweets / WATCH_ONE_IN + 1, sizeof(*run->watched));
    if (!run->answer_us || !run->watched) {
        kpk_fail(err, KPK_FATAL, "no memory");
        goto out;
    }
    for (int i = 0; i < run->tweets; i++) run->answer_us[i] = -1;
    if (kpk_redis_open(&redis, err)) goto out;
    for (int i = 0; i < POSTERS; i++)
        if (client_open(&posters[i].client, NULL, err)) goto out;
    run->begin_us = kpk_mono_us();
    run->posting = POSTERS;
    for (; started < POSTERS; started++) {
        posters[started].run = run;
        posters[started].number = started;
        if (pthread_create(&posters[started].thread, NULL, post_by_the_clock,
                           &posters[started])) {
            kpk_fail(err, KPK_FATAL, "no thread");
            goto out;
        }
    }
    failed = watch_all(run, redis, err);
out:
    for (int i = 0; i < started; i++) pthread_join(posters[i].thread, NULL);
    for (int i = 0; i < POSTERS; i++) client_close(posters[i].client);
    kpk_redis_close(redis);
    if (!failed) failed = report(run, err);
    free(run->answer_us);
    free(run->watched);
    return failed;
}

int main(int argc, char **argv) {
    struct run run = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct kpk_err error = {0}, *err = &error;
    const struct kpk_opt opts[] = {
        {"rate", NULL, KPK_OPT_INT, &run.rate, "500", 1, 10000, "tweets a second"},
        {"seconds", NULL, KPK_OPT_INT, &run.seconds, "20", 1, 600, "how long"},
        {"first", NULL, KPK_OPT_INT, &run.first, "1", 1, 1000000, "id of the first user"},
        {"users", NULL, KPK_OPT_INT, &run.users, "1000", 11, 100000, "users in the world"},
        {"name", NULL, KPK_OPT_STR, &run.name, "freshness", 0, 0, "makes the keys of this run"},
        {0}};
    const struct kpk_program program = {
        "freshness", "how long after its answer a tweet is in a timeline, at a steady rate",
        NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    return measure(&run, err) ? kpk_exit_failed(err) : 0;
}
