/* An SMS gateway: Twilio's Messages resource, and the numbers that it keeps for tests.
 * https://www.twilio.com/docs/api/errors
 * https://www.twilio.com/docs/iam/test-credentials */
#include "services/notification/provider-simulator/service.h"

#include "common/utf8.h"
#include "common/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1600, DIGITS_MIN = 7, DIGITS_MAX = 15 };

struct refusal {
    int status, code;
    const char *message;
};

static const struct refusal no_to = {400, 21604, "A 'To' phone number is required."};
static const struct refusal no_from = {400, 21603, "A 'From' phone number is required."};
static const struct refusal no_text = {400, 21602, "Message body is required."};
static const struct refusal bad_number = {400, 21211, "Invalid 'To' Phone Number"};
static const struct refusal not_mobile = {400, 21614,
                                          "'To' number is not a valid mobile number"};
static const struct refusal too_long = {
    400, 21617, "The concatenated message body exceeds the 1600 character limit"};
static const struct refusal unsubscribed = {400, 21610,
                                            "Attempt to send to unsubscribed recipient"};
static const struct refusal throttled = {429, 20429, "Too Many Requests"};
static const struct refusal internal = {500, 20500, "Internal Server Error"};
static const struct refusal unavailable = {503, 20503, "Service unavailable"};

static void refuse(struct kpk_response *response, const struct refusal *why) {
    cJSON *object = cJSON_CreateObject();
    char more[64];

    snprintf(more, sizeof(more), "https://www.twilio.com/docs/errors/%d", why->code);
    cJSON_AddNumberToObject(object, "code", why->code);
    cJSON_AddStringToObject(object, "message", why->message);
    cJSON_AddStringToObject(object, "more_info", more);
    cJSON_AddNumberToObject(object, "status", why->status);
    kpk_http_json(response, why->status, object);
}

/* --- what it is given -------------------------------------------------------------------- */

static const struct refusal *wrong_with(const char *to, const char *text) {
    size_t digits = *to == '+' ? strspn(to + 1, "0123456789") : 0, points = 0;

    if (digits < DIGITS_MIN || digits > DIGITS_MAX || to[1] == '0' || to[1 + digits])
        return &bad_number;
    if (strcmp(to, "+15005550001") == 0) return &bad_number;
    if (strcmp(to, "+15005550009") == 0) return &not_mobile;
    kpk_utf8_valid(text, strlen(text), &points);
    return points > TEXT_MAX ? &too_long : NULL;
}

/* --- what it answers --------------------------------------------------------------------- */

static void accept_message(struct kpk_request *request, struct kpk_response *response,
                           const char *sid) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "sid", sid);
    cJSON_AddStringToObject(object, "account_sid", kpk_http_param(request, "account"));
    cJSON_AddStringToObject(object, "to", kpk_http_form(request, "To"));
    cJSON_AddStringToObject(object, "from", kpk_http_form(request, "From"));
    cJSON_AddStringToObject(object, "body", kpk_http_form(request, "Body"));
    cJSON_AddStringToObject(object, "status", "queued");
    cJSON_AddStringToObject(object, "direction", "outbound-api");
    cJSON_AddStringToObject(object, "api_version", "2010-04-01");
    cJSON_AddNullToObject(object, "error_code");
    cJSON_AddNullToObject(object, "error_message");
    kpk_http_json(response, 201, object);
}

static void respond(struct simulator *simulator, struct kpk_request *request,
                    struct kpk_response *response, enum store_answer answer, const char *sid) {
    switch (answer) {
    case STORE_ACCEPTED:
    case STORE_REPEATED:
    case STORE_LATE_TIMEOUT:
        accept_message(request, response, sid);
        return;
    case STORE_PERMANENT:
        refuse(response, &unsubscribed);
        return;
    case STORE_THROTTLED:
        refuse(response, &throttled);
        simulator_throttle(simulator, SIMULATOR_SMS, response);
        return;
    case STORE_DOWN:
        refuse(response, &unavailable);
        return;
    default:
        refuse(response, &internal);
    }
}

/* "SM" and 32 hexadecimal digits */
static void new_sid(char sid[STORE_ID_BYTES]) {
    char uuid[KPK_UUID_BYTES], *out = sid + 2;

    kpk_uuid7(uuid);
    memcpy(sid, "SM", 2);
    for (const char *in = uuid; *in; in++)
        if (*in != '-') *out++ = *in;
    *out = '\0';
}

void post_sms(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    const char *to = kpk_http_form(request, "To"), *from = kpk_http_form(request, "From"),
               *text = kpk_http_form(request, "Body");
    const struct refusal *wrong = NULL;
    enum store_answer answer;
    char sid[STORE_ID_BYTES];

    if (!to || !*to)
        wrong = &no_to;
    else if (!from || !*from)
        wrong = &no_from;
    else if (!text || !*text)
        wrong = &no_text;
    if (wrong) {
        refuse(response, wrong);
        return;
    }
    new_sid(sid);
    wrong = wrong_with(to, text);
    if (simulator_receive(simulator, request, response,
                          &(struct simulator_message){.provider = SIMULATOR_SMS,
                                                      .recipient = to,
                                                      .title = "",
                                                      .text = text,
                                                      .invalid = wrong != NULL},
                          sid, &answer))
        return;
    if (answer == STORE_INVALID)
        refuse(response, wrong);
    else
        respond(simulator, request, response, answer, sid);
}
