/* What brings messages out of the house: the providers of one channel, as a member of a group uses them.
 *
 *   email  SMTP to the configured server                                     provider "email"
 *   sms    HTTP/1.1, the shape of an SMS gateway (Twilio's Messages resource) provider "sms"
 *   push   HTTP/1.1, FCM's messages:send or APNS' /3/device/<token>,          providers "fcm", "apns"
 *          by the delivery's platform
 *
 * Many deliveries are in flight at once; those to one recipient go one after another, in order.
 *
 *   accepted                              OK
 *   invalid address or token, other 4xx   REJECT: it never will be (SMTP: 5xx to the mail)
 *   429, 408 (SMTP: 4xx)                  RETRY, with the provider's Retry-After
 *   5xx, a time-out, a broken connection  RETRY, and a failure of the provider. So is 401 (SMTP: 421, or 5xx
 *                                         before there is a mail): it refuses us, not this message
 *   the provider is down                  WAIT for those that failed so and for all that is left: when no
 *                                         connection can be made (refused, no route, no such host), or after
 *                                         'breaker_failures' failures in a row, each of another delivery,
 *                                         the breaker opens. Nothing is sent for 'breaker_ms'; then one
 *                                         delivery, by lot, tries whether it is back
 *
 * What has failed once, and again after a while, may be a bad message or a provider that is down all that time;
 * an answer to another in between tells them apart. So a failure of the provider is 'uncounted' (common/err.h)
 * unless it has answered somebody in this process while the delivery waited: the dead letters are for those that
 * fail while others do not.
 *
 * Breaker and rate are the process's, one of each provider: its members share them. (What a breaker cannot
 * know: messages that each get a 5xx for a reason of their own look like an outage while nothing else is sent.)
 *
 * Every delivery carries an idempotency key, "<notification id>:<channel>" (header Idempotency-Key): a provider
 * that keeps it does not deliver twice what is sent twice. SMTP has none; there it is the Message-ID,
 * <<notification id>.email@<domain of the sender>>, and a repeated mail is a second mail.
 *
 * Not here: what real push services ask for beside the message, OAuth tokens and HTTP/2. */
#ifndef KPK_SERVICES_NOTIFICATION_PROVIDER_H
#define KPK_SERVICES_NOTIFICATION_PROVIDER_H

#include "common/err.h"

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

/* One message to one address, and what became of it. Strings are the caller's, until the call returns.
 * 'notification_id', 'address', 'platform', 'subject' and 'text' are checked here, and refused with
 * REJECT, whoever made them. */
struct notification_delivery {
    const char *notification_id; /* a UUID */
    const char *recipient_id;
    const char *address;  /* e-mail address, number in E.164, device token */
    const char *platform; /* push: "fcm" or "apns"; else NULL */
    const char *subject;  /* one line: of a mail, title of a push; not used by SMS */
    const char *text;
    bool urgent;   /* priority high */
    int waited_ms; /* it failed before, so long ago at least; 0: not that one knows */
    /* out */
    struct kpk_err
        outcome; /* OK, RETRY ('uncounted' or not), REJECT; WAIT: not tried, or not known */
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES]; /* what the provider calls it; "" */
};

/* url     smtp://127.0.0.1:18112, http://127.0.0.1:18110. A user and password in it are sent as the scheme has
 *         it; the user is also the account of the SMS gateway
 * sender  address of a mail, number of an SMS; of a push the app: FCM's project, APNS' topic. NULL: the kit's
 * rate    of this process to a provider; what was not used for a while may go at once, a tenth of a second's */
struct notification_provider_opts {
    enum notification_channel channel;
    const char *url;
    const char *sender;
    int rate;             /* deliveries a second, at most; 0: any */
    int in_flight;        /* at once, of this member, at most 256; 0: 16 */
    int timeout_ms;       /* of one delivery, at most 20000; 0: 5000 */
    int budget_ms;        /* of one call, to begin deliveries in, at most 20000; 0: 20000 */
    int breaker_failures; /* in a row, at most 100; 0: 5 */
    int breaker_ms;       /* 0: 2000 */
};

struct notification_provider; /* one per member, used by its thread; connections are kept */

/* Members of one process open the same channel with the same options.
 * returns  0, or -1 with 'err' (FATAL): an option makes no sense. Nothing is connected yet */
int notification_provider_open(struct notification_provider **provider,
                               const struct notification_provider_opts *opts,
                               struct kpk_err *err) KPK_MUST_CHECK;
void notification_provider_close(struct notification_provider *provider); /* NULL is fine */

/* Would anything be sent now? For a caller who notes each attempt before it is made.
 * returns  0; -1 with 'err' (WAIT): every breaker of the channel is open */
int notification_provider_check(struct notification_provider *provider,
                                struct kpk_err *err) KPK_MUST_CHECK;

/* Send them all, and wait for the answers: for 'budget_ms' + 'timeout_ms' at most, 25 s, which is less than
 * a member of a group may be silent (45 s). What has not begun within the budget, because the rate is low or
 * the provider slow, is left for the next call. When the process is to end, it returns within 3 s.
 * returns  0: each has an outcome of OK, RETRY or REJECT; -1 with 'err' (WAIT): a provider is down, or time
 *          is up. Those that were done meanwhile have their outcome, to be kept: it is how the next call gets
 *          further; the others' is WAIT */
int notification_deliver(struct notification_provider *provider,
                         struct notification_delivery *deliveries, size_t count,
                         struct kpk_err *err) KPK_MUST_CHECK;

/* An e-mail address, a number, a token that may be put into a header or a path: no control characters, no
 * spaces, of the shape that its channel asks for.
 *
 *   email  local@domain of ASCII (RFC 5321 without quoted strings and address literals), a dot in the domain
 *   sms    E.164: + and 7 to 15 digits, no 0 first
 *   push   8 to 512 of A-Z a-z 0-9 : _ -   (what a platform's tokens look like, it says itself)
 *
 * returns  0, or -1 with 'err' (REJECT), which begins with "email: ", "phone: " or "push_token: " */
int notification_address_check(enum notification_channel channel, const char *address,
                               struct kpk_err *err) KPK_MUST_CHECK;

#endif
