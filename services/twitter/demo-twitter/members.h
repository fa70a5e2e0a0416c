/* Who is in a consumer group, and how many partitions each member has. */
#ifndef KPK_SERVICES_TWITTER_DEMO_MEMBERS_H
#define KPK_SERVICES_TWITTER_DEMO_MEMBERS_H

#include "topology/admin.h"

#include <stdbool.h>

enum { MEMBERS_MAX = 64, MEMBER_ID_BYTES = 128 };

struct members {
    bool stable; /* not in the middle of handing partitions over */
    int count;
    struct {
        char id[MEMBER_ID_BYTES];
        int partitions; /* of the topic asked for */
    } at[MEMBERS_MAX];
};

/* Ask the cluster. 'group' and 'topic' are full names; members past MEMBERS_MAX are left out.
 * returns  0, or -1 with 'err' (WAIT) */
int members_read(struct kpk_admin *admin, const char *group, const char *topic,
                 struct members *members, struct kpk_err *err) KPK_MUST_CHECK;

bool members_have(const struct members *members, const char *id);
bool members_same(const struct members *a, const struct members *b);
int members_partitions(const struct members *members); /* of all of them */
int members_missing(const struct members *members,
                    const struct members *from); /* of those, not in 'from' */

#endif
