/* The payment provider of the worked example: not always well. What it does depends on the card, as with
 * the test cards of real ones. */
#ifndef KPK_PATTERNS_RETRY_DLQ_EXAMPLE_PROVIDER_H
#define KPK_PATTERNS_RETRY_DLQ_EXAMPLE_PROVIDER_H

#include "common/err.h"
#include "common/pg.h"

#define CARD_GOOD "good"
#define CARD_BUSY_ONCE "busy once"
#define CARD_BUSY_TWICE "busy twice"
#define CARD_TOLD_TO_WAIT "told to wait" /* busy once, with Retry-After: 2 */
#define CARD_ALWAYS_BUSY "always busy"
#define CARD_EXPIRED "expired"

struct card {
    const char *name;
    int busy; /* so many calls of a charge fail; -1: all */
    int retry_after_ms;
    const char *refused; /* why it never will be charged; NULL: it may be */
};

const struct card *card_find(const char *name); /* NULL: there is none */

/* Move the money of 'charge_id', which is the idempotency key.
 * returns  0: it has moved; -1 with 'err': RETRY, REJECT; WAIT when the provider cannot be reached */
int provider_charge(struct kpk_pg *pg, const char *charge_id, const struct card *card,
                    struct kpk_err *err) KPK_MUST_CHECK;

/* The schema of its table. */
const char *provider_schema(void);

#endif
