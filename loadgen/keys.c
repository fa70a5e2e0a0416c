#include "loadgen/keys.h"

#include "common/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SALTS = 20 };

/* Key 'key' is stream 'key', but for the salted ones: those are the streams that come last. */
static uint32_t stream_of(const struct load_profile *profile, uint32_t key, uint64_t random) {
    if (key >= (uint32_t)profile->salted) return key;
    return (uint32_t)profile->keys + key * SALTS + (uint32_t)(random % SALTS);
}

static void name_streams(struct load_keys *keys, const struct load_profile *profile,
                         char (*names)[LOAD_KEY_BYTES]) {
    for (uint32_t i = 0; i < keys->streams; i++) {
        uint32_t salted = i - (uint32_t)profile->keys;
        int len = i < (uint32_t)profile->keys && names
                      ? snprintf(keys->text[i], LOAD_KEY_BYTES, "%s", names[i])
                  : i < (uint32_t)profile->keys
                      ? snprintf(keys->text[i], LOAD_KEY_BYTES, "%u", i)
                      : snprintf(keys->text[i], LOAD_KEY_BYTES, "%u_salt_%u", salted / SALTS,
                                 salted % SALTS);
        keys->len[i] = (uint8_t)len;
        keys->partition[i] = rd_kafka_msg_partitioner_murmur2(NULL, keys->text[i], (size_t)len,
                                                              keys->partitions, NULL, NULL);
    }
}

/* The n-th most used key is used 1/n^zipf as often as the first. */
static int draw(struct load_keys *keys, const struct load_profile *profile, uint64_t seed) {
    uint32_t count = (uint32_t)profile->keys;
    double *upto = calloc(count + 1, sizeof(*upto)), sum = 0;

    if (!upto) return -1;
    for (uint32_t i = 0; i < count; i++) upto[i] = sum += pow(i + 1, -profile->zipf);
    for (uint32_t i = 0; i < LOAD_CYCLE; i++) {
        double at = (double)(kpk_random(&seed) >> 11) * 0x1p-53 * sum;
        uint32_t low = 0, high = count - 1;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (upto[middle] > at)
                high = middle;
            else
                low = middle + 1;
        }
        keys->draws[i] = stream_of(profile, low, kpk_random(&seed));
    }
    free(upto);
    return 0;
}

int load_keys_open(struct load_keys **out, const struct load_profile *profile, int partitions,
                   char (*names)[LOAD_KEY_BYTES], uint64_t seed, struct kpk_err *err) {
    struct load_keys *keys = calloc(1, sizeof(*keys));

    *out = NULL;
    if (!keys) goto no_memory;
    keys->partitions = partitions;
    keys->streams = (uint32_t)(profile->keys + profile->salted * SALTS);
    keys->text = calloc(keys->streams, sizeof(*keys->text));
    keys->len = calloc(keys->streams, sizeof(*keys->len));
    keys->partition = calloc(keys->streams, sizeof(*keys->partition));
    if (!keys->text || !keys->len || !keys->partition) goto no_memory;
    name_streams(keys, profile, names);
    if (draw(keys, profile, seed)) goto no_memory;
    *out = keys;
    return 0;
no_memory:
    load_keys_close(keys);
    return kpk_fail(err, KPK_FATAL, "no memory for %d keys", profile->keys);
}

void load_keys_close(struct load_keys *keys) {
    if (!keys) return;
    free(keys->text);
    free(keys->len);
    free(keys->partition);
    free(keys);
}
