/* Events as CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is JSON.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 *
 *   content-type: application/json
 *   ce_specversion: 1.0
 *   ce_id: UUIDv7
 *   ce_source: /twitter
 *   ce_type: tweet.created
 *   ce_time: 2026-11-23T10:00:00.123Z
 *   ce_subject, traceparent: optional
 *
 * An attribute is text that is not empty, in UTF-8 without control characters. */
#ifndef KPK_COMMON_EVENT_H
#define KPK_COMMON_EVENT_H

#include "common/err.h"
#include "common/kafka.h"

#include <stdbool.h>
#include <stdint.h>

struct kpk_event {
    const char *id;
    const char *source;
    const char *type;
    const char *subject;     /* NULL: none */
    const char *traceparent; /* NULL: none; W3C trace context, passed on as it came */
    int64_t time_ms;         /* when it happened, epoch milliseconds */
    const char *key;         /* of the record; not NUL-terminated after a decode */
    size_t key_len;
    const char *data; /* JSON text; not NUL-terminated after a decode */
    size_t len;
    /* For an effect, as patterns/fanout says it; 0 of one that is sent. */
    bool last_try; /* if it fails once more it is a dead letter, unless that is 'uncounted' */
    int waited_ms; /* it lay in a retry tier: so long ago at least it failed before */
};

/* Queue 'event' for 'topic' (full name). Errors as kpk_producer_send(). */
int kpk_event_send(struct kpk_producer *producer, const char *topic,
                   const struct kpk_event *event, struct kpk_err *err) KPK_MUST_CHECK;

/* Read a record. Whoever wrote it may be a stranger: anything that is not an event as above is a
 * REJECT that says what is wrong. The value is not parsed; a traceparent that is none is NULL.
 * event  out; borrows from 'msg' */
int kpk_event_decode(const rd_kafka_message_t *msg, struct kpk_event *event,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* The two halves of it that need no broker: the attributes as headers, for
 * rd_kafka_headers_destroy(), and back. */
rd_kafka_headers_t *kpk_event_headers(const struct kpk_event *event);
int kpk_event_read_headers(const rd_kafka_headers_t *headers, struct kpk_event *event,
                           struct kpk_err *err) KPK_MUST_CHECK;

/* Is it a W3C trace context (https://www.w3.org/TR/trace-context/#traceparent-header)? One that
 * is not must be ignored, not refused. */
bool kpk_traceparent_valid(const char *text);

/* RFC 3339 in UTC with milliseconds. out at least KPK_TIME_BYTES. */
enum { KPK_TIME_BYTES = 32 };
const char *kpk_time_format(int64_t ms, char *out);
/* returns  0, or -1: not RFC 3339, or outside of the years 0000 to 9999 in UTC */
int kpk_time_parse(const char *text, int64_t *ms) KPK_MUST_CHECK;

#endif
