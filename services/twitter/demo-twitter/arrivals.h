/* When a tweet is where: it is posted, and then every place is asked in turn, round and round by one
 * thread, until it is there. So a time is that of the answer that showed it, late by a round at
 * most; 'round_us' says how long a round was. */
#ifndef KPK_SERVICES_TWITTER_DEMO_ARRIVALS_H
#define KPK_SERVICES_TWITTER_DEMO_ARRIVALS_H

#include "services/twitter/world.h"

#include <stdint.h>

enum place {
    PLACE_ANSWERED, /* the post's own answer */
    PLACE_TOPIC,
    PLACE_FIRST_TIMELINE,
    PLACE_LAST_TIMELINE, /* asked for together with the first */
    PLACE_SEARCH,
    PLACE_MENTIONS,
    PLACE_TRENDING,
    PLACE_WAREHOUSE,
    PLACES
};

enum {
    ARRIVALS_ALL = (1 << PLACES) - 1,
    ARRIVALS_TIMELINES = 1 << PLACE_FIRST_TIMELINE | 1 << PLACE_LAST_TIMELINE
};

struct arrival {
    struct twitter_tweet tweet;
    int64_t after_us[PLACES]; /* after the post was begun; 0: was not waited for */
    int64_t round_us;         /* the longest round */
    int32_t partition;        /* of the topic; with PLACE_TOPIC only */
    int64_t offset;
};

struct arrivals; /* one thread uses it, the world's */

/* first, count  whose home timelines: users of the world who follow all that post
 * The world must watch search, mentions and the warehouse.
 * returns  0, or -1 with 'err' (WAIT: no broker answers; FATAL) */
int arrivals_open(struct arrivals **arrivals, struct world *world, int first, int count,
                  struct kpk_err *err) KPK_MUST_CHECK;
void arrivals_close(struct arrivals *arrivals); /* NULL is fine */

/* Post as the world's user 0, and wait until it is in all of 'places' (1 << PLACE_...).
 * returns  0, or -1 with 'err': not in time (WAIT), or a place could not be asked */
int arrivals_follow(struct arrivals *arrivals, unsigned places, struct arrival *arrival,
                    struct kpk_err *err) KPK_MUST_CHECK;

/* Does search find the tweet that was followed last? returns  1 yes, 0 no, -1 with 'err' */
int arrivals_found(struct arrivals *arrivals, struct arrival *arrival,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* The middle one and the largest of 'count' times, at 'place'. */
void arrivals_sum_up(const struct arrival *arrivals, int count, enum place place,
                     int64_t *median_us, int64_t *worst_us);

#endif
