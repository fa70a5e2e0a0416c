/* demo-notification: one event on three channels; then what happens to what fails: a provider that is down, a
 * failure of the moment, one for good. Runs against the stack that `make up` started, leaves it as it was,
 * and ends with a verdict. */
#include "common/conclude.h"
#include "common/history.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/notification/demo-notification/demo.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 10, CLUSTER_MS = 5000, OBSERVED_BYTES = KPK_UUID_BYTES + 8 };

/* --- the verdict ------------------------------------------------------------------------- */

/* What one provider has on record of one notification, beside what it must have.
 * again  added to: how often an SMS or a push was sent once more; a mail is delivered as often as it is sent */
static int judge_one(struct notices *notices, const struct notice *notice,
                     enum notification_channel channel, struct kpk_history *history,
                     int64_t *again, struct kpk_err *err) {
    const char *name = notification_channel_name(channel);
    struct notice_receipt receipt;
    char id[OBSERVED_BYTES];

    if (notices_receipt(notices, notice, channel, &receipt, err)) return -1;
    snprintf(id, sizeof(id), "%s:%s", notice->id, name);
    if (notice->channels & 1U << channel) kpk_history_write(history, name, id, KPK_WRITE_OK);
    for (int64_t i = 0; i < receipt.delivered; i++)
        kpk_history_see(history, notice_providers[channel], id);
    if (channel != NOTIFICATION_EMAIL) *again += receipt.repeated;
    return 0;
}

/* The promise: each is delivered on each channel that its recipient allows, once, and on no other. */
static int judge(struct demo *demo, int *code, struct kpk_err *err) {
    struct kpk_history *history = kpk_history_new();
    struct kpk_report report;
    int64_t again = 0;
    int failed = -1;
    char text[400];

    if (!history) return kpk_fail(err, KPK_FATAL, "history: no memory");
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        kpk_history_expect(history, notice_providers[channel],
                           notification_channel_name(channel));
        for (int i = 0; i < demo->notices->count; i++)
            if (judge_one(demo->notices, &demo->notices->all[i], channel, history, &again, err))
                goto out;
    }
    printf("  All %d notifications are looked up in the records of the mail server, the SMS "
           "gateway "
           "and FCM,\n  and compared with what was accepted and allowed. Known again by its "
           "key, and not "
           "delivered again: %" PRId64 "\n\n",
           demo->notices->count, again);
    bool clean = kpk_history_check(history, &report);
    kpk_report_text(&report, text, sizeof(text));
    *code = kpk_conclude(clean ? KPK_PASS : KPK_FAIL, "%s", text);
    failed = 0;
out:
    kpk_history_free(history);
    return failed;
}

/* --- the story --------------------------------------------------------------------------- */

static const struct part {
    const char *name;
    int (*tell)(struct demo *demo, struct kpk_err *err);
} parts[] = {
    {"channels", demo_channels}, {"preferences", demo_preferences}, {"outage", demo_outage},
    {"retries", demo_retries},   {"dead-letter", demo_dead_letter}, {0},
};

static int check_only(const struct demo *demo, struct kpk_err *err) {
    for (const struct part *part = parts; part->name; part++)
        if (strcmp(demo->only, part->name) == 0) return 0;
    if (strcmp(demo->only, "all") == 0) return 0;
    return kpk_fail(err, KPK_REJECT,
                    "--only %.40s: it is channels, preferences, outage, retries or dead-letter",
                    demo->only);
}

/* Connections are made, plans are prepared; and who does not deliver is known. */
static int warm_up(struct demo *demo, struct kpk_err *err) {
    struct notice_receipt receipt;
    struct notice *notice;

    for (int i = 0; i < WARM_UP; i++) {
        const struct recipient *to = &demo->notices->recipients[i];
        if (notices_post(demo->notices, to, ALL_CHANNELS, &notice, err)) return -1;
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
            if (notices_await_receipt(demo->notices, notice, channel, &receipt, err)) return -1;
    }
    return 0;
}

static int tell(struct demo *demo, int *code, struct kpk_err *err) {
    printf("\n");
    if (notices_open(&demo->notices, err)) return -1;
    if (kpk_admin_open(&demo->admin, &(struct kpk_admin_opts){.wait_ms = CLUSTER_MS}, err))
        return -1;
    if (hops_open(&demo->hops, err)) return -1;
    if (faults_set_aside(&demo->faults, demo->notices, err)) return -1;
    if (warm_up(demo, err)) return -1;
    for (const struct part *part = parts; part->name; part++) {
        if (strcmp(demo->only, "all") != 0 && strcmp(demo->only, part->name) != 0) continue;
        if (part->tell(demo, err)) return -1;
    }
    return judge(demo, code, err);
}

int main(int argc, char **argv) {
    struct demo demo = {0};
    struct kpk_err error = {0}, *err = &error;
    int code = KPK_FAIL;
    const struct kpk_opt opts[] = {
        {"only", NULL, KPK_OPT_STR, &demo.only, "all", 0, 0,
         "one part: channels, preferences, outage, retries or dead-letter"},
        {0}};
    const struct kpk_program program = {"demo-notification",
                                        "one event on three channels; then a provider that is "
                                        "down, a failure of the moment, and "
                                        "one for good",
                                        NULL, opts};

    setenv("KPK_LOG_LEVEL", "error", 0); /* the story is the output; logs only when asked for */
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || check_only(&demo, err) || kpk_topology_init(err))
        return kpk_exit_failed(err);
    kpk_stop_init();
    setlinebuf(stdout); /* told while it happens, into a pipe too */
    int failed = tell(&demo, &code, err);
    faults_put_back(demo.faults);
    if (failed) code = kpk_conclude_broken(err);
    hops_close(demo.hops);
    kpk_admin_close(demo.admin);
    notices_close(demo.notices);
    return code;
}
