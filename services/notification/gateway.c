#include "services/notification/gateway.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "services/notification/rate.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { WHY_BYTES = 160 };

struct gateway {
    const char *name;
    pthread_mutex_t lock; /* of all that follows */
    int members;
    struct breaker breaker;
    struct rate rate;
    char why[WHY_BYTES]; /* it failed last */
};

static struct gateway gateways[GATEWAYS] = {
    [GATEWAY_EMAIL] = {.name = "email", .lock = PTHREAD_MUTEX_INITIALIZER},
    [GATEWAY_SMS] = {.name = "sms", .lock = PTHREAD_MUTEX_INITIALIZER},
    [GATEWAY_FCM] = {.name = "fcm", .lock = PTHREAD_MUTEX_INITIALIZER},
    [GATEWAY_APNS] = {.name = "apns", .lock = PTHREAD_MUTEX_INITIALIZER},
};

static struct kpk_metric breaker_open = {.name = "kpk_provider_breaker_open",
                                         .help = "1: the provider is taken to be down",
                                         .type = KPK_GAUGE};
static struct kpk_metric requests = {.name = "kpk_provider_requests_total",
                                     .help = "Deliveries tried, by what the provider said"};
static struct kpk_metric seconds = {.name = "kpk_provider_request_seconds",
                                    .help = "From the request to the provider's answer",
                                    .type = KPK_HISTOGRAM};

/* --- metrics ----------------------------------------------------------------------------- */

static struct kpk_metric *of(struct kpk_metric *metric, const struct gateway *gateway) {
    char labels[sizeof(metric->labels)];

    snprintf(labels, sizeof(labels), "provider=\"%s\"", gateway->name);
    return kpk_metric_with(metric, labels);
}

static void count(const struct gateway *gateway, enum gateway_result result, int64_t took_us) {
    static const char *const outcomes[GATEWAY_RESULTS] = {
        "accepted", "rejected", "throttled", "failed", "not_connected", "given_up"};
    char labels[sizeof(requests.labels)];

    snprintf(labels, sizeof(labels), "provider=\"%s\",outcome=\"%s\"", gateway->name,
             outcomes[result]);
    kpk_metric_add(kpk_metric_with(&requests, labels), 1);
    if (result != GATEWAY_GIVEN_UP) kpk_metric_observe_us(of(&seconds, gateway), took_us);
}

/* --- open, close ------------------------------------------------------------------------- */

struct gateway *gateway_open(enum gateway_id id,
                             const struct notification_provider_opts *opts) {
    struct gateway *gateway = &gateways[id];

    pthread_mutex_lock(&gateway->lock);
    if (gateway->members++ == 0) {
        gateway->breaker = (struct breaker){0};
        gateway->rate = (struct rate){0};
        kpk_metric_set(of(&breaker_open, gateway), 0);
    }
    gateway->breaker.limit = opts->breaker_failures;
    gateway->breaker.open_ms = opts->breaker_ms;
    gateway->rate.per_second = opts->rate;
    pthread_mutex_unlock(&gateway->lock);
    return gateway;
}

void gateway_close(struct gateway *gateway) {
    if (!gateway) return;
    pthread_mutex_lock(&gateway->lock);
    gateway->members--;
    pthread_mutex_unlock(&gateway->lock);
}

const char *gateway_name(const struct gateway *gateway) { return gateway->name; }

/* --- breaker and rate -------------------------------------------------------------------- */

enum breaker_answer gateway_ask(struct gateway *gateway, int64_t *wait_us) {
    enum breaker_answer answer = BREAKER_WAIT;
    int64_t now_us = kpk_mono_us();

    *wait_us = 0;
    pthread_mutex_lock(&gateway->lock);
    if (breaker_lets(&gateway->breaker, now_us / 1000)) {
        *wait_us = rate_take(&gateway->rate, now_us);
        if (*wait_us == 0) answer = breaker_ask(&gateway->breaker, now_us / 1000);
    }
    pthread_mutex_unlock(&gateway->lock);
    return answer;
}

/* The breaker has opened, or closed. */
static void tell(const struct gateway *gateway, bool open) {
    const struct breaker *breaker = &gateway->breaker;
    struct kpk_quoted quoted;

    kpk_metric_set(of(&breaker_open, gateway), open);
    if (open)
        kpk_warn("breaker_open", "provider=%s failures=%d last=%s", gateway->name,
                 breaker->in_row, kpk_quote(&quoted, gateway->why));
    else
        kpk_log("breaker_closed", "provider=%s after_ms=%" PRId64, gateway->name,
                kpk_mono_ms() - breaker->since_ms);
}

void gateway_note(struct gateway *gateway, enum gateway_result result, uint64_t delivery,
                  bool probe, int64_t took_us, const char *why) {
    struct breaker *breaker = &gateway->breaker;
    int64_t now_ms = kpk_mono_ms();

    count(gateway, result, took_us);
    pthread_mutex_lock(&gateway->lock);
    bool was_open = breaker->state != BREAKER_CLOSED;
    if (result == GATEWAY_FAILED || result == GATEWAY_NOT_CONNECTED)
        snprintf(gateway->why, sizeof(gateway->why), "%s", why);
    if (result == GATEWAY_FAILED)
        breaker_failed(breaker, delivery, probe, now_ms);
    else if (result == GATEWAY_NOT_CONNECTED)
        breaker_not_connected(breaker, probe, now_ms);
    else if (result == GATEWAY_GIVEN_UP)
        breaker_gave_up(breaker, probe);
    else
        breaker_answered(breaker, now_ms);
    bool open = breaker->state != BREAKER_CLOSED;
    if (open != was_open) tell(gateway, open);
    pthread_mutex_unlock(&gateway->lock);
}

bool gateway_answered_within(struct gateway *gateway, int ms) {
    pthread_mutex_lock(&gateway->lock);
    bool answered = breaker_answered_since(&gateway->breaker, kpk_mono_ms() - ms);
    pthread_mutex_unlock(&gateway->lock);
    return answered;
}

int gateway_check(struct gateway *gateway, struct kpk_err *err) {
    int down = 0;

    pthread_mutex_lock(&gateway->lock);
    if (gateway->breaker.state != BREAKER_CLOSED)
        down = kpk_fail(err, KPK_WAIT, "%s: down for %" PRId64 " ms: %s", gateway->name,
                        kpk_mono_ms() - gateway->breaker.since_ms, gateway->why);
    pthread_mutex_unlock(&gateway->lock);
    return down;
}

bool gateway_lets(struct gateway *gateway) {
    pthread_mutex_lock(&gateway->lock);
    bool lets = breaker_lets(&gateway->breaker, kpk_mono_ms());
    pthread_mutex_unlock(&gateway->lock);
    return lets;
}
