/* at-least-once -- an offset is committed only after its effect is durable.
 *
 *   topics --(group)--> fetch (1) --> effect (2) --> commit (3)
 *
 * Crash between (2) and (3): the events come again, so (2) must be idempotent. A record that can
 * never succeed is in the group's dead letter topic before (3): committing an offset commits all
 * before it. */
#include "patterns/fanout/internal.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/metrics.h"
#include "common/stop.h"

#include <stdio.h>

enum { POLL_MS = 500 };

static struct kpk_metric age = {.name = "kpk_event_age_seconds",
                                .help = "Age of an event when its effect is durable",
                                .type = KPK_HISTOGRAM};
static struct kpk_metric duration = {.name = "messaging_process_duration_seconds",
                                     .help = "Time to process a batch",
                                     .type = KPK_HISTOGRAM};

void fanout_metrics_init(const char *group) {
    snprintf(age.labels, sizeof(age.labels), "group=\"%s\"", group);
    snprintf(duration.labels, sizeof(duration.labels), "group=\"%s\"", group);
}

/* --- the effect of a batch --------------------------------------------------------------- */

/* This is all that a single record can fail at: the stores fail for all of them. */
static void note_batch(struct fanout_member *member) {
    struct kpk_event event;

    member->effect->begin(member->ctx);
    for (size_t i = 0; i < member->batch.count; i++) {
        struct fanout_outcome *outcome = &member->outcomes[i];
        outcome->why.verdict = KPK_OK;
        if (kpk_event_decode(member->batch.msgs[i], &event, &outcome->why)) continue;
        outcome->time_ms = event.time_ms;
        if (member->effect->note(member->ctx, &event, &outcome->why)) continue;
    }
}

/* returns  0: all of them are acknowledged */
static int hand_over_rejected(struct fanout_member *member, struct kpk_err *err) {
    for (size_t i = 0; i < member->batch.count; i++) {
        const struct fanout_outcome *outcome = &member->outcomes[i];
        if (outcome->why.verdict == KPK_OK)
            kpk_metric_observe_us(&age, (kpk_now_ms() - outcome->time_ms) * 1000);
        else if (kpk_dlq_add(member->dlq, member->batch.msgs[i], &outcome->why, err))
            return -1;
    }
    return kpk_dlq_wait(member->dlq, err);
}

/* The whole of it: what can be done is done, what never can be is handed over. */
static int take_effect(struct fanout_member *member, struct kpk_err *err) {
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

int fanout_member_run(struct fanout_member *member, struct kpk_err *err) {
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
