/* What notification-worker does with a batch of events. */
#ifndef KPK_SERVICES_TWITTER_NOTIFICATION_WORKER_EFFECT_H
#define KPK_SERVICES_TWITTER_NOTIFICATION_WORKER_EFFECT_H

#include "patterns/fanout/fanout.h"

/* A new tweet asks for a notification of each user whom it mentions: an event on
 * notifications-pending, keyed by the one to be told.
 *
 *   resolve the handles (1) --> produce (2) --> wait for every delivery report (3) --> commit
 *
 * Crash, or a report that says no, between (2) and (3): the whole batch is done again, in order, so
 * that an event may be in the topic more than once -- under one id, made from the tweet's and the
 * recipient's (twitter_mention_id()), by which its readers know it again. */
extern const struct kpk_fanout_effect notify_mentioned;

#endif
