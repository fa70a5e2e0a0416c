/* The soak: many people are told many things, by providers that fail at every fifth delivery for a while and at
 * every hundredth for good, while the processes of the system are killed and hang, at random, one after the
 * other. Judged by what the providers themselves remember:
 *
 *   - who allows it was told, once on each channel that he allows; nobody else was told anything
 *   - what failed for good is a dead letter of its group, with the reason; nothing else is
 *   - a mail may come twice, as SMTP has no key to know it by: only around a harm that was done to its workers
 *   - HTTP says the same of each
 *
 * Then the providers fail no more, the dead letters are redriven, and everything was delivered.
 *
 *   KPK_SOAK_NOTIFICATIONS  how many; 600 is the short form, of about a minute
 *   KPK_SOAK_SERVERS        1: brokers and PostgreSQL are harmed too
 *   KPK_SOAK_NAIVE          1: the programs are those of build/naive: something must be lost, and is shown
 *   KPK_TEST_SEED           what is done to whom, and when; printed */
#include "common/stop.h"
#include "tests/support/cli.h"
#include "tests/support/crowd.h"
#include "tests/support/harm.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

enum {
    PEOPLE = 48,
    REFUSE_EACH = 50,
    /* The short form takes as long as some harms do. */
    NOTICES = 600,
    PER_SECOND = 15,
    MANY = 2000,
    MANY_PER_SECOND = 60,
    SETTLE_MS = 180000,
    IN_HAND = 200, /* --batch of a worker that has one member, as at SCALE=small */
};

/* Its fates are by key, so another seed is another choice. A mail that is answered too late would be one that
 * comes twice by itself: mails are not late here. */
#define FAULTS_EMAIL "{\"permanent\":0.01,\"transient\":0.15,\"throttled\":0.05,\"slow_ms\":40}"
#define FAULTS_OTHERS                                                                          \
    "{\"permanent\":0.01,\"transient\":0.14,\"throttled\":0.04,\"timeout\":0.02,\"slow_ms\":"  \
    "40}"

static const char *const providers[] = {"email", "sms", "fcm", "apns"};
enum { PROVIDERS = sizeof(providers) / sizeof(*providers) };

/* They are the judge, and out of the house. */
static const char *const spared[] = {"provider-simulator", "smtp-sink", NULL};
/* Nothing of this system is in it. */
static const char *const spared_servers[] = {"redis", NULL};

static bool long_form(int notices) { return notices >= MANY; }

/* --- mails that came twice --------------------------------------------------------------- */

/* A worker that dies between sending and recording, or is taken for dead, leaves the next one to send it again. */
static bool makes_mails_again(const struct harm *harm) {
    return strncmp(harm->name, "email-worker", strlen("email-worker")) == 0 ||
           strncmp(harm->name, "broker", strlen("broker")) == 0;
}

static bool is_explained(const struct crowd_fate *fate) {
    for (int i = 0; i < harm_count(); i++) {
        const struct harm *harm = harm_at(i);
        if (makes_mails_again(harm) && harm->begun_ms <= fate->last_ms &&
            harm->ended_ms >= fate->first_ms)
            return true;
    }
    return false;
}

static void judge_mails(const struct crowd *crowd) {
    int again = 0, harms = 0;

    for (int i = 0; i < harm_count(); i++) harms += makes_mails_again(harm_at(i));
    for (int n = 0; n < crowd_notices(crowd); n++) {
        const struct crowd_fate *fate = crowd_fate(crowd, n, NOTIFICATION_EMAIL);
        if (fate->copies > 1 && !is_explained(fate))
            fail_msg("%s came %d times, and no worker was harmed meanwhile",
                     crowd_notice(crowd, n)->id, fate->copies);
        if (fate->copies > 1) again += fate->copies - 1;
    }
    print_message("mails that came again: %d, around %d harms to their workers and brokers\n",
                  again, harms);
    if (again > harms * IN_HAND) fail_msg("that is more than they had in hand");
}

/* --- dead letters ------------------------------------------------------------------------ */

static void judge_letter(const struct crowd *crowd, int n, enum notification_channel channel) {
    const struct crowd_fate *fate = crowd_fate(crowd, n, channel);
    const char *id = crowd_notice(crowd, n)->id, *name = notification_channel_name(channel);

    if (fate->letters && !fate->refused)
        fail_msg("%s by %s is a dead letter (%s), and would be delivered", id, name,
                 fate->reason);
    if (fate->letters && !strstr(fate->reason, fate->never))
        fail_msg("%s by %s is a dead letter by '%s', not '%s'", id, name, fate->reason,
                 fate->never);
    if (fate->refused && !fate->letters)
        fail_msg("%s by %s is refused for good, and no dead letter", id, name);
}

