/* A load that runs: phase after phase is carried out, looked at once a second, and judged at the end.
 *
 *   load_engine_open(&engine, &setup, err)          producers, groups; everyone has joined
 *   load_engine_phase(engine, "warm-up", 6000, 10, &measured)
 *   load_engine_phase(engine, "sustained", 6000, 60, &measured)
 *   load_engine_drain(engine, 60, &seconds)         all is acknowledged, and seen by all groups
 *   load_engine_judge(engine, reports)
 *   load_engine_close(engine) */
#ifndef KPK_LOADGEN_ENGINE_H
#define KPK_LOADGEN_ENGINE_H

#include "loadgen/load.h"

#include <stdio.h>

struct load_engine;

/* What one phase was. Allocated by the caller, who may keep several: two histograms are large. */
struct load_measured {
    const char *name;
    double rate;    /* intended, records a second; 0: as fast as acknowledged */
    double seconds; /* that it lasted; less than asked for when it was ended early */
    uint64_t due, acked, failed, not_sent;
    uint64_t lag_max,
        lag_end;          /* records acknowledged and not seen, of the group furthest behind */
    bool lag_grew;        /* it was larger in the last third than ever in the middle one */
    double client_cpu_s;  /* of this process */
    double brokers_cpu_s; /* of all brokers; -1: not known */
    struct load_view services_from, services_to; /* of the services; empty without them */
    struct kpk_histogram publish_us;    /* from when it was due to its delivery report */
    struct kpk_histogram end_to_end_us; /* to when a group's member had it; all groups */
};

/* csv  a line a second goes there; NULL: nowhere */
int load_engine_open(struct load_engine **engine, const struct load_setup *setup, FILE *csv,
                     struct kpk_err *err) KPK_MUST_CHECK;
void load_engine_close(struct load_engine *engine);

/* Ends early when the process is asked to end. */
void load_engine_phase(struct load_engine *engine, const char *name, double rate,
                       double seconds, struct load_measured *measured);

/* Wait until every record is acknowledged or failed, and every acknowledged one seen by each group.
 * returns  whether that was within 'timeout_s'; out: how long it took */
bool load_engine_drain(struct load_engine *engine, double timeout_s, double *seconds);

/* One verdict for each group; without a group one that tells of the acknowledgements alone. */
void load_engine_judge(struct load_engine *engine, struct kpk_report reports[LOAD_GROUPS_MOST]);

/* What the services' groups had done before the first phase, and at the last look. */
void load_engine_effects(const struct load_engine *engine, struct load_view *before,
                         struct load_view *now);

/* Bytes that the topic takes on the brokers' disks, all replicas. returns  -1: not known */
double load_engine_disk(const struct load_engine *engine);

#endif
