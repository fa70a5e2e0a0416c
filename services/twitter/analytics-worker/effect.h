/* The effect of group analytics: tweets into the warehouse. The loop around it is
 * patterns/fanout/fanout.c. */
#ifndef KPK_SERVICES_TWITTER_ANALYTICS_WORKER_EFFECT_H
#define KPK_SERVICES_TWITTER_ANALYTICS_WORKER_EFFECT_H

#include "patterns/fanout/fanout.h"

/* A fact per tweet, a batch in one transaction. A tweet that comes again changes nothing. */
extern const struct kpk_fanout_effect store_facts;

#endif
