/* What a record that is handed over says of itself: headers.h, written and read. */
#ifndef KPK_PATTERNS_RETRY_DLQ_LETTER_H
#define KPK_PATTERNS_RETRY_DLQ_LETTER_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

struct kpk_letter {
    const char *topic; /* where the record was read first, on the cluster */
    int32_t partition;
    int64_t offset;
    int tries;    /* so far */
    int redriven; /* by a person */
};

/* What a record in a tier of 'topic' says. Somebody else may have written it: of one that does not say
 * that it was read from that topic, nothing is believed.
 * letter  in: where it lies, no tries, never redriven; out: unless it is believed, the same; borrows 'topic' */
void kpk_letter_read(const rd_kafka_headers_t *headers, const char *topic,
                     struct kpk_letter *letter);

/* When it may be tried, in epoch milliseconds; 0, at once: it does not say so, or not in a number. */
int64_t kpk_letter_not_before(const rd_kafka_headers_t *headers);

struct kpk_letter_stamp {
    const char *group; /* that failed, on the cluster */
    const char *why;
    int64_t not_before_ms; /* 0: it is a dead letter */
    size_t left_out_bytes; /* 0: the record goes with it */
};

/* The headers of a record at its next hop: its own ('own', may be NULL), with those of this hop in
 * place of those of the one before.
 * returns  for rd_kafka_headers_destroy() */
rd_kafka_headers_t *kpk_letter_write(const rd_kafka_headers_t *own,
                                     const struct kpk_letter *letter,
                                     const struct kpk_letter_stamp *stamp);

#endif
