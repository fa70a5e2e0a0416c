/* The services that a load goes through, seen from outside: what their groups have done, how old events were by
 * then, and what each process costs -- from the /metrics of every process that the environment names
 * (KPK_<NAME>_URL, as `make env` prints them), and of the stores from /proc.
 *
 *   load_services_open(&services, KPK_TOPIC_TWEETS, err)       which groups read it, and who works for them
 *   load_services_look(services, &before)
 *   ... the load ...
 *   load_services_look(services, &after)                       differences are the load's: nobody else
 *                                                              may tweet meanwhile */
#ifndef KPK_LOADGEN_SERVICES_H
#define KPK_LOADGEN_SERVICES_H

#include "common/err.h"
#include "common/metrics.h"
#include "topology/topology.h"

enum { LOAD_PROCESSES_MOST = 64, LOAD_READERS_MOST = 8, LOAD_BUCKETS = KPK_METRIC_BUCKETS + 1 };

/* Counted since the services were opened. */
struct load_effects {
    uint64_t done;                /* events whose effect is durable */
    uint64_t dead;                /* events that have become dead letters instead */
    uint64_t below[LOAD_BUCKETS]; /* of these: not older than bounds_s[i] */
};

struct load_view {
    struct load_effects groups[LOAD_READERS_MOST];
    double cpu_s[LOAD_PROCESSES_MOST];
};

struct load_services {
    int n_groups, n_processes;
    const struct kpk_group *groups[LOAD_READERS_MOST];
    double bounds_s[LOAD_BUCKETS]; /* the last is infinite */
    struct load_process {
        char name[48]; /* "fanout-worker-1", "postgresql" */
        char url[128]; /* of its /metrics; "": a store, found by its port */
        int port;
        bool silent;                 /* did not answer when it was asked last */
        struct load_view seen, lost; /* its own share: now, and before it was started anew */
    } processes[LOAD_PROCESSES_MOST];
    void *curl;
};

/* returns  0, or -1 with 'err': REJECT no group of the table reads 'topic', or one of them has no
 *          process that answers: which, and what to do */
int load_services_open(struct load_services **services, const char *topic,
                       struct kpk_err *err) KPK_MUST_CHECK;
void load_services_close(struct load_services *services); /* NULL is fine */

/* Ask all of them; takes some ms. What does not answer keeps what it said last. */
void load_services_look(struct load_services *services, struct load_view *view);

/* How many events the group that is furthest behind has ended since 'since', in an effect or as dead letters. */
uint64_t load_services_least(const struct load_services *services,
                             const struct load_view *since, const struct load_view *now);

/* Wait until nothing is done any more for two seconds: what was in the topics before the load is through.
 * returns  whether that was within 'timeout_s' */
bool load_services_settle(struct load_services *services, int timeout_s);

/* The age that 'percentile' of the events between two looks did not exceed, in seconds: within a bucket
 * as if spread evenly, as Prometheus has it. returns -1: there were none */
double load_services_age(const struct load_services *services, int group, double percentile,
                         const struct load_view *from, const struct load_view *to);

#endif
