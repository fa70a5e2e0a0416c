/* The members of a group in this process: opened, run in a thread each, closed. */
#include "common/members.h"

#include "patterns/fanout/internal.h"
#include "topology/topology.h"

#include <stdlib.h>

struct kpk_fanout {
    int consumers;
    struct fanout_member members[KPK_FANOUT_MEMBERS];
};

/* --- set-up ------------------------------------------------------------------------------ */

static int open_member(struct fanout_member *member, const struct kpk_fanout_opts *opts,
                       struct kpk_err *err) {
    member->effect = opts->effect;
    member->outcomes = calloc((size_t)opts->batch, sizeof(*member->outcomes));
    if (!member->outcomes) return kpk_fail(err, KPK_FATAL, "fanout: no memory");
    if (kpk_batch_init(&member->batch, (size_t)opts->batch, err)) return -1;
    if (opts->effect->open(&member->ctx, opts->batch, err)) return -1;
    if (kpk_retry_open(&member->retry, opts->group, err)) return -1;
    if (kpk_delay_open(&member->delay, opts->group, err)) return -1;
    return kpk_group_open(&member->consumer, opts->group, err);
}

int kpk_fanout_open(struct kpk_fanout **out, const struct kpk_fanout_opts *opts,
                    struct kpk_err *err) {
    struct kpk_fanout *fanout = calloc(1, sizeof(*fanout));

    *out = NULL;
    if (!fanout) return kpk_fail(err, KPK_FATAL, "fanout: no memory");
    fanout_metrics_init(opts->group);
    for (; fanout->consumers < opts->consumers; fanout->consumers++) {
        if (!open_member(&fanout->members[fanout->consumers], opts, err)) continue;
        fanout->consumers++; /* what it has is closed too */
        kpk_fanout_close(fanout);
        return -1;
    }
    *out = fanout;
    return 0;
}

static int run_one(int index, void *arg, struct kpk_err *err) {
    return fanout_member_run(&((struct kpk_fanout *)arg)->members[index], err);
}

int kpk_fanout_run(struct kpk_fanout *fanout, struct kpk_err *err) {
    return kpk_members_run(fanout->consumers, run_one, fanout, err);
}

void kpk_fanout_close(struct kpk_fanout *fanout) {
    if (!fanout) return;
    for (int i = 0; i < fanout->consumers; i++) {
        struct fanout_member *member = &fanout->members[i];
        kpk_consumer_close(member->consumer); /* leaves the group */
        kpk_batch_free(&member->batch);
        free(member->outcomes);
        member->effect->close(member->ctx);
        kpk_retry_close(member->retry);
        kpk_delay_close(member->delay);
    }
    free(fanout);
}

int kpk_fanout_check(struct kpk_fanout *fanout, struct kpk_err *err) {
    for (int i = 0; i < fanout->consumers; i++)
        if (!fanout->members[i].consumer->joined)
            return kpk_fail(err, KPK_WAIT, "kafka: member %d has not joined its group yet", i);
    return kpk_kafka_check(fanout->members[0].consumer->rk, err);
}
