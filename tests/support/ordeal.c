#include "tests/support/ordeal.h"

#include "common/clock.h"
#include "common/event.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <string.h>

enum {
    AUTHORS = 3,
    FOLLOWERS = 4,
    LATE = 1,
    POSTS_PER_SECOND = 20,
    REFUSE_EACH = 20,
    MANY = 20,
    GO_ON_MS = 60000,
    SETTLE_MS = 60000,
    PEEK_MS = 50,
};

#define TOPIC_OBSERVER "the topic"

static struct kpk_err error, *err = &error;

void ordeal_begin(struct ordeal *ordeal) { ordeal_begin_at(ordeal, POSTS_PER_SECOND); }

void ordeal_begin_at(struct ordeal *ordeal, int per_second) {
    const struct poster_opts opts = {.authors = AUTHORS,
                                     .per_second = per_second,
                                     .most = ORDEAL_POSTS,
                                     .refuse_each = REFUSE_EACH};
    char topic[KPK_NAME_BYTES];

    *ordeal = (struct ordeal){0};
    assert_ok(world_open(&ordeal->world, AUTHORS + FOLLOWERS + LATE, err), err);
    world_watch_search(ordeal->world);
    assert_ok(world_watch_mentions(ordeal->world, err), err);
    kpk_history_order(ordeal->world->history, TOPIC_OBSERVER, KPK_ORDER_OLDEST_FIRST);
    for (int author = 0; author < AUTHORS; author++) {
        kpk_history_expect(ordeal->world->history, TOPIC_OBSERVER,
                           ordeal->world->users[author].handle);
        for (int follower = AUTHORS; follower < AUTHORS + FOLLOWERS; follower++)
            if (follower % AUTHORS != author)
                assert_ok(world_follow(ordeal->world, follower, author, err), err);
    }
    assert_ok(world_watch_warehouse(ordeal->world, err), err);
    world_use_tag(ordeal->world);
    kpk_full_name(KPK_TOPIC_TWEETS, topic);
    assert_ok(kpk_tail_open(&ordeal->tail, topic, true, err), err);
    assert_ok(poster_start(&ordeal->poster, ordeal->world, &opts, err), err);
    ordeal_go_on(ordeal);
}

/* --- the topic --------------------------------------------------------------------------- */

static bool is_repeated(struct ordeal *ordeal, const char *event_id) {
    for (int i = 0; i < ordeal->n_events; i++)
        if (strcmp(ordeal->events[i], event_id) == 0) return true;
    if (ordeal->n_events == ORDEAL_POSTS) fail_msg("more events than posts");
    strcpy(ordeal->events[ordeal->n_events++], event_id);
    return false;
}

static void see_event(struct ordeal *ordeal, const rd_kafka_message_t *msg) {
    struct twitter_tweet tweet;
    struct kpk_event event;
    bool ours = false;

    assert_ok(kpk_event_decode(msg, &event, err), err);
    assert_ok(twitter_tweet_decode(&event, &tweet, err), err);
    for (int i = 0; i < AUTHORS; i++)
        ours = ours || strcmp(tweet.author_id, ordeal->world->users[i].id) == 0;
    if (!ours) return;
    if (is_repeated(ordeal, event.id))
        ordeal->repeated++;
    else
        kpk_history_see(ordeal->world->history, TOPIC_OBSERVER, tweet.text);
}

/* Whatever is in the topic by now. */
static void read_topic(struct ordeal *ordeal) {
    rd_kafka_message_t *msg;

    do {
        assert_ok(kpk_tail_next(ordeal->tail, PEEK_MS, &msg, err), err);
        if (!msg) return;
        see_event(ordeal, msg);
        rd_kafka_message_destroy(msg);
    } while (true);
}

/* --- late follower ----------------------------------------------------------------------- */

/* A follow may be repeated: it stands, or it stands again. */
static bool followed(void *ctx) {
    struct ordeal *ordeal = ctx;
    int failed = world_follow(ordeal->world, AUTHORS + FOLLOWERS, 0, err);

    if (failed && err->verdict != KPK_WAIT) fail_msg("%s", err->msg);
    return !failed;
}

void ordeal_follow_late(struct ordeal *ordeal) {
    if (!wait_until(GO_ON_MS, followed, ordeal)) fail_msg("%s", err->msg);
}

/* --- waiting ----------------------------------------------------------------------------- */

struct target {
    struct ordeal *ordeal;
    int count;
};

static bool acked_enough(void *ctx) {
    const struct target *target = ctx;

    return poster_acked(target->ordeal->poster) >= target->count;
}

void ordeal_go_on(struct ordeal *ordeal) {
    int now = poster_acked(ordeal->poster);

    if (!wait_until(GO_ON_MS, acked_enough, &(struct target){ordeal, now + MANY}))
        fail_msg("the load does not go on: %d posts are acknowledged, %d were %d s ago",
                 poster_acked(ordeal->poster), now, GO_ON_MS / 1000);
}

static bool events_enough(void *ctx) {
    const struct target *target = ctx;

    read_topic(target->ordeal);
    return target->ordeal->n_events >= target->count;
}

void ordeal_await_events(struct ordeal *ordeal) {
    read_topic(ordeal);
    if (!wait_until(GO_ON_MS, events_enough, &(struct target){ordeal, ordeal->n_events + MANY}))
        fail_msg("no more events come: the topic has %d", ordeal->n_events);
}

/* --- who relays -------------------------------------------------------------------------- */

const char *const ordeal_relays[ORDEAL_RELAYS] = {"outbox-relay-1", "outbox-relay-2"};

static bool one_is_active(void *ctx) {
    int *active = ctx;

    for (*active = 0; *active < ORDEAL_RELAYS; ++*active)
        if (stack_metric(ordeal_relays[*active], "kpk_outbox_active") == 1) return true;
    return false;
}

int ordeal_active_relay(void) {
    int active;

    if (!wait_until(GO_ON_MS, one_is_active, &active)) fail_msg("no relay is active");
    return active;
}

/* --- the verdict ------------------------------------------------------------------------- */

static void judge_trend(struct ordeal *ordeal) {
    struct world_trend trend;
    bool clean;

    assert_ok(world_check_trend(ordeal->world, SETTLE_MS, &trend, &clean, err), err);
    if (!clean)
        fail_msg("%" PRId64 " tweets are counted as trending, of %" PRId64 " to %" PRId64,
                 trend.counted, trend.least, trend.most);
}

void ordeal_end(struct ordeal *ordeal) {
    int64_t deadline = kpk_mono_ms() + SETTLE_MS;
    struct kpk_report report;
    char text[400];
    bool clean;

    poster_stop(ordeal->poster);
    do {
        read_topic(ordeal);
        assert_ok(world_check(ordeal->world, 0, &report, &clean, err), err);
    } while (!clean && report.duplicated + report.reordered + report.invented == 0 &&
             kpk_mono_ms() < deadline);
    kpk_report_text(&report, text, sizeof(text));
    if (!clean) fail_msg("%s", text);
    print_message("%s; %d events repeated in the topic, %d notifications asked for again\n",
                  text, ordeal->repeated, mention_watch_repeated(ordeal->world->mentions));
    judge_trend(ordeal);
    kpk_tail_close(ordeal->tail);
    world_close(ordeal->world);
}
