/* notification-service: what is asked for, of whom, and what became of it, over HTTP. A notification and
 * its outbox row are one transaction. */
#ifndef KPK_SERVICES_NOTIFICATION_NOTIFICATION_SERVICE_SERVICE_H
#define KPK_SERVICES_NOTIFICATION_NOTIFICATION_SERVICE_SERVICE_H

#include "common/http.h"
#include "common/pg.h"

enum { SERVICE_WORKERS_MAX = 64 };

struct service {
    struct kpk_pg *pg[SERVICE_WORKERS_MAX]; /* one per worker */
    struct kpk_pg *check_pg;                /* of /readyz */
};

/* The connection of the worker that handles 'request'. */
static inline struct kpk_pg *service_pg(const struct service *service,
                                        const struct kpk_request *request) {
    return service->pg[kpk_http_worker(request)];
}

/* accept.c */
void notifications_post(struct kpk_request *request, struct kpk_response *response, void *ctx);

/* status.c */
void notifications_get(struct kpk_request *request, struct kpk_response *response, void *ctx);

/* users.c */
void users_get(struct kpk_request *request, struct kpk_response *response, void *ctx);
void users_put(struct kpk_request *request, struct kpk_response *response, void *ctx);
void preferences_get(struct kpk_request *request, struct kpk_response *response, void *ctx);
void preferences_put(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
