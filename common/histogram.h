/* How long things took: a distribution in constant memory, exact to a thousandth.
 *
 *   kpk_histogram_add(&publish, kpk_mono_us() - intended_us);
 *   printf("p99 %.1f ms", (double)kpk_histogram_at(&publish, 99) / 1000);
 *
 * The layout is that of HdrHistogram with three digits: below 2048 each value has a counter of its
 * own; above, each power of two is cut into 1024 equal parts, so that no value is off by more than
 * 1/1024 of itself. http://hdrhistogram.org */
#ifndef KPK_COMMON_HISTOGRAM_H
#define KPK_COMMON_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum {
    KPK_HISTOGRAM_BITS = 10,
    KPK_HISTOGRAM_MAX_BITS = 36, /* 2^36 us are 19 hours */
    KPK_HISTOGRAM_COUNTERS = (KPK_HISTOGRAM_MAX_BITS - KPK_HISTOGRAM_BITS + 1)
                             << KPK_HISTOGRAM_BITS,
};

/* 216 KB: static or allocated. All zero is empty. One thread writes. */
struct kpk_histogram {
    uint64_t count;
    int64_t sum, min, max; /* exact; of an empty one 0 */
    uint64_t counters[KPK_HISTOGRAM_COUNTERS];
};

/* 'value' of any unit; below 0 (two clocks, or one that was set) counts as 0, and what is too large as
 * the largest there is. */
void kpk_histogram_add(struct kpk_histogram *histogram, int64_t value);

/* Add all that is in 'from', of another thread or process. */
void kpk_histogram_merge(struct kpk_histogram *into, const struct kpk_histogram *from);

/* The value that 'percentile' (0..100) of all values are not above; 100 is the maximum, exactly.
 * returns  0 of an empty one */
int64_t kpk_histogram_at(const struct kpk_histogram *histogram, double percentile);
double kpk_histogram_mean(const struct kpk_histogram *histogram);

/* The percentile distribution in the text format of HdrHistogram, which its plotter reads: values
 * divided by 'unit' (1000: us written as ms), 5 steps to each halving of what is left of 100 %. */
void kpk_histogram_print(const struct kpk_histogram *histogram, double unit, FILE *out);

#endif
