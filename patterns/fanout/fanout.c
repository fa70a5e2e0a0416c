/* at-least-once -- an offset is committed only after its effect is durable.
 *
 *   topics --(group)--> fetch (1) --> effect (2) --> commit (3)
 *
 * Crash between (2) and (3): the events come again, so (2) must be idempotent. A record that can
 * never succeed is in the group's dead letter topic before (3): committing an offset commits all
 * before it. */
#include "patterns/fanout/fanout.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/kafka.h"
#include "common/members.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "patterns/retry-dlq/dlq.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 500 };

static struct kpk_metric age = {.name = "kpk_event_age_seconds",
                                .help = "Age of an event when its effect is durable",
                                .type = KPK_HISTOGRAM};
static struct kpk_metric duration = {.name = "messaging_process_duration_seconds",
                                     .help = "Time to process a batch",
                                     .type = KPK_HISTOGRAM};

/* What became of one record. */
struct outcome {
    struct kpk_err why; /* KPK_OK: noted; else it never will succeed */
    int64_t time_ms;    /* when the event happened */
};

/* One thread uses it. */
struct member {
    const struct kpk_fanout_effect *effect;
    void *ctx; /* of 'effect' */
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
    struct outcome *outcomes; /* of the batch's records */
    struct kpk_dlq *dlq;
};

struct kpk_fanout {
    int consumers;
    struct member members[KPK_FANOUT_MEMBERS];
};

/* --- the effect of a batch --------------------------------------------------------------- */

/* This is all that a single record can fail at: the stores fail for all of them. */
static void note_batch(struct member *member) {
    struct kpk_event event;

    member->effect->begin(member->ctx);
    for (size_t i = 0; i < member->batch.count; i++) {
        struct outcome *outcome = &member->outcomes[i];
        outcome->why.verdict = KPK_OK;
        if (kpk_event_decode(member->batch.msgs[i], &event, &outcome->why)) continue;
        outcome->time_ms = event.time_ms;
        if (member->effect->note(member->ctx, &event, &outcome->why)) continue;
    }
}

/* returns  0: all of them are acknowledged */
static int hand_over_rejected(struct member *member, struct kpk_err *err) {
    for (size_t i = 0; i < member->batch.count; i++) {
        const struct outcome *outcome = &member->outcomes[i];
        if (outcome->why.verdict == KPK_OK)
            kpk_metric_observe_us(&age, (kpk_now_ms() - outcome->time_ms) * 1000);
        else if (kpk_dlq_add(member->dlq, member->batch.msgs[i], &outcome->why, err))
            return -1;
    }
    return kpk_dlq_wait(member->dlq, err);
}

/* The whole of it: what can be done is done, what never can be is handed over. */
static int take_effect(struct member *member, struct kpk_err *err) {
    int64_t begin_us = kpk_mono_us();

    if (member->batch.count == 0) return 0;
    note_batch(member);
    if (kpk_fault("fanout:after-poll", err)) return -1;
    if (member->effect->apply(member->ctx, err)) return -1;
    if (kpk_fault("fanout:after-effect", err)) return -1;
    if (hand_over_rejected(member, err)) return -1;
    kpk_metric_observe_us(&duration, kpk_mono_us() - begin_us);
    return kpk_fault("fanout:before-commit", err);
}

/* --- the loop ---------------------------------------------------------------------------- */

static bool may_be_repeated(const struct kpk_err *err) {
    return err->verdict == KPK_WAIT || err->verdict == KPK_RETRY;
}

static int run_member(int index, void *arg, struct kpk_err *err) {
    struct member *member = &((struct kpk_fanout *)arg)->members[index];

    while (!kpk_stopping()) {
        if (kpk_poll_batch(member->consumer, &member->batch, POLL_MS, err))
            return -1;                  /* (1) fetch */
        if (take_effect(member, err)) { /* (2) effect */
            if (!may_be_repeated(err)) return -1;
            kpk_pause(member->consumer, err); /* keep it; try again when the store is back */
            continue;
        }
        if (kpk_commit(member->consumer, &member->batch, err)) return -1; /* (3) commit */
        kpk_batch_clear(&member->batch);
    }
    return 0;
}

int kpk_fanout_run(struct kpk_fanout *fanout, struct kpk_err *err) {
    return kpk_members_run(fanout->consumers, run_member, fanout, err);
}

/* --- set-up ------------------------------------------------------------------------------ */

static int open_member(struct member *member, const struct kpk_fanout_opts *opts,
                       struct kpk_err *err) {
    member->effect = opts->effect;
    member->outcomes = calloc((size_t)opts->batch, sizeof(*member->outcomes));
    if (!member->outcomes) return kpk_fail(err, KPK_FATAL, "fanout: no memory");
    if (kpk_batch_init(&member->batch, (size_t)opts->batch, err)) return -1;
    if (opts->effect->open(&member->ctx, opts->batch, err)) return -1;
    if (kpk_dlq_open(&member->dlq, opts->group, err)) return -1;
    return kpk_group_open(&member->consumer, opts->group, err);
}

int kpk_fanout_open(struct kpk_fanout **out, const struct kpk_fanout_opts *opts,
                    struct kpk_err *err) {
    struct kpk_fanout *fanout = calloc(1, sizeof(*fanout));

    *out = NULL;
    if (!fanout) return kpk_fail(err, KPK_FATAL, "fanout: no memory");
    snprintf(age.labels, sizeof(age.labels), "group=\"%s\"", opts->group);
    snprintf(duration.labels, sizeof(duration.labels), "group=\"%s\"", opts->group);
    for (; fanout->consumers < opts->consumers; fanout->consumers++) {
        if (!open_member(&fanout->members[fanout->consumers], opts, err)) continue;
        fanout->consumers++; /* what it has is closed too */
        kpk_fanout_close(fanout);
        return -1;
    }
    *out = fanout;
    return 0;
}

void kpk_fanout_close(struct kpk_fanout *fanout) {
    if (!fanout) return;
    for (int i = 0; i < fanout->consumers; i++) {
        struct member *member = &fanout->members[i];
        kpk_consumer_close(member->consumer); /* leaves the group */
        kpk_batch_free(&member->batch);
        free(member->outcomes);
        member->effect->close(member->ctx);
        kpk_dlq_close(member->dlq);
    }
    free(fanout);
}

int kpk_fanout_check(struct kpk_fanout *fanout, struct kpk_err *err) {
    for (int i = 0; i < fanout->consumers; i++)
        if (!fanout->members[i].consumer->joined)
            return kpk_fail(err, KPK_WAIT, "kafka: member %d has not joined its group yet", i);
    return kpk_kafka_check(fanout->members[0].consumer->rk, err);
}
