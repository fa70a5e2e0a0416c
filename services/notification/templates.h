/* What a notification says: a table of texts with {placeholders}, one per channel, and how they are
 * filled. A value is put in as it is, once: braces in it mean nothing.
 *
 *   "Order {order_id} is on its way"  +  {"order_id": "A-17"}  ->  "Order A-17 is on its way"
 *
 * Bounded: a subject or a text that is too long for its channel ends in "..." at the end of a
 * character, so what must not be lost stands first in a template. */
#ifndef KPK_SERVICES_NOTIFICATION_TEMPLATES_H
#define KPK_SERVICES_NOTIFICATION_TEMPLATES_H

#include "common/err.h"
#include "common/json.h"
#include "services/notification/preferences.h"

enum {
    NOTIFICATION_FIELDS = 4, /* of a template */
    NOTIFICATION_SUBJECT_POINTS = 120,
    NOTIFICATION_SMS_POINTS = 160,
    NOTIFICATION_PUSH_POINTS = 240, /* FCM and APNS take 4 KB, as JSON, subject included */
    NOTIFICATION_SUBJECT_BYTES = NOTIFICATION_SUBJECT_POINTS * 4 + 1,
    NOTIFICATION_TEXT_BYTES = 6 * 1024, /* of a mail: room for the longest data (request.h) */
};

struct notification_template {
    const char *name;
    enum notification_category category;
    const char
        *fields[NOTIFICATION_FIELDS + 1]; /* members of the data it needs; NULL ends them */
    const char *subject;                  /* of a mail; title of a push */
    const char *text[NOTIFICATION_CHANNELS];
};

/* A row with a NULL name ends them. */
extern const struct notification_template notification_templates[];

/* returns  NULL: there is none of this name */
const struct notification_template *notification_template_find(const char *name);

/* One message, ready to be sent. */
struct notification_message {
    char subject[NOTIFICATION_SUBJECT_BYTES]; /* one line; "" for SMS */
    char text[NOTIFICATION_TEXT_BYTES];
};

/* data     an object of strings, as notification_request_read() took it
 * message  out
 * returns  0, or -1 with 'err': REJECT names the member: "data.order_id: missing", "data.order_id:
 *          control character U+000A, and it goes into a subject" */
int notification_render(const struct notification_template *template,
                        enum notification_channel channel, const cJSON *data,
                        struct notification_message *message,
                        struct kpk_err *err) KPK_MUST_CHECK;

#endif
