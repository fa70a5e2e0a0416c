/* Push: FCM's HTTP v1 and APNS, by the device. APNS wants HTTP/2 of the whole world; its paths, header
 * fields and JSON are the same here, over HTTP/1.1.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
 * https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns */
#include "services/notification/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_apns(const struct notification_delivery *delivery) {
    return strcmp(delivery->platform, "apns") == 0;
}

static enum gateway_id gateway_of(const struct notification_delivery *delivery) {
    return is_apns(delivery) ? GATEWAY_APNS : GATEWAY_FCM;
}

/* --- the request ------------------------------------------------------------------------- */

/* 'object' as text for free(), and 'object' is gone. NULL: memory was short, now or while it was made */
static char *print(cJSON *object, bool complete) {
    char *text = complete ? cJSON_PrintUnformatted(object) : NULL;

    cJSON_Delete(object);
    return text;
}

static bool add_words(cJSON *object, const struct notification_delivery *delivery) {
    return cJSON_AddStringToObject(object, "title", delivery->subject) &&
           cJSON_AddStringToObject(object, "body", delivery->text);
}

static int prepare_fcm(struct transfer *transfer) {
    const struct notification_delivery *delivery = transfer->delivery;
    cJSON *root = cJSON_CreateObject(), *message = cJSON_AddObjectToObject(root, "message"),
          *android = cJSON_AddObjectToObject(message, "android");
    bool complete =
        cJSON_AddStringToObject(message, "token", delivery->address) &&
        add_words(cJSON_AddObjectToObject(message, "notification"), delivery) &&
        cJSON_AddStringToObject(android, "priority", delivery->urgent ? "high" : "normal");
    char *body = print(root, complete);
    char path[TRANSFER_URL_BYTES];

    snprintf(path, sizeof(path), "/v1/projects/%s/messages:send", transfer->target->sender);
    return transfer_post(transfer, path, "application/json", body);
}

static int prepare_apns(struct transfer *transfer) {
    const struct notification_delivery *delivery = transfer->delivery;
    cJSON *root = cJSON_CreateObject(), *aps = cJSON_AddObjectToObject(root, "aps");
    bool complete = add_words(cJSON_AddObjectToObject(aps, "alert"), delivery);
    char *body = print(root, complete);
    char path[TRANSFER_URL_BYTES];

    snprintf(path, sizeof(path), "/3/device/%s", delivery->address);
    if (transfer_post(transfer, path, "application/json", body)) return -1;
    if (transfer_header(transfer, "apns-id", delivery->notification_id) ||
        transfer_header(transfer, "apns-topic", transfer->target->sender) ||
        transfer_header(transfer, "apns-push-type", "alert") ||
        transfer_header(transfer, "apns-priority", delivery->urgent ? "10" : "5"))
        return -1;
    return 0;
}

static int prepare(struct transfer *transfer) {
    return is_apns(transfer->delivery) ? prepare_apns(transfer) : prepare_fcm(transfer);
}

/* --- the answer -------------------------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* {"name": "projects/..."}, or {"error": {"code": 404, "message": "...", "status": "NOT_FOUND", "details":
 * [{"@type": ".../google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"}]}} */
static void read_fcm(const cJSON *answer, struct transfer_words *words) {
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error"), *detail;
    const char *name = text_of(answer, "name"), *message = text_of(error, "message"),
               *reason = text_of(error, "status");

    cJSON_ArrayForEach(detail, cJSON_GetObjectItemCaseSensitive(error, "details")) {
        if (text_of(detail, "errorCode")) reason = text_of(detail, "errorCode");
    }
    if (name) snprintf(words->id, sizeof(words->id), "%s", name);
    if (reason || message)
        snprintf(words->why, sizeof(words->why), "%s %s", reason ? reason : "",
                 message ? message : "");
}

/* {"reason": "BadDeviceToken"}. When it is accepted there is none; its id is the one that we gave. */
static void read_apns(const cJSON *answer, struct transfer_words *words) {
    const char *reason = text_of(answer, "reason");

    if (reason) snprintf(words->why, sizeof(words->why), "%s", reason);
}

static enum gateway_result judge(struct transfer *transfer, CURLcode code) {
    struct notification_delivery *delivery = transfer->delivery;

    if (!is_apns(delivery)) return transfer_judge_http(transfer, code, read_fcm);
    enum gateway_result result = transfer_judge_http(transfer, code, read_apns);
    if (result == GATEWAY_ACCEPTED)
        snprintf(delivery->provider_id, sizeof(delivery->provider_id), "%s",
                 delivery->notification_id);
    return result;
}

const struct transfer_channel transfer_push = {
    "http,https", "kafka-pattern-kit", false, gateway_of, prepare, judge};
