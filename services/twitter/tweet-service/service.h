/* tweet-service: users, who follows whom, tweets. Every write that others must hear of is one
 * transaction: the state change and its outbox row. */
#ifndef KPK_SERVICES_TWITTER_TWEET_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_TWEET_SERVICE_SERVICE_H

#include "common/write_service.h"

/* Of the program: kpk_write_service_ctx(). */
struct settings {
    int push_limit; /* an author with more followers posts tweets that are pulled */
};

/* Handlers. Their 'ctx' is the struct kpk_write_service. */

/* users.c */
void users_create(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_get(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_follow(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_unfollow(struct kpk_request *request, struct kpk_response *response, void *ctx);

/* tweets.c */
void tweets_post(struct kpk_request *request, struct kpk_response *response, void *ctx);
void tweets_get(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
