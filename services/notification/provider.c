/* A member's provider: it is opened here; deliver.c sends. */
#include "services/notification/provider_internal.h"

#include "common/stop.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 16,
    IN_FLIGHT_MAX = 256,
    TIMEOUT_MS = 5000,
    TIMEOUT_MAX_MS = 20000,
    BUDGET_MS = 20000,
    FAILURES = 5,
    OPEN_MS = 2000,
    OPEN_MAX_MS = 600000,
};

static const struct transfer_channel *const channels[NOTIFICATION_CHANNELS] = {
    &transfer_email, &transfer_sms, &transfer_push};

/* --- options ----------------------------------------------------------------------------- */

static int or_default(int value, int fallback) { return value ? value : fallback; }

static int check_number(const char *name, int value, int max, struct kpk_err *err) {
    if (value >= 0 && value <= max) return 0;
    return kpk_fail(err, KPK_FATAL, "provider: %s: %d is not in 0..%d", name, value, max);
}

static int check_opts(const struct notification_provider_opts *opts, struct kpk_err *err) {
    if (check_number("rate", opts->rate, RATE_MAX, err) ||
        check_number("in_flight", opts->in_flight, IN_FLIGHT_MAX, err) ||
        check_number("timeout_ms", opts->timeout_ms, TIMEOUT_MAX_MS, err) ||
        check_number("budget_ms", opts->budget_ms, BUDGET_MS, err) ||
        check_number("breaker_failures", opts->breaker_failures, BREAKER_LIMIT_MAX, err) ||
        check_number("breaker_ms", opts->breaker_ms, OPEN_MAX_MS, err))
        return -1;
    return 0;
}

/* It goes into a header field, and FCM's into a path. */
static int set_sender(struct notification_provider *provider, const char *sender,
                      struct kpk_err *err) {
    static const char word[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-_";
    struct kpk_err why = {0};

    if (!sender) sender = provider->channel->sender;
    if (provider->opts.channel == NOTIFICATION_EMAIL) {
        if (notification_address_check(NOTIFICATION_EMAIL, sender, &why))
            return kpk_fail(err, KPK_FATAL, "provider: sender: %s", why.msg);
    } else if (*sender == '\0' || sender[strspn(sender, word)] ||
               strlen(sender) >= TRANSFER_LINE_BYTES) {
        return kpk_fail(err, KPK_FATAL, "provider: sender: letters, digits and + . - _");
    }
    snprintf(provider->target.sender, sizeof(provider->target.sender), "%s", sender);
    return 0;
}

/* --- the URL ----------------------------------------------------------------------------- */

/* A decoded part for free(). NULL: there is none */
static char *take_part(CURLU *parsed, CURLUPart part) {
    char *text = NULL, *copy = NULL;

    if (curl_url_get(parsed, part, &text, CURLU_URLDECODE) == CURLUE_OK) copy = strdup(text);
    curl_free(text);
    curl_url_set(parsed, part, NULL, 0);
    return copy;
}

static bool scheme_fits(CURLU *parsed, const char *schemes) {
    char *scheme = NULL;
    size_t len;
    bool fits;

    if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0)) return false;
    len = strlen(scheme); /* one of two: "http,https" */
    fits = (strncmp(schemes, scheme, len) == 0 && schemes[len] == ',') ||
           strcmp(strchr(schemes, ',') + 1, scheme) == 0;
    curl_free(scheme);
    return fits;
}

/* What is shown in a message has no password in it. */
static int set_url(struct notification_provider *provider, const char *url,
                   struct kpk_err *err) {
    struct transfer_target *target = &provider->target;
    const char *schemes = provider->channel->schemes;
    CURLU *parsed = curl_url();
    char *text = NULL;
    int failed = -1;

    if (!parsed || !url || curl_url_set(parsed, CURLUPART_URL, url, 0) ||
        !scheme_fits(parsed, schemes)) {
        kpk_fail(err, KPK_FATAL, "provider: url: not a URL of %s", schemes);
        goto out;
    }
    target->user = take_part(parsed, CURLUPART_USER);
    target->password = take_part(parsed, CURLUPART_PASSWORD);
    if (curl_url_get(parsed, CURLUPART_URL, &text, 0) || strlen(text) >= sizeof(target->url)) {
        kpk_fail(err, KPK_FATAL, "provider: url: too long");
        goto out;
    }
    strcpy(target->url, text);
    size_t len = strlen(target->url);
    if (len > 0 && target->url[len - 1] == '/') target->url[len - 1] = '\0';
    failed = 0;
out:
    curl_free(text);
    curl_url_cleanup(parsed);
    return failed;
}

