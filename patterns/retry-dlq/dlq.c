/* at-least-once -- a record's offset is committed only after its copy is acknowledged.
 *   effect rejects --> kpk_dlq_add() (1) --> kpk_dlq_wait() (2) --> the caller commits (3)
 * Crash between (2) and (3): the record comes again and is handed over again. */
#include "patterns/retry-dlq/dlq.h"

#include "common/log.h"
#include "common/metrics.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 20000,
    LINGER_MS = 5,
    LETTER_BYTES = 2048, /* at most: what a batch of one letter adds to its record */
};

static struct kpk_metric dead_letters = {
    .name = "kpk_dlq_records_total",
    .help = "Records handed over to a dead letter topic",
};

struct kpk_dlq {
    const struct kpk_group *group;
    struct kpk_producer *producer;
};

/* The producer takes the largest dead letter there can be, or one record could stop the group. */
static int largest_record(const struct kpk_group *group) {
    int largest = 0;

    for (const char *const *name = group->topics; *name; name++) {
        char dlq_name[KPK_NAME_BYTES];
        struct kpk_topic row;
        kpk_topic_dlq(kpk_topic_find(*name), group, dlq_name, &row);
        if (row.max_message_bytes > largest) largest = row.max_message_bytes;
    }
    return largest;
}

int kpk_dlq_open(struct kpk_dlq **out, const char *group, struct kpk_err *err) {
    struct kpk_dlq *dlq = calloc(1, sizeof(*dlq));

    *out = NULL;
    if (!dlq) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    dlq->group = kpk_group_find(group);
    if (!dlq->group || !dlq->group->dlq) {
        free(dlq);
        return kpk_fail(err, KPK_FATAL, "dlq: group %s has no dead letter topics", group);
    }
    if (kpk_producer_open(
            &dlq->producer,
            &(struct kpk_producer_opts){.durability = KPK_CRITICAL,
                                        .linger_ms = LINGER_MS,
                                        .max_message_bytes = largest_record(dlq->group)},
            err)) {
        free(dlq);
        return -1;
    }
    *out = dlq;
    return 0;
}

void kpk_dlq_close(struct kpk_dlq *dlq) {
    if (!dlq) return;
    kpk_producer_close(dlq->producer);
    free(dlq);
}

/* Of a length, as Kafka writes it: zigzag, seven bits to a byte. */
static size_t varint_bytes(size_t n) {
    size_t bytes = 1;

    for (n <<= 1; n >= 0x80; n >>= 7) bytes++;
    return bytes;
}

/* What the record brings, written out. */
static size_t record_bytes(const rd_kafka_message_t *msg) {
    size_t bytes = msg->key_len + msg->len, len;
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;

    if (rd_kafka_message_headers(msg, &headers)) return bytes;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &len); i++)
        bytes += varint_bytes(strlen(name)) + strlen(name) + varint_bytes(len) + len;
    return bytes;
}

/* The record's own headers, less those of an earlier hand-over, and the reason.
 * whole  the record goes with them; else they say how much there is, where it lies */
static rd_kafka_headers_t *dead_letter_headers(const struct kpk_dlq *dlq,
                                               const rd_kafka_message_t *msg, bool whole,
                                               const struct kpk_err *why) {
    rd_kafka_headers_t *original = NULL, *headers;
    char partition[16], offset[24], group[KPK_NAME_BYTES], left_out[32];
    const char *const pairs[][2] = {
        {"__dlq.errors.topic", rd_kafka_topic_name(msg->rkt)},
        {"__dlq.errors.partition", partition},
        {"__dlq.errors.offset", offset},
        {"__dlq.errors.group", kpk_full_name(dlq->group->name, group)},
        {"__dlq.errors.delivery.count", "1"},
        {"__dlq.errors.message", why->msg},
        {"kpk-left-out-bytes", whole ? NULL : left_out},
    };

    snprintf(partition, sizeof(partition), "%" PRId32, msg->partition);
    snprintf(offset, sizeof(offset), "%" PRId64, msg->offset);
    snprintf(left_out, sizeof(left_out), "%zu", record_bytes(msg));
    if (whole) rd_kafka_message_headers(msg, &original);
    headers = original ? rd_kafka_headers_copy(original) : rd_kafka_headers_new(8);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        rd_kafka_header_remove(headers, pairs[i][0]);
        if (pairs[i][1]) rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
    }
    return headers;
}

int kpk_dlq_add(struct kpk_dlq *dlq, const rd_kafka_message_t *msg, const struct kpk_err *why,
                struct kpk_err *err) {
    const char *source = rd_kafka_topic_name(msg->rkt), *base = kpk_base_name(source);
    const struct kpk_topic *topic = base ? kpk_topic_find(base) : NULL;
    char name[KPK_NAME_BYTES], full_name[KPK_NAME_BYTES];
    struct kpk_topic row;
    struct kpk_quoted quoted;

    if (!topic)
        return kpk_fail(err, KPK_FATAL, "dlq: topic %.100s: not in the topology", source);
    kpk_topic_dlq(topic, dlq->group, name, &row);
    /* The topology left room for the largest record; but a broker counts them as they come, and one
     * that was compressed may be of any size. It stays where it is until retention takes it. */
    bool whole = record_bytes(msg) + LETTER_BYTES <= (size_t)row.max_message_bytes;
    if (kpk_producer_send(dlq->producer, kpk_full_name(name, full_name),
                          whole ? msg->key : NULL, whole ? msg->key_len : 0,
                          whole ? msg->payload : NULL, whole ? msg->len : 0,
                          dead_letter_headers(dlq, msg, whole, why), err)) {
        /* It fits; if it does not, dropping it is no answer. */
        if (err->verdict == KPK_REJECT) err->verdict = KPK_FATAL;
        return -1;
    }
    kpk_warn("dead-letter",
             "topic=%s partition=%" PRId32 " offset=%" PRId64 " group=%s whole=%s reason=%s",
             source, msg->partition, msg->offset, dlq->group->name, whole ? "yes" : "no",
             kpk_quote(&quoted, why->msg));
    kpk_metric_add(&dead_letters, 1);
    return 0;
}

int kpk_dlq_wait(struct kpk_dlq *dlq, struct kpk_err *err) {
    return kpk_producer_wait(dlq->producer, WAIT_MS, err);
}
