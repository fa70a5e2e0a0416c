/* notification-service: what is asked for, of whom, and what became of it, over HTTP. A notification and
 * its outbox row are one transaction. */
#ifndef KPK_SERVICES_NOTIFICATION_NOTIFICATION_SERVICE_SERVICE_H
#define KPK_SERVICES_NOTIFICATION_NOTIFICATION_SERVICE_SERVICE_H

#include "common/write_service.h"

/* Handlers. Their 'ctx' is the struct kpk_write_service. */

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
