/* The effect of group trending-workers: hashtags are counted. The loop around it is
 * patterns/fanout/fanout.c. */
#ifndef KPK_SERVICES_TWITTER_TRENDING_WORKER_EFFECT_H
#define KPK_SERVICES_TWITTER_TRENDING_WORKER_EFFECT_H

#include "patterns/fanout/fanout.h"

/* Each tag of each tweet, in the minute of the tweet: all of a batch in one statement. A tweet that
 * comes again is not counted again, whatever its offset, event or partition. */
extern const struct kpk_fanout_effect count_hashtags;

#endif
