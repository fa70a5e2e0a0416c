/* Firebase Cloud Messaging, HTTP v1.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */
#include "services/notification/provider-simulator/service.h"

#include "common/json.h"
#include "common/uuid.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_MIN = 32, TOKEN_MAX = 512, PAYLOAD_BYTES = 4096 };

enum { BAD_TOKEN = SIMULATOR_REFUSALS, TOO_BIG, NO_MESSAGE };

/* status, google.rpc.Code, FcmError.errorCode and a sentence */
static const struct {
    int status;
    const char *code, *fcm_code, *message;
} refusals[] = {
    [SIMULATOR_GONE] = {404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."},
    [SIMULATOR_THROTTLED] = {429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED",
                             "Quota exceeded for quota metric 'Send requests'"},
    [SIMULATOR_BROKEN] = {500, "INTERNAL", "INTERNAL", "Internal error encountered."},
    [SIMULATOR_DOWN] = {503, "UNAVAILABLE", "UNAVAILABLE",
                        "The service is currently unavailable."},
    [BAD_TOKEN] = {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                   "The registration token is not a valid FCM registration token"},
    [TOO_BIG] = {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Android message is too big"},
    [NO_MESSAGE] = {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                    "Invalid JSON payload received."},
};

/* --- what it answers --------------------------------------------------------------------- */

static void refuse(struct kpk_response *response, int why) {
    cJSON *root = cJSON_CreateObject(), *error = cJSON_AddObjectToObject(root, "error"),
          *detail = cJSON_CreateObject();

    cJSON_AddNumberToObject(error, "code", refusals[why].status);
    cJSON_AddStringToObject(error, "message", refusals[why].message);
    cJSON_AddStringToObject(error, "status", refusals[why].code);
    cJSON_AddStringToObject(detail, "@type",
                            "type.googleapis.com/google.firebase.fcm.v1.FcmError");
    cJSON_AddStringToObject(detail, "errorCode", refusals[why].fcm_code);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(error, "details"), detail);
    kpk_http_json(response, refusals[why].status, root);
}

static void accept_push(struct kpk_request *request, struct kpk_response *response,
                        const char *name) {
    cJSON *object = cJSON_CreateObject();

    (void)request;
    cJSON_AddStringToObject(object, "name", name);
    kpk_http_json(response, 200, object);
}

static const struct simulator_voice fcm = {SIMULATOR_FCM, accept_push, refuse};

/* --- what it is given -------------------------------------------------------------------- */

/* A token of a device that has gone begins with "unregistered". */
static int wrong_with(const char *token) {
    size_t len =
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_-");

    if (len < TOKEN_MIN || len > TOKEN_MAX || token[len]) return BAD_TOKEN;
    return strncmp(token, "unregistered", strlen("unregistered")) == 0 ? SIMULATOR_GONE
                                                                       : SIMULATOR_NOT_REFUSED;
}

void post_fcm(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    char name[STORE_ID_BYTES], id[KPK_UUID_BYTES];
    struct kpk_err why;
    size_t len;
    const char *body = kpk_http_body(request, &len);
    cJSON *root = kpk_json_parse(body, len, &why);
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(root, "message"),
                *words = cJSON_GetObjectItemCaseSensitive(message, "notification");
    const char *token = kpk_json_text(message, "token");

    kpk_uuid7(id);
    snprintf(name, sizeof(name), "projects/%.40s/messages/%s",
             kpk_http_param(request, "project"), id);
    if (!cJSON_IsObject(words))
        refuse(response, NO_MESSAGE);
    else
        simulator_receive(ctx, &fcm, request, response,
                          &(struct simulator_message){
                              .recipient = token,
                              .title = kpk_json_text(words, "title"),
                              .text = kpk_json_text(words, "body"),
                              .wrong = len > PAYLOAD_BYTES ? TOO_BIG : wrong_with(token)},
                          name);
    cJSON_Delete(root);
}
