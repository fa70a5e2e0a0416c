#include "patterns/fanout/example/feed.h"

#include "common/clock.h"
#include "common/embed.h"
#include "common/event.h"
#include "common/histogram.h"
#include "common/stop.h"
#include "patterns/fanout/example/service.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

KPK_EMBED(feed_ddl, "patterns/fanout/example/schema.sql");

enum { ACK_MS = 10000, LOOK_MS = 50, LINGER_MS = 300 };

const char *const feed_names[FEED_SERVICES] = {"timelines", "search", "alerts"};
const char *const feed_groups[FEED_SERVICES] = {KPK_GROUP_POSTS_TIMELINES,
                                                KPK_GROUP_POSTS_SEARCH, KPK_GROUP_POSTS_ALERTS};

int feed_open(struct feed *feed, struct kpk_err *err) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL};

    *feed = (struct feed){.posts = calloc(FEED_POSTS, sizeof(*feed->posts))};
    if (!feed->posts) return kpk_fail(err, KPK_FATAL, "feed: no memory");
    if (kpk_pg_open(&feed->pg, fanout_schema(), err)) return -1;
    if (kpk_pg_migrate(feed->pg, fanout_schema(), feed_ddl, err)) return -1;
    return kpk_producer_open(&feed->producer, &opts, err);
}

void feed_close(struct feed *feed) {
    kpk_producer_close(feed->producer);
    kpk_pg_close(feed->pg);
    free(feed->posts);
    *feed = (struct feed){0};
}

void feed_begin(struct feed *feed, int services) {
    feed->count = 0;
    feed->services_judged = services;
}

/* --- services ---------------------------------------------------------------------------- */

int feed_service(struct feed *feed, int i, const struct feed_part *part,
                 struct kpk_child **child, struct kpk_err *err) {
    char fault[128], slow[16];
    const char *const argv[] = {kpk_child_self(),
                                "--role",
                                feed_names[i],
                                "--way",
                                part->way,
                                "--group",
                                part->group ? part->group : feed_groups[i],
                                "--slow-ms",
                                slow,
                                NULL};
    /* A member that died is missed sooner than in earnest, so that a take-over is soon seen. */
    const char *const env[] = {fault,
                               "KPK_LOG_LEVEL=info",
                               "KPK_LOG_FORMAT=logfmt",
                               "KPK_KAFKA_SESSION_TIMEOUT_MS=1500",
                               "KPK_KAFKA_HEARTBEAT_INTERVAL_MS=300",
                               NULL};

    if (!child) child = &feed->services[i];
    snprintf(fault, sizeof(fault), "KPK_FAULT=%s", part->fault ? part->fault : "");
    snprintf(slow, sizeof(slow), "%d", part->slow_ms);
    kpk_child_close(*child);
    return kpk_child_start(child, &(struct kpk_child_opts){feed_names[i], argv, env}, err);
}

void feed_dismiss(struct feed *feed) {
    for (int i = 0; i < FEED_SERVICES; i++) {
        kpk_child_close(feed->services[i]);
        feed->services[i] = NULL;
    }
}

/* --- posts ------------------------------------------------------------------------------- */

struct post *feed_next(struct feed *feed, struct kpk_err *err) {
    struct post *post = &feed->posts[feed->count];

    if (feed->count == FEED_POSTS)
        return (void)kpk_fail(err, KPK_FATAL, "feed: more than %d posts", FEED_POSTS), NULL;
    *post = (struct post){.author = feed->count++ % FEED_AUTHORS, .outcome = KPK_WRITE_UNKNOWN};
    kpk_uuid7(post->id);
    return post;
}

static int publish(struct feed *feed, struct post *post, struct kpk_err *err) {
    char topic[KPK_NAME_BYTES], key[16];
    struct kpk_event event = {.id = post->id,
                              .source = "/feed",
                              .type = POST_CREATED,
                              .time_ms = kpk_now_ms(),
                              .key = key,
                              .data = "{}",
                              .len = 2};
    int64_t begun_us = kpk_mono_us();

    event.key_len = (size_t)snprintf(key, sizeof(key), "%d", post->author);
    if (kpk_event_send(feed->producer, kpk_full_name(KPK_TOPIC_POSTS, topic), &event, err) ||
        kpk_producer_wait(feed->producer, ACK_MS, err))
        return -1;
    post->took_us = kpk_mono_us() - begun_us;
    post->outcome = KPK_WRITE_OK;
    return 0;
}

