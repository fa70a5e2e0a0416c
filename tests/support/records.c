#include "tests/support/records.h"

#include <string.h>

enum { BATCH_HEADER_BYTES = 61 };

/* Zigzag, seven bits to a byte; a null key is -1, which is as long as 0. */
static size_t varint_bytes(size_t n) {
    size_t bytes = 1;

    for (n <<= 1; n >= 0x80; n >>= 7) bytes++;
    return bytes;
}

/* https://kafka.apache.org/documentation/#record, whose deltas are 0 in the first of a batch. */
static size_t batch_bytes_of(size_t value_len, size_t key_len,
                             const rd_kafka_headers_t *headers) {
    size_t body = 3, count = headers ? rd_kafka_header_cnt(headers) : 0, len;
    const char *name;
    const void *value;

    body += varint_bytes(key_len) + key_len + varint_bytes(value_len) + value_len;
    body += varint_bytes(count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        body += varint_bytes(strlen(name)) + strlen(name) + varint_bytes(len) + len;
    }
    return BATCH_HEADER_BYTES + varint_bytes(body) + body;
}

size_t record_largest_value(size_t batch_bytes, size_t key_len,
                            const rd_kafka_headers_t *headers) {
    size_t len = batch_bytes - batch_bytes_of(0, key_len, headers);

    while (batch_bytes_of(len, key_len, headers) > batch_bytes) len--;
    return len;
}

void record_fill_hostile(char *value, size_t len) {
    static const char unit[] = "\x1b[2J\x1b]0;owned\x07\r\n\xe2\x80\xae\xc2\x9b\xff\xc0\x80\xed"
                               "\xa0\x80%n\0\"\\";

    for (size_t i = 0; i < len; i++) value[i] = unit[i % (sizeof(unit) - 1)];
}
