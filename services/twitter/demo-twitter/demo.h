/* The parts of demo-twitter's story, in the order in which they are told. Each prints what it sees,
 * leaves the stack as it found it, and returns 0, or -1 with 'err'. */
#ifndef KPK_SERVICES_TWITTER_DEMO_H
#define KPK_SERVICES_TWITTER_DEMO_H

#include "services/twitter/demo-twitter/arrivals.h"
#include "services/twitter/world.h"
#include "topology/admin.h"

#include <stdbool.h>

/* The first users of the world post, the others follow all of them. */
enum { DEMO_AUTHORS = 3 };

/* A home timeline ends after 800 tweets: all parts together stay below that. */
enum { DEMO_WARM_UP = 10, DEMO_FOLLOWED = 30, DEMO_MOST_POSTS = 180 /* of each other part */ };

struct demo {
    struct world *world;
    struct arrivals *arrivals;
    struct kpk_admin *admin;
    int followers;
    const char *victim;     /* the process to kill: "fanout-worker-1" */
    const char *stack_tool; /* that stops, starts and finds processes */
    const char *only;       /* the part to tell after the first; "all" */
    bool has_stack;         /* it knows a stack that runs */
    int replay;             /* asked for: also where it is left out by itself */
};

/* Put right what a run that was killed may have left: stopped processes, a warehouse set aside. */
int demo_mend(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* One tweet to every place that a tweet goes to; then the same for many. */
int demo_follow_tweet(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* Search's indexers stop while tweets go on: their lag grows, timelines stay as fast, and the
 * lag is gone soon after they start again. */
int demo_catch_up(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* One more process joins a group, and leaves it. */
int demo_join(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* Kill the victim with -9 while the authors post on, and show who reads its partitions from then
 * on. */
int demo_take_over(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* Fill an empty warehouse from the first offset, and compare.
 * err  FATAL: this demo's facts did not come out the same */
int demo_replay(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

#endif
