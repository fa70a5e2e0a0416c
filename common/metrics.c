/* Every metric in use hangs in one list that only grows: a new one is pushed with a compare and
 * swap, so an update never waits for a scrape, nor a scrape for an update. */
#include "common/metrics.h"

#include "common/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
static const struct {
    int64_t micros;
    const char *le; /* in seconds, as Prometheus' own clients write them */
} bounds[KPK_METRIC_BUCKETS] = {
    {100, "0.0001"},    {250, "0.00025"},    {500, "0.0005"},
    {1000, "0.001"},    {2500, "0.0025"},    {5000, "0.005"},
    {10000, "0.01"},    {25000, "0.025"},    {50000, "0.05"},
    {100000, "0.1"},    {250000, "0.25"},    {500000, "0.5"},
    {1000000, "1"},     {2500000, "2.5"},    {5000000, "5"},
    {10000000, "10"},   {30000000, "30"},    {60000000, "60"},
};
/* clang-format on */

static struct kpk_metric *_Atomic all;
static pthread_mutex_t with_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- updates ---- */

static void enlist(struct kpk_metric *metric) {
    if (atomic_load_explicit(&metric->registered, memory_order_relaxed)) return;
    if (atomic_exchange(&metric->registered, 1)) return; /* another thread is at it */
    metric->next = atomic_load(&all);
    while (!atomic_compare_exchange_weak(&all, &metric->next, metric))
        ;
}

void kpk_metric_add(struct kpk_metric *metric, int64_t n) {
    enlist(metric);
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void kpk_metric_set(struct kpk_metric *metric, int64_t value) {
    enlist(metric);
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void kpk_metric_observe_us(struct kpk_metric *metric, int64_t micros) {
    size_t i = 0;

    enlist(metric);
    if (micros < 0) micros = 0; /* a clock that stepped back */
    while (i < KPK_METRIC_BUCKETS && micros > bounds[i].micros) i++;
    atomic_fetch_add_explicit(&metric->sum_us, (uint64_t)micros, memory_order_relaxed);
    /* The count before its bucket, and read after it: a scrape never sees buckets add up to
     * more than the count. */
    atomic_fetch_add_explicit(&metric->count, 1, memory_order_relaxed);
    if (i < KPK_METRIC_BUCKETS)
        atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_release);
}

struct kpk_metric *kpk_metric_with(struct kpk_metric *like, const char *labels) {
    struct kpk_metric *metric;

    if (strlen(labels) >= sizeof(like->labels)) return like;
    pthread_mutex_lock(&with_lock); /* or two threads would make the same series twice */
    for (metric = atomic_load(&all); metric; metric = metric->next)
        if (strcmp(metric->name, like->name) == 0 && strcmp(metric->labels, labels) == 0) break;
    if (!metric && (metric = calloc(1, sizeof(*metric)))) {
        metric->name = like->name;
        metric->help = like->help;
        metric->type = like->type;
        strcpy(metric->labels, labels);
        enlist(metric);
    }
    pthread_mutex_unlock(&with_lock);
    return metric ? metric : like;
}

/* ---- the text ---- */

static int by_family(const void *a, const void *b) {
    const struct kpk_metric *x = *(struct kpk_metric *const *)a;
    const struct kpk_metric *y = *(struct kpk_metric *const *)b;
    int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->labels, y->labels);
}

static void put_family(FILE *out, const char *name, const char *help, const char *type) {
    fprintf(out, "# HELP %s ", name);
    for (; *help; help++) {
        if (*help == '\n')
            fputs("\\n", out);
        else if (*help == '\\')
            fputs("\\\\", out);
        else
            fputc(*help, out);
    }
    fprintf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_histogram(FILE *out, struct kpk_metric *metric) {
    const char *labels = metric->labels, *comma = *labels ? "," : "";
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    uint64_t below = 0, count, sum_us;

    for (size_t i = 0; i < KPK_METRIC_BUCKETS; i++) {
        below += atomic_load_explicit(&metric->buckets[i], memory_order_acquire);
        fprintf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", metric->name, labels, comma,
                bounds[i].le, below);
    }
    count = atomic_load_explicit(&metric->count, memory_order_relaxed);
    sum_us = atomic_load_explicit(&metric->sum_us, memory_order_relaxed);
    fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", metric->name, labels, comma,
            count);
    fprintf(out, "%s_sum%s%s%s %" PRIu64 ".%06" PRIu64 "\n", metric->name, open, labels, close,
            sum_us / 1000000, sum_us % 1000000);
    fprintf(out, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open, labels, close, count);
}

