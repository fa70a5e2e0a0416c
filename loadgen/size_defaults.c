/* What each system of the guide is sized with: its numbers where it gives them (sections 3, 6, 11
 * and 14), the kit's where it does not. */
#include "loadgen/size.h"

#include <stddef.h>

/* clang-format off */
const struct size_default size_defaults[] = {
    /* name, messages a day, sustained, peak a second, bytes, days, partitions, consumers, assumed */
    {"twitter", 500e6, 6000, 60000, 500, 7, 50, {10, 5, 5, 3, 2}, 0},
    {"whatsapp", 0, 1150000, 2300000, 100, 7, 100, {50, 20}, SIZE_PEAK | SIZE_BYTES | SIZE_CONSUMERS},
    {"notification", 0, 1000, 10000, 300, 3, 20, {5, 5, 10}, SIZE_RATE | SIZE_PEAK | SIZE_BYTES | SIZE_CONSUMERS},
    {"ads", 0, 2300000, 4600000, 100, 7, 500, {100}, SIZE_PEAK | SIZE_BYTES | SIZE_CONSUMERS},
    {"tickets", 0, 200, 2000, 400, 30, 20, {5, 2, 2}, SIZE_PEAK | SIZE_BYTES | SIZE_CONSUMERS},
    {"jobs", 0, 1000, 10000, 300, 7, 20, {20}, SIZE_RATE | SIZE_PEAK | SIZE_BYTES | SIZE_RETENTION | SIZE_PARTITIONS | SIZE_CONSUMERS},
    {"crawler", 0, 5000, 20000, 200, 7, 50, {50}, SIZE_RATE | SIZE_PEAK | SIZE_BYTES | SIZE_CONSUMERS},
    /* The guide keeps these for ever; a size needs an end. */
    {"banking", 0, 1000, 5000, 300, 3650, 12, {5, 2}, SIZE_RATE | SIZE_PEAK | SIZE_BYTES | SIZE_RETENTION | SIZE_PARTITIONS | SIZE_CONSUMERS},
    {"payments", 0, 500, 5000, 400, 30, 12, {5, 3, 2}, SIZE_RATE | SIZE_PEAK | SIZE_BYTES | SIZE_RETENTION | SIZE_PARTITIONS | SIZE_CONSUMERS},
    {0},
};
/* clang-format on */
