/* timeline-service: what its handlers share. */
#ifndef KPK_SERVICES_TWITTER_TIMELINE_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_TIMELINE_SERVICE_SERVICE_H

#include "services/twitter/read_service.h"

/* pages.c */
void get_home(struct kpk_request *request, struct kpk_response *response, void *ctx);
void get_user_tweets(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