static void judge_letters(const struct crowd *crowd) {
    int letters = 0, again = 0, recognised = 0;

    for (int n = 0; n < crowd_notices(crowd); n++)
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
            const struct crowd_fate *fate = crowd_fate(crowd, n, channel);
            judge_letter(crowd, n, channel);
            letters += fate->letters > 0;
            again += fate->letters > 1 ? fate->letters - 1 : 0;
            recognised += fate->recognised;
        }
    print_message("dead letters: %d, and %d of them once more\n"
                  "sent again by SMS or push, and recognised by its key: %d\n",
                  letters, again, recognised);
    if (letters == 0) fail_msg("of so many, none failed for good");
}

/* --- the verdict ------------------------------------------------------------------------- */

static void judge_harmed(struct crowd *crowd) {
    struct kpk_report report;
    char text[400];
    bool clean = crowd_look(crowd, true, &report);

    print_message("delivered or a dead letter: %s\n",
                  kpk_report_text(&report, text, sizeof(text)));
    if (!clean) fail_msg("%s", text);
    judge_letters(crowd);
    judge_mails(crowd);
    print_message("HTTP says so of each of %d notifications\n", crowd_check_statuses(crowd));
}

static void heal(void) {
    for (int i = 0; i < PROVIDERS; i++) notify_faults(providers[i], "{}");
}

static bool all_delivered(void *crowd) {
    struct kpk_report report;
    bool clean = crowd_look(crowd, false, &report);

    return clean || report.duplicated + report.invented > 0; /* that heals no more */
}

static void redrive(struct crowd *crowd) {
    struct kpk_report report;
    char text[400];

    heal();
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        const struct cli_output *output =
            cli_run("", "dlq redrive --group %s --all", notify_groups[channel]);
        cli_assert_status(output, 0);
    }
    wait_until(SETTLE_MS, all_delivered, crowd);
    if (!crowd_look(crowd, false, &report))
        fail_msg("after the redrive: %s", kpk_report_text(&report, text, sizeof(text)));
    print_message("delivered, after the redrive: %s\n",
                  kpk_report_text(&report, text, sizeof(text)));
    crowd_settle(SETTLE_MS);
    judge_mails(crowd);
    print_message("HTTP says so of each of %d notifications\n", crowd_check_statuses(crowd));
}

/* What its provider refused, for a while or for good, was forgotten: that, and nothing else. */
static void judge_forgotten(const struct crowd *crowd, int n,
                            enum notification_channel channel) {
    const struct crowd_fate *fate = crowd_fate(crowd, n, channel);
    const char *id = crowd_notice(crowd, n)->id, *name = notification_channel_name(channel);

    if (fate->letters)
        fail_msg("%s by %s is a dead letter, without patterns/retry-dlq", id, name);
    if (fate->due && !fate->copies && !fate->first_ms)
        fail_msg("%s by %s is lost, and its provider never refused it", id, name);
}

static void judge_naive(struct crowd *crowd) {
    struct kpk_report report;
    char text[400];

    crowd_look(crowd, true, &report);
    kpk_report_text(&report, text, sizeof(text));
    for (int n = 0; n < crowd_notices(crowd); n++)
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
            judge_forgotten(crowd, n, channel);
    if (report.lost == 0) fail_msg("a guarantee is taken away, and nothing was lost: %s", text);
    if (report.duplicated + report.invented) fail_msg("more is wrong than that: %s", text);
    print_message("verdict: ANOMALY %zu of %zu deliveries lost\n", report.lost,
                  report.expected);
}

/* --- the soak ---------------------------------------------------------------------------- */

static void everything_fails_dies_and_hangs(void **state) {
    int notices = test_setting("KPK_SOAK_NOTIFICATIONS", NOTICES);
    const struct crowd_opts opts = {.people = PEOPLE,
                                    .per_second =
                                        long_form(notices) ? MANY_PER_SECOND : PER_SECOND,
                                    .notices = notices + notices / REFUSE_EACH,
                                    .refuse_each = REFUSE_EACH};

    (void)state;
    harm_add("notification", spared);
    if (test_setting("KPK_SOAK_SERVERS", 0)) harm_add("servers", spared_servers);
    struct crowd *crowd = crowd_open(&opts);
    for (int i = 0; i < PROVIDERS; i++)
        notify_faults(providers[i], i == 0 ? FAULTS_EMAIL : FAULTS_OTHERS);
    crowd_start(crowd);
    while (!crowd_finished(crowd) && !kpk_stopping()) harm_next();
    crowd_stop(crowd);
    crowd_settle(SETTLE_MS);
    if (test_setting("KPK_SOAK_NAIVE", 0)) {
        judge_naive(crowd);
    } else {
        judge_harmed(crowd);
        redrive(crowd);
    }
    crowd_close(crowd);
}

static int end_harm(void **state) {
    (void)state;
    harm_wake_all();
    heal();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(everything_fails_dies_and_hangs, end_harm),
    };
    struct kpk_err err;

    if (kpk_topology_init(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    harm_seed();
    notify_open();
    int failed = cmocka_run_group_tests_name("notification: the soak", tests, NULL, NULL);
    notify_close();
    return failed;
}
