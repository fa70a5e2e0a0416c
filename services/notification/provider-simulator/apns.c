/* Apple Push Notification service, over HTTP/1.1.
 * https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns */
#include "services/notification/provider-simulator/service.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_MIN = 64, TOKEN_MAX = 200, PAYLOAD_BYTES = 4096 };

struct refusal {
    int status;
    const char *reason;
};

static const struct refusal bad_token = {400, "BadDeviceToken"};
static const struct refusal unregistered = {410, "Unregistered"};
static const struct refusal no_topic = {400, "MissingTopic"};
static const struct refusal bad_id = {400, "BadMessageId"};
static const struct refusal empty = {400, "PayloadEmpty"};
static const struct refusal too_large = {413, "PayloadTooLarge"};
static const struct refusal throttled = {429, "TooManyRequests"};
static const struct refusal internal = {500, "InternalServerError"};
static const struct refusal unavailable = {503, "ServiceUnavailable"};

static void refuse(struct kpk_response *response, const struct refusal *why) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "reason", why->reason);
    if (why->status == 410) kpk_json_add_int(object, "timestamp", kpk_now_ms());
    kpk_http_json(response, why->status, object);
}

/* --- what it is given -------------------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text ? text : "";
}

/* A token of a device that has gone is all zeros. */
static const struct refusal *wrong_with(const char *token) {
    size_t len = strspn(token, "0123456789abcdefABCDEF");

    if (len < TOKEN_MIN || len > TOKEN_MAX || token[len]) return &bad_token;
    return strspn(token, "0") == len ? &unregistered : NULL;
}

static const struct refusal *wrong_with_request(const struct kpk_request *request,
                                                const cJSON *alert, size_t len) {
    const char *id = kpk_http_header(request, "apns-id");

    if (!kpk_http_header(request, "apns-topic")) return &no_topic;
    if (id && !kpk_uuid_valid(id)) return &bad_id;
    if (len > PAYLOAD_BYTES) return &too_large;
    if (!cJSON_IsObject(alert)) return &empty;
    return NULL;
}

/* --- what it answers --------------------------------------------------------------------- */

static void respond(struct simulator *simulator, struct kpk_response *response,
                    enum store_answer answer, const char *id) {
    switch (answer) {
    case STORE_ACCEPTED:
    case STORE_REPEATED:
    case STORE_LATE_TIMEOUT:
        kpk_http_set_header(response, "apns-id", id);
        kpk_http_empty(response, 200);
        return;
    case STORE_PERMANENT:
        refuse(response, &unregistered);
        return;
    case STORE_THROTTLED:
        refuse(response, &throttled);
        simulator_throttle(simulator, SIMULATOR_APNS, response);
        return;
    case STORE_DOWN:
        refuse(response, &unavailable);
        return;
    default:
        refuse(response, &internal);
    }
}

void post_apns(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    const char *token = kpk_http_param(request, "token"),
               *given = kpk_http_header(request, "apns-id");
    const struct refusal *wrong;
    enum store_answer answer;
    char id[STORE_ID_BYTES];
    struct kpk_err why;
    size_t len;
    const char *body = kpk_http_body(request, &len);
    cJSON *root = kpk_json_parse(body, len, &why);
    const cJSON *alert = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(root, "aps"), "alert");

    if ((wrong = wrong_with_request(request, alert, len))) {
        refuse(response, wrong);
        goto out;
    }
    if (given)
        snprintf(id, sizeof(id), "%s", given);
    else
        kpk_uuid7(id);
    wrong = wrong_with(token);
    if (simulator_receive(simulator, request, response,
                          &(struct simulator_message){.provider = SIMULATOR_APNS,
                                                      .recipient = token,
                                                      .title = text_of(alert, "title"),
                                                      .text = text_of(alert, "body"),
                                                      .invalid = wrong != NULL},
                          id, &answer))
        goto out;
    if (answer == STORE_INVALID)
        refuse(response, wrong);
    else
        respond(simulator, response, answer, id);
out:
    cJSON_Delete(root);
}
