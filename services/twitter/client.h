/* A small blocking client of the Twitter services: what a person's app would call, and how the
 * tests and the demo see the system.
 *
 *   client_open(&client, NULL, err)
 *   client_create_user(client, "key-0", "alice", alice, err)
 *   client_post(client, alice, "key-1", "hello", &tweet, err)               ok, failed or unknown
 *   client_read_timeline(client, CLIENT_HOME, bob, 50, on_tweet, ctx, err)  page by page
 *
 * Every call may be repeated after a WAIT: a user and a post have their key, the others change
 * nothing when they are made twice. (libcurl too repeats a request by itself, when a kept connection
 * turns out to be closed before any answer.)
 *
 * Errors: REJECT the service refused (4xx), and says why; WAIT it is not there, too busy, or broke
 * (no answer, 408, 429, 5xx): what was asked may have happened or not; FATAL its answer makes no
 * sense. */
#ifndef KPK_SERVICES_TWITTER_CLIENT_H
#define KPK_SERVICES_TWITTER_CLIENT_H

#include "common/err.h"
#include "common/history.h"
#include "services/twitter/events.h"

#include <cjson/cJSON.h>
#include <stdint.h>

struct client; /* one thread uses it; connections are kept */

struct client_opts {
    const char *tweet_url;    /* NULL: KPK_TWEET_SERVICE_URL, else http://127.0.0.1:18080 */
    const char *timeline_url; /* NULL: KPK_TIMELINE_SERVICE_URL, else http://127.0.0.1:18081 */
    const char *trending_url; /* NULL: KPK_TRENDING_SERVICE_URL, else http://127.0.0.1:18095 */
    const char *search_url;   /* NULL: KPK_SEARCH_SERVICE_URL, else http://127.0.0.1:18086 */
    int timeout_ms;           /* of one request; 0: 5000 */
};

/* opts  NULL: all defaults
 * returns  0, or -1 with 'err' (FATAL) */
int client_open(struct client **client, const struct client_opts *opts,
                struct kpk_err *err) KPK_MUST_CHECK;
void client_close(struct client *client); /* NULL is fine */

/* --- users ------------------------------------------------------------------------------- */

/* 'key' is the Idempotency-Key: the same key and handle are the same user.
 * id  out; at least TWITTER_ID_BYTES */
int client_create_user(struct client *client, const char *key, const char *handle, char *id,
                       struct kpk_err *err) KPK_MUST_CHECK;
int client_follow(struct client *client, const char *follower_id, const char *followee_id,
                  struct kpk_err *err) KPK_MUST_CHECK;
int client_unfollow(struct client *client, const char *follower_id, const char *followee_id,
                    struct kpk_err *err) KPK_MUST_CHECK;

/* --- tweets ------------------------------------------------------------------------------ */

/* Post once. 'key' is the Idempotency-Key: the same key and text post the same tweet.
 * tweet    out when OK; may be NULL
 * returns  OK; FAILED a definite refusal: there is no such tweet and will not be;
 *          UNKNOWN anything else. 'err' is filled unless OK */
enum kpk_write_outcome client_post(struct client *client, const char *author_id,
                                   const char *key, const char *text,
                                   struct twitter_tweet *tweet,
                                   struct kpk_err *err) KPK_MUST_CHECK;

/* Post, and repeat with the same key until the outcome is known or 'timeout_ms' have passed. */
enum kpk_write_outcome client_post_until_known(struct client *client, const char *author_id,
                                               const char *key, const char *text,
                                               int timeout_ms, struct twitter_tweet *tweet,
                                               struct kpk_err *err) KPK_MUST_CHECK;

/* --- timelines --------------------------------------------------------------------------- */

enum client_timeline { CLIENT_HOME, CLIENT_OWN };

/* Called for each tweet, newest first. It may use the same client. */
typedef void (*client_tweet_fn)(const struct twitter_tweet *tweet, void *ctx);

/* Read a whole timeline, 'page' tweets (1 to 100) a request, to its end. Tweets may have been
 * told already when it fails. */
int client_read_timeline(struct client *client, enum client_timeline timeline,
                         const char *user_id, int page, client_tweet_fn on_tweet, void *ctx,
                         struct kpk_err *err) KPK_MUST_CHECK;

/* --- trends ------------------------------------------------------------------------------ */

/* How many tweets of the last 'minutes' (1 to 1440) used 'tag' (with or without #). */
int client_count_tag(struct client *client, const char *tag, int minutes, int64_t *tweets,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* --- search ------------------------------------------------------------------------------ */

/* Everything that 'q' finds, the best first, page by page as above. What the index does not keep
 * of a tweet, its delivery, is PUSH. */
int client_search(struct client *client, const char *q, int page, client_tweet_fn on_tweet,
                  void *ctx, struct kpk_err *err) KPK_MUST_CHECK;

/* --- anything else ----------------------------------------------------------------------- */

enum client_service {
    CLIENT_TWEETS,
    CLIENT_TIMELINES,
    CLIENT_TRENDS,
    CLIENT_SEARCH,
    CLIENT_SERVICES
};

struct client_call {
    enum client_service service;
    const char *method;
    const char *path;            /* "/v1/users/1" */
    const char *idempotency_key; /* NULL: no such header */
    const char *body;            /* NULL: none */
};

struct client_reply {
    int status;
    cJSON *body; /* for cJSON_Delete(); NULL: the answer had none */
};

/* One request, one answer, whatever its status: for callers that want to see a refusal.
 * returns  0; -1 with 'err': WAIT no answer, FATAL an answer that is not JSON */
int client_call(struct client *client, const struct client_call *call,
                struct client_reply *reply, struct kpk_err *err) KPK_MUST_CHECK;

#endif
