/* FCM goes down while notifications go on.
 *
 * A worker cannot know at once that it is the provider and not the message: until its breaker opens, after
 * BREAKER_FAILURES in a row, what fails goes to the first retry tier, as it would if the message alone were
 * refused. So a few do, at most BREAKER_FAILURES - 1 for each process, and from then on none:
 * the rest waits where it is, in the topic. */
#include "common/clock.h"
#include "common/histogram.h"
#include "common/stop.h"
#include "services/notification/demo-notification/demo.h"
#include "topology/backlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROW_POSTS = 25,
    ROW_MS = 1000,
    ROWS = 4,
    BREAKER_FAILURES = 5, /* default of --breaker-failures */
    SEEN_MS = 10000,
    STUCK_MS = 30000,
};

struct outage {
    struct demo *demo;
    struct kpk_backlog *backlog; /* of the push workers */
    int first;                   /* notice of the outage, in demo->notices->all */
    int posts;                   /* since the backlog was opened */
    int64_t lag, begin_ms;
};

/* --- a second of notifications ----------------------------------------------------------- */

/* By the clock, whatever becomes of them; to one recipient after the other. */
static int post_row(struct outage *outage, struct kpk_err *err) {
    struct notices *notices = outage->demo->notices;
    int64_t begin_ms = kpk_mono_ms();
    struct notice *notice;

    for (int i = 0; i < ROW_POSTS; i++) {
        int64_t due_ms = begin_ms + i * ROW_MS / ROW_POSTS, now_ms = kpk_mono_ms();
        if (due_ms > now_ms) kpk_stop_wait((int)(due_ms - now_ms));
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        const struct recipient *to = &notices->recipients[1 + i % (RECIPIENTS - 1)];
        if (notices_post(notices, to, ALL_CHANNELS, &notice, err)) return -1;
    }
    outage->posts += ROW_POSTS;
    return 0;
}

/* How long the row took to its provider, all of it. */
static int time_row(struct outage *outage, enum notification_channel channel,
                    int64_t *median_ms, int64_t *worst_ms, struct kpk_err *err) {
    static struct kpk_histogram times;
    struct notices *notices = outage->demo->notices;
    struct notice_receipt receipt;

    memset(&times, 0, sizeof(times));
    for (int i = notices->count - ROW_POSTS; i < notices->count; i++) {
        if (notices_await_receipt(notices, &notices->all[i], channel, &receipt, err)) return -1;
        kpk_histogram_add(&times, receipt.at_ms - notices->all[i].began_ms);
    }
    *median_ms = kpk_histogram_at(&times, 50);
    *worst_ms = times.max;
    return 0;
}

/* --- what the push workers do with it ---------------------------------------------------- */

/* The lag, once our reader has seen all that was posted: its fetch may be a moment behind. */
static int read_lag(struct outage *outage, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + SEEN_MS;

    for (;;) {
        if (kpk_backlog_read(outage->backlog, &outage->lag, err)) return -1;
        int64_t known = kpk_backlog_known(outage->backlog);
        if (known >= outage->posts) return 0;
        if (notices_pause(deadline, err, "%d were posted, the topic shows %" PRId64,
                          outage->posts, known))
            return -1;
    }
}

/* Notifications, of those posted in the outage. */
struct fates {
    int delivered, in_tiers, letters;
};

static int count_fates(struct outage *outage, struct fates *fates, struct kpk_err *err) {
    const struct notices *notices = outage->demo->notices;
    const struct hops *hops = outage->demo->hops;
    struct notice_receipt receipt;

    *fates = (struct fates){0};
    if (hops_read(outage->demo->hops, err)) return -1;
    for (int i = outage->first; i < notices->count; i++) {
        const char *id = notices->all[i].id;
        if (notices_receipt(outage->demo->notices, &notices->all[i], NOTIFICATION_PUSH,
                            &receipt, err))
            return -1;
        fates->delivered += receipt.delivered > 0;
        fates->in_tiers += hops_find(hops, id, NOTIFICATION_PUSH, HOP_TIER) != NULL;
        fates->letters += hops_find(hops, id, NOTIFICATION_PUSH, HOP_LETTER) != NULL;
    }
    return 0;
}

