/* What became of a crowd's notifications: as the providers remember it, as the dead letters say, and as HTTP
 * tells. */
#include "tests/support/crowd_internal.h"

#include "patterns/retry-dlq/headers.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 200, PAGE = 1000, TAIL_MS = 30000 };

static struct kpk_err error, *err = &error;

static const struct {
    const char *name;
    enum notification_host host;
    enum notification_channel channel;
    const char *never; /* part of what it answers to what it never will deliver */
} providers[CROWD_PROVIDERS] = {
    {"email", NOTIFICATION_SINK, NOTIFICATION_EMAIL, "550 "},
    {"sms", NOTIFICATION_SIMULATOR, NOTIFICATION_SMS, "400 21610"},
    {"fcm", NOTIFICATION_SIMULATOR, NOTIFICATION_PUSH, "404 UNREGISTERED"},
    {"apns", NOTIFICATION_SIMULATOR, NOTIFICATION_PUSH, "410 Unregistered"},
};

static cJSON *get(enum notification_host host, const char *path) {
    cJSON *body;
    int status = notify_call(&(struct notification_call){.host = host, .path = path}, &body);

    if (status != 200) fail_msg("GET %s: %d", path, status);
    return body;
}

static int64_t number(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItem(object, name);

    if (!cJSON_IsNumber(item)) fail_msg("%s: there is no such number", name);
    return (int64_t)item->valuedouble;
}

static const char *text(const cJSON *object, const char *name) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return value ? value : "";
}

void crowd_count_known(int64_t known[CROWD_PROVIDERS]) {
    for (int i = 0; i < CROWD_PROVIDERS; i++) {
        cJSON *summary = get(providers[i].host, "/v1/summary");
        known[i] = number(cJSON_GetObjectItem(summary, providers[i].name), "keys");
        cJSON_Delete(summary);
    }
}

/* Which notice of this crowd is it that says so? returns  -1: none */
static int notice_in(const struct crowd *crowd, const char *says, size_t len) {
    size_t tag_len = strlen(crowd->tag);
    const char *at = memmem(says, len, crowd->tag, tag_len);
    int n = -1;

    if (!at || sscanf(at + tag_len, "-%d", &n) != 1 || n < 0 || n >= crowd->count) return -1;
    return n;
}

static void see(struct crowd *crowd, int n, enum notification_channel channel) {
    char word[CROWD_WORD_BYTES];

    kpk_history_see(crowd->history, notification_channel_name(channel),
                    crowd_word(crowd, n, word));
}

/* --- the providers ----------------------------------------------------------------------- */

/* One key of one provider. Two keys with one word are seen twice. */
static void take_record(struct crowd *crowd, int provider, const cJSON *record) {
    const char *says = text(record, "text");
    enum notification_channel channel = providers[provider].channel;
    int n = notice_in(crowd, says, strlen(says)), copies = (int)number(record, "delivered");

    if (n < 0) return;
    struct crowd_fate *fate = &crowd->fates[n][channel];
    fate->copies += copies;
    if (channel != NOTIFICATION_EMAIL) fate->recognised += (int)number(record, "repeated");
    fate->refused = strcmp(text(record, "last_answer"), "permanent") == 0;
    fate->never = providers[provider].never;
    fate->first_ms = number(record, "first_at");
    fate->last_ms = number(record, "delivered_at");
    snprintf(fate->provider_id, sizeof(fate->provider_id), "%s", text(record, "id"));
    if (copies) see(crowd, n, channel);
}

static void read_provider(struct crowd *crowd, int provider) {
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/v1/deliveries/%s?limit=%d&cursor=%" PRId64,
             providers[provider].name, PAGE, crowd->begin_at[provider]);
    for (bool more = true; more;) {
        cJSON *page = get(providers[provider].host, path);
        const char *next = text(page, "next_cursor");
        const cJSON *record;

        cJSON_ArrayForEach(record, cJSON_GetObjectItem(page, "deliveries"))
            take_record(crowd, provider, record);
        more = *next != '\0';
        snprintf(path, sizeof(path), "/v1/deliveries/%s?limit=%d&cursor=%s",
                 providers[provider].name, PAGE, next);
        cJSON_Delete(page);
    }
}

