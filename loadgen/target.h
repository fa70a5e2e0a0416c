/* The topic of a load, load.<name>: made for a run, as its class asks and the brokers allow, and removed
 * at its end. */
#ifndef KPK_LOADGEN_TARGET_H
#define KPK_LOADGEN_TARGET_H

#include "loadgen/profile.h"
#include "topology/admin.h"

struct load_target {
    struct kpk_admin *admin;
    struct kpk_topic_plan topic;
    int brokers, replicas;
    bool made;
    int lock;     /* held as long as it is open */
    double room;  /* bytes that the brokers' disk has left; -1: not known */
    int64_t held; /* records that were in it before the run */
    int64_t
        *from; /* of a topic that was found: the end of each partition; NULL: it was empty */
};

/* What is left of an earlier run is removed first. A run that goes on would lose its topic by that, and both would
 * share their groups: of a system, one load at a time runs from this machine on a cluster.
 * bytes    how much will be written to it, before replication: refused when no broker of this machine has the
 *          room (with brokers elsewhere it is not known)
 * keep     a topic that is there is used as it is
 * returns  0, or -1 with 'err': REJECT another one runs */
int load_target_open(struct load_target *target, const struct load_profile *profile,
                     int partitions, double bytes, bool keep,
                     struct kpk_err *err) KPK_MUST_CHECK;
/* A topic that services read, as it is.
 * returns  0, or -1 with 'err': REJECT it is not there, or another one runs */
int load_target_find(struct load_target *target, const struct load_profile *profile,
                     double bytes, struct kpk_err *err) KPK_MUST_CHECK;
/* How many records it holds, by the offsets of its partitions. returns -1 with 'err' (WAIT) */
int64_t load_target_count(struct load_target *target, struct kpk_err *err);

/* Remove the topic, and 'groups' (full names, NULL-terminated); what cannot be removed is told. */
void load_target_close(struct load_target *target, bool keep, const char *const *groups);

#endif
