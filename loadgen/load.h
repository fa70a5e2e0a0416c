/* One load: senders and groups around one topic, phase after phase.
 *
 *   keys (drawn in advance) --> sender --records--> topic --> group 1: members --> judge
 *           open loop             |                       --> group 2: ...
 *                                 '--delivery reports--> publish latency
 *
 * Open loop: record k of a phase is due at begin + k / rate, whatever became of those before it, and each
 * latency counts from then. What is due and cannot be sent before the phase ends is "not sent". */
#ifndef KPK_LOADGEN_LOAD_H
#define KPK_LOADGEN_LOAD_H

#include "common/clock.h"
#include "common/histogram.h"
#include "loadgen/judge.h"
#include "loadgen/keys.h"
#include "loadgen/profile.h"
#include "loadgen/record.h"
#include "loadgen/services.h"
#include "loadgen/world.h"
#include "topology/topology.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    LOAD_SENDERS_MOST = 8,
    LOAD_GROUPS_MOST = 8,
    LOAD_MEMBERS_MOST = 32,
    LOAD_EVENTS_MOST = 64
};

static inline int64_t load_now_us(void) { return kpk_clock_us(CLOCK_REALTIME); }

/* What is measured, written by one thread and collected by the meter once a second. */
struct load_recorder {
    pthread_mutex_t lock; /* of the histogram */
    struct kpk_histogram took_us;
};

/* What happened to a run and does not end it: a broker that went away. */
struct load_events {
    pthread_mutex_t lock;
    int64_t begin_us;
    int count; /* may be more than are kept */
    struct {
        double second;
        char what[200];
    } kept[LOAD_EVENTS_MOST];
};

void load_event(struct load_events *events, const char *fmt, ...) KPK_PRINTF(2, 3);

/* What a run is; nobody changes it while it runs. */
struct load_setup {
    const struct load_profile *profile;
    char topic[KPK_NAME_BYTES];  /* on the cluster */
    char reader[KPK_NAME_BYTES]; /* its groups are <reader>.1, <reader>.2 ... */
    int partitions, value_bytes;
    bool bare;
    const char *acks, *compression;
    int linger_ms;
    int senders, groups, consumers;
    char run[LOAD_RUN_BYTES];
    struct load_keys *keys;
    struct load_events *events;
    double bytes_most;   /* that may be written to the topic, before replication */
    const int64_t *from; /* of each partition: where the load begins; NULL: at its beginning */
    /* A load of the services that run; of all others NULL: */
    const struct load_world
        *world; /* valid events, to a topic that others may write to as well */
    struct load_services *services; /* its groups are waited for as the load's own are */
    const char *post_url; /* of the service that it is to go through; NULL: to the topic */
};

/* Of an event's value: which record is it?  returns  false: none of this run */
static inline bool load_known(const struct load_setup *setup, const rd_kafka_message_t *msg,
                              uint32_t *stream, uint32_t *seq, int64_t *due_us) {
    return setup->world
               ? load_world_get(msg->payload, msg->len, setup->run, stream, seq, due_us)
               : load_record_get(msg->payload, msg->len, setup->run, stream, seq, due_us);
}

struct load_phase {
    const char *name;
    double rate; /* records a second; 0: as fast as they are acknowledged */
    int64_t begin_us, end_us;
    atomic_int ended; /* senders that are through with it */
};

/* --- sender.c ---------------------------------------------------------------------------- */

/* A producer handle and its thread; it has the streams of some partitions. */
struct load_sender {
    const struct load_setup *setup;
    int index;
    _Atomic(struct load_phase *) phase; /* the one to carry out; set by the engine */
    atomic_bool quit;
    struct load_recorder publish;
    _Atomic uint64_t handed, acked, failed, not_sent;
    uint32_t *sent,
        *unacked; /* of each stream, of all senders together; each touches its own */
    struct load_sending *own;     /* private to sender.c */
    struct load_posting *posting; /* private to poster.c */
};

int load_sender_start(struct load_sender *sender, struct kpk_err *err) KPK_MUST_CHECK;
/* Wait for the delivery reports that are still due, and end. Fine on one that was never started. */
void load_sender_end(struct load_sender *sender);

/* --- poster.c: the same over HTTP ---------------------------------------------------------- */

int load_poster_start(struct load_sender *sender, struct kpk_err *err) KPK_MUST_CHECK;
void load_poster_end(struct load_sender *sender);

/* --- receiver.c -------------------------------------------------------------------------- */

struct load_group {
    const struct load_setup *setup;
    char name[KPK_NAME_BYTES];
    struct load_judge judge;
    /* Of each partition, the offset after the last record that a member looked at; -1: none yet. */
    _Atomic int64_t *position;
    struct load_member {
        struct load_group *group;
        pthread_t thread;
        rd_kafka_t *rk;
        bool started;
        atomic_bool quit;
        atomic_int assigned; /* partitions */
        struct load_recorder end_to_end;
        _Atomic uint64_t seen;
        struct load_tally tally;
    } members[LOAD_MEMBERS_MOST];
};

/* Join the group with all members and wait until each partition is somebody's. */
int load_group_start(struct load_group *group, struct kpk_err *err) KPK_MUST_CHECK;
void load_group_end(struct load_group *group); /* leaves it */
uint64_t load_group_seen(const struct load_group *group);

#endif
