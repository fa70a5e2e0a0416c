/* Twitter's events: topology/schemas/tweet.created.json and user.followed.json, to and from
 * JSON. */
#ifndef KPK_SERVICES_TWITTER_EVENTS_H
#define KPK_SERVICES_TWITTER_EVENTS_H

#include "common/err.h"
#include "common/event.h"
#include "common/uuid.h"

#include <stdbool.h>
#include <stdint.h>

#define TWITTER_TWEET_CREATED "tweet.created"
#define TWITTER_USER_FOLLOWED "user.followed"
#define TWITTER_SOURCE "/twitter"

enum {
    TWITTER_TEXT_POINTS = 280,
    TWITTER_TEXT_BYTES = TWITTER_TEXT_POINTS * 4,
    TWITTER_ID_BYTES = 20,     /* a bigint above zero, and the end */
    TWITTER_HANDLE_BYTES = 31, /* 1 to 30 of a-z, 0-9 and _, and the end */
};

/* A number that an older event does not tell. */
enum { TWITTER_UNKNOWN = -1 };

enum twitter_delivery { TWITTER_PUSH, TWITTER_PULL };

struct twitter_tweet {
    char id[KPK_UUID_BYTES];
    char author_id[TWITTER_ID_BYTES];
    char text[TWITTER_TEXT_BYTES + 1];
    int64_t created_at; /* epoch milliseconds; those in 'id' */
    enum twitter_delivery delivery;
    int64_t followers; /* of the author, when it was posted; TWITTER_UNKNOWN */
};

struct twitter_follow {
    char follower_id[TWITTER_ID_BYTES];
    char followee_id[TWITTER_ID_BYTES];
    int64_t created_at;
};

const char *twitter_delivery_name(enum twitter_delivery delivery);

/* Is 'text' a user id: a bigint above zero, in decimal, without a leading zero? */
bool twitter_user_id_valid(const char *text);

/* JSON for the event's value. returns a string for free(), or NULL: memory is short */
char *twitter_tweet_encode(const struct twitter_tweet *tweet);
char *twitter_follow_encode(const struct twitter_follow *follow);

/* From an event that kpk_event_decode() took. Whoever wrote it may be a stranger: what is not
 * as the schema says is a REJECT that names the field. */
int twitter_tweet_decode(const struct kpk_event *event, struct twitter_tweet *tweet,
                         struct kpk_err *err) KPK_MUST_CHECK;
int twitter_follow_decode(const struct kpk_event *event, struct twitter_follow *follow,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* A tweet's text as a person may write it: UTF-8, 1 to 280 code points, not only white space,
 * no control characters but newline and tab. REJECT says which. */
int twitter_text_check(const char *text, struct kpk_err *err) KPK_MUST_CHECK;

#endif
