/* The systems of the guide as loads: a row each. What the guide does not say of one is the kit's
 * assumption, and is printed as such (section 14 of the guide; figures in DESIGN of each row). */
#ifndef KPK_LOADGEN_PROFILE_H
#define KPK_LOADGEN_PROFILE_H

#include "common/err.h"
#include "common/kafka.h"

#include <stdbool.h>

struct load_profile {
    const char *name;  /* of the system: "whatsapp" */
    const char *topic; /* where its services read */
    int partitions;
    const char *key;
    int keys;    /* how many different ones there are */
    double zipf; /* how unequally they are used: 0 all alike, 1 as words in a language */
    int salted;  /* so many of the most used keys are spread over 20 keys each; 0: none */
    int sustained, peak; /* records a second */
    bool assumed;        /* these two are the kit's, not the guide's */
    int value_bytes;
    enum kpk_durability durability;
    bool bare; /* without the headers of an event: a firehose */
    int linger_ms; /* a produce request carries one partition: the more there are, the longer it waits */
    const char *compression;
    int groups, consumers; /* groups that read all of it, and members of each */
    const char *guarantee; /* what its services promise, in the guide's words for it */
};

extern const struct load_profile load_profiles[]; /* ended by a row without a name */

/* returns  NULL with 'err' (REJECT) that says which there are */
const struct load_profile *load_profile_find(const char *name, struct kpk_err *err);

#endif
