/* One record, for a person or as JSON; whatever is in it, a terminal is safe (safe.h).
 *
 *   tweets:3:128  2026-11-23T10:00:00.123Z  key 1
 *       content-type    application/json
 *       ce_id           019ab000-0000-7000-8000-000000000000
 *     {"tweet_id":"...","text":"good morning"}
 *
 * As JSON, one object a line: topic, partition, offset, timestamp_ms, key, headers (a list, as
 * names repeat), value. What is not UTF-8, or has a NUL in it, is base64 under another name:
 * key_base64, value_base64. */
#ifndef KPK_TOOLS_RECORD_H
#define KPK_TOOLS_RECORD_H

#include "common/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>

struct kpk_record_style {
    bool json;
    bool full; /* nothing is left out; JSON never leaves anything out */
};

/* returns  0, or -1 with 'err' (FATAL): memory is short */
int kpk_record_print(FILE *out, const rd_kafka_message_t *msg,
                     const struct kpk_record_style *style, struct kpk_err *err) KPK_MUST_CHECK;

/* "2026-11-23T10:00:00.123Z"; what no calendar has, as its number; "-" for none.
 * returns  'out', at least KPK_TIME_BYTES */
const char *kpk_record_time(int64_t ms, char *out);
/* Epoch milliseconds; -1: the record has none */
int64_t kpk_record_ms(const rd_kafka_message_t *msg);

/* The last header of this name, as whoever wrote it. returns false: there is none */
bool kpk_record_header(const rd_kafka_message_t *msg, const char *name, const void **value,
                       size_t *len);
/* Is there a header of this name with exactly this value? */
bool kpk_record_has(const rd_kafka_message_t *msg, const char *name, const void *value,
                    size_t len);

#endif
