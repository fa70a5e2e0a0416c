/* What a team does before it has the pattern: one loop, and four ways to treat a charge that fails. */
#include "common/fault.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/stop.h"
#include "patterns/retry-dlq/delay.h"
#include "patterns/retry-dlq/example/worker.h"
#include "patterns/retry-dlq/retry.h"
#include "topology/topology.h"

#include <string.h>

enum { POLL_MS = 500, SLEEP_MS = 300 };

struct naive {
    struct kpk_pg *pg;
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
    struct kpk_retry *retry; /* of commit-first */
    struct kpk_delay *delay;
};

static int charge(struct naive *naive, const rd_kafka_message_t *msg, struct kpk_err *err) {
    const struct card *card;
    struct kpk_event event;

    if (kpk_event_decode(msg, &event, err) || worker_card(&event, &card, err)) return -1;
    return provider_charge(naive->pg, event.id, card, err);
}

/* --- the ways: what a loop does between its poll and the next ---------------------------- */

static int drop(struct naive *naive, struct kpk_err *err) {
    struct kpk_quoted quoted;

    for (size_t i = 0; i < naive->batch.count; i++)
        if (charge(naive, naive->batch.msgs[i], err))
            kpk_warn("charge-failed", "reason=%s", kpk_quote(&quoted, err->msg));
    return kpk_commit(naive->consumer, &naive->batch, err);
}

static int block(struct naive *naive, struct kpk_err *err) {
    for (size_t i = 0; i < naive->batch.count; i++) {
        if (!charge(naive, naive->batch.msgs[i], err)) continue;
        kpk_pause(naive->consumer, err); /* and again, all of it */
        return 0;
    }
    return kpk_commit(naive->consumer, &naive->batch, err);
}

static int sleep_and_retry(struct naive *naive, struct kpk_err *err) {
    for (size_t i = 0; i < naive->batch.count; i++)
        while (charge(naive, naive->batch.msgs[i], err) && !kpk_stopping())
            kpk_stop_wait(SLEEP_MS);
    return kpk_commit(naive->consumer, &naive->batch, err);
}

/* returns  0, or -1 with 'err': the rest is left out */
static int hand_over(struct naive *naive, const struct kpk_err *outcomes, struct kpk_err *err) {
    for (size_t i = 0; i < naive->batch.count; i++)
        if (outcomes[i].verdict != KPK_OK &&
            kpk_retry_hand_over(naive->retry, naive->batch.msgs[i], &outcomes[i], err))
            return -1;
    return kpk_retry_wait(naive->retry, err);
}

static int commit_first(struct naive *naive, struct kpk_err *err) {
    struct kpk_err outcomes[WORKER_BATCH], why;
    size_t failed = 0;

    if (kpk_delay_put_back(naive->delay, naive->consumer, &naive->batch, err)) return -1;
    for (size_t i = 0; i < naive->batch.count; i++)
        if (charge(naive, naive->batch.msgs[i], &outcomes[i]))
            failed++;
        else
            outcomes[i].verdict = KPK_OK;
    if (kpk_commit(naive->consumer, &naive->batch, err)) return -1;
    if (failed == 0) return 0;
    if (kpk_fault("naive:after-commit", &why) || hand_over(naive, outcomes, &why) ||
        kpk_fault("naive:handed-over", &why))
        kpk_warn("hand-over-failed", "reason=logged-and-forgotten");
    return 0;
}

/* --- the loop ---------------------------------------------------------------------------- */

typedef int (*naive_way)(struct naive *naive, struct kpk_err *err);

static int loop(struct naive *naive, naive_way way, struct kpk_err *err) {
    while (!kpk_stopping()) {
        int wait_ms = kpk_delay_resume(naive->delay, naive->consumer, POLL_MS);
        if (kpk_poll_batch(naive->consumer, &naive->batch, wait_ms, err)) return -1;
        if (way(naive, err)) return -1;
        if (!naive->consumer->paused) kpk_batch_clear(&naive->batch);
    }
    return 0;
}

int worker_naive(const char *name, struct kpk_err *err) {
    static const struct {
        const char *name;
        naive_way way;
    } ways[] = {{"drop", drop},
                {"block", block},
                {"sleep", sleep_and_retry},
                {"commit-first", commit_first},
                {0}};
    struct naive naive = {0};
    int failed = -1, i = 0;

    while (ways[i].name && strcmp(ways[i].name, name) != 0) i++;
    if (!ways[i].name) return kpk_fail(err, KPK_FATAL, "--way: there is no '%.40s'", name);
    if (kpk_pg_open(&naive.pg, provider_schema(), err)) goto out;
    if (kpk_batch_init(&naive.batch, WORKER_BATCH, err)) goto out;
    if (kpk_retry_open(&naive.retry, KPK_GROUP_CHARGE_WORKERS, err)) goto out;
    if (kpk_delay_open(&naive.delay, KPK_GROUP_CHARGE_WORKERS, err)) goto out;
    if (kpk_group_open(&naive.consumer, KPK_GROUP_CHARGE_WORKERS, err)) goto out;
    failed = loop(&naive, ways[i].way, err);
out:
    kpk_consumer_close(naive.consumer);
    kpk_batch_free(&naive.batch);
    kpk_delay_close(naive.delay);
    kpk_retry_close(naive.retry);
    kpk_pg_close(naive.pg);
    return failed;
}
