/* Numbers of chance that a seed repeats: splitmix64 (Vigna, https://prng.di.unimi.it/splitmix64.c). Any seed is
 * a good one. Not for secrets. */
#ifndef KPK_COMMON_RANDOM_H
#define KPK_COMMON_RANDOM_H

#include <stdint.h>

static inline uint64_t kpk_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
