/* Records at the limit: how large the value of one may be, and bytes that do harm wherever they
 * are printed. */
#ifndef KPK_TESTS_SUPPORT_RECORDS_H
#define KPK_TESTS_SUPPORT_RECORDS_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>

/* The value that fills a batch, with one record and not compressed, up to 'batch_bytes': what a
 * broker compares with max.message.bytes.
 * headers  may be NULL */
size_t record_largest_value(size_t batch_bytes, size_t key_len,
                            const rd_kafka_headers_t *headers);

/* Escape sequences, controls of both kinds, halves of characters, NUL: again and again. */
void record_fill_hostile(char *value, size_t len);

#endif
