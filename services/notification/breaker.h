/* A circuit breaker: nobody asks a provider that is down.
 *
 *   CLOSED --('limit' failures in a row, or no connection)--> OPEN --('open_ms' have passed)--> PROBING: one may try
 *      ^                                                       ^                                   |
 *      '---------------- it was answered ----------------------+------------- it failed -----------'
 *
 * The row counts each delivery once: that the same one fails again says nothing new of the provider. An answer
 * to anybody ends it, and closes the breaker. A connection that could not be made is no delivery's fault, and
 * opens it at once; one that can be made again puts an end to that, and what failed then is the next in the row:
 * a message that always fails must not stand for a provider that is back.
 * No locks and no clock in here: the caller has them. */
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
    int in_row; /* not CLOSED, and less than 'limit': there was no connection */
    uint64_t row[BREAKER_LIMIT_MAX]; /* which deliveries failed */
    int64_t since_ms, until_ms;      /* OPEN: opened first, next probe */
    bool answered;                   /* ever, and then last at: */
    int64_t answered_ms;
};

/* Would breaker_ask() let one pass? */
bool breaker_lets(const struct breaker *breaker, int64_t now_ms);

enum breaker_answer { BREAKER_SEND, BREAKER_PROBE, BREAKER_WAIT };

/* May a delivery be sent? Who is told PROBE owes one of the four calls that follow. */
enum breaker_answer breaker_ask(struct breaker *breaker, int64_t now_ms);

/* It works, whatever it said of the delivery. */
void breaker_answered(struct breaker *breaker, int64_t now_ms);
/* delivery  a hash of its idempotency key */
void breaker_failed(struct breaker *breaker, uint64_t delivery, bool probe, int64_t now_ms);
void breaker_not_connected(struct breaker *breaker, bool probe, int64_t now_ms);
/* What was sent has no result. */
void breaker_gave_up(struct breaker *breaker, bool probe);

/* Has anybody been answered since 'then_ms'? */
bool breaker_answered_since(const struct breaker *breaker, int64_t then_ms);

#endif
