/* Twitter's processes, started by the matrix for itself: they share nothing with a demo that runs but
 * the servers, where they have a namespace of their own. */
#ifndef KPK_SERVICES_TWITTER_MATRIX_TWITTER_TROUPE_H
#define KPK_SERVICES_TWITTER_MATRIX_TWITTER_TROUPE_H

#include "common/child.h"

enum troupe_role {
    TWEETS,
    TIMELINES,
    TRENDS,
    RELAY,
    FANOUT_WORKER,
    TRENDING_WORKER,
    ANALYTICS_WORKER,
    TROUPE_ROLES
};

/* Two of each role at most: the one that is struck, and who does its work meanwhile. */
struct troupe {
    struct kpk_child *first[TROUPE_ROLES], *second[TROUPE_ROLES];
    int ports[TROUPE_ROLES][2];
};

/* Choose ports, and say in the environment where the services are, for the client. */
int troupe_open(struct troupe *troupe, struct kpk_err *err) KPK_MUST_CHECK;
void troupe_close(struct troupe *troupe); /* ends all */

/* Start one in place of the one that runs; 'fault' is its KPK_FAULT, or NULL. */
int troupe_start(struct troupe *troupe, enum troupe_role role, bool second, const char *fault,
                 struct kpk_err *err) KPK_MUST_CHECK;
void troupe_end(struct troupe *troupe, enum troupe_role role, bool second);

#endif