static int tell_row(struct outage *outage, const char *when, struct fates *fates,
                    struct kpk_err *err) {
    int64_t email_ms, email_worst_ms, sms_ms, sms_worst_ms;

    if (time_row(outage, NOTIFICATION_EMAIL, &email_ms, &email_worst_ms, err) ||
        time_row(outage, NOTIFICATION_SMS, &sms_ms, &sms_worst_ms, err) ||
        read_lag(outage, err) || count_fates(outage, fates, err))
        return -1;
    printf("  %-14s  %6d  %7" PRId64 " %5" PRId64 "  %7" PRId64 " %5" PRId64 "  %9d  %5" PRId64
           "  %8d  %12d\n",
           when, ROW_POSTS, email_ms, email_worst_ms, sms_ms, sms_worst_ms, fates->delivered,
           outage->lag, fates->in_tiers, fates->letters);
    return 0;
}

/* What the service says of them. */
static int tell_statuses(struct outage *outage, struct kpk_err *err) {
    static const struct {
        const char *word, *means;
    } words[] = {
        {"retrying", "tried, and handed over to a retry tier"},
        {"waiting", "tried, and the breaker opened, or stayed open"},
        {"pending", "in the topic, not tried"},
    };
    enum { WORDS = sizeof(words) / sizeof(*words) };
    struct notices *notices = outage->demo->notices;
    int counts[WORDS] = {0};

    for (int i = outage->first; i < notices->count; i++) {
        struct notice_status status;
        if (notices_status(notices, &notices->all[i], NOTIFICATION_PUSH, &status, err))
            return -1;
        for (int w = 0; w < WORDS; w++) counts[w] += strcmp(status.word, words[w].word) == 0;
    }
    printf("\n");
    for (int w = 0; w < WORDS; w++)
        printf("  %-24s  %4d %-8s  %s\n", w ? "" : "push, the service says:", counts[w],
               words[w].word, words[w].means);
    printf("\n");
    return 0;
}

/* --- before, during, after --------------------------------------------------------------- */

static int tell_before(struct outage *outage, struct kpk_err *err) {
    struct fates fates;
    int64_t ignored;

    printf("  FCM answers 503 to everything while %d notifications a second go on, to %d "
           "recipients\n\n"
           "                          email, ms:     SMS, ms:        push:                     "
           "dead\n"
           "                  posted  median, worst  median, worst   delivered  lag  in tiers  "
           "letters\n",
           ROW_POSTS * 1000 / ROW_MS, RECIPIENTS - 1);
    if (post_row(outage, err)) return -1;
    if (time_row(outage, NOTIFICATION_PUSH, &ignored, &ignored, err)) return -1;
    if (kpk_backlog_await_none(outage->backlog, STUCK_MS, err)) return -1;
    return tell_row(outage, "before", &fates, err);
}

/* The promise: what failed before a breaker opened is in a tier, all else in the topic, and none is a
 * dead letter. */
static int check(const struct outage *outage, const struct fates *fates, struct kpk_err *err) {
    int processes = kpk_scaled_consumers(kpk_group_find(KPK_GROUP_PUSH_WORKERS)); /* at most */
    int posted = outage->demo->notices->count - outage->first;

    if (fates->delivered > 0)
        return kpk_fail(err, KPK_FATAL, "FCM is down, but %d came", fates->delivered);
    if (fates->letters > 0)
        return kpk_fail(err, KPK_FATAL, "%d became dead letters", fates->letters);
    if (fates->in_tiers > processes * (BREAKER_FAILURES - 1))
        return kpk_fail(err, KPK_FATAL, "%d went into the retry tiers: no breaker opened",
                        fates->in_tiers);
    if (outage->lag + fates->in_tiers < posted)
        return kpk_fail(err, KPK_FATAL, "%" PRId64 " wait and %d are in tiers, of %d",
                        outage->lag, fates->in_tiers, posted);
    return 0;
}

