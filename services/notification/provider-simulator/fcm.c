/* Firebase Cloud Messaging, HTTP v1.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */
#include "services/notification/provider-simulator/service.h"

#include "common/json.h"
#include "common/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_MIN = 32, TOKEN_MAX = 512, PAYLOAD_BYTES = 4096 };

/* Why not: status, google.rpc.Code, FcmError.errorCode and a sentence. */
struct refusal {
    int status;
    const char *code, *fcm_code, *message;
};

static const struct refusal bad_token = {
    400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
    "The registration token is not a valid FCM registration token"};
static const struct refusal unregistered = {404, "NOT_FOUND", "UNREGISTERED",
                                            "Requested entity was not found."};
static const struct refusal too_big = {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                                       "Android message is too big"};
static const struct refusal no_message = {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                                          "Invalid JSON payload received."};
static const struct refusal throttled = {429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED",
                                         "Quota exceeded for quota metric 'Send requests'"};
static const struct refusal internal = {500, "INTERNAL", "INTERNAL",
                                        "Internal error encountered."};
static const struct refusal unavailable = {503, "UNAVAILABLE", "UNAVAILABLE",
                                           "The service is currently unavailable."};

static void refuse(struct kpk_response *response, const struct refusal *why) {
    cJSON *root = cJSON_CreateObject(), *error = cJSON_AddObjectToObject(root, "error"),
          *detail = cJSON_CreateObject();

    cJSON_AddNumberToObject(error, "code", why->status);
    cJSON_AddStringToObject(error, "message", why->message);
    cJSON_AddStringToObject(error, "status", why->code);
    cJSON_AddStringToObject(detail, "@type",
                            "type.googleapis.com/google.firebase.fcm.v1.FcmError");
    cJSON_AddStringToObject(detail, "errorCode", why->fcm_code);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(error, "details"), detail);
    kpk_http_json(response, why->status, root);
}

/* --- what it is given -------------------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text ? text : "";
}

/* A token of a device that has gone begins with "unregistered". */
static const struct refusal *wrong_with(const char *token) {
    size_t len =
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_-");

    if (len < TOKEN_MIN || len > TOKEN_MAX || token[len]) return &bad_token;
    return strncmp(token, "unregistered", strlen("unregistered")) == 0 ? &unregistered : NULL;
}

/* --- what it answers --------------------------------------------------------------------- */

static void respond(struct simulator *simulator, struct kpk_response *response,
                    enum store_answer answer, const char *name) {
    cJSON *accepted;

    switch (answer) {
    case STORE_ACCEPTED:
    case STORE_REPEATED:
    case STORE_LATE_TIMEOUT:
        accepted = cJSON_CreateObject();
        cJSON_AddStringToObject(accepted, "name", name);
        kpk_http_json(response, 200, accepted);
        return;
    case STORE_PERMANENT:
        refuse(response, &unregistered);
        return;
    case STORE_THROTTLED:
        refuse(response, &throttled);
        simulator_throttle(simulator, SIMULATOR_FCM, response);
        return;
    case STORE_DOWN:
        refuse(response, &unavailable);
        return;
    default:
        refuse(response, &internal);
    }
}

void post_fcm(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    char name[STORE_ID_BYTES], id[KPK_UUID_BYTES];
    const struct refusal *wrong;
    enum store_answer answer;
    struct kpk_err why;
    size_t len;
    const char *body = kpk_http_body(request, &len);
    cJSON *root = kpk_json_parse(body, len, &why);
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(root, "message"),
                *words = cJSON_GetObjectItemCaseSensitive(message, "notification");
    const char *token = text_of(message, "token");

    kpk_uuid7(id);
    snprintf(name, sizeof(name), "projects/%.40s/messages/%s",
             kpk_http_param(request, "project"), id);
    if (!cJSON_IsObject(words)) {
        refuse(response, &no_message);
        goto out;
    }
    wrong = len > PAYLOAD_BYTES ? &too_big : wrong_with(token);
    if (simulator_receive(simulator, request, response,
                          &(struct simulator_message){.provider = SIMULATOR_FCM,
                                                      .recipient = token,
                                                      .title = text_of(words, "title"),
                                                      .text = text_of(words, "body"),
                                                      .invalid = wrong != NULL},
                          name, &answer))
        goto out;
    if (answer == STORE_INVALID)
        refuse(response, wrong);
    else
        respond(simulator, response, answer, name);
out:
    cJSON_Delete(root);
}
