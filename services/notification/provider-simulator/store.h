/* What one provider was asked to deliver, by idempotency key, in the order in which the keys came first.
 *
 * A key is delivered once: one that comes again is answered as the first time, and counted. Nothing is
 * forgotten but when it is asked for; when there is no more room (STORE_KEYS keys of all providers
 * together, STORE_BYTES of their texts) that is an answer of its own. Any thread. */
#ifndef KPK_SERVICES_NOTIFICATION_PROVIDER_SIMULATOR_STORE_H
#define KPK_SERVICES_NOTIFICATION_PROVIDER_SIMULATOR_STORE_H

#include "services/notification/provider-simulator/faults.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_KEYS = 200000,
    STORE_BYTES = 256 << 20,
    STORE_PAGE_MAX = 1000,
    STORE_ID_BYTES = 96,
};

struct store; /* of one provider */

struct store_message {
    const char *key;
    const char *recipient, *title, *text;
};

enum store_answer {
    STORE_ACCEPTED,
    STORE_REPEATED,  /* as it was accepted before */
    STORE_INVALID,   /* by what it is, as the caller said */
    STORE_PERMANENT, /* the rest by its fate, see faults.h */
    STORE_TRANSIENT,
    STORE_THROTTLED,
    STORE_TIMEOUT,      /* to be answered late, or never; not delivered */
    STORE_LATE_TIMEOUT, /* the same, but it was delivered */
    STORE_FULL,
    STORE_DOWN, /* nothing was looked at, and the key is not kept */
    STORE_ANSWERS
};

/* returns  NULL: memory is short */
struct store *store_open(void);
void store_close(struct store *store); /* NULL is fine */

/* One attempt to deliver.
 * id  in: what it would be called; out: what it is, when it is delivered */
enum store_answer store_receive(struct store *store, const struct store_message *message,
                                bool invalid, const struct faults *faults,
                                char id[STORE_ID_BYTES]);

/* A page of at most 'limit' keys from 'cursor' on (0: the first), those of one recipient alone unless it
 * is NULL. {"deliveries": [...], "next_cursor": "100"}, null at the end. */
cJSON *store_page(struct store *store, size_t cursor, size_t limit, const char *recipient);
/* One key. NULL: it never came */
cJSON *store_find(struct store *store, const char *key);
/* {"keys": 10, "delivered": 9, "repeated": 1, "answers": {"accepted": 9, ...}} */
cJSON *store_summary(struct store *store);
void store_forget(struct store *store);

#endif
