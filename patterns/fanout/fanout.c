/* at-least-once -- an offset is committed only after its effect is durable.
 *
 *   topics and tiers --(group)--> fetch (1) --> put back what is not due (2) --> effect (3)
 *                               --> hand over what failed (4) --> commit (5)
 *
 * Crash between (3) and (5): the events come again, so (3) must be idempotent. A record that failed
 * is in the group's next retry tier or in its dead letter topic before (5): committing an offset commits
 * all before it. */
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

static void note_batch(struct fanout_member *member) {
    struct kpk_event event;

    member->effect->begin(member->ctx);
    for (size_t i = 0; i < member->batch.count; i++) {
        struct fanout_outcome *outcome = &member->outcomes[i];
        outcome->why.verdict = KPK_OK;
        if (kpk_event_decode(member->batch.msgs[i], &event, &outcome->why)) continue;
        outcome->time_ms = event.time_ms;
        kpk_retry_tell(member->retry, member->batch.msgs[i], &event);
        if (member->effect->note(member->ctx, &event, &outcome->why)) continue;
    }
}

/* What became of those that were noted. */
static void ask_outcomes(struct fanout_member *member) {
    size_t noted = 0;

    if (!member->effect->outcome) return;
    for (size_t i = 0; i < member->batch.count; i++) {
        struct kpk_err *why = &member->outcomes[i].why;
        if (why->verdict != KPK_OK) continue;
        if (!member->effect->outcome(member->ctx, noted++, why)) why->verdict = KPK_OK;
    }
}

/* returns  0: all of them are acknowledged */
static int hand_over_failed(struct fanout_member *member, struct kpk_err *err) {
    for (size_t i = 0; i < member->batch.count; i++) {
        const struct kpk_err *why = &member->outcomes[i].why;
        if (why->verdict == KPK_OK) continue;
        if (why->verdict != KPK_RETRY && why->verdict != KPK_REJECT) {
            *err = *why; /* of all of them, then */
            return -1;
        }
        if (kpk_retry_hand_over(member->retry, member->batch.msgs[i], why, err)) return -1;
    }
    return kpk_retry_wait(member->retry, err);
}

static void observe_age(const struct fanout_member *member) {
    int64_t now_ms = kpk_now_ms();

    for (size_t i = 0; i < member->batch.count; i++)
        if (member->outcomes[i].why.verdict == KPK_OK)
            kpk_metric_observe_us(&age, (now_ms - member->outcomes[i].time_ms) * 1000);
}

/* The whole of it: what can be done is done, what failed is handed over. */
static int take_effect(struct fanout_member *member, struct kpk_err *err) {
    int64_t begin_us = kpk_mono_us();

    if (member->batch.count == 0) return 0;
    note_batch(member);
    if (kpk_fault("fanout:after-poll", err)) return -1;
    if (member->effect->apply(member->ctx, err)) return -1;
    if (kpk_fault("fanout:after-effect", err)) return -1;
    ask_outcomes(member);
    if (hand_over_failed(member, err)) return -1;
    observe_age(member);
    kpk_metric_observe_us(&duration, kpk_mono_us() - begin_us);
    return kpk_fault("fanout:before-commit", err);
}

/* --- the loop ---------------------------------------------------------------------------- */

static bool may_be_repeated(const struct kpk_err *err) {
    return err->verdict == KPK_WAIT || err->verdict == KPK_RETRY;
}

int fanout_member_run(struct fanout_member *member, struct kpk_err *err) {
    struct kpk_consumer *consumer = member->consumer;
    struct kpk_batch *batch = &member->batch;

    while (!kpk_stopping()) {
        int wait_ms = kpk_delay_resume(member->delay, consumer, POLL_MS);
        if (kpk_poll_batch(consumer, batch, wait_ms, err)) return -1;  /* (1) fetch */
        if (kpk_delay_put_back(member->delay, consumer, batch, err) || /* (2) not due: later */
            take_effect(member, err)) { /* (3) effect, (4) hand over */
            if (!may_be_repeated(err)) return -1;
            kpk_pause(consumer, err); /* keep it; try again when the store is back */
            continue;
        }
        if (kpk_commit(consumer, batch, err)) return -1; /* (5) commit */
        kpk_batch_clear(batch);
    }
    return 0;
}
