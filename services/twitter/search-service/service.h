/* search-service: what its files share. */
#ifndef KPK_SERVICES_TWITTER_SEARCH_SERVICE_SERVICE_H
#define KPK_SERVICES_TWITTER_SEARCH_SERVICE_SERVICE_H

#include "services/twitter/read_service.h"

/* search.c */
void get_search(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
