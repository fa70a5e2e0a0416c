/* Tweets' events that a test publishes itself, past tweet-service and its outbox: the same one
 * twice, under keys of its choice, by authors whom nobody knows. */
#ifndef KPK_TESTS_SUPPORT_PUBLISH_H
#define KPK_TESTS_SUPPORT_PUBLISH_H

#include "common/kafka.h"
#include "services/twitter/events.h"

/* A tweet of now. */
struct twitter_tweet publish_make(const char *author_id, const char *text);

struct kpk_producer *publish_open(void);

/* Queue the event of 'tweet'; published again it has the same ce_id.
 * key          NULL: its author, as it should be
 * traceparent  may be NULL */
void publish_tweet(struct kpk_producer *producer, const struct twitter_tweet *tweet,
                   const char *key, const char *traceparent);

/* Wait until everything is acknowledged, and close. */
void publish_close(struct kpk_producer *producer);

#endif
