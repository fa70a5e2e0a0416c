/* at-least-once -- a record's offset is committed only after its copy is acknowledged.
 *   effect fails --> kpk_retry_hand_over() (1) --> kpk_retry_wait() (2) --> the caller commits (3)
 * Crash between (2) and (3): the record comes again, and what fails again is handed over again. */
#include "patterns/retry-dlq/retry.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/metrics.h"
#include "patterns/retry-dlq/letter.h"
#include "patterns/retry-dlq/tier.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 20000,
    LINGER_MS = 1,
    LETTER_BYTES = 2048, /* at most: what a batch of one letter adds to its record */
};

static struct kpk_metric dead_letters = {
    .name = "kpk_dlq_records_total",
    .help = "Records handed over to a dead letter topic",
};
static struct kpk_metric retries = {
    .name = "kpk_retry_records_total",
    .help = "Records handed over to a retry tier",
};

struct kpk_retry {
    const struct kpk_group *group;
    char group_name[KPK_NAME_BYTES]; /* on the cluster */
    struct kpk_producer *producer;
    size_t queued; /* since the last kpk_retry_wait() */
    struct kpk_metric *dead_letters;
    struct kpk_metric *retries[KPK_GROUP_RETRIES]; /* of each tier */
};

/* --- set-up ------------------------------------------------------------------------------ */

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

/* All of them are shown from the start: an alert compares with what was there before. */
static void label_metrics(struct kpk_retry *retry) {
    const struct kpk_group *group = retry->group;
    char labels[sizeof(dead_letters.labels)], name[KPK_NAME_BYTES];
    struct kpk_topic row;

    snprintf(labels, sizeof(labels), "group=\"%s\"", group->name);
    retry->dead_letters = kpk_metric_with(&dead_letters, labels);
    kpk_metric_add(retry->dead_letters, 0);
    for (int tier = 0; tier < kpk_group_retries(group); tier++) {
        kpk_topic_retry(kpk_topic_find(group->topics[0]), group, tier, name, &row);
        snprintf(labels, sizeof(labels), "group=\"%s\",tier=\"%s\"", group->name,
                 strrchr(name, '-') + 1);
        retry->retries[tier] = kpk_metric_with(&retries, labels);
        kpk_metric_add(retry->retries[tier], 0);
    }
}

int kpk_retry_open(struct kpk_retry **out, const char *group, struct kpk_err *err) {
    struct kpk_retry *retry = calloc(1, sizeof(*retry));

    *out = NULL;
    if (!retry) return kpk_fail(err, KPK_FATAL, "retry: no memory");
    retry->group = kpk_group_find(group);
    if (!retry->group || !retry->group->dlq) {
        kpk_fail(err, KPK_FATAL, "retry: group %s has no dead letter topics", group);
        goto fail;
    }
    kpk_full_name(group, retry->group_name);
    label_metrics(retry);
    if (kpk_producer_open(
            &retry->producer,
            &(struct kpk_producer_opts){.durability = KPK_CRITICAL,
                                        .linger_ms = LINGER_MS,
                                        .max_message_bytes = largest_record(retry->group)},
            err))
        goto fail;
    *out = retry;
    return 0;
fail:
    free(retry);
    return -1;
}

void kpk_retry_close(struct kpk_retry *retry) {
    if (!retry) return;
    kpk_producer_close(retry->producer);
    free(retry);
}

/* --- one record -------------------------------------------------------------------------- */

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

/* Where a record goes next, and what goes with it. */
struct hop {
    char topic[KPK_NAME_BYTES]; /* on the cluster */
    int tier;                   /* KPK_TIER_NONE: a dead letter */
    bool whole;
    struct kpk_letter letter;
    char first[KPK_NAME_BYTES]; /* letter.topic, when it came from a tier */
};

/* The topology left room for the largest record; but a broker counts them as they come, and one that
 * was compressed may be of any size. It stays where it is until retention takes it, and waiting
 * makes it no smaller. */
