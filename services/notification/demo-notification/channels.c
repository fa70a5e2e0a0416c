#include "services/notification/demo-notification/demo.h"

#include <inttypes.h>
#include <stdio.h>

/* One line of the table. Of a mail its subject, of the others their text: each channel has its own words. */
static int tell(struct demo *demo, const struct notice *notice,
                enum notification_channel channel, struct kpk_err *err) {
    struct notice_receipt receipt;

    if (notices_await_receipt(demo->notices, notice, channel, &receipt, err)) return -1;
    printf("  %-17s  %8" PRId64 "  %-32s  %s\n", notice_providers[channel],
           receipt.at_ms - notice->began_ms, receipt.recipient,
           channel == NOTIFICATION_EMAIL ? receipt.title : receipt.text);
    return 0;
}

static int tell_status(struct demo *demo, const struct notice *notice, struct kpk_err *err) {
    struct notice_status status;

    printf("\n  GET /v1/notifications/%s:", notice->id);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        if (notices_await_status(demo->notices, notice, channel, "delivered", &status, err))
            return -1;
        printf("%s %s %s", channel ? "," : "", notification_channel_name(channel), status.word);
    }
    printf("\n\n");
    return 0;
}

int demo_channels(struct demo *demo, struct kpk_err *err) {
    const struct recipient *ada = demo->notices->recipients;
    struct notice *notice;

    printf("  One event, three channels: POST /v1/notifications tells Ada (user %s) that her\n"
           "  order is on its way. Three groups read the event, and none waits for another.\n\n"
           "  on record with     after ms  for                               what\n",
           ada->id);
    if (notices_post(demo->notices, ada, ALL_CHANNELS, &notice, err)) return -1;
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        if (tell(demo, notice, channel, err)) return -1;
    return tell_status(demo, notice, err);
}
