#include "services/notification/demo-notification/faults.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_BYTES = 512 };
#define SEED 20260118 /* what the demo's own are known by: its faults are of all keys or none */
#define SEED_TEXT "20260118"

/* Push is FCM here: every recipient has an Android phone. */
static const struct {
    enum notification_host host;
    const char *path;
} places[NOTIFICATION_CHANNELS] = {
    [NOTIFICATION_EMAIL] = {NOTIFICATION_SINK, "/v1/faults/email"},
    [NOTIFICATION_SMS] = {NOTIFICATION_SIMULATOR, "/v1/faults/sms"},
    [NOTIFICATION_PUSH] = {NOTIFICATION_SIMULATOR, "/v1/faults/fcm"},
};

struct faults {
    struct notices *notices;
    char *before[NOTIFICATION_CHANNELS]; /* as JSON; NULL: untouched */
};

/* now  out: what they are then, for cJSON_Delete(); NULL: not wanted */
static int put(struct faults *faults, enum notification_channel channel, const char *body,
               cJSON **now, struct kpk_err *err) {
    return notices_call(faults->notices,
                        &(struct notification_call){.host = places[channel].host,
                                                    .method = "PUT",
                                                    .path = places[channel].path,
                                                    .body = body},
                        now, err);
}

int faults_set(struct faults *faults, enum notification_channel channel, const char *fields,
               struct kpk_err *err) {
    char body[BODY_BYTES];

    snprintf(body, sizeof(body), fields ? "{\"seed\":" SEED_TEXT ",%s}" : "{}", fields);
    return put(faults, channel, body, NULL, err);
}

static int set_aside(struct faults *faults, enum notification_channel channel,
                     struct kpk_err *err) {
    const struct notification_call get = {.host = places[channel].host,
                                          .path = places[channel].path};
    cJSON *before = NULL, *none = NULL;
    int failed = -1;

    if (notices_call(faults->notices, &get, &before, err)) goto out;
    if (put(faults, channel, "{}", &none, err)) goto out;
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(before, "seed");
    bool own = cJSON_IsNumber(seed) && seed->valueint == SEED;
    faults->before[channel] = cJSON_PrintUnformatted(own ? none : before);
    if (own)
        printf("  An earlier run was killed: the faults of %s are ended that it left.\n\n",
               notice_providers[channel]);
    else if (!cJSON_Compare(before, none, true))
        printf("  %s had faults: they are set aside until the end.\n\n",
               notice_providers[channel]);
    failed = 0;
out:
    cJSON_Delete(before);
    cJSON_Delete(none);
    return failed;
}

int faults_set_aside(struct faults **out, struct notices *notices, struct kpk_err *err) {
    struct faults *faults = calloc(1, sizeof(*faults));

    *out = faults; /* also when it fails: what was set aside by then is to be put back */
    if (!faults) return kpk_fail(err, KPK_FATAL, "faults: no memory");
    faults->notices = notices;
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        if (set_aside(faults, channel, err)) return -1;
    return 0;
}

void faults_put_back(struct faults *faults) {
    struct kpk_err err;

    if (!faults) return;
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        const char *before = faults->before[channel];
        if (before && put(faults, channel, before, NULL, &err))
            printf("  The faults of %s could not be put back (%s): PUT %s %s does.\n",
                   notice_providers[channel], err.msg, places[channel].path, before);
        free(faults->before[channel]);
    }
    free(faults);
}
