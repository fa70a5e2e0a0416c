#include "tests/support/notify.h"

#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 200, BODY_BYTES = 1024 };

static struct kpk_err error, *err = &error;
static struct notification_client *client;

void notify_open(void) { assert_ok(notification_client_open(&client, err), err); }

void notify_close(void) { notification_client_close(client); }

int notify_call(const struct notification_call *call, cJSON **body) {
    struct notification_reply reply;

    assert_ok(notification_client_call(client, call, &reply, err), err);
    if (body)
        *body = reply.body;
    else
        cJSON_Delete(reply.body);
    return reply.status;
}

/* --- people ------------------------------------------------------------------------------ */

void person_make(struct person *person) {
    char uuid[KPK_UUID_BYTES];
    unsigned long long number;

    kpk_uuid7(uuid);
    /* Its random end: no two of them meet, whatever runs beside this. */
    number = strtoull(uuid + 24, NULL, 16);
    snprintf(person->id, sizeof(person->id), "%llu", number + 1000000);
    snprintf(person->address[NOTIFICATION_EMAIL], sizeof(person->address[0]),
             "p%llu@example.com", number);
    snprintf(person->address[NOTIFICATION_SMS], sizeof(person->address[0]), "+49%012llu",
             number % 1000000000000);
    snprintf(person->address[NOTIFICATION_PUSH], sizeof(person->address[0]), "token:%s", uuid);
    person->platform = "fcm";
}

/* 64 hexadecimal digits. */
void person_change_platform(struct person *person) {
    snprintf(person->address[NOTIFICATION_PUSH], sizeof(person->address[0]), "%064llx",
             strtoull(person->id, NULL, 10));
    person->platform = "apns";
}

void person_register(const struct person *person, int without) {
    static const char *const members[] = {"email", "phone", "push_token"};
    cJSON *object = cJSON_CreateObject();
    char path[PATH_BYTES], *body;

    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        if (!(without & 1 << channel))
            cJSON_AddStringToObject(object, members[channel], person->address[channel]);
    if (!(without & 1 << NOTIFICATION_PUSH))
        cJSON_AddStringToObject(object, "platform", person->platform);
    body = cJSON_PrintUnformatted(object);
    snprintf(path, sizeof(path), "/v1/users/%s", person->id);
    int status = notify_call(
        &(struct notification_call){.method = "PUT", .path = path, .body = body}, NULL);
    if (status != 200 && status != 201) fail_msg("PUT %s %s: %d", path, body, status);
    cJSON_Delete(object);
    free(body);
}

/* --- notifications ----------------------------------------------------------------------- */

void notify_ship(const struct person *person, const char *order_id, char id[KPK_UUID_BYTES]) {
    char body[BODY_BYTES], key[KPK_UUID_BYTES];
    cJSON *accepted;

    kpk_uuid7(key);
    snprintf(body, sizeof(body),
             "{\"recipient_id\":\"%s\",\"template\":\"order_shipped\",\"data\":{\"order_id\":"
             "\"%s\",\"carrier\":\"DHL\",\"tracking\":\"JD0146\"}}",
             person->id, order_id);
    int status = notify_call(&(struct notification_call){.method = "POST",
                                                         .path = "/v1/notifications",
                                                         .idempotency_key = key,
                                                         .body = body},
                             &accepted);
    if (status != 202) fail_msg("POST %s: %d", body, status);
    snprintf(id, KPK_UUID_BYTES, "%s",
             cJSON_GetStringValue(cJSON_GetObjectItem(accepted, "id")));
    assert_true(kpk_uuid_valid(id));
    cJSON_Delete(accepted);
}

/* NULL: no such notification, yet. Otherwise for cJSON_Delete(); 'delivery' is in it. */
static cJSON *look(const char *id, enum notification_channel channel, const cJSON **delivery) {
    char path[PATH_BYTES];
    cJSON *body;

    snprintf(path, sizeof(path), "/v1/notifications/%s", id);
    if (notify_call(&(struct notification_call){.path = path}, &body) != 200) {
        cJSON_Delete(body);
        return NULL;
    }
    *delivery = cJSON_GetArrayItem(cJSON_GetObjectItem(body, "deliveries"), (int)channel);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(*delivery, "channel")),
                        notification_channel_name(channel));
    return body;
}

