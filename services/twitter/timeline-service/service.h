/* timeline-service: what its handlers share. */
#ifndef KPK_SERVICES_TWITTER_TIMELINE_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_TIMELINE_SERVICE_SERVICE_H

#include "common/http.h"
#include "common/pg.h"
#include "common/redis.h"

enum { SERVICE_WORKERS_MAX = 64 };

struct service {
    struct connections { /* one per worker, and one for /readyz */
        struct kpk_pg *pg;
        struct kpk_redis *redis;
    } connections[SERVICE_WORKERS_MAX + 1];
};

/* pages.c */
void get_home(struct kpk_request *request, struct kpk_response *response, void *ctx);
void get_user_tweets(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