static void put_registered(FILE *out, struct kpk_metric **metrics, size_t count) {
    static const char *const types[] = {"counter", "gauge", "histogram"};

    for (size_t i = 0; i < count; i++) {
        struct kpk_metric *metric = metrics[i];

        if (i == 0 || strcmp(metrics[i - 1]->name, metric->name) != 0)
            put_family(out, metric->name, metric->help, types[metric->type]);
        if (metric->type == KPK_HISTOGRAM) {
            put_histogram(out, metric);
            continue;
        }
        fprintf(out, *metric->labels ? "%s{%s}" : "%s%s", metric->name, metric->labels);
        fprintf(out, " %" PRId64 "\n",
                atomic_load_explicit(&metric->value, memory_order_relaxed));
    }
}

/* Bytes of memory in use, or -1. proc(5): statm's second number, in pages. */
static int64_t resident_bytes(void) {
    FILE *statm = fopen("/proc/self/statm", "re");
    int64_t pages = -1;

    if (!statm) return -1;
    if (fscanf(statm, "%*s %" SCNd64, &pages) != 1) pages = -1;
    fclose(statm);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

/* Milliseconds since the epoch, or -1. proc(5): field 22 of stat counts ticks since boot. The
 * name of the program, field 2, may hold spaces and brackets: fields are counted from its last
 * one. */
static int64_t start_time_ms(void) {
    FILE *stat = fopen("/proc/self/stat", "re");
    unsigned long long ticks;
    char line[1024];
    const char *rest;
    int64_t up_ms = -1;

    if (!stat) return -1;
    if (fgets(line, sizeof(line), stat) && (rest = strrchr(line, ')')) &&
        sscanf(rest + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
               " %*d %*d %llu",
               &ticks) == 1)
        up_ms = kpk_clock_us(CLOCK_BOOTTIME) / 1000 -
                (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
    fclose(stat);
    return up_ms < 0 ? -1 : kpk_now_ms() - up_ms;
}

static int64_t started_ms;

static void find_start_time(void) { started_ms = start_time_ms(); }

static void put_process(FILE *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* from two clocks: it would jitter */
    int64_t cpu_us = kpk_clock_us(CLOCK_PROCESS_CPUTIME_ID), resident = resident_bytes();

    pthread_once(&once, find_start_time);
    put_family(out, "process_cpu_seconds_total", "CPU time spent, user and system", "counter");
    fprintf(out, "process_cpu_seconds_total %" PRId64 ".%06d\n", cpu_us / 1000000,
            (int)(cpu_us % 1000000));
    if (resident >= 0) {
        put_family(out, "process_resident_memory_bytes", "Memory in RAM", "gauge");
        fprintf(out, "process_resident_memory_bytes %" PRId64 "\n", resident);
    }
    if (started_ms >= 0) {
        put_family(out, "process_start_time_seconds", "Start, since the epoch", "gauge");
        fprintf(out, "process_start_time_seconds %" PRId64 ".%03d\n", started_ms / 1000,
                (int)(started_ms % 1000));
    }
}

char *kpk_metrics_text(void) {
    struct kpk_metric *first = atomic_load(&all), *metric, **metrics;
    char *text = NULL;
    size_t count = 0, len;
    FILE *out;
    int failed;

    for (metric = first; metric; metric = metric->next) count++;
    metrics = calloc(count + 1, sizeof(struct kpk_metric *));
    out = open_memstream(&text, &len);
    if (metrics && out) {
        count = 0;
        for (metric = first; metric; metric = metric->next) metrics[count++] = metric;
        qsort(metrics, count, sizeof(struct kpk_metric *), by_family);
        put_registered(out, metrics, count);
        put_process(out);
    }
    failed = !metrics || !out || ferror(out);
    if (out && fclose(out)) failed = 1;
    free(metrics);
    if (!failed) return text;
    free(text);
    return NULL;
}
