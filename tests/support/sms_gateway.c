#include "tests/support/sms_gateway.h"

#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

struct sms_gateway sms_gateway = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(const struct kpk_request *request) {
    struct sms_sent *sent = &sms_gateway.sent[sms_gateway.accepted++ % SMS_SENT_MAX];

    snprintf(sent->key, sizeof(sent->key), "%s", kpk_http_header(request, "Idempotency-Key"));
    snprintf(sent->to, sizeof(sent->to), "%s", kpk_http_form(request, "To"));
    snprintf(sent->body, sizeof(sent->body), "%s", kpk_http_form(request, "Body"));
}

static void on_message(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *to = kpk_http_form(request, "To");
    char answer[64];

    (void)ctx;
    pthread_mutex_lock(&sms_gateway.lock);
    int status = sms_gateway.status[to[strlen(to) - 1] - '0'];
    sms_gateway.asked++;
    if (!status) keep(request);
    snprintf(answer, sizeof(answer), "{\"sid\":\"SM%d\"}", sms_gateway.accepted);
    pthread_mutex_unlock(&sms_gateway.lock);
    if (status == 429) {
        snprintf(answer, sizeof(answer), "%d", SMS_RETRY_AFTER_S);
        kpk_http_set_header(response, "Retry-After", answer);
        kpk_http_json_text(response, status, "{\"message\":\"too many\"}");
    } else if (status) {
        kpk_http_json_text(response, status, "{\"code\":21211,\"message\":\"no such number\"}");
    } else {
        kpk_http_json_text(response, 201, answer);
    }
}

void sms_gateway_open(void) {
    static const struct kpk_route routes[] = {
        {"POST", "/2010-04-01/Accounts/{account}/Messages.json", on_message, 4096}, {0}};
    struct kpk_err err;

    if (!sms_gateway.port) sms_gateway.port = raw_free_port();
    assert_ok(kpk_http_open(&sms_gateway.http,
                            &(struct kpk_http_opts){
                                .port = sms_gateway.port, .routes = routes, .forms = true},
                            &err),
              &err);
}

void sms_gateway_shut(void) {
    kpk_http_close(sms_gateway.http);
    sms_gateway.http = NULL;
}

void sms_gateway_forget(void) {
    sms_gateway.accepted = sms_gateway.asked = 0;
    memset(sms_gateway.status, 0, sizeof(sms_gateway.status));
}
