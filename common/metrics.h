/* Metrics in Prometheus' text format, as /metrics serves them.
 *
 *   static struct kpk_metric pushed = {
 *       .name = "kpk_timeline_writes_total", .help = "Timeline entries written to Redis"};
 *   kpk_metric_add(&pushed, 12);
 *
 * A metric is a static struct that its module owns; it registers itself at its first use, so
 * there is no list to keep. Series of one name and different labels are different structs with
 * the same name and help. Any thread may update one: updates are atomic, without a lock. */
#ifndef KPK_COMMON_METRICS_H
#define KPK_COMMON_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum kpk_metric_type { KPK_COUNTER = 0, KPK_GAUGE, KPK_HISTOGRAM };

enum { KPK_METRIC_BUCKETS = 18 }; /* upper bounds in seconds: see metrics.c; 100 us to 60 s */

struct kpk_metric {
    const char *name;
    const char *help;
    enum kpk_metric_type type;
    char labels
        [160]; /* 'group="fanout-workers",topic="tweets"', values already escaped; or "" */
    atomic_int registered; /* private from here on */
    struct kpk_metric *next;
    _Atomic int64_t value;  /* counter, gauge */
    _Atomic uint64_t count; /* histogram */
    _Atomic uint64_t sum_us;
    _Atomic uint64_t buckets[KPK_METRIC_BUCKETS];
};

void kpk_metric_add(struct kpk_metric *metric, int64_t n);     /* counter, gauge */
void kpk_metric_set(struct kpk_metric *metric, int64_t value); /* gauge */
void kpk_metric_observe_us(struct kpk_metric *metric,
                           int64_t micros); /* histogram, shown in seconds */

/* A copy of 'like' with 'labels', from the heap, or the one that exists already: for labels known
 * only at run time (a partition). Lives as long as the process; the caller bounds their number.
 * returns  never NULL: on a full heap, 'like' itself */
struct kpk_metric *kpk_metric_with(struct kpk_metric *like, const char *labels);

/* Everything registered, families together, HELP and TYPE first, plus the process' own
 * (process_cpu_seconds_total, process_resident_memory_bytes, process_start_time_seconds).
 * returns  a string for free(), or NULL when memory is short */
char *kpk_metrics_text(void);

#endif
