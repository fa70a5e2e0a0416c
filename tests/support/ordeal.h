/* A world under a steady load while something is done to the stack: nothing acknowledged may be
 * lost, doubled or reordered, nothing refused may appear.
 *
 *   ordeal_begin(&ordeal)             users, follows, a thread that posts
 *   ...                               harm; ordeal_follow_late(&ordeal)
 *   ordeal_go_on(&ordeal)             the load is acknowledged again
 *   ordeal_end(&ordeal)               the verdict: every timeline and search over HTTP, the
 *                                     mentions that were asked for, the topic, the warehouse,
 *                                     and the count of the world's own hashtag
 *
 * The topic is one more observer, oldest first within each author. There an event may be
 * repeated (the relay publishes a row again when it dies before deleting it): it has the same
 * ce_id, and only its first sighting counts. */
#ifndef KPK_TESTS_SUPPORT_ORDEAL_H
#define KPK_TESTS_SUPPORT_ORDEAL_H

#include "common/tail.h"
#include "services/twitter/world.h"

/* At most, which is a minute. A timeline holds 800, and everyone follows two of three authors. */
enum { ORDEAL_POSTS = 1150 };

struct ordeal {
    struct world *world;
    struct poster *poster;
    struct kpk_tail *tail;
    char events[ORDEAL_POSTS][KPK_UUID_BYTES]; /* ce_ids seen in the topic */
    int n_events, repeated;
};

void ordeal_begin(struct ordeal *ordeal);
/* The same with so many posts a second: for one that lasts longer. */
void ordeal_begin_at(struct ordeal *ordeal, int per_second);

/* A user who followed nobody follows an author, now, in the middle of it: tried until it succeeds.
 * From then on he must see everything, what was written before included. */
void ordeal_follow_late(struct ordeal *ordeal);

/* Wait until many more posts are acknowledged than now. */
void ordeal_go_on(struct ordeal *ordeal);

/* Wait until many more events are in the topic than now. */
void ordeal_await_events(struct ordeal *ordeal);

/* Which of the two relays holds the lease; waits until one does. */
enum { ORDEAL_RELAYS = 2 };
extern const char *const ordeal_relays[ORDEAL_RELAYS];
int ordeal_active_relay(void);

/* End the load, wait until everything is where it must be, and judge: the test fails unless the
 * verdict is clean. */
void ordeal_end(struct ordeal *ordeal);

#endif
