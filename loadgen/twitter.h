/* Twitter's world, and tweets of its people: what `loadgen run twitter` sends to the services that run.
 *
 * The world is made once in Twitter's database (twitter_world.sql) and found again by its handles: load_0
 * ... load_9999. A tweet is a valid tweet.created event (topology/schemas/) that groups cannot tell from one
 * of tweet-service: its author is one of them, one in three has a hashtag, one in twenty mentions somebody. Its text says
 * which record of which run it is:
 *
 *   load k3x9p2 0000000017 0000000123 1764000000000000 rain #tea where ...
 *        run    stream     seq        us, as in record.h */
#ifndef KPK_LOADGEN_TWITTER_H
#define KPK_LOADGEN_TWITTER_H

#include "common/err.h"
#include "common/uuid.h"
#include "loadgen/keys.h"
#include "loadgen/record.h"

enum { LOAD_WORLD_USERS = 10000, LOAD_TWEET_BYTES = 700, LOAD_TWEET_TEXTS = 64 };

struct load_twitter {
    char (*ids)[LOAD_KEY_BYTES]; /* of users, as their events have them; stream n is user n */
    int *followers;
    double mean_followers; /* of a tweet, by who tweets how often: timelines it is written to */
    char run[LOAD_RUN_BYTES];
    char texts[LOAD_TWEET_TEXTS][256]; /* what follows the numbers, used in turn */
};

/* Find the world, or make it.
 * returns  0, or -1 with 'err': WAIT PostgreSQL or Twitter's tables are not there; REJECT another
 *          world's users have some of its handles */
int load_twitter_open(struct load_twitter **twitter, const char run[LOAD_RUN_BYTES],
                      struct kpk_err *err) KPK_MUST_CHECK;
/* Fill 'mean_followers' from the draws of 'keys'. */
void load_twitter_weigh(struct load_twitter *twitter, const struct load_keys *keys);
void load_twitter_close(struct load_twitter *twitter); /* NULL is fine */

/* Fill 'texts'. */
void load_twitter_texts(struct load_twitter *twitter);

/* Write the text of a tweet; returns its length. out at least 280 bytes */
size_t load_twitter_text(const struct load_twitter *twitter, char *out, uint32_t stream,
                         uint32_t seq, int64_t us);
/* Write the event's value; returns its length.
 * value  at least LOAD_TWEET_BYTES
 * id     out: of the tweet and its event */
size_t load_twitter_tweet(const struct load_twitter *twitter, char *value, uint32_t stream,
                          uint32_t seq, int64_t us, char id[KPK_UUID_BYTES]);

/* From an event's value, whoever wrote the event. returns  false: not of 'run' */
bool load_twitter_get(const char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                      uint32_t *stream, uint32_t *seq, int64_t *us);

#endif
