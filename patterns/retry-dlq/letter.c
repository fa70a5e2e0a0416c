#include "patterns/retry-dlq/letter.h"

#include "patterns/retry-dlq/headers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS = 18, /* always fit an int64_t */
    REDRIVEN_MAX = 1000000,
};

/* --- read -------------------------------------------------------------------------------- */

/* returns  NULL: there is none, or it is no text. librdkafka ends each with a NUL. */
static const char *text(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t len;

    if (!headers || rd_kafka_header_get_last(headers, name, &value, &len) || !value)
        return NULL;
    return strlen(value) == len ? value : NULL;
}

/* Digits and nothing else. */
static bool number(const rd_kafka_headers_t *headers, const char *name, int64_t max,
                   int64_t *out) {
    const char *digits = text(headers, name);

    if (!digits || !*digits || strlen(digits) > DIGITS) return false;
    if (digits[strspn(digits, "0123456789")]) return false;
    *out = strtoll(digits, NULL, 10);
    return *out <= max;
}

void kpk_letter_read(const rd_kafka_headers_t *headers, const char *topic,
                     struct kpk_letter *letter) {
    const char *first = text(headers, KPK_ERRORS_TOPIC);
    int64_t partition, offset, tries, redriven;

    if (!first || strcmp(first, topic) != 0) return;
    if (!number(headers, KPK_ERRORS_PARTITION, INT32_MAX, &partition)) return;
    if (!number(headers, KPK_ERRORS_OFFSET, INT64_MAX, &offset)) return;
    letter->topic = topic;
    letter->partition = (int32_t)partition;
    letter->offset = offset;
    if (number(headers, KPK_ERRORS_DELIVERY_COUNT, INT32_MAX - 1, &tries))
        letter->tries = (int)tries;
    if (number(headers, KPK_REDRIVEN, REDRIVEN_MAX, &redriven))
        letter->redriven = (int)redriven;
}

int64_t kpk_letter_not_before(const rd_kafka_headers_t *headers) {
    int64_t ms;

    return number(headers, KPK_NOT_BEFORE, INT64_MAX, &ms) ? ms : 0;
}

/* --- write ------------------------------------------------------------------------------- */

rd_kafka_headers_t *kpk_letter_write(const rd_kafka_headers_t *own,
                                     const struct kpk_letter *letter,
                                     const struct kpk_letter_stamp *stamp) {
    rd_kafka_headers_t *headers = own ? rd_kafka_headers_copy(own) : rd_kafka_headers_new(8);
    char partition[16], offset[24], tries[16], not_before[24], left_out[24], redriven[16];
    const char *const pairs[][2] = {
        {KPK_ERRORS_TOPIC, letter->topic},
        {KPK_ERRORS_PARTITION, partition},
        {KPK_ERRORS_OFFSET, offset},
        {KPK_ERRORS_GROUP, stamp->group},
        {KPK_ERRORS_DELIVERY_COUNT, tries},
        {KPK_ERRORS_MESSAGE, stamp->why},
        {KPK_NOT_BEFORE, stamp->not_before_ms ? not_before : NULL},
        {KPK_LEFT_OUT, stamp->left_out_bytes ? left_out : NULL},
        {KPK_REDRIVEN, letter->redriven ? redriven : NULL},
    };

    snprintf(partition, sizeof(partition), "%" PRId32, letter->partition);
    snprintf(offset, sizeof(offset), "%" PRId64, letter->offset);
    snprintf(tries, sizeof(tries), "%d", letter->tries);
    snprintf(redriven, sizeof(redriven), "%d", letter->redriven);
    snprintf(not_before, sizeof(not_before), "%" PRId64, stamp->not_before_ms);
    snprintf(left_out, sizeof(left_out), "%zu", stamp->left_out_bytes);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        rd_kafka_header_remove(headers, pairs[i][0]);
        if (pairs[i][1]) rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
    }
    return headers;
}
