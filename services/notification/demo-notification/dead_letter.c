/* Ada has another phone, and the service does not know it: FCM answers that her token is of nobody. That never
 * succeeds by itself, so it is tried no more; the record goes to the dead letters of push-workers, where a
 * person finds it, removes the cause and sends it back. */
#include "services/notification/demo-notification/demo.h"

#include "common/command.h"
#include "common/stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COMMAND_BYTES = KPK_COMMAND_PATH_BYTES + 400, POSITION_BYTES = KPK_NAME_BYTES + 40 };

/* --- kpk, as a person would call it ------------------------------------------------------ */

struct said {
    const char *words; /* looked for */
    bool found;
};

static void print(char *line, void *ctx) {
    struct said *said = ctx;

    if (strncmp(line, said->words, strlen(said->words)) == 0) said->found = true;
    printf("%s%s\n", *line ? "    " : "", line);
}

/* words  what a line must begin with */
static int command(const char *verb, const char *what, const char *words, struct kpk_err *err) {
    char path[KPK_COMMAND_PATH_BYTES], line[COMMAND_BYTES];
    struct said said = {.words = words};

    printf("  kpk dlq %s %s\n", verb, what);
    snprintf(line, sizeof(line), "KPK_FAULT= '%s' dlq %s %s 2>&1",
             kpk_command_path("kpk", path), verb, what);
    int code = kpk_command_run(line, print, &said);
    printf("\n");
    if (code == 0 && said.found) return 0;
    return kpk_fail(err, KPK_FATAL, "kpk dlq %s %s: exit code %d, and no '%s'", verb, what,
                    code, words);
}

static int kpk(const char *verb, const char *what, const char *words, struct kpk_err *err) {
    if (!kpk_stopping() && !command(verb, what, words, err)) return 0;
    if (kpk_stopping()) kpk_fail(err, KPK_WAIT, "interrupted"); /* also while it printed */
    return -1;
}

/* --- the letter -------------------------------------------------------------------------- */

/* In its own group's dead letters, and in no other's: mail and SMS of it are delivered. */
static int tell_alone(struct demo *demo, const struct notice *notice, struct kpk_err *err) {
    struct notice_status status;

    for (int channel = 0; channel < NOTIFICATION_PUSH; channel++)
        if (notices_await_status(demo->notices, notice, channel, "delivered", &status, err))
            return -1;
    if (notices_await_status(demo->notices, notice, NOTIFICATION_PUSH, "rejected", &status,
                             err) ||
        hops_read(demo->hops, err))
        return -1;
    printf("  email and sms: delivered. push: %s after %d try, \"%s\"\n\n", status.word,
           status.attempts, status.reason);
    for (int channel = 0; channel < NOTIFICATION_PUSH; channel++)
        if (hops_find(demo->hops, notice->id, channel, HOP_LETTER))
            return kpk_fail(err, KPK_FATAL, "%s took it, and it is a dead letter all the same",
                            notice_providers[channel]);
    return 0;
}

static int show(const struct notice *notice, const char *position, struct kpk_err *err) {
    char key[sizeof(notice->to->id) + 8];

    snprintf(key, sizeof(key), "--key %.20s", notice->to->id);
    if (kpk("list", key, "dead letters: 1 open", err)) return -1;
    return kpk("show", position, position, err);
}

static int tell_delivered(struct demo *demo, const struct notice *notice, struct kpk_err *err) {
    struct notice_receipt receipt;
    struct notice_status status;

    if (notices_await_delivered(demo->notices, notice, NOTIFICATION_PUSH, &receipt, &status,
                                err))
        return -1;
    printf("  push: %s, attempts: %d; FCM has it for %s\n\n", status.word, status.attempts,
           receipt.recipient);
    return 0;
}

/* returns  0, or -1 with 'err'
 * open  out: false once nothing is left to be done about the letter */
static int send_back(struct demo *demo, const struct notice *notice, const char *position,
                     bool *open, struct kpk_err *err) {
    if (notices_register(demo->notices, notice->to, err)) return -1;
    printf(
        "  The cause is removed: PUT /v1/users/%s with the token of the new phone. Then:\n\n",
        notice->to->id);
    if (kpk("redrive", position, "redriven: 1", err)) return -1;
    *open = false;
    if (tell_delivered(demo, notice, err)) return -1;
    printf("  Once more, which does nothing:\n\n");
    return kpk("redrive", position, "redriven: 0, done before: 1", err);
}

int demo_dead_letter(struct demo *demo, struct kpk_err *err) {
    struct recipient *ada = demo->notices->recipients;
    struct recipient gone = *ada;
    char position[POSITION_BYTES];
    const struct hop *letter;
    struct notice *notice;
    struct kpk_err why;

    snprintf(gone.push_token, sizeof(gone.push_token), "unregistered-phone-of-%s", gone.id);
    if (notices_register(demo->notices, &gone, err)) return -1;
    printf("  A failure for good: the token that is known of Ada's phone is of nobody any "
           "more\n\n");
    if (notices_post(demo->notices, ada, ALL_CHANNELS, &notice, err)) return -1;
    letter = hops_await(demo->hops, notice->id, NOTIFICATION_PUSH, HOP_LETTER, err);
    if (!letter) return -1;
    snprintf(position, sizeof(position), "%s:%" PRId32 ":%" PRId64, letter->topic,
             letter->partition, letter->offset);
    bool open = true;
    if (!tell_alone(demo, notice, err) && !show(notice, position, err) &&
        !send_back(demo, notice, position, &open, err))
        return 0;
    if (open && command("purge", position, "purged: 1", &why))
        printf("  The dead letter is left: %s\n", why.msg);
    return -1;
}
