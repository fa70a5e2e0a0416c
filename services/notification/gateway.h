/* What the members of a process share of one provider: its breaker, its rate, what is counted of it.
 *
 *   kpk_provider_breaker_open{provider}             1 while the breaker is open
 *   kpk_provider_requests_total{provider,outcome}   accepted, rejected, throttled, failed, not_connected, given_up
 *   kpk_provider_request_seconds{provider}
 *
 * Any thread. It is there as long as a member has it open; the next one begins with a closed breaker. */
#ifndef KPK_SERVICES_NOTIFICATION_GATEWAY_H
#define KPK_SERVICES_NOTIFICATION_GATEWAY_H

#include "services/notification/breaker.h"
#include "services/notification/provider.h"

#include <stdint.h>

enum gateway_id { GATEWAY_EMAIL, GATEWAY_SMS, GATEWAY_FCM, GATEWAY_APNS, GATEWAYS };

struct gateway;

/* opts  of a member, complete; the last one to open decides */
struct gateway *gateway_open(enum gateway_id id, const struct notification_provider_opts *opts);
void gateway_close(struct gateway *gateway); /* NULL is fine */

/* "fcm" */
const char *gateway_name(const struct gateway *gateway);

/* What the breaker and then the rate say. SEND and PROBE take a token and must be followed by one of the
 * calls below.
 * wait_us  out: until the rate has a token; 0: it is not the rate that one waits for */
enum breaker_answer gateway_ask(struct gateway *gateway, int64_t *wait_us);

enum gateway_result {
    GATEWAY_ACCEPTED,
    GATEWAY_REJECTED,
    GATEWAY_THROTTLED,     /* it is there, and wants this one later */
    GATEWAY_FAILED,        /* it counts against the breaker */
    GATEWAY_NOT_CONNECTED, /* it opens the breaker */
    GATEWAY_GIVEN_UP,      /* by us */
    GATEWAY_RESULTS
};

/* delivery  a hash of its idempotency key
 * why       it failed, for the log */
void gateway_note(struct gateway *gateway, enum gateway_result result, uint64_t delivery,
                  bool probe, int64_t took_us, const char *why);

/* Has it answered anybody in this process within the last 'ms'? */
bool gateway_answered_within(struct gateway *gateway, int ms);

/* Is the breaker closed? returns  0; -1 with 'err' (WAIT) that says what failed last */
int gateway_check(struct gateway *gateway, struct kpk_err *err) KPK_MUST_CHECK;
/* Would gateway_ask() let one pass, if only to probe, the rate aside? */
bool gateway_lets(struct gateway *gateway);

#endif
