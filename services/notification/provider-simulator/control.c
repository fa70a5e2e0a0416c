/* What a test or a person asks of the simulator: faults, and what was delivered. */
#include "services/notification/provider-simulator/service.h"

#include "common/json.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_DEFAULT = 100, CURSOR_DIGITS = 9 };

/* The provider of the path. returns  -1: none, and 'response' says so */
static int provider_of(const struct kpk_request *request, struct kpk_response *response) {
    const char *name = kpk_http_param(request, "provider");

    for (int i = 0; i < SIMULATOR_PROVIDERS; i++)
        if (strcmp(name, simulator_names[i]) == 0) return i;
    kpk_http_problem(response, 404, "provider", "none of fcm, apns, sms");
    return -1;
}

/* --- faults ------------------------------------------------------------------------------ */

static void tell_faults(struct simulator *simulator, int provider,
                        struct kpk_response *response) {
    pthread_mutex_lock(&simulator->lock);
    struct faults faults = simulator->faults[provider];
    pthread_mutex_unlock(&simulator->lock);
    kpk_http_json(response, 200, faults_object(&faults));
}

void get_faults(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    int provider = provider_of(request, response);

    if (provider >= 0) tell_faults(ctx, provider, response);
}

void put_faults(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    int provider = provider_of(request, response);
    struct kpk_quoted quoted;
    struct faults faults;
    struct kpk_err err;
    size_t len;
    const char *body = kpk_http_body(request, &len);
    cJSON *object = NULL;

    if (provider < 0) return;
    object = kpk_json_parse(body, len, &err);
    if (!object || faults_read(object, &faults, &err)) {
        kpk_http_fail(response, &err);
        cJSON_Delete(object);
        return;
    }
    cJSON_Delete(object);
    pthread_mutex_lock(&simulator->lock);
    simulator->faults[provider] = faults;
    pthread_mutex_unlock(&simulator->lock);
    simulator->changes++;
    kpk_log("faults", "provider=%s faults=%s", simulator_names[provider],
            kpk_quote(&quoted, body));
    tell_faults(simulator, provider, response);
}

/* --- deliveries -------------------------------------------------------------------------- */

/* returns  0, or -1: 'response' is the problem */
static int read_cursor(const struct kpk_request *request, struct kpk_response *response,
                       size_t *cursor) {
    const char *text = kpk_http_query(request, "cursor");
    size_t len = text ? strspn(text, "0123456789") : 0;

    *cursor = 0;
    if (!text) return 0;
    if (len == 0 || len > CURSOR_DIGITS || text[len]) {
        kpk_http_problem(response, 400, "cursor", "not one that a page gave");
        return -1;
    }
    *cursor = strtoul(text, NULL, 10);
    return 0;
}

void list_deliveries(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    int provider = provider_of(request, response), limit = PAGE_DEFAULT;
    size_t cursor;

    if (provider < 0 || read_cursor(request, response, &cursor) ||
        kpk_http_query_number(request, response, "limit", STORE_PAGE_MAX, &limit))
        return;
    kpk_http_json(response, 200,
                  store_page(simulator->stores[provider], cursor, (size_t)limit,
                             kpk_http_query(request, "recipient")));
}

void get_delivery(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    const char *key = kpk_http_param(request, "key");
    int provider = provider_of(request, response);
    cJSON *delivery;

    if (provider < 0) return;
    delivery = store_find(simulator->stores[provider], key);
    if (delivery)
        kpk_http_json(response, 200, delivery);
    else
        kpk_http_problem(response, 404, "key", "nothing came with it");
}

void forget_deliveries(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    int provider = provider_of(request, response);

    if (provider < 0) return;
    store_forget(simulator->stores[provider]);
    kpk_http_empty(response, 204);
}

void get_summary(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct simulator *simulator = ctx;
    cJSON *summary = cJSON_CreateObject();

    (void)request;
    for (int i = 0; i < SIMULATOR_PROVIDERS; i++)
        cJSON_AddItemToObject(summary, simulator_names[i], store_summary(simulator->stores[i]));
    kpk_http_json(response, 200, summary);
}
