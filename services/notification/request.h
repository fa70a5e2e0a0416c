/* A request to tell somebody something: topology/schemas/notification.requested.json, to and from JSON, and
 * the same as HTTP takes it. Whoever wrote it may be a stranger: what is not as the schema says, has
 * no template or not the data for it, is a REJECT that names the member. */
#ifndef KPK_SERVICES_NOTIFICATION_REQUEST_H
#define KPK_SERVICES_NOTIFICATION_REQUEST_H

#include "common/err.h"
#include "common/event.h"
#include "common/json.h"
#include "common/uuid.h"
#include "services/notification/templates.h"

#include <stdbool.h>
#include <stdint.h>

#define NOTIFICATION_REQUESTED "notification.requested"
#define NOTIFICATION_SOURCE "/notification"

enum {
    NOTIFICATION_USER_ID_BYTES = 20, /* a bigint above zero, and the end */
    NOTIFICATION_DATA_MEMBERS = 16,
    NOTIFICATION_DATA_NAME_BYTES = 32,    /* and no longer */
    NOTIFICATION_DATA_VALUE_BYTES = 2000, /* the same; a tweet is at most 1,120 */
    NOTIFICATION_DATA_BYTES = 4000,       /* all values together */
};

enum notification_priority {
    NOTIFICATION_HIGH,
    NOTIFICATION_NORMAL,
    NOTIFICATION_LOW,
    NOTIFICATION_PRIORITIES
};
/* "high", "normal", "low" */
const char *notification_priority_name(enum notification_priority priority);

struct notification_request {
    char id[KPK_UUID_BYTES]; /* notification_id; ce_id and ce_subject of its event */
    char recipient_id[NOTIFICATION_USER_ID_BYTES];
    const struct notification_template *template; /* with its category */
    enum notification_priority priority;
    int64_t created_at; /* epoch milliseconds */
    const cJSON *data;  /* of strings within the limits above; borrowed from what was parsed */
};

/* Is 'text' a user id: a bigint above zero, in decimal, without a leading zero? */
bool notification_user_id_valid(const char *text);

/* What a caller says: recipient_id, template and data; category, which then must be the template's;
 * priority, else normal. 'id' and 'created_at' are left alone. */
int notification_request_read(const cJSON *object, struct notification_request *request,
                              struct kpk_err *err) KPK_MUST_CHECK;

/* From an event that kpk_event_decode() took.
 * object  out; what request->data points into, for cJSON_Delete(); NULL when it fails */
int notification_request_decode(const struct kpk_event *event, cJSON **object,
                                struct notification_request *request,
                                struct kpk_err *err) KPK_MUST_CHECK;

/* JSON for the event's value. returns a string for free(), or NULL: memory is short */
char *notification_request_encode(const struct notification_request *request);

/* Can it be rendered for every channel? REJECT names the member. */
int notification_request_check(const struct notification_request *request,
                               struct kpk_err *err) KPK_MUST_CHECK;

#endif
