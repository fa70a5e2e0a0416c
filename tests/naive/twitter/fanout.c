/* The loop of patterns/fanout, done wrong: the commit before the effect, and a failure that is logged
 * and forgotten. Linked in place of fanout.c into build/naive, for the soak that must then lose
 * something. */
#include "patterns/fanout/internal.h"

#include "common/log.h"
#include "common/stop.h"

enum { POLL_MS = 500 };

void fanout_metrics_init(const char *group) { (void)group; }

static int take_effect(struct fanout_member *member, struct kpk_err *err) {
    struct kpk_event event;

    member->effect->begin(member->ctx);
    for (size_t i = 0; i < member->batch.count; i++)
        if (!kpk_event_decode(member->batch.msgs[i], &event, err))
            if (member->effect->note(member->ctx, &event, err)) continue;
    return member->effect->apply(member->ctx, err);
}

int fanout_member_run(struct fanout_member *member, struct kpk_err *err) {
    struct kpk_quoted quoted;

    while (!kpk_stopping()) {
        if (kpk_poll_batch(member->consumer, &member->batch, POLL_MS, err)) return -1;
        if (kpk_commit(member->consumer, &member->batch, err)) return -1;
        if (member->batch.count && take_effect(member, err))
            kpk_warn("forgotten", "events=%zu reason=%s", member->batch.count,
                     kpk_quote(&quoted, err->msg));
        kpk_batch_clear(&member->batch);
    }
    return 0;
}
