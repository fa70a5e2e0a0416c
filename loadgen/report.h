/* What a run says at its end: a table for a person, JSON for a machine, and the exit code. */
#ifndef KPK_LOADGEN_REPORT_H
#define KPK_LOADGEN_REPORT_H

#include "loadgen/engine.h"

enum { LOAD_SLO_MISSED = 99, LOAD_SLOS_MOST = 8 };

/* "p99<50ms", "publish.p99.9<1s", "end_to_end.p50<10ms"; of the end-to-end latency unless it says otherwise,
 * or of the publish latency when nobody reads. */
struct load_slo {
    char text[48];
    bool publish, met;
    double percentile, limit_us, found_us;
};

/* Several, separated by commas. returns  how many, or -1 with 'err' (REJECT) naming the one that is wrong */
int load_slo_parse(const char *text, bool has_groups, struct load_slo slos[LOAD_SLOS_MOST],
                   struct kpk_err *err);

struct load_report {
    const struct load_setup *setup;
    int brokers, replicas;
    const struct load_measured *sustained;
    const struct load_measured *peak; /* NULL: there was none */
    double drain_s;                   /* after the last phase */
    bool drained, interrupted;
    int64_t
        in_topic; /* records that the topic got in this run, by its offsets; -1: nobody could tell */
    double disk_bytes; /* of one record in one replica; -1: not known */
    struct load_view services_before, services_after; /* the whole run, drain included */
    struct kpk_report groups[LOAD_GROUPS_MOST];
    struct load_slo slos[LOAD_SLOS_MOST];
    int n_slos;
};

/* report_services.c: what the services did in the sustained phase, and what each process cost. */
void load_report_services(const struct load_report *report);
/* Has every group had its effect for all that was acknowledged, and is none of it a dead letter?
 * returns  false: 'text' says which and how many */
bool load_report_effects(const struct load_report *report, uint64_t acked, char *text,
                         size_t bytes);

/* Compare the objectives with what was measured. */
void load_report_slos(struct load_report *report);

/* Prints the table and the verdict. returns  0, 1 (something was lost, duplicated, reordered, invented or
 * not delivered), or LOAD_SLO_MISSED */
int load_report_print(const struct load_report *report);

/* returns  0, or -1 with 'err': the file could not be written */
int load_report_json(const struct load_report *report, int exit_code, const char *path,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* Could they be written? What load_writable() is to a file, for both of load_report_hdr(). */
int load_report_hdr_writable(const char *path, struct kpk_err *err) KPK_MUST_CHECK;
/* The distributions of the sustained phase as HdrHistogram's plotter reads them, in ms: 'path'.publish and
 * 'path'.end-to-end */
int load_report_hdr(const struct load_report *report, const char *path,
                    struct kpk_err *err) KPK_MUST_CHECK;

#endif
