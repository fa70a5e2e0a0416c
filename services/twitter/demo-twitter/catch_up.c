#include "common/clock.h"
#include "common/stop.h"
#include "services/twitter/demo-twitter/demo.h"
#include "services/twitter/demo-twitter/stack_tool.h"
#include "topology/backlog.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BEFORE = 20,
    ROWS = 4,
    ROW_MS = 1000,
    ROW_LEAST = 5,
    ROW_MOST = (DEMO_MOST_POSTS - BEFORE) / ROWS,
    ROW_PAUSE_MS = 20,
    SEEN_MS = 10000,
    STUCK_MS = 60000,
    LOOK_MS = 20
};

static const char *const indexers[] = {"search-indexer-1", "search-indexer-2", NULL};

/* Tweets followed into all timelines, one after another. */
struct row {
    struct arrival at[ROW_MOST > BEFORE ? ROW_MOST : BEFORE];
    int count;
};

static int post_row(struct demo *demo, struct row *row, int least, int most, int for_ms,
                    struct kpk_err *err) {
    int64_t end_ms = kpk_mono_ms() + for_ms;

    for (row->count = 0; row->count < most && (row->count < least || kpk_mono_ms() < end_ms);
         row->count++) {
        if (arrivals_follow(demo->arrivals, ARRIVALS_TIMELINES, &row->at[row->count], err))
            return -1;
        kpk_stop_wait(ROW_PAUSE_MS);
    }
    return 0;
}

static void tell_row(const char *when, const struct row *row, int64_t backlog) {
    int64_t median_us, worst_us;

    arrivals_sum_up(row->at, row->count, PLACE_LAST_TIMELINE, &median_us, &worst_us);
    printf("  %-18s  %6d  %20" PRId64 "  %15.1f  %7.1f\n", when, row->count, backlog,
           (double)median_us / 1000, (double)worst_us / 1000);
}

/* The backlog, when our reader has seen at least 'posted' records: its fetch may be a moment behind
 * the timelines. */
static int read_backlog(struct kpk_backlog *backlog, int posted, int64_t *tweets,
                        struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + SEEN_MS;

    for (;;) {
        if (kpk_backlog_read(backlog, tweets, err)) return -1;
        if (kpk_backlog_known(backlog) >= posted) return 0;
        if (kpk_stopping() || kpk_mono_ms() >= deadline)
            return kpk_fail(err, KPK_WAIT, "%d tweets were posted, the topic shows %" PRId64,
                            posted, kpk_backlog_known(backlog));
        kpk_stop_wait(LOOK_MS);
    }
}

/* While nobody indexes: row by row. */
static int fall_behind(struct demo *demo, struct kpk_backlog *backlog, int posted,
                       struct row *row, struct kpk_err *err) {
    int64_t begin_ms = kpk_mono_ms(), tweets = 0;
    int stopped = posted;

    for (int i = 0; i < ROWS; i++) {
        char when[24];
        if (post_row(demo, row, ROW_LEAST, ROW_MOST, ROW_MS, err)) return -1;
        posted += row->count;
        if (read_backlog(backlog, posted, &tweets, err)) return -1;
        snprintf(when, sizeof(when), "stopped %.1f s",
                 (double)(kpk_mono_ms() - begin_ms) / 1000);
        tell_row(when, row, tweets);
    }
    if (tweets >= posted - stopped) return 0;
    return kpk_fail(err, KPK_FATAL,
                    "search is behind by %" PRId64 " of %d tweets: somebody else indexes them",
                    tweets, posted - stopped);
}

static int recover(struct demo *demo, struct kpk_backlog *backlog, struct row *row,
                   struct kpk_err *err) {
    int64_t begin_ms = kpk_mono_ms();

    if (stack_tool_start(demo->stack_tool, indexers, err)) return -1;
    if (kpk_backlog_await_none(backlog, STUCK_MS, err)) return -1;
    int64_t end_ms = kpk_mono_ms();
    int found = arrivals_found(demo->arrivals, &row->at[row->count - 1], err);
    if (found < 0) return -1;
    if (!found)
        return kpk_fail(err, KPK_FATAL, "the lag is 0, but search lacks the last tweet");
    printf("\n  Started again: the lag is 0 after %.1f s, the start of the processes included, "
           "and "
           "search finds all.\n\n",
           (double)(end_ms - begin_ms) / 1000);
    return 0;
}

int demo_catch_up(struct demo *demo, struct kpk_err *err) {
    static struct row row;
    const struct kpk_backlog_opts opts = {
        .group = KPK_GROUP_SEARCH_INDEXER, .topic = KPK_TOPIC_TWEETS, .most = INT64_MAX};
    struct kpk_backlog *backlog = NULL;
    struct kpk_err ignored;
    int64_t tweets;
    bool stopped = false;
    int failed = -1;

    if (kpk_backlog_open(&backlog, demo->admin, &opts, err)) goto out;
    if (post_row(demo, &row, BEFORE, BEFORE, 0, err)) goto out;
    if (kpk_backlog_await_none(backlog, STUCK_MS, err)) goto out;
    if (read_backlog(backlog, BEFORE, &tweets, err)) goto out;
    printf(
        "  search-indexer-1 and -2 are stopped while tweets are posted, one after another\n\n"
        "  %-18s  %6s  %20s  in the last timeline, ms: median, worst\n",
        "", "tweets", "lag of search");
    tell_row("before", &row, tweets);
    stopped = true;
    if (stack_tool_stop(demo->stack_tool, indexers, err)) goto out;
    if (fall_behind(demo, backlog, BEFORE, &row, err)) goto out;
    failed = recover(demo, backlog, &row, err);
    stopped = failed;
out:
    if (stopped && stack_tool_start(demo->stack_tool, indexers, &ignored))
        printf("  They could not be started again (%s): make up does.\n", ignored.msg);
    kpk_backlog_close(backlog);
    return failed;
}