static int next_hop(const struct kpk_retry *retry, const rd_kafka_message_t *msg,
                    const struct kpk_err *why, struct hop *hop, struct kpk_err *err) {
    const char *source = rd_kafka_topic_name(msg->rkt);
    rd_kafka_headers_t *headers = NULL;
    struct kpk_place place;
    struct kpk_topic row;
    char name[KPK_NAME_BYTES];

    if (!kpk_place_find(retry->group, source, &place))
        return kpk_fail(err, KPK_FATAL, "retry: topic %.100s: not of group %s", source,
                        retry->group->name);
    hop->letter = (struct kpk_letter){source, msg->partition, msg->offset, 0, 0};
    rd_kafka_message_headers(msg, &headers);
    if (place.tier != KPK_TIER_NONE)
        kpk_letter_read(headers, kpk_full_name(place.topic->name, hop->first), &hop->letter);
    hop->letter.tries++;
    kpk_topic_dlq(place.topic, retry->group, name, &row);
    hop->whole = record_bytes(msg) + LETTER_BYTES <= (size_t)row.max_message_bytes;
    hop->tier = why->verdict == KPK_RETRY && hop->whole
                    ? kpk_tier_next(retry->group, place.tier, why)
                    : KPK_TIER_NONE;
    if (hop->tier != KPK_TIER_NONE)
        kpk_topic_retry(place.topic, retry->group, hop->tier, name, &row);
    kpk_full_name(name, hop->topic);
    return 0;
}

void kpk_retry_tell(const struct kpk_retry *retry, const rd_kafka_message_t *msg,
                    struct kpk_event *event) {
    static const struct kpk_err failed = {.verdict = KPK_RETRY};
    struct kpk_place place;

    event->last_try = false;
    event->waited_ms = 0;
    if (!kpk_place_find(retry->group, rd_kafka_topic_name(msg->rkt), &place)) return;
    event->last_try = kpk_tier_next(retry->group, place.tier, &failed) == KPK_TIER_NONE;
    if (place.tier != KPK_TIER_NONE) event->waited_ms = retry->group->retry_ms[place.tier];
}

static int send_on(struct kpk_retry *retry, const rd_kafka_message_t *msg,
                   const struct hop *hop, const struct kpk_err *why, struct kpk_err *err) {
    bool whole = hop->whole;
    rd_kafka_headers_t *own = NULL;
    const struct kpk_letter_stamp stamp = {
        .group = retry->group_name,
        .why = why->msg,
        .not_before_ms =
            hop->tier == KPK_TIER_NONE ? 0 : kpk_now_ms() + retry->group->retry_ms[hop->tier],
        .left_out_bytes = whole ? 0 : record_bytes(msg),
    };

    if (whole) rd_kafka_message_headers(msg, &own);
    if (!kpk_producer_send(retry->producer, hop->topic, whole ? msg->key : NULL,
                           whole ? msg->key_len : 0, whole ? msg->payload : NULL,
                           whole ? msg->len : 0, kpk_letter_write(own, &hop->letter, &stamp),
                           err))
        return 0;
    /* It fits; if it does not, dropping it is no answer. */
    if (err->verdict == KPK_REJECT) err->verdict = KPK_FATAL;
    return -1;
}

static void tell(const struct kpk_retry *retry, const struct hop *hop,
                 const struct kpk_err *why) {
    bool dead = hop->tier == KPK_TIER_NONE;
    const struct kpk_letter *letter = &hop->letter;
    struct kpk_quoted quoted;

    kpk_log_at(dead ? KPK_LOG_WARN : KPK_LOG_INFO, dead ? "dead-letter" : "retry",
               "topic=%s partition=%" PRId32 " offset=%" PRId64
               " group=%s count=%d to=%s whole=%s reason=%s",
               letter->topic, letter->partition, letter->offset, retry->group->name,
               letter->tries, hop->topic, hop->whole ? "yes" : "no",
               kpk_quote(&quoted, why->msg));
    kpk_metric_add(dead ? retry->dead_letters : retry->retries[hop->tier], 1);
}

int kpk_retry_hand_over(struct kpk_retry *retry, const rd_kafka_message_t *msg,
                        const struct kpk_err *why, struct kpk_err *err) {
    struct hop hop = {0};

    if (next_hop(retry, msg, why, &hop, err)) return -1;
    if (send_on(retry, msg, &hop, why, err)) return -1;
    retry->queued++;
    tell(retry, &hop, why);
    return kpk_fault("retry:one-sent", err);
}

int kpk_retry_wait(struct kpk_retry *retry, struct kpk_err *err) {
    if (retry->queued == 0) return 0;
    retry->queued = 0;
    if (kpk_fault("retry:all-sent", err)) return -1;
    if (kpk_producer_wait(retry->producer, WAIT_MS, err)) return -1;
    return kpk_fault("retry:acknowledged", err);
}
