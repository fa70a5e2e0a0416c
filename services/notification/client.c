#include "services/notification/client.h"

#include "common/json.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 5000, URL_BYTES = 1024, LINE_BYTES = 320, BODY_BYTES = 4 << 20 };

struct notification_client {
    CURL *curl;
    const char *base[NOTIFICATION_HOSTS];
    char *body; /* of the answer being read; BODY_BYTES long */
    size_t len;
};

static const struct {
    const char *env, *fallback;
} hosts[NOTIFICATION_HOSTS] = {
    [NOTIFICATION_SERVICE] = {"KPK_NOTIFICATION_SERVICE_URL", "http://127.0.0.1:18100"},
    [NOTIFICATION_SIMULATOR] = {"KPK_PROVIDER_SIMULATOR_URL", "http://127.0.0.1:18110"},
    [NOTIFICATION_SINK] = {"KPK_SMTP_SINK_URL", "http://127.0.0.1:18111"},
};

static void init_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

int notification_client_open(struct notification_client **out, struct kpk_err *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct notification_client *client = calloc(1, sizeof(*client));

    *out = NULL;
    pthread_once(&once, init_curl);
    if (client) {
        client->curl = curl_easy_init();
        client->body = malloc(BODY_BYTES);
    }
    if (!client || !client->curl || !client->body) {
        notification_client_close(client);
        return kpk_fail(err, KPK_FATAL, "client: no memory");
    }
    for (int i = 0; i < NOTIFICATION_HOSTS; i++) {
        const char *given = getenv(hosts[i].env);
        client->base[i] = given && *given ? given : hosts[i].fallback;
    }
    *out = client;
    return 0;
}

void notification_client_close(struct notification_client *client) {
    if (!client) return;
    if (client->curl) curl_easy_cleanup(client->curl);
    free(client->body);
    free(client);
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx) {
    struct notification_client *client = ctx;
    size_t len = size * count;

    if (len > BODY_BYTES - client->len) return 0; /* curl then fails the request */
    memcpy(client->body + client->len, data, len);
    client->len += len;
    return len;
}

static struct curl_slist *add_header(struct curl_slist *headers, const char *name,
                                     const char *value) {
    char line[LINE_BYTES];

    if (!value) return headers;
    snprintf(line, sizeof(line), "%s: %s", name, value);
    return curl_slist_append(headers, line);
}

int notification_client_call(struct notification_client *client,
                             const struct notification_call *call,
                             struct notification_reply *reply, struct kpk_err *err) {
    const char *method = call->method ? call->method : "GET";
    struct curl_slist *headers = add_header(NULL, "Content-Type", "application/json");
    CURL *curl = client->curl;
    char url[URL_BYTES];
    long status = 0;

    *reply = (struct notification_reply){0};
    client->len = 0;
    headers = add_header(headers, "Idempotency-Key", call->idempotency_key);
    headers = add_header(headers, "traceparent", call->traceparent);
    snprintf(url, sizeof(url), "%s%s", client->base[call->host], call->path);
    curl_easy_reset(curl); /* options only; connections stay */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says of proxies */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    if (call->body) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (code)
        return kpk_fail(err, KPK_WAIT, "%s %s: %s", method, url, curl_easy_strerror(code));
    reply->status = (int)status;
    if (client->len == 0) return 0;
    struct kpk_err why;
    reply->body = kpk_json_parse(client->body, client->len, &why);
    if (!reply->body)
        return kpk_fail(err, KPK_FATAL, "%s %s: answer %ld is %.120s", method, url, status,
                        why.msg);
    return 0;
}
