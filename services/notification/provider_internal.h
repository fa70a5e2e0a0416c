#ifndef KPK_SERVICES_NOTIFICATION_PROVIDER_INTERNAL_H
#define KPK_SERVICES_NOTIFICATION_PROVIDER_INTERNAL_H

#include "services/notification/performer.h"
#include "services/notification/rate.h"
#include "services/notification/transfer.h"

enum { PROVIDER_GATEWAYS = 2 }; /* of one channel, at most */

struct notification_provider {
    const struct transfer_channel *channel;
    struct notification_provider_opts
        opts; /* with the defaults filled in; its strings are gone */
    struct transfer_target target;
    struct gateway *gateways[PROVIDER_GATEWAYS];
    CURLM *multi;
    struct transfer *transfers;    /* 'in_flight' of them */
    struct performers *performers; /* NULL: 'multi' performs them */
    unsigned lot;                  /* rand_r()'s: who probes next */
};

#endif
