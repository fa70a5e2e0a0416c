/* The table put on a cluster: wait for it, see what is there, create what is missing.
 *
 *   kpk_admin_open(&admin, &(struct kpk_admin_opts){.wait_ms = 30000}, err)
 *   kpk_plan_open(&plan, systems, err)
 *   kpk_admin_describe(admin, &plan, err)     found
 *   kpk_admin_decide(admin, &plan, grow)      what to do
 *   kpk_admin_apply(admin, &plan, err)        do it
 *   kpk_admin_settle(admin, &plan, err)       every broker knows every leader
 *
 * All of it may be run again at any time: what is as it should be is left alone. */
#ifndef KPK_TOPOLOGY_ADMIN_H
#define KPK_TOPOLOGY_ADMIN_H

#include "topology/plan.h"

/* One thread uses it. */
struct kpk_admin {
    rd_kafka_t *rk;
    int brokers; /* that answered when it was opened */
    /* May be changed between two calls: */
    int request_ms; /* what one answer may take */
    int via; /* the broker to ask what any of them can tell; -1, as opened: the client chooses,
                       and may choose one that hangs */
    bool finishing; /* true: answers are waited for also when the process is asked to end */
    /* private */
    rd_kafka_queue_t *answers;
    int wait_ms;
    char reason[160]; /* the client's last word on a broker that does not answer */
};

struct kpk_admin_opts {
    int wait_ms; /* for the cluster to answer, and for new topics to get leaders; 0: 30000 */
    int brokers; /* how many must be there: a topic made while one starts has too few replicas;
                    0: 1 */
    int request_ms; /* for one answer of the cluster; 0: 10000 */
};

/* Wait for the cluster. returns 0, or -1 with 'err' (WAIT: who did not answer, and why; FATAL)
 */
int kpk_admin_open(struct kpk_admin **admin, const struct kpk_admin_opts *opts,
                   struct kpk_err *err) KPK_MUST_CHECK;
void kpk_admin_close(struct kpk_admin *admin); /* NULL is fine */

/* Fill 'found' of every topic. returns 0, or -1 with 'err' (WAIT) */
int kpk_admin_describe(struct kpk_admin *admin, struct kpk_plan *plan,
                       struct kpk_err *err) KPK_MUST_CHECK;

/* kpk_topic_decide() for every topic, with the brokers there are. */
void kpk_admin_decide(struct kpk_admin *admin, struct kpk_plan *plan, bool grow);

/* Do what was decided. Goes on past a topic that fails: its outcome becomes FAILED, its detail
 * the cluster's reason. returns  0, or -1 with 'err' naming the first topic that was refused or
 * failed */
int kpk_admin_apply(struct kpk_admin *admin, struct kpk_plan *plan,
                    struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until every broker knows all partitions of every topic and a leader of each, so that a
 * program started next finds them. Topics REFUSED or FAILED are not waited for.
 * returns  0, or -1 with 'err' (WAIT) naming the topic and what is missing */
int kpk_admin_settle(struct kpk_admin *admin, struct kpk_plan *plan,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until no broker names one of the topics any more.
 * returns  0, or -1 with 'err' (WAIT) naming one that is still there */
int kpk_admin_gone(struct kpk_admin *admin, struct kpk_plan *plan,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* For further calls of librdkafka's admin API: they answer with one event on one queue.
 *   opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
 *   rd_kafka_ListOffsets(admin->rk, partitions, opts, kpk_admin_queue(admin));
 *   event = kpk_admin_answer(admin, opts, "list offsets", err); */
rd_kafka_AdminOptions_t *kpk_admin_options(struct kpk_admin *admin, rd_kafka_admin_op_t op);
/* Send this call to 'broker'; -1: as it is */
void kpk_admin_ask(rd_kafka_AdminOptions_t *opts, int broker);
rd_kafka_queue_t *kpk_admin_queue(struct kpk_admin *admin);
/* Waits at most 'admin->request_ms', and not any more when the process is asked to end, unless 'admin->finishing'.
 * Destroys 'opts'.
 * returns  the event, for rd_kafka_event_destroy(); NULL with 'err' (WAIT) */
rd_kafka_event_t *kpk_admin_answer(struct kpk_admin *admin, rd_kafka_AdminOptions_t *opts,
                                   const char *what, struct kpk_err *err);

/* Ask for one offset of every partition in 'at'. A partition that nobody leads would fail the
 * request for all: leave it out.
 * at       its offsets are overwritten; -1 for a time after the last record. Where 'err' of an
 *          element is set, that partition has no answer
 * spec     a time in epoch milliseconds, or RD_KAFKA_OFFSET_SPEC_*
 * returns  0, or -1 with 'err' (WAIT) */
int kpk_admin_offsets(struct kpk_admin *admin, rd_kafka_topic_partition_list_t *at,
                      int64_t spec, rd_kafka_IsolationLevel_t isolation,
                      struct kpk_err *err) KPK_MUST_CHECK;

#endif