int feed_publish(struct feed *feed, int count, int per_second, struct kpk_err *err) {
    int64_t next_us = kpk_mono_us();

    for (int i = 0; i < count && !kpk_stopping(); i++) {
        struct post *post = feed_next(feed, err);
        if (!post || publish(feed, post, err)) return -1;
        if (per_second == 0) continue;
        next_us += 1000000 / per_second;
        if (next_us > kpk_mono_us()) kpk_stop_wait((int)((next_us - kpk_mono_us()) / 1000));
    }
    return 0;
}

void feed_latency(const struct feed *feed, double *p50, double *p99) {
    static struct kpk_histogram took_us;

    took_us = (struct kpk_histogram){0};
    for (int i = 0; i < feed->count; i++) kpk_histogram_add(&took_us, feed->posts[i].took_us);
    *p50 = (double)kpk_histogram_at(&took_us, 50) / 1000;
    *p99 = (double)kpk_histogram_at(&took_us, 99) / 1000;
}

/* --- the verdict ------------------------------------------------------------------------- */

/* What service 'i' did about this run's posts, in the order it did it. */
static PGresult *read_effects(struct feed *feed, int i, struct kpk_err *err) {
    static const struct kpk_pg_stmt select = {
        "effects_read", "SELECT post_id, times FROM effects WHERE service = $1 AND "
                        "post_id = ANY($2::uuid[]) ORDER BY seq"};
    char *ids = kpk_pg_array(feed->posts[0].id, sizeof(*feed->posts), (size_t)feed->count);
    PGresult *result;

    if (!ids) return (void)kpk_fail(err, KPK_FATAL, "feed: no memory"), NULL;
    result = kpk_pg_exec(feed->pg, &select, (const char *[]){feed_names[i], ids}, 2, err);
    free(ids);
    return result;
}

int feed_await(struct feed *feed, int i, int count, int timeout_ms, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    int done = 0;

    while (!kpk_stopping()) {
        PGresult *result = read_effects(feed, i, err);
        if (!result) return -1;
        done = PQntuples(result);
        PQclear(result);
        if (done >= count) return 0;
        if (kpk_mono_ms() >= deadline) break;
        kpk_stop_wait(LOOK_MS);
    }
    return kpk_fail(err, KPK_WAIT, "%s has done %d of %d posts", feed_names[i], done, count);
}

static void write_history(const struct feed *feed, struct kpk_history *history) {
    char author[24];

    for (int i = 0; i < feed->count; i++) {
        const struct post *post = &feed->posts[i];
        snprintf(author, sizeof(author), "author %d", post->author);
        kpk_history_write(history, author, post->id, post->outcome);
        for (int s = 0; s < feed->services_judged; s++)
            kpk_history_expect(history, feed_names[s], author);
    }
}

static int see_effects(struct feed *feed, int i, struct kpk_history *history, size_t *again,
                       struct kpk_err *err) {
    PGresult *result = read_effects(feed, i, err);

    if (!result) return -1;
    kpk_history_order(history, feed_names[i], KPK_ORDER_OLDEST_FIRST);
    for (int row = 0; row < PQntuples(result); row++) {
        kpk_history_see(history, feed_names[i], PQgetvalue(result, row, 0));
        *again += (size_t)atoi(PQgetvalue(result, row, 1)) - 1;
    }
    PQclear(result);
    return 0;
}

int feed_judge(struct feed *feed, int timeout_ms, struct kpk_report *report, size_t *again,
               struct kpk_err *err) {
    struct kpk_history *history = kpk_history_new();
    size_t ignored, *count = again ? again : &ignored;
    struct kpk_err late;
    int acked = 0, failed = 0;

    if (!history) return kpk_fail(err, KPK_FATAL, "feed: no memory");
    for (int i = 0; i < feed->count; i++) acked += feed->posts[i].outcome == KPK_WRITE_OK;
    /* What does not come in time is lost: the history says so. */
    for (int i = 0; i < feed->services_judged; i++)
        if (feed_await(feed, i, acked, timeout_ms, &late)) timeout_ms = 0;
    kpk_stop_wait(LINGER_MS); /* what comes too much comes last */
    write_history(feed, history);
    *count = 0;
    for (int i = 0; i < feed->services_judged && !failed; i++)
        failed = see_effects(feed, i, history, count, err);
    if (!failed) kpk_history_check(history, report);
    kpk_history_free(history);
    return failed;
}
