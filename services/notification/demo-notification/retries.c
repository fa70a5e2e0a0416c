/* One notification, two failures of the moment: the SMS gateway answers 500 to the first try, FCM 429 and
 * "Retry-After: 5". Each is tried again by its own group, when its tier says so; the mail waits for
 * neither. */
#include "services/notification/demo-notification/demo.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define RETRY_AFTER_S "5"

static int tell_accepted(struct demo *demo, const struct notice *notice, struct kpk_err *err) {
    struct notice_receipt receipt;

    if (notices_await_receipt(demo->notices, notice, NOTIFICATION_EMAIL, &receipt, err))
        return -1;
    printf("  email  accepted by %s after %" PRId64 " ms\n",
           notice_providers[NOTIFICATION_EMAIL], receipt.at_ms - notice->began_ms);
    return 0;
}

static void tell_hop(const struct hop *hop) {
    printf("  %-5s  \"%s\"\n         so it is in %s [%" PRId32 "] @%" PRId64
           ", to be tried again after %.1f s\n",
           notification_channel_name(hop->channel), hop->reason, hop->topic, hop->partition,
           hop->offset, (double)(hop->not_before_ms - hop->at_ms) / 1000);
}

/* Not before its time, and delivered by the second try. */
static int tell_arrival(struct demo *demo, const struct notice *notice, const struct hop *hop,
                        struct kpk_err *err) {
    struct notice_receipt receipt;
    struct notice_status status;

    if (notices_await_delivered(demo->notices, notice, hop->channel, &receipt, &status, err))
        return -1;
    if (receipt.at_ms < hop->not_before_ms)
        return kpk_fail(err, KPK_FATAL, "%s by %s came before its time", notice->id,
                        notification_channel_name(hop->channel));
    printf("  %-5s  %s after %.2f s, %.2f s after it was due; attempts: %d\n",
           notification_channel_name(hop->channel), status.word,
           (double)(receipt.at_ms - notice->began_ms) / 1000,
           (double)(receipt.at_ms - hop->not_before_ms) / 1000, status.attempts);
    return 0;
}

int demo_retries(struct demo *demo, struct kpk_err *err) {
    const struct recipient *ada = demo->notices->recipients;
    const struct hop *sms, *push;
    struct notice *notice;

    printf("  Failures of the moment: the SMS gateway answers 500 once, FCM 429 with "
           "Retry-After: %s\n\n",
           RETRY_AFTER_S);
    if (faults_set(demo->faults, NOTIFICATION_SMS, "\"transient\":1", err) ||
        faults_set(demo->faults, NOTIFICATION_PUSH,
                   "\"throttled\":1,\"retry_after_s\":" RETRY_AFTER_S, err) ||
        notices_post(demo->notices, ada, ALL_CHANNELS, &notice, err) ||
        tell_accepted(demo, notice, err))
        return -1;
    sms = hops_await(demo->hops, notice->id, NOTIFICATION_SMS, HOP_TIER, err);
    if (!sms) return -1;
    push = hops_await(demo->hops, notice->id, NOTIFICATION_PUSH, HOP_TIER, err);
    if (!push) return -1;
    if (faults_set(demo->faults, NOTIFICATION_SMS, NULL, err) ||
        faults_set(demo->faults, NOTIFICATION_PUSH, NULL, err))
        return -1;
    tell_hop(sms);
    tell_hop(push);
    printf("         (the first tier that is long enough for what FCM asked)\n");
    if (tell_arrival(demo, notice, sms, err) || tell_arrival(demo, notice, push, err))
        return -1;
    printf("\n");
    return 0;
}
