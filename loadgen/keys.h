/* Which record goes to whom: the streams (keys) of a load, drawn in advance from a seed, so that nothing
 * is decided while it is sent.
 *
 * One cycle of draws is 2^20 records; it is repeated as often as the run needs. A stream belongs to
 * one partition, a partition to one sender, so the order of a stream is one sender's. */
#ifndef KPK_LOADGEN_KEYS_H
#define KPK_LOADGEN_KEYS_H

#include "loadgen/profile.h"

#include <stdint.h>

enum { LOAD_CYCLE = 1 << 20, LOAD_KEY_BYTES = 16 };

struct load_keys {
    uint32_t streams;
    int partitions;
    char (*text)[LOAD_KEY_BYTES]; /* of each stream */
    uint8_t *len;
    int32_t *partition;
    uint32_t draws[LOAD_CYCLE]; /* record in the cycle -> stream */
};

/* keys, zipf, salted  as in the profile
 * names    of the keys, as many as the profile has; NULL: their numbers
 * returns  0, or -1 with 'err' (FATAL: memory) */
int load_keys_open(struct load_keys **keys, const struct load_profile *profile, int partitions,
                   char (*names)[LOAD_KEY_BYTES], uint64_t seed,
                   struct kpk_err *err) KPK_MUST_CHECK;
void load_keys_close(struct load_keys *keys); /* NULL is fine */

#endif
