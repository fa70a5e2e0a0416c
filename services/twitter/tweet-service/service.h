/* tweet-service: users, who follows whom, tweets. Every write that others must hear of is one
 * transaction: the state change and its outbox row. */
#ifndef KPK_SERVICES_TWITTER_TWEET_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_TWEET_SERVICE_SERVICE_H

#include "common/http.h"
#include "common/pg.h"

enum { SERVICE_WORKERS_MAX = 64 };

struct service {
    int push_limit; /* an author with more followers posts tweets that are pulled */
    struct kpk_pg *pg[SERVICE_WORKERS_MAX]; /* one per worker */
    struct kpk_pg *check_pg;                /* of /readyz */
};

/* The connection of the worker that handles 'request'. */
static inline struct kpk_pg *service_pg(const struct service *service,
                                        const struct kpk_request *request) {
    return service->pg[kpk_http_worker(request)];
}

/* users.c */
void users_create(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_get(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_follow(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_unfollow(struct kpk_request *request, struct kpk_response *response, void *ctx);

/* tweets.c */
void tweets_post(struct kpk_request *request, struct kpk_response *response, void *ctx);
void tweets_get(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
