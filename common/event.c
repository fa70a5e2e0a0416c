#include "common/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JSON_TYPE "application/json"

const char *kpk_time_format(int64_t ms, char *out) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    size_t n;

    gmtime_r(&seconds, &utc);
    n = strftime(out, KPK_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, KPK_TIME_BYTES - n, ".%03dZ", (int)(ms % 1000));
    return out;
}

int kpk_time_parse(const char *text, int64_t *ms) {
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    int64_t fraction = 0, offset_s = 0;

    if (!rest) return -1;
    if (*rest == '.') {
        int64_t digit = 100;
        if (rest[1] < '0' || rest[1] > '9') return -1;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, digit /= 10)
            fraction += (*rest - '0') * digit;
    }
    if (*rest == '+' || *rest == '-') {
        static const char digits[] = "0123456789";
        if (strlen(rest) != 6 || strspn(rest + 1, digits) != 2 || rest[3] != ':' ||
            strspn(rest + 4, digits) != 2)
            return -1;
        offset_s = (atoi(rest + 1) * 60 + atoi(rest + 4)) * 60 * (*rest == '+' ? 1 : -1);
    } else if (strcmp(rest, "Z") != 0 && strcmp(rest, "z") != 0) {
        return -1;
    }
    *ms = ((int64_t)timegm(&utc) - offset_s) * 1000 + fraction;
    return 0;
}

int kpk_event_send(struct kpk_producer *producer, const char *topic,
                   const struct kpk_event *event, struct kpk_err *err) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    char time[KPK_TIME_BYTES];
    const char *const pairs[][2] = {
        {"content-type", JSON_TYPE},    {"ce_specversion", "1.0"},
        {"ce_id", event->id},           {"ce_source", event->source},
        {"ce_type", event->type},       {"ce_time", kpk_time_format(event->time_ms, time)},
        {"ce_subject", event->subject}, {"traceparent", event->traceparent},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        if (pairs[i][1]) rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
    return kpk_producer_send(producer, topic, event->key, event->key_len, event->data,
                             event->len, headers, err);
}

/* The attribute 'name', or NULL; librdkafka ends every value with a NUL that is not part of it. */
static const char *header(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t len;

    if (!headers || rd_kafka_header_get_last(headers, name, &value, &len) || !value)
        return NULL;
    return strlen(value) == len ? value : NULL;
}

int kpk_event_decode(const rd_kafka_message_t *msg, struct kpk_event *event,
                     struct kpk_err *err) {
    rd_kafka_headers_t *headers = NULL;
    const char *version, *content_type, *time;
    const struct {
        const char *name;
        const char **value;
    } required[] = {
        {"ce_specversion", &version},  {"content-type", &content_type}, {"ce_id", &event->id},
        {"ce_source", &event->source}, {"ce_type", &event->type},       {"ce_time", &time},
    };

    rd_kafka_message_headers(msg, &headers);
    for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++) {
        *required[i].value = header(headers, required[i].name);
        if (!*required[i].value)
            return kpk_fail(err, KPK_REJECT, "not an event: header %s is missing",
                            required[i].name);
    }
    if (strcmp(version, "1.0") != 0)
        return kpk_fail(err, KPK_REJECT, "not an event: ce_specversion is '%.20s', not 1.0",
                        version);
    if (strncmp(content_type, JSON_TYPE, strlen(JSON_TYPE)) != 0)
        return kpk_fail(err, KPK_REJECT,
                        "not an event: content-type is '%.60s', not " JSON_TYPE, content_type);
    if (kpk_time_parse(time, &event->time_ms))
        return kpk_fail(err, KPK_REJECT, "not an event: ce_time '%.40s' is not RFC 3339", time);
    if (!msg->payload || msg->len == 0)
        return kpk_fail(err, KPK_REJECT, "not an event: the value is %s",
                        msg->payload ? "empty" : "null");
    event->subject = header(headers, "ce_subject");
    event->traceparent = header(headers, "traceparent");
    event->key = msg->key;
    event->key_len = msg->key_len;
    event->data = msg->payload;
    event->len = msg->len;
    return 0;
}
