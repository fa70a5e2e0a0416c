/* trending-service: what its handlers share. */
#ifndef KPK_SERVICES_TWITTER_TRENDING_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_TRENDING_SERVICE_SERVICE_H

#include "common/http.h"
#include "common/pg.h"

enum { SERVICE_WORKERS_MAX = 64 };

struct service {
    struct kpk_pg *pg[SERVICE_WORKERS_MAX + 1]; /* one per worker, and one for /readyz */
};

/* trends.c */
void get_trending(struct kpk_request *request, struct kpk_response *response, void *ctx);
void get_tag(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
