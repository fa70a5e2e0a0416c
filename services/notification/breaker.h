/* A circuit breaker: after so many failures in a row nobody asks a provider that is down.
 *
 *   CLOSED --('limit' failures in a row)--> OPEN --('open_ms' have passed)--> PROBING: one may try
 *      ^                                     ^                                   |
 *      '------------- it succeeded ----------+-------------- it failed ----------'
 *
 * The row counts each delivery once: that the same one fails again says nothing new of the provider.
 * A success of anybody closes it. No locks and no clock in here: the caller has them. */
#ifndef KPK_SERVICES_NOTIFICATION_BREAKER_H
#define KPK_SERVICES_NOTIFICATION_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_LIMIT_MAX = 100 };

struct breaker {
    int limit; /* 1 to BREAKER_LIMIT_MAX */
    int open_ms;
    /* from here on its own; all zero is closed */
    enum { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING } state;
    int in_row;
    uint64_t row[BREAKER_LIMIT_MAX]; /* which deliveries failed */
    int64_t since_ms, until_ms;      /* OPEN: opened first, next probe */
};

/* Would breaker_ask() let one pass? */
bool breaker_lets(const struct breaker *breaker, int64_t now_ms);

enum breaker_answer { BREAKER_SEND, BREAKER_PROBE, BREAKER_WAIT };

/* May a delivery be sent? Who is told PROBE owes one of the three calls that follow. */
enum breaker_answer breaker_ask(struct breaker *breaker, int64_t now_ms);

/* returns  whether it closed by this */
bool breaker_succeeded(struct breaker *breaker);
/* delivery  a hash of its idempotency key
 * returns   whether it opened by this; a failed probe keeps it open, and is no news */
bool breaker_failed(struct breaker *breaker, uint64_t delivery, bool probe, int64_t now_ms);
/* What was sent has no result. */
void breaker_gave_up(struct breaker *breaker, bool probe);

#endif
