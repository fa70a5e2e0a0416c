/* An SMS gateway: Twilio's Messages resource, and the numbers that it keeps for tests.
 * https://www.twilio.com/docs/api/errors
 * https://www.twilio.com/docs/iam/test-credentials */
#include "services/notification/provider-simulator/service.h"

#include "common/utf8.h"
#include "common/uuid.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1600, DIGITS_MIN = 7, DIGITS_MAX = 15 };

enum {
    NO_TO = SIMULATOR_REFUSALS,
    NO_FROM,
    NO_TEXT,
    BAD_NUMBER,
    NOT_MOBILE,
    TOO_LONG,
};

static const struct {
    int status, code;
    const char *message;
} refusals[] = {
    [SIMULATOR_GONE] = {400, 21610, "Attempt to send to unsubscribed recipient"},
    [SIMULATOR_THROTTLED] = {429, 20429, "Too Many Requests"},
    [SIMULATOR_BROKEN] = {500, 20500, "Internal Server Error"},
    [SIMULATOR_DOWN] = {503, 20503, "Service unavailable"},
    [NO_TO] = {400, 21604, "A 'To' phone number is required."},
    [NO_FROM] = {400, 21603, "A 'From' phone number is required."},
    [NO_TEXT] = {400, 21602, "Message body is required."},
    [BAD_NUMBER] = {400, 21211, "Invalid 'To' Phone Number"},
    [NOT_MOBILE] = {400, 21614, "'To' number is not a valid mobile number"},
    [TOO_LONG] = {400, 21617, "The concatenated message body exceeds the 1600 character limit"},
};

/* --- what it answers --------------------------------------------------------------------- */

static void refuse(struct kpk_response *response, int why) {
    cJSON *object = cJSON_CreateObject();
    char more[64];

    snprintf(more, sizeof(more), "https://www.twilio.com/docs/errors/%d", refusals[why].code);
    cJSON_AddNumberToObject(object, "code", refusals[why].code);
    cJSON_AddStringToObject(object, "message", refusals[why].message);
    cJSON_AddStringToObject(object, "more_info", more);
    cJSON_AddNumberToObject(object, "status", refusals[why].status);
    kpk_http_json(response, refusals[why].status, object);
}

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

static const struct simulator_voice sms = {SIMULATOR_SMS, accept_message, refuse};

/* --- what it is given -------------------------------------------------------------------- */

static int wrong_with_fields(const char *to, const char *from, const char *text) {
    if (!to || !*to) return NO_TO;
    if (!from || !*from) return NO_FROM;
    if (!text || !*text) return NO_TEXT;
    return SIMULATOR_NOT_REFUSED;
}

static int wrong_with(const char *to, const char *text) {
    size_t digits = *to == '+' ? strspn(to + 1, "0123456789") : 0, points = 0;

    if (digits < DIGITS_MIN || digits > DIGITS_MAX || to[1] == '0' || to[1 + digits])
        return BAD_NUMBER;
    if (strcmp(to, "+15005550001") == 0) return BAD_NUMBER;
    if (strcmp(to, "+15005550009") == 0) return NOT_MOBILE;
    kpk_utf8_valid(text, strlen(text), &points);
    return points > TEXT_MAX ? TOO_LONG : SIMULATOR_NOT_REFUSED;
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
    const char *to = kpk_http_form(request, "To"), *from = kpk_http_form(request, "From"),
               *text = kpk_http_form(request, "Body");
    int wrong = wrong_with_fields(to, from, text);
    char sid[STORE_ID_BYTES];

    if (wrong) {
        refuse(response, wrong);
        return;
    }
    new_sid(sid);
    simulator_receive(
        ctx, &sms, request, response,
        &(struct simulator_message){
            .recipient = to, .title = "", .text = text, .wrong = wrong_with(to, text)},
        sid);
}
