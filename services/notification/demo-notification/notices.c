#include "services/notification/demo-notification/notices.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/stop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_BYTES = 512, PATH_BYTES = 128 };

const char *const notice_providers[NOTIFICATION_CHANNELS] = {
    [NOTIFICATION_EMAIL] = "the mail server",
    [NOTIFICATION_SMS] = "the SMS gateway",
    [NOTIFICATION_PUSH] = "FCM",
};

/* Where a channel's receipts are. */
static const struct {
    enum notification_host host;
    const char *provider;
} records[NOTIFICATION_CHANNELS] = {
    [NOTIFICATION_EMAIL] = {NOTIFICATION_SINK, "email"},
    [NOTIFICATION_SMS] = {NOTIFICATION_SIMULATOR, "sms"},
    [NOTIFICATION_PUSH] = {NOTIFICATION_SIMULATOR, "fcm"},
};

/* --- requests ---------------------------------------------------------------------------- */

static int64_t number_of(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

static int refused(const struct notification_call *call, const struct notification_reply *reply,
                   struct kpk_err *err) {
    return kpk_fail(err, KPK_FATAL, "%s %s: %d %s", call->method ? call->method : "GET",
                    call->path, reply->status, kpk_json_text(reply->body, "detail"));
}

int notices_call(struct notices *notices, const struct notification_call *call, cJSON **body,
                 struct kpk_err *err) {
    struct notification_reply reply;
    int failed = 0;

    if (body) *body = NULL;
    if (notification_client_call(notices->client, call, &reply, err)) return -1;
    if (reply.status / 100 != 2) failed = refused(call, &reply, err);
    if (!failed && body)
        *body = reply.body;
    else
        cJSON_Delete(reply.body);
    return failed;
}

int notices_pause(int64_t deadline_ms, struct kpk_err *err, const char *fmt, ...) {
    va_list args;

    if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
    if (kpk_mono_ms() < deadline_ms) {
        kpk_stop_wait(LOOK_MS);
        return 0;
    }
    err->verdict = KPK_WAIT;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return -1;
}

/* --- recipients -------------------------------------------------------------------------- */

/* Who does not answer is named at once, not by the first thing that does not arrive. */
static int find_services(struct notices *notices, struct kpk_err *err) {
    static const struct notification_call calls[] = {
        {.host = NOTIFICATION_SERVICE, .path = "/readyz"},
        {.host = NOTIFICATION_SIMULATOR, .path = "/readyz"},
        {.host = NOTIFICATION_SINK, .path = "/readyz"},
    };
    static const char *const names[] = {"notification-service", "provider-simulator",
                                        "smtp-sink"};

    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        struct kpk_err why;
        if (!notices_call(notices, &calls[i], NULL, &why)) continue;
        return kpk_fail(err, KPK_WAIT, "%s %s (%s)", names[i],
                        why.verdict == KPK_WAIT
                            ? "does not answer: start the stack with 'make up'"
                            : "is not ready: see 'make status'",
                        why.msg);
    }
    return 0;
}

int notices_register(struct notices *notices, const struct recipient *recipient,
                     struct kpk_err *err) {
    char path[PATH_BYTES], body[BODY_BYTES];

    snprintf(path, sizeof(path), "/v1/users/%s", recipient->id);
    snprintf(body, sizeof(body),
             "{\"email\":\"%s\",\"phone\":\"%s\",\"push_token\":\"%s\",\"platform\":\"fcm\"}",
             recipient->email, recipient->phone, recipient->push_token);
    return notices_call(
        notices,
        &(struct notification_call){
            .host = NOTIFICATION_SERVICE, .method = "PUT", .path = path, .body = body},
        NULL, err);
}

/* Ids of their own in each run: the time, in front of a number. */
static int register_all(struct notices *notices, struct kpk_err *err) {
    int64_t base = kpk_now_ms() * 100;

    for (int i = 0; i < RECIPIENTS; i++) {
        struct recipient *one = &notices->recipients[i];
        int64_t id = base + i;
        snprintf(one->id, sizeof(one->id), "%" PRId64, id);
        snprintf(one->email, sizeof(one->email), "%s.%s@example.com", i == 0 ? "ada" : "user",
                 one->id);
        snprintf(one->phone, sizeof(one->phone), "+49155%09" PRId64, id % 1000000000);
        snprintf(one->push_token, sizeof(one->push_token), "android-phone-of-%s", one->id);
        if (notices_register(notices, one, err)) return -1;
    }
    return 0;
}

int notices_open(struct notices **out, struct kpk_err *err) {
    struct notices *notices = calloc(1, sizeof(*notices));

    *out = NULL;
    if (!notices) return kpk_fail(err, KPK_FATAL, "notices: no memory");
    if (notification_client_open(&notices->client, err) || find_services(notices, err) ||
        register_all(notices, err)) {
        notices_close(notices);
        return -1;
    }
    *out = notices;
    return 0;
}

void notices_close(struct notices *notices) {
    if (!notices) return;
    notification_client_close(notices->client);
    free(notices);
}

/* --- asking for one ---------------------------------------------------------------------- */