/* --- open, close ------------------------------------------------------------------------- */

static void init_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static int open_transfers(struct notification_provider *provider) {
    int in_flight = provider->opts.in_flight;

    provider->multi = curl_multi_init();
    provider->transfers = calloc((size_t)in_flight, sizeof(*provider->transfers));
    if (!provider->multi || !provider->transfers) return -1;
    curl_multi_setopt(provider->multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
    curl_multi_setopt(provider->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    for (int i = 0; i < in_flight; i++) {
        struct transfer *transfer = &provider->transfers[i];
        transfer->target = &provider->target;
        if (!(transfer->curl = curl_easy_init())) return -1;
    }
    if (!provider->channel->blocks) return 0;
    provider->performers = performers_open(provider->transfers, in_flight, provider->multi);
    return provider->performers ? 0 : -1;
}

static void open_gateways(struct notification_provider *provider) {
    switch (provider->opts.channel) {
    case NOTIFICATION_EMAIL:
        provider->gateways[0] = gateway_open(GATEWAY_EMAIL, &provider->opts);
        break;
    case NOTIFICATION_SMS:
        provider->gateways[0] = gateway_open(GATEWAY_SMS, &provider->opts);
        break;
    default:
        provider->gateways[0] = gateway_open(GATEWAY_FCM, &provider->opts);
        provider->gateways[1] = gateway_open(GATEWAY_APNS, &provider->opts);
    }
}

int notification_provider_open(struct notification_provider **out,
                               const struct notification_provider_opts *opts,
                               struct kpk_err *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct notification_provider *provider = calloc(1, sizeof(*provider));

    *out = NULL;
    pthread_once(&once, init_curl);
    if (!provider) return kpk_fail(err, KPK_FATAL, "provider: no memory");
    provider->channel = channels[opts->channel];
    provider->opts = *opts;
    if (check_opts(opts, err)) goto fail;
    provider->opts.in_flight = or_default(opts->in_flight, IN_FLIGHT);
    provider->opts.timeout_ms = or_default(opts->timeout_ms, TIMEOUT_MS);
    provider->opts.budget_ms = or_default(opts->budget_ms, BUDGET_MS);
    provider->opts.breaker_failures = or_default(opts->breaker_failures, FAILURES);
    provider->opts.breaker_ms = or_default(opts->breaker_ms, OPEN_MS);
    provider->target.timeout_ms = provider->opts.timeout_ms;
    if (set_sender(provider, opts->sender, err) || set_url(provider, opts->url, err)) goto fail;
    if (open_transfers(provider)) {
        kpk_fail(err, KPK_FATAL, "provider: no memory, or no threads");
        goto fail;
    }
    open_gateways(provider);
    *out = provider;
    return 0;
fail:
    notification_provider_close(provider);
    return -1;
}

void notification_provider_close(struct notification_provider *provider) {
    if (!provider) return;
    performers_close(provider->performers);
    for (int i = 0; provider->transfers && i < provider->opts.in_flight; i++)
        curl_easy_cleanup(provider->transfers[i].curl);
    curl_multi_cleanup(provider->multi);
    for (int i = 0; i < PROVIDER_GATEWAYS; i++) gateway_close(provider->gateways[i]);
    free(provider->transfers);
    free(provider->target.user);
    free(provider->target.password);
    free(provider);
}

int notification_provider_check(struct notification_provider *provider, struct kpk_err *err) {
    for (int i = 0; i < PROVIDER_GATEWAYS; i++)
        if (provider->gateways[i] && gateway_lets(provider->gateways[i])) return 0;
    return gateway_check(provider->gateways[0], err);
}
