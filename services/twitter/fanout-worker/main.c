/* fanout-worker: at-least-once, effectively once.
 *
 *   tweets, follows --(group fanout-workers)--> push_batch() (2) --> commit (3)
 *
 * Crash between (2) and (3): the events come again, and writing a tweet into a timeline twice
 * changes nothing. A record that can never succeed goes to the group's dead letter topic,
 * before (3). */
#include "common/clock.h"
#include "common/http.h"
#include "common/log.h"
#include "common/members.h"
#include "common/metrics.h"
#include "common/opts.h"
#include "common/stop.h"
#include "patterns/retry-dlq/dlq.h"
#include "services/twitter/database.h"
#include "services/twitter/fanout-worker/push.h"
#include "topology/topology.h"

enum { MEMBERS_MAX = 50, POLL_MS = 500 };

/* What one member of the group owns; one thread uses it. */
struct member {
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
    struct push_work work;
    struct kpk_pg *pg;
    struct kpk_redis *redis;
    struct kpk_dlq *dlq;
};

struct worker {
    int consumers, batch;
    struct member members[MEMBERS_MAX];
    struct kpk_pg *check_pg; /* of /readyz */
    struct kpk_redis *check_redis;
};

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

/* What became of one record. */
struct outcome {
    struct kpk_err why; /* verdict REJECT: it never will succeed */
    int64_t time_ms;    /* when the event happened */
};

/* Read what the batch asks for. This is all that a record can fail at: the stores fail for all.
 */
static void read_batch(struct member *member, struct outcome *outcomes) {
    struct kpk_event event;

    member->work.tweets = member->work.follows = 0;
    for (size_t i = 0; i < member->batch.count; i++) {
        struct outcome *outcome = &outcomes[i];
        outcome->why.verdict = KPK_OK;
        if (kpk_event_decode(member->batch.msgs[i], &event, &outcome->why)) continue;
        outcome->time_ms = event.time_ms;
        if (push_work_add(&member->work, &event, &outcome->why))
            continue; /* the verdict is noted */
    }
}

/* The whole effect: what can be done is done, what never can be is handed over. */
static int push_batch(struct member *member, struct kpk_err *err) {
    struct outcome outcomes[member->batch.count + 1];
    int64_t begin_us = kpk_mono_us();

    read_batch(member, outcomes);
    if (push_to_timelines(&member->work, member->pg, member->redis, err)) return -1;
    for (size_t i = 0; i < member->batch.count; i++) {
        if (outcomes[i].why.verdict == KPK_OK)
            kpk_metric_observe_us(&age, (kpk_now_ms() - outcomes[i].time_ms) * 1000);
        else if (kpk_dlq_add(member->dlq, member->batch.msgs[i], &outcomes[i].why, err))
            return -1;
    }
    if (kpk_dlq_wait(member->dlq, err)) return -1;
    if (member->batch.count) kpk_metric_observe_us(&duration, kpk_mono_us() - begin_us);
    return 0;
}

static int run_member(int index, void *arg, struct kpk_err *err) {
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

static int open_members(struct worker *worker, struct kpk_err *err) {
    for (int i = 0; i < worker->consumers; i++) {
        struct member *member = &worker->members[i];
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

static void close_members(struct worker *worker) {
    for (int i = 0; i < worker->consumers; i++) {
        struct member *member = &worker->members[i];
        kpk_consumer_close(member->consumer); /* leaves the group */
        kpk_batch_free(&member->batch);
        push_work_free(&member->work);
        kpk_pg_close(member->pg);
        kpk_redis_close(member->redis);
        kpk_dlq_close(member->dlq);
    }
    kpk_pg_close(worker->check_pg);
    kpk_redis_close(worker->check_redis);
}

static int check_database(void *ctx, struct kpk_err *err) {
    return twitter_database_check(((struct worker *)ctx)->check_pg, err);
}

static int check_redis(void *ctx, struct kpk_err *err) {
    return kpk_redis_check(((struct worker *)ctx)->check_redis, err);
}

static int check_kafka(void *ctx, struct kpk_err *err) {
    const struct worker *worker = ctx;

    for (int i = 0; i < worker->consumers; i++)
        if (!worker->members[i].consumer->joined)
            return kpk_fail(err, KPK_WAIT, "kafka: member %d has not joined its group yet", i);
    return kpk_kafka_check(worker->members[0].consumer->rk, err);
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_database}, {"redis", check_redis}, {"kafka", check_kafka}, {0}};

int main(int argc, char **argv) {
    static struct worker worker;
    struct kpk_http *http = NULL;
    struct kpk_err error = {0}, *err = &error;
    int port, failed = -1;
    const struct kpk_opt opts[] = {
        {"consumers", NULL, KPK_OPT_INT, &worker.consumers, "5", 1, MEMBERS_MAX,
         "group members in this process, a thread each"},
        {"batch", NULL, KPK_OPT_INT, &worker.batch, "200", 1, 1000, "events processed at once"},
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18084", 1, 65535,
         "port on 127.0.0.1 of /readyz and /metrics"},
        {0}};
    const struct kpk_program program = {
        "fanout-worker", "pushes tweets into the home timelines of the author's followers",
        NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    if (open_members(&worker, err)) goto out;
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port, .checks = checks, .ctx = &worker},
                      err))
        goto out;
    kpk_log("started", "port=%d consumers=%d", port, worker.consumers);
    failed = kpk_members_run(worker.consumers, run_member, &worker, err);
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    close_members(&worker);
    return failed ? kpk_exit_failed(err) : 0;
}