int notices_post(struct notices *notices, const struct recipient *to, unsigned channels,
                 struct notice **out, struct kpk_err *err) {
    struct notice *notice = &notices->all[notices->count];
    char key[KPK_UUID_BYTES], body[BODY_BYTES];
    cJSON *accepted;

    if (notices->count == NOTICES_MOST)
        return kpk_fail(err, KPK_FATAL, "notices: no more room");
    kpk_uuid7(key);
    snprintf(body, sizeof(body),
             "{\"recipient_id\":\"%s\",\"template\":\"order_shipped\",\"data\":{\"order_id\":"
             "\"A-%d\","
             "\"carrier\":\"DHL\",\"tracking\":\"0034%04d\"}}",
             to->id, notices->count + 1, notices->count + 1);
    *notice = (struct notice){.to = to, .channels = channels, .began_ms = kpk_now_ms()};
    if (notices_call(notices,
                     &(struct notification_call){.host = NOTIFICATION_SERVICE,
                                                 .method = "POST",
                                                 .path = "/v1/notifications",
                                                 .idempotency_key = key,
                                                 .body = body},
                     &accepted, err))
        return -1;
    snprintf(notice->id, sizeof(notice->id), "%s", kpk_json_text(accepted, "id"));
    cJSON_Delete(accepted);
    notices->count++;
    *out = notice;
    return 0;
}

/* --- what became of it ------------------------------------------------------------------- */

int notices_status(struct notices *notices, const struct notice *notice,
                   enum notification_channel channel, struct notice_status *status,
                   struct kpk_err *err) {
    char path[PATH_BYTES];
    const cJSON *delivery;
    cJSON *body;

    *status = (struct notice_status){0};
    snprintf(path, sizeof(path), "/v1/notifications/%s", notice->id);
    if (notices_call(notices,
                     &(struct notification_call){.host = NOTIFICATION_SERVICE, .path = path},
                     &body, err))
        return -1;
    cJSON_ArrayForEach(delivery, cJSON_GetObjectItemCaseSensitive(body, "deliveries")) {
        if (strcmp(kpk_json_text(delivery, "channel"), notification_channel_name(channel)) != 0)
            continue;
        snprintf(status->word, sizeof(status->word), "%s", kpk_json_text(delivery, "status"));
        snprintf(status->reason, sizeof(status->reason), "%s",
                 kpk_json_text(delivery, "reason"));
        status->attempts = (int)number_of(delivery, "attempts");
    }
    cJSON_Delete(body);
    return 0;
}

int notices_receipt(struct notices *notices, const struct notice *notice,
                    enum notification_channel channel, struct notice_receipt *receipt,
                    struct kpk_err *err) {
    struct notification_reply reply;
    char path[PATH_BYTES];
    int failed = 0;

    *receipt = (struct notice_receipt){0};
    snprintf(path, sizeof(path), "/v1/deliveries/%s/%s:%s", records[channel].provider,
             notice->id, notification_channel_name(channel));
    const struct notification_call call = {.host = records[channel].host, .path = path};
    if (notification_client_call(notices->client, &call, &reply, err)) return -1;
    if (reply.status == 200) {
        receipt->delivered = number_of(reply.body, "delivered");
        receipt->repeated = number_of(reply.body, "repeated");
        receipt->at_ms = number_of(reply.body, "delivered_at");
        snprintf(receipt->recipient, sizeof(receipt->recipient), "%s",
                 kpk_json_text(reply.body, "recipient"));
        snprintf(receipt->title, sizeof(receipt->title), "%s",
                 kpk_json_text(reply.body, "title"));
        snprintf(receipt->text, sizeof(receipt->text), "%s", kpk_json_text(reply.body, "text"));
    } else if (reply.status != 404) {
        failed = refused(&call, &reply, err);
    }
    cJSON_Delete(reply.body);
    return failed;
}

int notices_await_receipt(struct notices *notices, const struct notice *notice,
                          enum notification_channel channel, struct notice_receipt *receipt,
                          struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + ARRIVE_MS;

    for (;;) {
        if (notices_receipt(notices, notice, channel, receipt, err)) return -1;
        if (receipt->delivered > 0) return 0;
        if (notices_pause(
                deadline, err,
                "%s did not get notification %s in %d s: see 'make status', and whether "
                "%s-worker sends to the simulator",
                notice_providers[channel], notice->id, ARRIVE_MS / 1000,
                notification_channel_name(channel)))
            return -1;
    }
}

int notices_await_status(struct notices *notices, const struct notice *notice,
                         enum notification_channel channel, const char *word,
                         struct notice_status *status, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + ARRIVE_MS;

    for (;;) {
        if (notices_status(notices, notice, channel, status, err)) return -1;
        if (strcmp(status->word, word) == 0) return 0;
        if (notices_pause(deadline, err, "notification %s by %s is not %s in %d s, but %s",
                          notice->id, notification_channel_name(channel), word,
                          ARRIVE_MS / 1000, status->word))
            return -1;
    }
}

int notices_await_delivered(struct notices *notices, const struct notice *notice,
                            enum notification_channel channel, struct notice_receipt *receipt,
                            struct notice_status *status, struct kpk_err *err) {
    if (notices_await_receipt(notices, notice, channel, receipt, err)) return -1;
    return notices_await_status(notices, notice, channel, "delivered", status, err);
}
