#include "services/notification/demo-notification/demo.h"

#include <stdio.h>

static int allow(struct demo *demo, const struct recipient *recipient, const char *preferences,
                 struct kpk_err *err) {
    char path[64];

    snprintf(path, sizeof(path), "/v1/users/%.20s/preferences", recipient->id);
    return notices_call(
        demo->notices,
        &(struct notification_call){
            .host = NOTIFICATION_SERVICE, .method = "PUT", .path = path, .body = preferences},
        NULL, err);
}

/* Skipped is skipped for good: what the gateway has no record of now, it never will have. */
static int tell_skipped(struct demo *demo, const struct notice *notice, struct kpk_err *err) {
    struct notice_receipt receipt;
    struct notice_status status;

    if (notices_await_status(demo->notices, notice, NOTIFICATION_SMS, "skipped", &status,
                             err) ||
        notices_receipt(demo->notices, notice, NOTIFICATION_SMS, &receipt, err))
        return -1;
    if (receipt.delivered > 0)
        return kpk_fail(err, KPK_FATAL, "%s was told all the same",
                        notice_providers[NOTIFICATION_SMS]);
    printf("  sms    %s, \"%s\": nothing on record with %s\n", status.word, status.reason,
           notice_providers[NOTIFICATION_SMS]);
    return 0;
}

static int tell_delivered(struct demo *demo, const struct notice *notice,
                          enum notification_channel channel, struct kpk_err *err) {
    struct notice_receipt receipt;
    struct notice_status status;

    if (notices_await_delivered(demo->notices, notice, channel, &receipt, &status, err))
        return -1;
    printf("  %-5s  %s: on record with %s\n", notification_channel_name(channel), status.word,
           notice_providers[channel]);
    return 0;
}

int demo_preferences(struct demo *demo, struct kpk_err *err) {
    const struct recipient *ada = demo->notices->recipients;
    const char *forbids = "{\"shipping\":{\"sms\":false}}";
    struct notice *notice;

    printf("  Ada forbids a channel: PUT .../preferences %s; and the next one:\n\n", forbids);
    if (allow(demo, ada, forbids, err) ||
        notices_post(demo->notices, ada, ALL_CHANNELS & ~(1U << NOTIFICATION_SMS), &notice,
                     err) ||
        tell_delivered(demo, notice, NOTIFICATION_EMAIL, err) ||
        tell_skipped(demo, notice, err) || tell_delivered(demo, notice, NOTIFICATION_PUSH, err))
        return -1;
    printf("\n");
    return allow(demo, ada, "{}", err); /* as it was, for the parts that follow */
}
