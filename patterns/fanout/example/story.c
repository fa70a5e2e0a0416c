/* One topic, three groups: one dies, and it is nobody's trouble but its own. */
#include "common/clock.h"
#include "common/conclude.h"
#include "patterns/fanout/example/feed.h"

#include <stdio.h>

enum { RATE = 200, WARM = 200, POSTS = 600, SEARCH = 1, SLOW_MS = 200 };

static const struct feed_part plain = {.way = "group"};

/* The first posts find all groups assembled, so that what is measured is not their joining. */
static int assemble(struct feed *feed, struct kpk_err *err) {
    feed_begin(feed, FEED_SERVICES);
    for (int i = 0; i < FEED_SERVICES; i++)
        if (feed_service(feed, i, &plain, NULL, err)) return -1;
    if (feed_publish(feed, WARM, RATE, err)) return -1;
    for (int i = 0; i < FEED_SERVICES; i++)
        if (feed_await(feed, i, WARM, FEED_PATIENCE_MS, err)) return -1;
    return 0;
}

static int tell(struct feed *feed, struct kpk_report *report, size_t *again,
                struct kpk_err *err) {
    const struct feed_part dying = {
        .way = "group", .fault = "fanout:after-effect=exit@5", .slow_ms = SLOW_MS};
    double p50, p99;
    int64_t begun_ms;

    printf("\n  Three services on topic posts, each a group of its own: timelines, search, "
           "alerts.\n"
           "  %d posts a second.\n\n",
           RATE);
    if (assemble(feed, err)) return -1;
    feed_begin(feed, FEED_SERVICES);
    if (feed_service(feed, SEARCH, &dying, NULL, err)) return -1;
    if (feed_publish(feed, POSTS, RATE, err)) return -1;
    if (!kpk_child_await(feed->services[SEARCH], KPK_CHILD_KILLED, FEED_PATIENCE_MS))
        return kpk_fail(err, KPK_FATAL, "search did not die");
    feed_latency(feed, &p50, &p99);
    printf("  search got slow (%d ms a batch), then died with -9 between effect and commit.\n",
           SLOW_MS);
    printf("  posting took %.1f ms in the median, %.1f ms at p99: it knows of no service\n",
           p50, p99);
    for (int i = 0; i < FEED_SERVICES; i++)
        if (i != SEARCH && feed_await(feed, i, POSTS, FEED_PATIENCE_MS, err)) return -1;
    if (!feed_await(feed, SEARCH, POSTS, 0, err))
        return kpk_fail(err, KPK_FATAL, "search died and has all posts");
    printf("  timelines and alerts have all %d posts; %s\n", POSTS, err->msg);
    begun_ms = kpk_mono_ms();
    if (feed_service(feed, SEARCH, &plain, NULL, err)) return -1;
    if (feed_await(feed, SEARCH, POSTS, FEED_PATIENCE_MS, err)) return -1;
    printf("  search was started again, and had caught up %.1f s later\n\n",
           (double)(kpk_mono_ms() - begun_ms) / 1000);
    return feed_judge(feed, FEED_PATIENCE_MS, report, again, err);
}

int story_pattern(struct feed *feed) {
    struct kpk_report report;
    struct kpk_err err;
    char text[400];
    size_t again = 0;

    if (tell(feed, &report, &again, &err)) return kpk_conclude_broken(&err);
    printf("  each of %d posts in each of %d services; %zu came to search again, which changed "
           "nothing\n\n",
           POSTS, FEED_SERVICES, again);
    if (again == 0)
        return kpk_conclude(KPK_FAIL, "search died before its commit, and nothing came again");
    return kpk_conclude(report.first[0] ? KPK_FAIL : KPK_PASS, "%s",
                        kpk_report_text(&report, text, sizeof(text)));
}