static int go_down(struct outage *outage, struct fates *fates, struct kpk_err *err) {
    if (faults_set(outage->demo->faults, NOTIFICATION_PUSH, "\"down\":true", err)) return -1;
    outage->begin_ms = kpk_mono_ms();
    outage->first = outage->demo->notices->count;
    for (int row = 0; row < ROWS; row++) {
        char when[24];
        if (post_row(outage, err)) return -1;
        snprintf(when, sizeof(when), "down for %.1f s",
                 (double)(kpk_mono_ms() - outage->begin_ms) / 1000);
        if (tell_row(outage, when, fates, err)) return -1;
    }
    return check(outage, fates, err);
}

/* When the first and the last of some came, from when FCM was back. */
struct span {
    int count;
    int64_t first_ms, last_ms;
};

static void add_to_span(struct span *span, int64_t ms) {
    if (span->count == 0 || ms < span->first_ms) span->first_ms = ms;
    if (span->count == 0 || ms > span->last_ms) span->last_ms = ms;
    span->count++;
}

/* All of the outage, by FCM's record. */
static int come_back(struct outage *outage, struct kpk_err *err) {
    struct notices *notices = outage->demo->notices;
    int64_t back_ms = kpk_now_ms();
    struct span topic = {0}, tiers = {0};
    struct notice_receipt receipt;

    if (faults_set(outage->demo->faults, NOTIFICATION_PUSH, NULL, err)) return -1;
    for (int i = outage->first; i < notices->count; i++) {
        const struct notice *notice = &notices->all[i];
        if (notices_await_receipt(notices, notice, NOTIFICATION_PUSH, &receipt, err)) return -1;
        bool was_in_tier =
            hops_find(outage->demo->hops, notice->id, NOTIFICATION_PUSH, HOP_TIER) != NULL;
        add_to_span(was_in_tier ? &tiers : &topic, receipt.at_ms - back_ms);
    }
    if (kpk_backlog_await_none(outage->backlog, STUCK_MS, err)) return -1;
    printf(
        "  FCM is back. It gets the %d that waited in the topic from %.2f to %.2f s after that",
        topic.count, (double)topic.first_ms / 1000, (double)topic.last_ms / 1000);
    if (tiers.count)
        printf(",\n  and the %d in tiers when they are due, the last after %.2f s", tiers.count,
               (double)tiers.last_ms / 1000);
    printf(". The lag is 0.\n\n");
    return 0;
}

int demo_outage(struct demo *demo, struct kpk_err *err) {
    const struct kpk_backlog_opts opts = {.group = KPK_GROUP_PUSH_WORKERS,
                                          .topic = KPK_TOPIC_NOTIFICATIONS_PENDING,
                                          .most = INT64_MAX};
    struct outage outage = {.demo = demo, .first = demo->notices->count};
    struct fates fates;
    int failed = -1;

    if (kpk_backlog_open(&outage.backlog, demo->admin, &opts, err)) goto out;
    if (tell_before(&outage, err) || go_down(&outage, &fates, err)) goto out;
    if (tell_statuses(&outage, err)) goto out;
    printf("  Until its breaker opens, after %d failures in a row, a worker takes a failure "
           "for the "
           "message's own:\n  so %d are in a tier. Behind an open breaker one is tried every 2 "
           "s, and nothing "
           "is handed over: it\n  waits in the topic. Mail and SMS are other groups, and do "
           "not wait with "
           "it.\n\n",
           BREAKER_FAILURES, fates.in_tiers);
    failed = come_back(&outage, err);
out:
    kpk_backlog_close(outage.backlog);
    return failed;
}
