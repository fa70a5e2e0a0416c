/* The two that speak HTTP: one POST, and a status that decides. What the body says only explains it. */
#include "services/notification/transfer.h"

#include "common/json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int transfer_header(struct transfer *transfer, const char *name, const char *value) {
    char line[TRANSFER_LINE_BYTES + 64];
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *more;

    if (len < 0 || (size_t)len >= sizeof(line)) return -1;
    if (!(more = curl_slist_append(transfer->headers, line))) return -1;
    transfer->headers = more;
    return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx) {
    struct transfer *transfer = ctx;
    size_t len = size * count, room = TRANSFER_ANSWER_BYTES - transfer->answer_bytes;

    memcpy(transfer->answer + transfer->answer_bytes, data, len < room ? len : room);
    transfer->answer_bytes += len < room ? len : room;
    return len;
}

int transfer_post(struct transfer *transfer, const char *path, const char *content_type,
                  char *body) {
    const struct transfer_target *target = transfer->target;
    CURL *curl = transfer->curl;
    char url[2 * TRANSFER_URL_BYTES];

    transfer->body = body;
    if (!body || transfer_header(transfer, "Content-Type", content_type) ||
        transfer_header(transfer, "Idempotency-Key", transfer->key))
        return -1;
    snprintf(url, sizeof(url), "%s%s", target->url, path);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return curl_easy_setopt(curl, CURLOPT_URL, url) ? -1 : 0;
}

static void read_words(struct transfer *transfer,
                       void (*read)(const cJSON *answer, struct transfer_words *words),
                       struct transfer_words *words) {
    struct kpk_err not_json;
    cJSON *answer;

    *words = (struct transfer_words){0};
    answer = kpk_json_parse(transfer->answer, transfer->answer_bytes, &not_json);
    if (answer) read(answer, words);
    cJSON_Delete(answer);
}

/* Retry-After in seconds or as a date, read by libcurl. 0: no word of it, or a time that has passed */
static int retry_after_ms(CURL *curl) {
    curl_off_t seconds = 0;

    if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) || seconds <= 0) return 0;
    return seconds > INT_MAX / 1000 ? INT_MAX : (int)seconds * 1000;
}

enum gateway_result transfer_judge_http(struct transfer *transfer, CURLcode code,
                                        void (*read)(const cJSON *answer,
                                                     struct transfer_words *words)) {
    struct notification_delivery *delivery = transfer->delivery;
    const char *name = gateway_name(transfer->gateway);
    struct transfer_words words;
    long status = 0;

    if (code) {
        kpk_fail(&delivery->outcome, KPK_RETRY, "%s: no answer: %s", name,
                 *transfer->error ? transfer->error : curl_easy_strerror(code));
        return GATEWAY_FAILED;
    }
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    read_words(transfer, read, &words);
    if (status >= 200 && status < 300) {
        delivery->outcome = (struct kpk_err){.verdict = KPK_OK};
        if (*words.id) strcpy(delivery->provider_id, words.id);
        return GATEWAY_ACCEPTED;
    }
    bool later = status == 408 || status == 429, ours = status == 401;
    bool refused = status >= 400 && status < 500 && !later && !ours;
    kpk_fail(&delivery->outcome, refused ? KPK_REJECT : KPK_RETRY, "%s: %ld %s", name, status,
             words.why);
    delivery->outcome.retry_after_ms = refused ? 0 : retry_after_ms(transfer->curl);
    return refused ? GATEWAY_REJECTED : later ? GATEWAY_THROTTLED : GATEWAY_FAILED;
}
