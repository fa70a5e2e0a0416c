/* What brings messages out of the house: one provider per channel, as a member of a group uses it.
 *
 *   email  SMTP (libcurl) to the configured server
 *   sms    HTTP/1.1, the shape of an SMS gateway (Twilio's Messages resource)
 *   push   HTTP/1.1, FCM's messages:send or APNS' /3/device/<token>, by the device
 *
 * Many deliveries are in flight at once; those to one recipient go one after another, in order.
 *
 *   accepted                              OK
 *   invalid address or token, other 4xx   REJECT: it never will be
 *   429, 5xx, a timeout, 4xx of SMTP      RETRY, with the provider's Retry-After
 *   the provider is down                  WAIT for all that is left: after 'breaker_failures' failures in a row
 *                                         the breaker opens, nothing is sent for 'breaker_ms', then one
 *                                         delivery tries whether it is back
 *
 * Every delivery carries an idempotency key, "<notification id>:<channel>": a provider that keeps it does
 * not deliver twice what is sent twice. SMTP has none; there it is the Message-ID, and a repeated
 * mail is a second mail. */
#ifndef KPK_SERVICES_NOTIFICATION_PROVIDER_H
#define KPK_SERVICES_NOTIFICATION_PROVIDER_H

#include "common/err.h"
#include "common/uuid.h"

#include <stdbool.h>
#include <stddef.h>

enum notification_channel {
    NOTIFICATION_EMAIL,
    NOTIFICATION_SMS,
    NOTIFICATION_PUSH,
    NOTIFICATION_CHANNELS
};
/* "email", "sms", "push" */
const char *notification_channel_name(enum notification_channel channel);

enum { NOTIFICATION_PROVIDER_ID_BYTES = 96 };

/* One message to one address, and what became of it. Strings are the caller's, until the call returns. */
struct notification_delivery {
    const char *notification_id;
    const char *recipient_id;
    const char *address;  /* e-mail address, number in E.164, device token */
    const char *platform; /* push: "fcm" or "apns"; else NULL */
    const char *subject;  /* one line: of a mail, title of a push; not used by SMS */
    const char *text;
    bool urgent; /* priority high */
    /* out */
    struct kpk_err outcome; /* OK, RETRY, REJECT; WAIT: not tried, or not known */
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES]; /* what the provider calls it; "" */
};

struct notification_provider_opts {
    enum notification_channel channel;
    const char *url;      /* smtp://127.0.0.1:2525, http://127.0.0.1:18110 */
    int rate;             /* deliveries a second at most, of this process; 0: any */
    int in_flight;        /* at once, of this member; 0: 16 */
    int timeout_ms;       /* of one delivery; 0: 5000 */
    int breaker_failures; /* in a row; 0: 5 */
    int breaker_ms;       /* 0: 2000 */
};

struct
    notification_provider; /* one per member; breaker and rate are the process's, per channel */

int notification_provider_open(struct notification_provider **provider,
                               const struct notification_provider_opts *opts,
                               struct kpk_err *err) KPK_MUST_CHECK;
void notification_provider_close(struct notification_provider *provider); /* NULL is fine */

/* Send them all, and wait for the answers.
 * returns  0: each has an outcome of OK, RETRY or REJECT; -1 with 'err' (WAIT): the provider is down;
 *          those that were done meanwhile have their outcome, the others' is WAIT */
int notification_deliver(struct notification_provider *provider,
                         struct notification_delivery *deliveries, size_t count,
                         struct kpk_err *err) KPK_MUST_CHECK;

/* An e-mail address, a number, a token that may be put into a header or a path: no control characters, no
 * spaces, of the shape that its channel asks for.
 * returns  0, or -1 with 'err' (REJECT) */
int notification_address_check(enum notification_channel channel, const char *address,
                               struct kpk_err *err) KPK_MUST_CHECK;

#endif
