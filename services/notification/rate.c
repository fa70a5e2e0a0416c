#include "services/notification/rate.h"

int64_t rate_take(struct rate *rate, int64_t now_us) {
    int64_t next_us = rate->next_us;

    if (rate->per_second == 0) return 0;
    /* What nobody took is kept for a while, no longer. */
    if (next_us < now_us - RATE_BURST_US) next_us = now_us - RATE_BURST_US;
    if (next_us > now_us) return next_us - now_us;
    rate->next_us = next_us + 1000000 / rate->per_second;
    return 0;
}
