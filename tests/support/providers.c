#include "tests/support/providers.h"

#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_MS = 20000, END_MS = 10000, REQUEST_BYTES = 2048, PAGE = 100 };

/* ---- processes -------------------------------------------------------------------------- */

/* smtp_port  0: it has none */
static void start(struct kpk_child **child, const char *name, const char *path, int port,
                  int smtp_port) {
    char port_text[16], smtp_text[16];
    const char *const argv[] = {
        path, "--port", port_text, smtp_port ? "--smtp-port" : NULL, smtp_text, NULL};
    struct kpk_err err;

    snprintf(port_text, sizeof(port_text), "%d", port);
    snprintf(smtp_text, sizeof(smtp_text), "%d", smtp_port);
    assert_ok(
        kpk_child_start(child, &(struct kpk_child_opts){.name = name, .argv = argv}, &err),
        &err);
    assert_ok(kpk_child_await_words(*child, "INFO started", START_MS, &err), &err);
}

void providers_start_simulator(struct providers *providers) {
    start(&providers->simulator, "provider-simulator", "build/bin/provider-simulator",
          providers->simulator_port, 0);
}

void providers_start(struct providers *providers) {
    *providers = (struct providers){.simulator_port = raw_free_port()};
    providers_start_simulator(providers);
    providers->sink_port = raw_free_port();
    providers->smtp_port = raw_free_port();
    start(&providers->sink, "smtp-sink", "build/bin/smtp-sink", providers->sink_port,
          providers->smtp_port);
}

void providers_kill_simulator(struct providers *providers) {
    kpk_child_close(providers->simulator);
    providers->simulator = NULL;
}

void providers_stop(struct providers *providers) {
    struct kpk_err err;

    if (providers->simulator)
        assert_ok(kpk_child_end(providers->simulator, END_MS, &err), &err);
    if (providers->sink) assert_ok(kpk_child_end(providers->sink, END_MS, &err), &err);
    kpk_child_close(providers->simulator);
    kpk_child_close(providers->sink);
}

/* ---- what is asked of them -------------------------------------------------------------- */

/* returns  the body, for cJSON_Delete(); NULL: 404, or there is none */
static cJSON *ask(const struct providers *providers, const char *provider, const char *method,
                  const char *path, const char *body) {
    static struct raw_answer answer;
    char request[REQUEST_BYTES];
    int port =
        strcmp(provider, "email") == 0 ? providers->sink_port : providers->simulator_port;

    snprintf(
        request, sizeof(request),
        "%s %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        method, path, strlen(body), body);
    raw_ask(port, request, &answer);
    if (answer.status == 404 || answer.status == 204) return NULL;
    if (answer.status != 200) fail_msg("%s %s: %s%s", method, path, answer.head, answer.body);
    return cJSON_Parse(answer.body);
}

void providers_faults(const struct providers *providers, const char *provider,
                      const char *faults) {
    char path[64];

    snprintf(path, sizeof(path), "/v1/faults/%s", provider);
    cJSON *set = ask(providers, provider, "PUT", path, faults);
    assert_non_null(set);
    cJSON_Delete(set);
}

cJSON *providers_find(const struct providers *providers, const char *provider,
                      const char *key) {
    char path[256];

    snprintf(path, sizeof(path), "/v1/deliveries/%s/%s", provider, key);
    return ask(providers, provider, "GET", path, "");
}

cJSON *providers_list(const struct providers *providers, const char *provider) {
    cJSON *all = cJSON_CreateArray(), *page, *item;
    char path[128], cursor[16] = "0";

    while (*cursor) {
        snprintf(path, sizeof(path), "/v1/deliveries/%s?limit=%d&cursor=%s", provider, PAGE,
                 cursor);
        assert_non_null(page = ask(providers, provider, "GET", path, ""));
        const char *next = cJSON_GetStringValue(cJSON_GetObjectItem(page, "next_cursor"));
        snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
        while ((item = cJSON_DetachItemFromArray(cJSON_GetObjectItem(page, "deliveries"), 0)))
            cJSON_AddItemToArray(all, item);
        cJSON_Delete(page);
    }
    return all;
}

int64_t providers_count(const struct providers *providers, const char *provider,
                        const char *what) {
    cJSON *summary = ask(providers, provider, "GET", "/v1/summary", "");
    const cJSON *of = cJSON_GetObjectItem(summary, provider),
                *count = cJSON_GetObjectItem(of, what);

    if (!count) count = cJSON_GetObjectItem(cJSON_GetObjectItem(of, "answers"), what);
    assert_non_null(count);
    int64_t number = (int64_t)count->valuedouble;
    cJSON_Delete(summary);
    return number;
}

void providers_forget(const struct providers *providers, const char *provider) {
    char path[64];

    snprintf(path, sizeof(path), "/v1/deliveries/%s", provider);
    assert_null(ask(providers, provider, "DELETE", path, ""));
}
