/* Fanout: one event, any number of services, each at its own pace.
 *
 *                 .--(group A)--> effect A --> commit A
 *   topic --------+--(group B)--> effect B --> commit B
 *                 '--(group C)--> effect C --> commit C
 *
 * A service that must do something about an event is a consumer group of its own. Whoever published
 * the event has long been answered, and knows of none of them.
 *
 * Guaranteed      every group gets every event, in order within its key, and has its effect at least
 *                 once: an offset is committed only when the effect is durable. With an effect that
 *                 may be repeated without harm, that is effectively once. What a group cannot do goes to
 *                 its retry tiers and in the end to its dead letter topic (patterns/retry-dlq), and
 *                 the group goes on.
 *                 A group that is slow, stopped or failing holds up no other, and no publisher.
 * Not guaranteed  that groups are equally far: what one shows, another may not know yet. The place of an
 *                 event that is tried again.
 * Source          the guide, section 7 (groups are independent) and section 10, pattern 1. */
#ifndef KPK_PATTERNS_FANOUT_FANOUT_H
#define KPK_PATTERNS_FANOUT_FANOUT_H

#include "common/err.h"
#include "common/event.h"

/* What a service does about events: plain functions of bytes and stores, without a consumer in
 * them. Each member of the group has a context of its own, so one thread uses it. */
struct kpk_fanout_effect {
    /* Make a member's context: connections, room for 'batch' events. On failure nothing is left. */
    int (*open)(void **ctx, int batch, struct kpk_err *err);
    void (*close)(void *ctx); /* NULL is fine */

    /* A new batch begins: forget what was noted. It may be the one before, once more. */
    void (*begin)(void *ctx);
    /* Note what one event asks for; in memory, no store is asked. 'event' is gone afterwards.
     * returns  0; -1 with 'err': REJECT: it can never be done, a dead letter; RETRY: perhaps later */
    int (*note)(void *ctx, const struct kpk_event *event, struct kpk_err *err);
    /* Do everything that was noted. Events may come again, so it must be idempotent.
     * returns  0: it is durable; -1 with 'err': WAIT or RETRY: the whole batch will be tried
     *          again; anything else ends the process without a commit */
    int (*apply)(void *ctx, struct kpk_err *err);
    /* NULL: what apply() did, it did for all of them. Else, after an apply() that returned 0: what
     * became of the 'index'-th event that note() took?
     * returns  0: done; -1 with 'err': RETRY: it goes to the group's next retry tier, or is a dead
     *          letter when there is none left and the try is not 'uncounted'; REJECT: a dead letter */
    int (*outcome)(void *ctx, size_t index, struct kpk_err *err);
};

enum { KPK_FANOUT_MEMBERS = 50 };

struct kpk_fanout_opts {
    const char *group; /* base name; its topics come from the topology */
    int consumers;     /* members in this process, 1 to KPK_FANOUT_MEMBERS, a thread each */
    int batch;         /* events that are one effect and one commit, at most */
    const struct kpk_fanout_effect *effect;
};

struct kpk_fanout; /* one per process: its metrics carry the name of the group */

int kpk_fanout_open(struct kpk_fanout **fanout, const struct kpk_fanout_opts *opts,
                    struct kpk_err *err) KPK_MUST_CHECK;

/* Poll, effect, commit, until kpk_stopping().
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_fanout_run(struct kpk_fanout *fanout, struct kpk_err *err) KPK_MUST_CHECK;

/* Leave the group at once. NULL is fine. */
void kpk_fanout_close(struct kpk_fanout *fanout);

/* For /readyz, any thread: 0 when every member has joined and Kafka answers, else -1 (WAIT) */
int kpk_fanout_check(struct kpk_fanout *fanout, struct kpk_err *err) KPK_MUST_CHECK;

#endif
