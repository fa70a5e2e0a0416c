/* trending-service: what its handlers share. */
#ifndef KPK_SERVICES_TWITTER_TRENDING_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_TRENDING_SERVICE_SERVICE_H

#include "services/twitter/read_service.h"

/* trends.c */
void get_trending(struct kpk_request *request, struct kpk_response *response, void *ctx);
void get_tag(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
