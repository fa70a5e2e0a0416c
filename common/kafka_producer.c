#include "common/kafka.h"

#include "common/clock.h"
#include "common/metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    QUEUE_FULL_TIMEOUT_MS = 5000,
    /* Shorter than a client's patience, longer than a broker's fail-over. */
    DELIVERY_TIMEOUT_MS = 15000,
};

static struct kpk_metric sent = {
    .name = "messaging_client_sent_messages_total",
    .help = "Records acknowledged by Kafka",
};
static struct kpk_metric failures = {
    .name = "kpk_producer_failed_deliveries_total",
    .help = "Records whose delivery report was an error",
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque) {
    struct kpk_producer *producer = opaque;

    producer->unacked--;
    if (!msg->err) {
        kpk_metric_add(&sent, 1);
        return;
    }
    kpk_metric_add(&failures, 1);
    if (producer->failed++ == 0)
        kpk_fail(&producer->failure, rd_kafka_fatal_error(rk, NULL, 0) ? KPK_FATAL : KPK_WAIT,
                 "kafka: %s [%d]: not delivered: %s", rd_kafka_topic_name(msg->rkt),
                 msg->partition, rd_kafka_err2str(msg->err));
}

int kpk_producer_open(struct kpk_producer **out, const struct kpk_producer_opts *opts,
                      struct kpk_err *err) {
    static const char *const acks[] = {
        [KPK_CRITICAL] = "all", [KPK_TELEMETRY] = "1", [KPK_LOSSY] = "0"};
    struct kpk_producer *producer = calloc(1, sizeof(*producer));
    char linger[16], timeout[16], bytes[16], why[160];
    const char *pairs[32] = {
        "acks", acks[opts->durability], "enable.idempotence",
        opts->durability == KPK_CRITICAL ? "true" : "false", "linger.ms", linger,
        "delivery.timeout.ms", timeout,
        /* Java's hash, so that every client of the cluster puts a key into the same partition */
        "partitioner", "murmur2_random"};
    size_t n = 10;
    rd_kafka_conf_t *conf;

    *out = NULL;
    if (!producer) return kpk_fail(err, KPK_FATAL, "producer: no memory");
    snprintf(linger, sizeof(linger), "%d", opts->linger_ms);
    snprintf(timeout, sizeof(timeout), "%d", DELIVERY_TIMEOUT_MS);
    if (opts->max_message_bytes) {
        snprintf(bytes, sizeof(bytes), "%d", opts->max_message_bytes);
        pairs[n++] = "message.max.bytes";
        pairs[n++] = bytes;
    }
    if (opts->transactional_id) {
        pairs[n++] = "transactional.id";
        pairs[n++] = opts->transactional_id;
    }
    conf = kpk_kafka_conf(pairs, err);
    if (!conf) goto fail;
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, producer);
    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!producer->rk) {
        rd_kafka_conf_destroy(conf);
        kpk_fail(err, KPK_FATAL, "producer: %s", why);
        goto fail;
    }
    *out = producer;
    return 0;
fail:
    free(producer);
    return -1;
}

/* Reports for what is purged are served too, so that none comes later for a batch sent again. */
static void purge(struct kpk_producer *producer) {
    rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (producer->unacked > 0) rd_kafka_poll(producer->rk, 100);
}

void kpk_producer_close(struct kpk_producer *producer) {
    if (!producer) return;
    purge(producer);
    rd_kafka_destroy(producer->rk);
    free(producer);
}

int kpk_producer_send(struct kpk_producer *producer, const char *topic, const void *key,
                      size_t key_len, const void *value, size_t value_len,
                      rd_kafka_headers_t *headers, struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + QUEUE_FULL_TIMEOUT_MS;
    rd_kafka_resp_err_t code;

    for (;;) {
        code = rd_kafka_producev(
            producer->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, key_len),
            RD_KAFKA_V_VALUE((void *)value, value_len), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || kpk_mono_ms() > until) break;
        rd_kafka_poll(producer->rk, 10);
    }
    if (!code) {
        producer->unacked++;
        rd_kafka_poll(producer->rk, 0);
        return 0;
    }
    if (headers) rd_kafka_headers_destroy(headers); /* librdkafka takes them only on success */
    return kpk_fail(err,
                    code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? KPK_REJECT
                    : code == RD_KAFKA_RESP_ERR__QUEUE_FULL      ? KPK_WAIT
                                                                 : KPK_FATAL,
                    "kafka: %s: record of %zu bytes: %s", topic, value_len,
                    rd_kafka_err2str(code));
}

int kpk_producer_wait(struct kpk_producer *producer, int timeout_ms, struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + timeout_ms;

    /* Not rd_kafka_flush(): it waits in steps of 10 ms. */
    while (producer->unacked > 0 && producer->failed == 0) {
        int64_t left = until - kpk_mono_ms();
        if (left <= 0) {
            producer->failed++;
            kpk_fail(&producer->failure, KPK_WAIT,
                     "kafka: %zu records not acknowledged in %d ms", producer->unacked,
                     timeout_ms);
            break;
        }
        rd_kafka_poll(producer->rk, (int)left);
    }
    if (producer->failed == 0) return 0;
    purge(producer);
    *err = producer->failure;
    producer->failed = 0;
    return -1;
}
