/* The same without the pattern. Each way must show its anomaly, or the example has failed. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/stop.h"
#include "patterns/fanout/example/feed.h"
#include "patterns/fanout/example/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { POSTS = 300, SEARCH = 1, SLOW_MS = 20, DIES_AT = 200, ANSWER_MS = 2000 };

/* --- the side effects inside the request ------------------------------------------------- */

/* The author waits for each service in turn; one that fails fails the post, half done. */
static void post_in_request(struct feed *feed, struct post *post) {
    int64_t begun_us = kpk_mono_us();
    struct kpk_err err;
    char answer[300];

    post->outcome = KPK_WRITE_OK;
    for (int i = 0; i < FEED_SERVICES && post->outcome == KPK_WRITE_OK; i++)
        if (kpk_child_ask(feed->services[i], post->id, answer, sizeof(answer), ANSWER_MS,
                          &err) ||
            strcmp(answer, SERVICE_OK) != 0)
            post->outcome = KPK_WRITE_FAILED;
    post->took_us = kpk_mono_us() - begun_us;
}

static int in_request(struct feed *feed, struct kpk_report *report, int *refused,
                      struct kpk_err *err) {
    double p50, p99;

    feed_begin(feed, FEED_SERVICES);
    for (int i = 0; i < FEED_SERVICES; i++)
        if (feed_service(
                feed, i,
                &(struct feed_part){.way = "request", .slow_ms = i == SEARCH ? SLOW_MS : 0},
                NULL, err))
            return -1;
    for (int i = 0; i < POSTS && !kpk_stopping(); i++) {
        if (i == DIES_AT) kpk_child_signal(feed->services[SEARCH], SIGKILL);
        struct post *post = feed_next(feed, err);
        if (!post) return -1;
        post_in_request(feed, post);
    }
    *refused = 0;
    for (int i = 0; i < POSTS; i++) *refused += feed->posts[i].outcome == KPK_WRITE_FAILED;
    feed->count = DIES_AT; /* the latency of those that were answered at all */
    feed_latency(feed, &p50, &p99);
    feed->count = POSTS;
    feed_dismiss(feed);
    if (feed_judge(feed, 0, report, NULL, err)) return -1;
    printf("  posting took %.1f ms in the median, %.1f ms at p99: it waits for the slowest\n"
           "  search died: %d of %d posts refused, and %zu of them are in timelines all the "
           "same\n\n",
           p50, p99, *refused, POSTS, report->invented);
    return 0;
}

/* --- one group shared by two services ---------------------------------------------------- */

static int shared_group(struct feed *feed, struct kpk_report *report, struct kpk_err *err) {
    feed_begin(feed, 2);
    for (int i = 0; i < 2; i++)
        if (feed_service(feed, i, &(struct feed_part){.way = "group", .group = feed_groups[0]},
                         NULL, err))
            return -1;
    /* Both are members, so each gets what the other does not. */
    for (int i = 0; i < 2; i++)
        if (kpk_child_await_words(feed->services[i], "change=assigned", FEED_PATIENCE_MS, err))
            return -1;
    if (feed_publish(feed, POSTS, 0, err)) return -1;
    if (feed_judge(feed, 3000, report, NULL, err)) return -1;
    feed_dismiss(feed);
    printf("  %zu effects of %d posts in two services, %zu missing\n", report->seen, POSTS,
           report->lost);
    if (report->first[0]) printf("  first: %s\n", report->first);
    printf("\n");
    return 0;
}

int story_naive(struct feed *feed) {
    struct kpk_report half_done, shared;
    struct kpk_err err;
    int refused;

    printf(
        "\n  The side effects inside the request: who posts waits for timelines, search and\n"
        "  alerts, one after the other; search takes %d ms.\n",
        SLOW_MS);
    if (in_request(feed, &half_done, &refused, &err)) return kpk_conclude_broken(&err);
    printf("  Two services in one group: timelines and search both join %s.\n", feed_groups[0]);
    if (shared_group(feed, &shared, &err)) return kpk_conclude_broken(&err);

    if (refused == 0 || half_done.invented == 0 || shared.lost == 0)
        return kpk_conclude(KPK_FAIL, "a way that should refuse, half do or lose did not");
    return kpk_conclude(
        KPK_ANOMALY,
        "in the request: %d of %d posts refused, %zu of them half done; one group "
        "for two: %zu of %zu effects lost",
        refused, POSTS, half_done.invented, shared.lost, shared.expected);
}