/* --- the dead letters -------------------------------------------------------------------- */

static void take_letter(struct crowd *crowd, enum notification_channel channel,
                        const rd_kafka_message_t *msg, bool letters_count) {
    int n = msg->payload ? notice_in(crowd, msg->payload, msg->len) : -1;

    if (n < 0) return;
    struct crowd_fate *fate = &crowd->fates[n][channel];
    if (fate->letters++ == 0 && letters_count) see(crowd, n, channel);
    snprintf(fate->reason, sizeof(fate->reason), "%s", notify_header(msg, KPK_ERRORS_MESSAGE));
}

static void read_letters(struct crowd *crowd, enum notification_channel channel,
                         bool letters_count) {
    char name[KPK_NAME_BYTES];
    struct kpk_tail *tail = offsets_tail(notify_topic(channel, NOTIFY_TIERS, name));

    while (!kpk_tail_done(tail)) {
        rd_kafka_message_t *msg;
        assert_ok(kpk_tail_next(tail, TAIL_MS, &msg, err), err);
        if (!msg) continue;
        take_letter(crowd, channel, msg, letters_count);
        rd_kafka_message_destroy(msg);
    }
    kpk_tail_close(tail);
}

bool crowd_look(struct crowd *crowd, bool letters_count, struct kpk_report *report) {
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        kpk_history_unsee(crowd->history, notification_channel_name(channel));
        for (int n = 0; n < crowd->count; n++)
            crowd->fates[n][channel] = (struct crowd_fate){
                .due = *crowd->notices[n].id && crowd_is_due(crowd, n, channel)};
    }
    for (int i = 0; i < CROWD_PROVIDERS; i++) read_provider(crowd, i);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        read_letters(crowd, channel, letters_count);
    return kpk_history_check(crowd->history, report);
}

/* --- HTTP -------------------------------------------------------------------------------- */

/* What the provider called it, the worker must have written down: of a mail that came more than once, one of
 * its numbers. */
static bool same_id(enum notification_channel channel, const struct crowd_fate *fate,
                    const char *provider_id) {
    const char *number_of_mail = strstr(provider_id, "queued as ");

    if (channel != NOTIFICATION_EMAIL) return strcmp(provider_id, fate->provider_id) == 0;
    if (!number_of_mail) return false;
    return fate->copies > 1 ||
           strcmp(number_of_mail + strlen("queued as "), fate->provider_id) == 0;
}

static void check_status(const struct crowd *crowd, int n, enum notification_channel channel,
                         const cJSON *delivery) {
    const struct crowd_fate *fate = &crowd->fates[n][channel];
    const char *status = text(delivery, "status"),
               *must = !fate->due     ? "skipped"
                       : fate->copies ? "delivered"
                                      : "rejected",
               *name = notification_channel_name(channel), *id = crowd->notices[n].id;

    if (strcmp(status, must) != 0)
        fail_msg("%s by %s is '%s' (%s), must be '%s'", id, name, status,
                 text(delivery, "reason"), must);
    if (fate->copies && !same_id(channel, fate, text(delivery, "provider_id")))
        fail_msg("%s by %s is called '%s', and '%s' by its provider", id, name,
                 text(delivery, "provider_id"), fate->provider_id);
    if (strcmp(status, "delivered") != 0 && !*text(delivery, "reason"))
        fail_msg("%s by %s is '%s', without a reason", id, name, status);
}

int crowd_check_statuses(const struct crowd *crowd) {
    char path[PATH_BYTES];
    int asked = 0;

    for (int n = 0; n < crowd->count; n++) {
        if (!*crowd->notices[n].id) continue;
        snprintf(path, sizeof(path), "/v1/notifications/%s", crowd->notices[n].id);
        cJSON *body = get(NOTIFICATION_SERVICE, path);
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
            check_status(crowd, n, channel,
                         cJSON_GetArrayItem(cJSON_GetObjectItem(body, "deliveries"), channel));
        cJSON_Delete(body);
        asked++;
    }
    return asked;
}
