/* What all three have in common. */
#include "services/notification/provider-simulator/service.h"

#include "common/clock.h"
#include "common/metrics.h"
#include "common/stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 255, HANG_LOOK_MS = 50 };

const char *const simulator_names[SIMULATOR_PROVIDERS] = {"fcm", "apns", "sms"};

static struct kpk_metric requests[SIMULATOR_PROVIDERS] = {
    {.name = "kpk_simulator_requests_total",
     .help = "Attempts to deliver",
     .labels = "provider=\"fcm\""},
    {.name = "kpk_simulator_requests_total",
     .help = "Attempts to deliver",
     .labels = "provider=\"apns\""},
    {.name = "kpk_simulator_requests_total",
     .help = "Attempts to deliver",
     .labels = "provider=\"sms\""},
};

static struct faults faults_of(struct simulator *simulator, enum simulator_provider provider) {
    pthread_mutex_lock(&simulator->lock);
    struct faults faults = simulator->faults[provider];
    pthread_mutex_unlock(&simulator->lock);
    return faults;
}

/* Until the time is up, or the faults are others, or the process is to end. */
static void hang(struct simulator *simulator, unsigned changes) {
    int64_t until_ms = kpk_mono_ms() + simulator->hang_ms;

    while (kpk_mono_ms() < until_ms && simulator->changes == changes && !kpk_stopping())
        kpk_stop_wait(HANG_LOOK_MS);
}

static bool is_accepted(enum store_answer answer) {
    return answer == STORE_ACCEPTED || answer == STORE_REPEATED || answer == STORE_LATE_TIMEOUT;
}

static int refusal_of(enum store_answer answer, const struct simulator_message *message) {
    switch (answer) {
    case STORE_INVALID:
        return message->wrong;
    case STORE_PERMANENT:
        return SIMULATOR_GONE;
    case STORE_THROTTLED:
        return SIMULATOR_THROTTLED;
    case STORE_DOWN:
        return SIMULATOR_DOWN;
    default:
        return SIMULATOR_BROKEN;
    }
}

static void set_retry_after(const struct faults *faults, struct kpk_response *response) {
    char text[24];

    if (faults->retry_after_s == 0) return;
    snprintf(text, sizeof(text), "%" PRId64, faults->retry_after_s);
    kpk_http_set_header(response, "Retry-After", text);
}

void simulator_receive(struct simulator *simulator, const struct simulator_voice *voice,
                       struct kpk_request *request, struct kpk_response *response,
                       const struct simulator_message *message, char *id) {
    const char *key = kpk_http_header(request, "Idempotency-Key");
    unsigned changes = simulator->changes;
    struct faults faults = faults_of(simulator, voice->provider);
    enum store_answer answer;
    char own[STORE_ID_BYTES];

    if (key && (*key == '\0' || strlen(key) > KEY_MAX)) {
        kpk_http_problem(response, 400, "Idempotency-Key", "1 to %d characters", KEY_MAX);
        return;
    }
    snprintf(own, sizeof(own), "%s", id); /* no key: it is a delivery of its own */
    kpk_metric_add(&requests[voice->provider], 1);
    if (faults.slow_ms && !faults.down) kpk_stop_wait((int)faults.slow_ms);
    answer = store_receive(simulator->stores[voice->provider],
                           &(struct store_message){.key = key ? key : own,
                                                   .recipient = message->recipient,
                                                   .title = message->title,
                                                   .text = message->text},
                           message->wrong != SIMULATOR_NOT_REFUSED, &faults, id);
    if (answer == STORE_TIMEOUT || answer == STORE_LATE_TIMEOUT) hang(simulator, changes);
    if (answer == STORE_FULL)
        kpk_http_problem(response, 507, NULL,
                         "no more room: %d deliveries, or %d MB, are kept already; DELETE them",
                         STORE_KEYS, STORE_BYTES >> 20);
    else if (is_accepted(answer))
        voice->accept(request, response, id);
    else
        voice->refuse(response, refusal_of(answer, message));
    if (answer == STORE_THROTTLED) set_retry_after(&faults, response);
}
