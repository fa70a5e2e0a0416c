#include "common/histogram.h"

#include <inttypes.h>
#include <math.h>

enum { STEPS_PER_HALF = 5 };

static size_t counter_of(int64_t value) {
    int bits = 64 - __builtin_clzll((uint64_t)value | 1);
    int shift = bits > KPK_HISTOGRAM_BITS + 1 ? bits - KPK_HISTOGRAM_BITS - 1 : 0;

    return ((size_t)shift << KPK_HISTOGRAM_BITS) + (size_t)(value >> shift);
}

/* The largest value that the counter stands for. */
static int64_t value_of(size_t counter) {
    size_t row = counter >> KPK_HISTOGRAM_BITS;
    size_t shift = row > 1 ? row - 1 : 0;
    uint64_t part = counter - (shift << KPK_HISTOGRAM_BITS);

    if (counter >= KPK_HISTOGRAM_COUNTERS) return INT64_MAX; /* there is none */
    return (int64_t)(((part + 1) << shift) - 1);
}

void kpk_histogram_add(struct kpk_histogram *histogram, int64_t value) {
    const int64_t largest = (INT64_C(1) << KPK_HISTOGRAM_MAX_BITS) - 1;

    if (value < 0) value = 0;
    if (value > largest) value = largest;
    if (histogram->count == 0 || value < histogram->min) histogram->min = value;
    if (value > histogram->max) histogram->max = value;
    histogram->sum += value;
    histogram->count++;
    histogram->counters[counter_of(value)]++;
}

void kpk_histogram_merge(struct kpk_histogram *into, const struct kpk_histogram *from) {
    if (from->count == 0) return;
    if (into->count == 0 || from->min < into->min) into->min = from->min;
    if (from->max > into->max) into->max = from->max;
    into->sum += from->sum;
    into->count += from->count;
    for (size_t i = 0; i < KPK_HISTOGRAM_COUNTERS; i++) into->counters[i] += from->counters[i];
}

/* How many values 'percentile' means: at least one. */
static uint64_t rank_of(const struct kpk_histogram *histogram, double percentile) {
    /* 99.9 / 100 is not 0.999 exactly: what is a whole number but for that is taken for one. */
    double rank = ceil(percentile / 100 * (double)histogram->count * (1 - 1e-12));

    if (rank < 1) return 1;
    return rank < (double)histogram->count ? (uint64_t)rank : histogram->count;
}

int64_t kpk_histogram_at(const struct kpk_histogram *histogram, double percentile) {
    uint64_t seen = 0, rank = rank_of(histogram, percentile);

    for (size_t i = 0; i < KPK_HISTOGRAM_COUNTERS && histogram->count > 0; i++) {
        seen += histogram->counters[i];
        if (seen < rank) continue;
        return value_of(i) < histogram->max ? value_of(i) : histogram->max;
    }
    return histogram->max;
}

double kpk_histogram_mean(const struct kpk_histogram *histogram) {
    return histogram->count ? (double)histogram->sum / (double)histogram->count : 0;
}

static double deviation_of(const struct kpk_histogram *histogram) {
    double mean = kpk_histogram_mean(histogram), squares = 0;

    for (size_t i = 0; i < KPK_HISTOGRAM_COUNTERS; i++)
        if (histogram->counters[i])
            squares += (double)histogram->counters[i] * ((double)value_of(i) - mean) *
                       ((double)value_of(i) - mean);
    return histogram->count ? sqrt(squares / (double)histogram->count) : 0;
}

void kpk_histogram_print(const struct kpk_histogram *histogram, double unit, FILE *out) {
    double left = 1, step = 0.5 / STEPS_PER_HALF;
    uint64_t total = 0;
    size_t i = 0;

    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    for (int n = 0; histogram->count > 0 && total < histogram->count; n++) {
        uint64_t rank = rank_of(histogram, (1 - left) * 100);
        for (; total < rank; i++) total += histogram->counters[i];
        double value =
            (double)(value_of(i - 1) < histogram->max ? value_of(i - 1) : histogram->max);
        double share = (double)total / (double)histogram->count;
        fprintf(out, "%12.3f %14.12f %10" PRIu64, value / unit, share, total);
        if (total < histogram->count)
            fprintf(out, " %14.2f\n", 1 / (1 - share));
        else
            fprintf(out, " %14s\n", "inf");
        if (n > 0 && n % STEPS_PER_HALF == 0) step /= 2;
        left -= step;
    }
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
            kpk_histogram_mean(histogram) / unit, deviation_of(histogram) / unit);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
            (double)histogram->max / unit, histogram->count);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
            KPK_HISTOGRAM_MAX_BITS - KPK_HISTOGRAM_BITS, 2 << KPK_HISTOGRAM_BITS);
}
