/* Two clocks: wall time, for what leaves the process; monotonic, for how long things take. */
#ifndef KPK_COMMON_CLOCK_H
#define KPK_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t kpk_clock_us(clockid_t clock) {
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Milliseconds since the epoch. */
static inline int64_t kpk_now_ms(void) { return kpk_clock_us(CLOCK_REALTIME) / 1000; }

/* Microseconds of the monotonic clock: only differences mean something. */
static inline int64_t kpk_mono_us(void) { return kpk_clock_us(CLOCK_MONOTONIC); }
static inline int64_t kpk_mono_ms(void) { return kpk_mono_us() / 1000; }

#endif
