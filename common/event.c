#include "common/event.h"

#include "common/json.h"
#include "common/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JSON_TYPE "application/json"

/* --- time -------------------------------------------------------------------------------- */

const char *kpk_time_format(int64_t ms, char *out) {
    int64_t fraction = (ms % 1000 + 1000) % 1000; /* time before 1970 runs forward too */
    time_t seconds = (time_t)((ms - fraction) / 1000);
    struct tm utc;
    size_t n;

    gmtime_r(&seconds, &utc);
    n = (size_t)snprintf(out, KPK_TIME_BYTES, "%04d", utc.tm_year + 1900); /* %Y does not pad */
    n += strftime(out + n, KPK_TIME_BYTES - n, "-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, KPK_TIME_BYTES - n, ".%03dZ", (int)fraction);
    return out;
}

/* Does 'text' begin like 'shape', in which 0 stands for any digit and T for a t too? */
static bool begins_like(const char *text, const char *shape) {
    for (; *shape; shape++, text++) {
        if (*shape == '0' ? *text < '0' || *text > '9'
                          : *text != *shape && !(*shape == 'T' && *text == 't'))
            return false;
    }
    return true;
}

static int number(const char *digits, int count) {
    int n = 0;

    for (int i = 0; i < count; i++) n = n * 10 + (digits[i] - '0');
    return n;
}

static int days_of(int year, int month) {
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (month == 2) return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* "Z", "+01:00". returns 0, or -1 */
static int parse_offset(const char *text, int *offset_s) {
    *offset_s = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) return 0;
    if ((*text != '+' && *text != '-') || !begins_like(text + 1, "00:00") || text[6]) return -1;
    if (number(text + 1, 2) > 23 || number(text + 4, 2) > 59) return -1;
    *offset_s = (number(text + 1, 2) * 60 + number(text + 4, 2)) * (*text == '+' ? 60 : -60);
    return 0;
}

/* By hand: strptime(3) takes blanks, signs, single digits and the 31st of February. */
int kpk_time_parse(const char *text, int64_t *ms) {
    static const int64_t first = -62167219200, last = 253402300799; /* 0000-01-01, 9999-12-31 */
    int fraction = 0, digit = 100, offset_s;
    int64_t seconds;

    if (!begins_like(text, "0000-00-00T00:00:00")) return -1;
    struct tm utc = {.tm_year = number(text, 4) - 1900,
                     .tm_mon = number(text + 5, 2) - 1,
                     .tm_mday = number(text + 8, 2),
                     .tm_hour = number(text + 11, 2),
                     .tm_min = number(text + 14, 2),
                     .tm_sec = number(text + 17, 2)};
    if (utc.tm_mon < 0 || utc.tm_mon > 11 || utc.tm_mday < 1 ||
        utc.tm_mday > days_of(utc.tm_year + 1900, utc.tm_mon + 1) || utc.tm_hour > 23 ||
        utc.tm_min > 59 || utc.tm_sec > 60) /* 60: a leap second, which time_t has not */
        return -1;
    text += strlen("0000-00-00T00:00:00");
    if (*text == '.') {
        if (!begins_like(++text, "0")) return -1;
        for (; *text >= '0' && *text <= '9'; text++, digit /= 10)
            fraction += (*text - '0') * digit;
    }
    if (parse_offset(text, &offset_s)) return -1;
    seconds = timegm(&utc) - offset_s;
    *ms = seconds * 1000 + fraction;
    return seconds >= first && seconds <= last ? 0 : -1;
}

/* --- trace context ----------------------------------------------------------------------- */

bool kpk_traceparent_valid(const char *text) {
    static const char shape[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    size_t i;

    for (i = 0; shape[i]; i++)
        if (shape[i] == '-' ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
            return false;
    if (strncmp(text, "ff", 2) == 0 || strspn(text + 3, "0") == 32 ||
        strspn(text + 36, "0") == 16)
        return false;
    /* A version to come may have more to say, in visible characters. */
    if (strncmp(text, "00", 2) == 0 || text[i] == '\0') return text[i] == '\0';
    if (text[i] != '-') return false;
    for (; text[i]; i++)
        if (text[i] <= ' ' || text[i] > '~') return false;
    return true;
}

/* --- send -------------------------------------------------------------------------------- */

rd_kafka_headers_t *kpk_event_headers(const struct kpk_event *event) {
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
    return headers;
}

int kpk_event_send(struct kpk_producer *producer, const char *topic,
                   const struct kpk_event *event, struct kpk_err *err) {
    return kpk_producer_send(producer, topic, event->key, event->key_len, event->data,
                             event->len, kpk_event_headers(event), err);
}

/* --- decode ------------------------------------------------------------------------------ */

static const char missing[] = "is missing";

/* librdkafka ends every value with a NUL that is not part of it.
 * out      the attribute 'name'; NULL when something is wrong
 * returns  what that is, or NULL */
static const char *read_attribute(const rd_kafka_headers_t *headers, const char *name,
                                  const char **out) {
    const char *text;
    const void *value;
    size_t len;

    *out = NULL;
    if (!headers || rd_kafka_header_get_last(headers, name, &value, &len) || !value)
        return missing;
    text = value;
    if (len == 0) return "is empty";
    if (!kpk_utf8_valid(text, len, NULL)) return "is not UTF-8";
    for (size_t at = 0, step; at < len; at += step) {
        step = kpk_utf8_next(text + at, len - at);
        if (kpk_utf8_control(kpk_utf8_point(text + at, step)))
            return "has a control character in it";
    }
    *out = text;
    return NULL;
}

int kpk_event_read_headers(const rd_kafka_headers_t *headers, struct kpk_event *event,
                           struct kpk_err *err) {
    const char *version, *content_type, *time, *why;
    const struct {
        const char *name;
        const char **value;
    } required[] = {
        {"ce_specversion", &version},  {"content-type", &content_type}, {"ce_id", &event->id},
        {"ce_source", &event->source}, {"ce_type", &event->type},       {"ce_time", &time},
    };

    for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++)
        if ((why = read_attribute(headers, required[i].name, required[i].value)))
            return kpk_fail(err, KPK_REJECT, "not an event: header %s %s", required[i].name,
                            why);
    if (strcmp(version, "1.0") != 0)
        return kpk_fail(err, KPK_REJECT, "not an event: ce_specversion is '%.20s', not 1.0",
                        version);
    if (!kpk_json_type(content_type))
        return kpk_fail(err, KPK_REJECT,
                        "not an event: content-type is '%.60s', not " JSON_TYPE, content_type);
    if (kpk_time_parse(time, &event->time_ms))
        return kpk_fail(err, KPK_REJECT, "not an event: ce_time '%.40s' is not RFC 3339", time);
    why = read_attribute(headers, "ce_subject", &event->subject);
    if (why && why != missing)
        return kpk_fail(err, KPK_REJECT, "not an event: header ce_subject %s", why);
    read_attribute(headers, "traceparent", &event->traceparent);
    if (event->traceparent && !kpk_traceparent_valid(event->traceparent))
        event->traceparent = NULL;
    return 0;
}

int kpk_event_decode(const rd_kafka_message_t *msg, struct kpk_event *event,
                     struct kpk_err *err) {
    rd_kafka_headers_t *headers = NULL;

    rd_kafka_message_headers(msg, &headers);
    if (kpk_event_read_headers(headers, event, err)) return -1;
    if (!msg->payload || msg->len == 0)
        return kpk_fail(err, KPK_REJECT, "not an event: the value is %s",
                        msg->payload ? "empty" : "null");
    event->key = msg->key;
    event->key_len = msg->key_len;
    event->data = msg->payload;
    event->len = msg->len;
    return 0;
}
