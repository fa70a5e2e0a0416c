/* A token bucket: so many a second, and a tenth of that (one at least) at once after a pause. Told by the
 * time of the next token, it needs no thread that fills it. No locks and no clock in here. */
#ifndef KPK_SERVICES_NOTIFICATION_RATE_H
#define KPK_SERVICES_NOTIFICATION_RATE_H

#include <stdint.h>

enum { RATE_MAX = 1000000, RATE_BURST_US = 100000 };

struct rate {
    int per_second;  /* 0: no limit; at most RATE_MAX */
    int64_t next_us; /* its own: when the next token is there; 0: at once */
};

/* Take a token. returns  0: taken; else the microseconds until there is one */
int64_t rate_take(struct rate *rate, int64_t now_us);

#endif
