/* Apple Push Notification service, over HTTP/1.1.
 * https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns */
#include "services/notification/provider-simulator/service.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/uuid.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_MIN = 64, TOKEN_MAX = 200, PAYLOAD_BYTES = 4096 };

enum { BAD_TOKEN = SIMULATOR_REFUSALS, NO_TOPIC, BAD_ID, EMPTY, TOO_LARGE };

static const struct {
    int status;
    const char *reason;
} refusals[] = {
    [SIMULATOR_GONE] = {410, "Unregistered"},
    [SIMULATOR_THROTTLED] = {429, "TooManyRequests"},
    [SIMULATOR_BROKEN] = {500, "InternalServerError"},
    [SIMULATOR_DOWN] = {503, "ServiceUnavailable"},
    [BAD_TOKEN] = {400, "BadDeviceToken"},
    [NO_TOPIC] = {400, "MissingTopic"},
    [BAD_ID] = {400, "BadMessageId"},
    [EMPTY] = {400, "PayloadEmpty"},
    [TOO_LARGE] = {413, "PayloadTooLarge"},
};

/* --- what it answers --------------------------------------------------------------------- */

static void refuse(struct kpk_response *response, int why) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "reason", refusals[why].reason);
    if (refusals[why].status == 410) kpk_json_add_int(object, "timestamp", kpk_now_ms());
    kpk_http_json(response, refusals[why].status, object);
}

static void accept_push(struct kpk_request *request, struct kpk_response *response,
                        const char *id) {
    (void)request;
    kpk_http_set_header(response, "apns-id", id);
    kpk_http_empty(response, 200);
}

static const struct simulator_voice apns = {SIMULATOR_APNS, accept_push, refuse};

/* --- what it is given -------------------------------------------------------------------- */

/* A token of a device that has gone is all zeros. */
static int wrong_with(const char *token) {
    size_t len = strspn(token, "0123456789abcdefABCDEF");

    if (len < TOKEN_MIN || len > TOKEN_MAX || token[len]) return BAD_TOKEN;
    return strspn(token, "0") == len ? SIMULATOR_GONE : SIMULATOR_NOT_REFUSED;
}

static int wrong_with_request(const struct kpk_request *request, const cJSON *alert,
                              size_t len) {
    const char *id = kpk_http_header(request, "apns-id");

    if (!kpk_http_header(request, "apns-topic")) return NO_TOPIC;
    if (id && !kpk_uuid_valid(id)) return BAD_ID;
    if (len > PAYLOAD_BYTES) return TOO_LARGE;
    if (!cJSON_IsObject(alert)) return EMPTY;
    return SIMULATOR_NOT_REFUSED;
}

void post_apns(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *token = kpk_http_param(request, "token"),
               *given = kpk_http_header(request, "apns-id");
    char id[STORE_ID_BYTES];
    struct kpk_err why;
    size_t len;
    const char *body = kpk_http_body(request, &len);
    cJSON *root = kpk_json_parse(body, len, &why);
    const cJSON *alert = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(root, "aps"), "alert");
    int wrong = wrong_with_request(request, alert, len);

    if (given)
        snprintf(id, sizeof(id), "%s", given);
    else
        kpk_uuid7(id);
    if (wrong)
        refuse(response, wrong);
    else
        simulator_receive(ctx, &apns, request, response,
                          &(struct simulator_message){.recipient = token,
                                                      .title = kpk_json_text(alert, "title"),
                                                      .text = kpk_json_text(alert, "body"),
                                                      .wrong = wrong_with(token)},
                          id);
    cJSON_Delete(root);
}
