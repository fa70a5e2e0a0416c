/* Whom the demo tells something, what it asked for, and what became of that: as the service says
 * (statuses), and as the providers' own records say (receipts). Times are the providers', in
 * milliseconds of the machine's one clock, from when the POST was begun. */
#ifndef KPK_SERVICES_NOTIFICATION_DEMO_NOTICES_H
#define KPK_SERVICES_NOTIFICATION_DEMO_NOTICES_H

#include "common/uuid.h"
#include "services/notification/client.h"
#include "services/notification/provider.h"
#include "services/notification/request.h"

#include <stdbool.h>
#include <stdint.h>

enum { RECIPIENTS = 21, NOTICES_MOST = 256, ARRIVE_MS = 30000, LOOK_MS = 10 };
enum { ALL_CHANNELS = (1 << NOTIFICATION_CHANNELS) - 1 };

/* A new user of each run; the first one is Ada. */
struct recipient {
    char id[NOTIFICATION_USER_ID_BYTES];
    char email[64], phone[20], push_token[64]; /* of an Android phone: FCM */
};

struct notice {
    char id[KPK_UUID_BYTES];
    const struct recipient *to;
    unsigned channels; /* 1 << those that he allows */
    int64_t began_ms;
};

struct notices { /* one thread uses it */
    struct notification_client *client;
    struct recipient recipients[RECIPIENTS];
    struct notice all[NOTICES_MOST];
    int count;
};

/* "the mail server", "the SMS gateway", "FCM" */
extern const char *const notice_providers[NOTIFICATION_CHANNELS];

/* Register all recipients.
 * returns  0, or -1 with 'err': WAIT says who does not answer */
int notices_open(struct notices **notices, struct kpk_err *err) KPK_MUST_CHECK;
void notices_close(struct notices *notices); /* NULL is fine */

/* Put his addresses as they are in 'recipient' now. */
int notices_register(struct notices *notices, const struct recipient *recipient,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* Ask that he be told that an order is on its way.
 * channels  those that must deliver it
 * notice    out; one of 'all' */
int notices_post(struct notices *notices, const struct recipient *to, unsigned channels,
                 struct notice **notice, struct kpk_err *err) KPK_MUST_CHECK;

/* What the service says. */
struct notice_status {
    char word[16]; /* "delivered" */
    int attempts;
    char reason[256]; /* "": none */
};
int notices_status(struct notices *notices, const struct notice *notice,
                   enum notification_channel channel, struct notice_status *status,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* What the provider has on record. */
struct notice_receipt {
    int64_t delivered, repeated; /* times; all zero: it never heard of it */
    int64_t at_ms;
    char recipient[96], title[80], text[160];
};
int notices_receipt(struct notices *notices, const struct notice *notice,
                    enum notification_channel channel, struct notice_receipt *receipt,
                    struct kpk_err *err) KPK_MUST_CHECK;

/* Wait for either, for ARRIVE_MS at most. The receipt of one that is delivered; the status when it is
 * 'word'.
 * returns  0, or -1 with 'err' (WAIT) that says what is missing */
int notices_await_receipt(struct notices *notices, const struct notice *notice,
                          enum notification_channel channel, struct notice_receipt *receipt,
                          struct kpk_err *err) KPK_MUST_CHECK;
int notices_await_status(struct notices *notices, const struct notice *notice,
                         enum notification_channel channel, const char *word,
                         struct notice_status *status, struct kpk_err *err) KPK_MUST_CHECK;

/* Both: the provider has it, and the service says so. */
int notices_await_delivered(struct notices *notices, const struct notice *notice,
                            enum notification_channel channel, struct notice_receipt *receipt,
                            struct notice_status *status, struct kpk_err *err) KPK_MUST_CHECK;

/* One request, which must be answered 2xx.
 * body     out, for cJSON_Delete(); NULL: none is wanted
 * returns  0, or -1 with 'err': WAIT no answer, FATAL another one */
int notices_call(struct notices *notices, const struct notification_call *call, cJSON **body,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* Before looking again: pause for a moment.
 * returns  0, or -1 with 'err' (WAIT): interrupted, or the deadline (kpk_mono_ms()) has passed; then it
 *          says 'fmt', what is missing */
int notices_pause(int64_t deadline_ms, struct kpk_err *err, const char *fmt, ...)
    KPK_PRINTF(3, 4) KPK_MUST_CHECK;

#endif
