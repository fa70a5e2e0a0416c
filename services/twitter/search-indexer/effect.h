/* What search-indexer does with a batch of events. */
#ifndef KPK_SERVICES_TWITTER_SEARCH_INDEXER_EFFECT_H
#define KPK_SERVICES_TWITTER_SEARCH_INDEXER_EFFECT_H

#include "patterns/fanout/fanout.h"

/* A new tweet becomes a row of the full-text index: one statement for the batch. Done twice, it
 * changes nothing: a tweet is never altered, so a row that is there is right already. */
extern const struct kpk_fanout_effect index_tweets;

#endif
