/* fanout-worker: at-least-once, effectively once.
 *
 *   tweets, follows --(group fanout-workers)--> push_batch() (2) --> commit (3)
 *
 * Crash between (2) and (3): the events come again, and writing a tweet into a timeline twice
 * changes nothing. A record that can never succeed goes to the group's dead letter topic,
 * before (3). */
#include "services/twitter/fanout-worker/worker.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "topology/topology.h"

#include <stdlib.h>

enum { POLL_MS = 500 };

static struct kpk_metric age = {
    .name = "kpk_event_age_seconds",
    .help = "Age of an event when its effect is durable",
    .type = KPK_HISTOGRAM,
    .labels = "group=\"" KPK_GROUP_FANOUT_WORKERS "\"",
};
static struct kpk_metric duration = {
    .name = "messaging_process_duration_seconds",
    .help = "Time to process a batch",
    .type = KPK_HISTOGRAM,
    .labels = "group=\"" KPK_GROUP_FANOUT_WORKERS "\"",
};

/* Read what the batch asks for. This is all that a record can fail at: the stores fail for all.
 */
static void read_batch(struct member *member) {
    struct kpk_event event;

    member->work.tweets = member->work.follows = 0;
    for (size_t i = 0; i < member->batch.count; i++) {
        struct outcome *outcome = &member->outcomes[i];
        outcome->why.verdict = KPK_OK;
        if (kpk_event_decode(member->batch.msgs[i], &event, &outcome->why)) continue;
        outcome->time_ms = event.time_ms;
        if (push_work_add(&member->work, &event, &outcome->why))
            continue; /* the verdict is noted */
    }
}

/* The whole effect: what can be done is done, what never can be is handed over. */
static int push_batch(struct member *member, struct kpk_err *err) {
    const struct outcome *outcomes = member->outcomes;
    int64_t begin_us = kpk_mono_us();

    if (member->batch.count == 0) return 0;
    read_batch(member);
    if (kpk_fault("fanout:after-poll", err)) return -1;
    if (push_to_timelines(&member->work, member->pg, member->redis, err)) return -1;
    if (kpk_fault("fanout:after-effect", err)) return -1;
    for (size_t i = 0; i < member->batch.count; i++) {
        if (outcomes[i].why.verdict == KPK_OK)
            kpk_metric_observe_us(&age, (kpk_now_ms() - outcomes[i].time_ms) * 1000);
        else if (kpk_dlq_add(member->dlq, member->batch.msgs[i], &outcomes[i].why, err))
            return -1;
    }
    if (kpk_dlq_wait(member->dlq, err)) return -1;
    kpk_metric_observe_us(&duration, kpk_mono_us() - begin_us);
    return kpk_fault("fanout:before-commit", err);
}

int member_run(int index, void *arg, struct kpk_err *err) {
    struct member *member = &((struct worker *)arg)->members[index];

    while (!kpk_stopping()) {
        if (kpk_poll_batch(member->consumer, &member->batch, POLL_MS, err))
            return -1;                 /* (1) fetch */
        if (push_batch(member, err)) { /* (2) effect */
            if (err->verdict != KPK_WAIT) return -1;
            kpk_pause(member->consumer, err); /* keep it; try again when the store is back */
            continue;
        }
        if (kpk_commit(member->consumer, &member->batch, err)) return -1; /* (3) commit */
        kpk_batch_clear(&member->batch);
    }
    return 0;
}

int worker_open(struct worker *worker, struct kpk_err *err) {
    for (int i = 0; i < worker->consumers; i++) {
        struct member *member = &worker->members[i];
        member->outcomes = calloc((size_t)worker->batch, sizeof(*member->outcomes));
        if (!member->outcomes) return kpk_fail(err, KPK_FATAL, "fanout: no memory");
        if (kpk_batch_init(&member->batch, (size_t)worker->batch, err) ||
            push_work_init(&member->work, (size_t)worker->batch, err) ||
            twitter_database_open(&member->pg, err) || kpk_redis_open(&member->redis, err) ||
            kpk_dlq_open(&member->dlq, KPK_GROUP_FANOUT_WORKERS, err) ||
            kpk_group_open(&member->consumer, KPK_GROUP_FANOUT_WORKERS, err))
            return -1;
    }
    if (twitter_database_open(&worker->check_pg, err)) return -1;
    return kpk_redis_open(&worker->check_redis, err);
}

void worker_close(struct worker *worker) {
    for (int i = 0; i < worker->consumers; i++) {
        struct member *member = &worker->members[i];
        kpk_consumer_close(member->consumer); /* leaves the group */
        kpk_batch_free(&member->batch);
        free(member->outcomes);
        push_work_free(&member->work);
        kpk_pg_close(member->pg);
        kpk_redis_close(member->redis);
        kpk_dlq_close(member->dlq);
    }
    kpk_pg_close(worker->check_pg);
    kpk_redis_close(worker->check_redis);
}