const char *notify_status(const char *id, enum notification_channel channel,
                          const char *member) {
    static char text[512];
    const cJSON *delivery;
    cJSON *body = look(id, channel, &delivery);
    const char *value =
        body ? cJSON_GetStringValue(cJSON_GetObjectItem(delivery, member)) : NULL;

    snprintf(text, sizeof(text), "%s", value ? value : "");
    cJSON_Delete(body);
    return text;
}

int notify_attempts(const char *id, enum notification_channel channel) {
    const cJSON *delivery;
    cJSON *body = look(id, channel, &delivery);
    int attempts = body ? cJSON_GetObjectItem(delivery, "attempts")->valueint : -1;

    cJSON_Delete(body);
    return attempts;
}

struct awaited {
    const char *id, *status;
    enum notification_channel channel;
};

static bool is_there(void *ctx) {
    const struct awaited *awaited = ctx;

    return strcmp(notify_status(awaited->id, awaited->channel, "status"), awaited->status) == 0;
}

void notify_await(const char *id, enum notification_channel channel, const char *status) {
    struct awaited awaited = {id, status, channel};
    char is[64];

    if (wait_until(NOTIFY_ARRIVES_MS, is_there, &awaited)) return;
    snprintf(is, sizeof(is), "%s", notify_status(id, channel, "status"));
    fail_msg("%s by %s is '%s' (%s), not '%s'", id, notification_channel_name(channel), is,
             notify_status(id, channel, "reason"), status);
}

/* --- providers --------------------------------------------------------------------------- */

cJSON *notify_received(const char *id, enum notification_channel channel) {
    static const char *const providers[] = {"email", "sms", "fcm"};
    char path[PATH_BYTES];
    cJSON *received;
    int status;

    snprintf(path, sizeof(path), "/v1/deliveries/%s/%s:%s", providers[channel], id,
             notification_channel_name(channel));
    status = notify_call(&(struct notification_call){.host = channel == NOTIFICATION_EMAIL
                                                                 ? NOTIFICATION_SINK
                                                                 : NOTIFICATION_SIMULATOR,
                                                     .path = path},
                         &received);
    if (status == 200) return received;
    if (status != 404) fail_msg("GET %s: %d", path, status);
    cJSON_Delete(received);
    return NULL;
}

int notify_received_once(const char *id, enum notification_channel channel) {
    const char *name = notification_channel_name(channel);
    cJSON *received = notify_received(id, channel);

    if (!received) fail_msg("%s never came by %s", id, name);
    int delivered = cJSON_GetObjectItem(received, "delivered")->valueint;
    int attempts = cJSON_GetObjectItem(received, "attempts")->valueint;
    if (delivered != 1) fail_msg("%s was delivered %d times by %s", id, delivered, name);
    cJSON_Delete(received);
    return attempts;
}

void notify_faults(const char *provider, const char *faults) {
    char path[PATH_BYTES];
    bool mail = strcmp(provider, "email") == 0;

    snprintf(path, sizeof(path), "/v1/faults/%s", provider);
    int status = notify_call(
        &(struct notification_call){.host = mail ? NOTIFICATION_SINK : NOTIFICATION_SIMULATOR,
                                    .method = "PUT",
                                    .path = path,
                                    .body = faults},
        NULL);
    if (status != 200) fail_msg("PUT %s %s: %d", path, faults, status);
}

/* --- topics ------------------------------------------------------------------------------ */

const char *const notify_groups[NOTIFICATION_CHANNELS] = {
    KPK_GROUP_EMAIL_WORKERS, KPK_GROUP_SMS_WORKERS, KPK_GROUP_PUSH_WORKERS};

const char *notify_topic(enum notification_channel channel, int tier,
                         char name[KPK_NAME_BYTES]) {
    const struct kpk_topic *topic = kpk_topic_find(KPK_TOPIC_NOTIFICATIONS_PENDING);
    const struct kpk_group *group = kpk_group_find(notify_groups[channel]);
    char base[KPK_NAME_BYTES];
    struct kpk_topic row;

    if (tier == NOTIFY_TIERS)
        kpk_topic_dlq(topic, group, base, &row);
    else
        kpk_topic_retry(topic, group, tier, base, &row);
    return kpk_full_name(base, name);
}

const char *notify_header(const rd_kafka_message_t *msg, const char *name) {
    rd_kafka_headers_t *headers = NULL;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(msg, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &len))
        return "";
    return value;
}
