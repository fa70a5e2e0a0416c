/* fanout-worker: the members of group fanout-workers in this process. */
#ifndef KPK_SERVICES_TWITTER_FANOUT_WORKER_WORKER_H
#define KPK_SERVICES_TWITTER_FANOUT_WORKER_WORKER_H

#include "common/kafka.h"
#include "patterns/retry-dlq/dlq.h"
#include "services/twitter/fanout-worker/push.h"

enum { MEMBERS_MAX = 50 };

/* What became of one record. */
struct outcome {
    struct kpk_err why; /* verdict REJECT: it never will succeed */
    int64_t time_ms;    /* when the event happened */
};

/* What one member of the group owns; one thread uses it. */
struct member {
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
    struct outcome *outcomes; /* of the batch's records */
    struct push_work work;
    struct kpk_pg *pg;
    struct kpk_redis *redis;
    struct kpk_dlq *dlq;
};

/* Poll, effect, commit, until kpk_stopping(). A kpk_member: see common/members.h.
 * arg  the struct worker */
int member_run(int index, void *arg, struct kpk_err *err) KPK_MUST_CHECK;

struct worker {
    int consumers, batch;
    struct member members[MEMBERS_MAX];
    struct kpk_pg *check_pg; /* of /readyz */
    struct kpk_redis *check_redis;
};

/* Join the group with as many members as 'consumers' says. After a failure too, close. */
int worker_open(struct worker *worker, struct kpk_err *err) KPK_MUST_CHECK;
void worker_close(struct worker *worker);

#endif
