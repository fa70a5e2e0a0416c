/* Tweets put into their topic by hand: of a time that the test chooses, as often as it likes, and in
 * more than one partition. Nobody posted them: only who reads the topic knows of them. */
#ifndef KPK_TESTS_SUPPORT_TWEETS_H
#define KPK_TESTS_SUPPORT_TWEETS_H

#include "common/kafka.h"
#include "services/twitter/events.h"

/* A tweet of the time 'ms', by an author whom nobody follows. */
void tweet_make(struct twitter_tweet *tweet, int64_t ms, const char *text);

/* For kpk_producer_close(). */
struct kpk_producer *tweets_open(void);

/* Queue an event about 'tweet'.
 * event_id  NULL: a new one
 * key       chooses the partition; NULL: the author, as it should be */
void tweets_send(struct kpk_producer *producer, const struct twitter_tweet *tweet,
                 const char *event_id, const char *key);

/* Wait until they are all in the topic, and 'group' (base name) has done with everything there. */
void tweets_await(struct kpk_producer *producer, const char *group);

#endif
