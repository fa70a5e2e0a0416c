/* search-service: what its files share. */
#ifndef KPK_SERVICES_TWITTER_SEARCH_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_SEARCH_SERVICE_SERVICE_H

#include "common/http.h"
#include "common/pg.h"

enum { SERVICE_WORKERS_MAX = 64 };

struct service {
    struct kpk_pg *pg[SERVICE_WORKERS_MAX + 1]; /* one per worker, and one for /readyz */
};

/* search.c */
void get_search(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
