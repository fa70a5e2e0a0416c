/* The parts of demo-twitter's story, in the order in which they are told. Each prints what it sees. */
#ifndef KPK_SERVICES_TWITTER_DEMO_H
#define KPK_SERVICES_TWITTER_DEMO_H

#include "services/twitter/world.h"

/* The first users of the world post, the others follow all of them. */
enum { DEMO_AUTHORS = 3 };

struct demo {
    struct world *world;
    int followers;
    const char *victim;     /* the process to kill: "fanout-worker-1" */
    const char *stack_tool; /* that knows its process id */
};

/* One tweet, step by step: HTTP, topic, first timeline, last timeline; then the same for many.
 * returns  0, or -1 with 'err' */
int demo_follow_tweet(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* Kill the victim with -9 while the authors post on, and show who reads its partitions from then on.
 * returns  0: all of its partitions are read again, and everything posted is in the world's history;
 *          -1 with 'err' */
int demo_take_over(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

#endif
