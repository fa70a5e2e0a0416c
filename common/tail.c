#include "common/tail.h"

#include "common/clock.h"
#include "common/kafka.h"

#include <stdlib.h>

enum { ASK_TIMEOUT_MS = 10000 };

struct kpk_tail {
    rd_kafka_t *rk;
    int partitions;
};

/* Where a partition ends is asked for here and now: RD_KAFKA_OFFSET_END would be looked up some
 * time after the caller went on, and what he wrote meanwhile would be missed. */
static int assign_all(struct kpk_tail *tail, const struct rd_kafka_metadata_topic *topic,
                      bool from_end, struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(topic->partition_cnt);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < topic->partition_cnt && !code; i++) {
        int32_t partition = topic->partitions[i].id;
        int64_t first, end;
        code = rd_kafka_query_watermark_offsets(tail->rk, topic->topic, partition, &first, &end,
                                                ASK_TIMEOUT_MS);
        rd_kafka_topic_partition_list_add(list, topic->topic, partition)->offset =
            from_end ? end : first;
    }
    if (!code) code = rd_kafka_assign(tail->rk, list);
    tail->partitions = topic->partition_cnt;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return kpk_fail(err, KPK_WAIT, "tail: %s: %s", topic->topic, rd_kafka_err2str(code));
    return 0;
}

static int begin(struct kpk_tail *tail, const char *name, bool from_end, struct kpk_err *err) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(tail->rk, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(tail->rk, 0, topic, &metadata, ASK_TIMEOUT_MS);
    int failed;

    if (code)
        failed = kpk_fail(err, KPK_WAIT, "tail: %s: %s", name, rd_kafka_err2str(code));
    else if (metadata->topics[0].err)
        failed = kpk_fail(err, KPK_FATAL, "tail: %s: %s", name,
                          rd_kafka_err2str(metadata->topics[0].err));
    else
        failed = assign_all(tail, &metadata->topics[0], from_end, err);
    if (metadata) rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return failed;
}

int kpk_tail_open(struct kpk_tail **out, const char *topic, bool from_end,
                  struct kpk_err *err) {
    /* A group id is demanded by the client library; without a subscription it is never used. */
    static const char *const pairs[] = {"group.id",
                                        "unused",
                                        "enable.auto.commit",
                                        "false",
                                        "auto.offset.reset",
                                        "earliest",
                                        "fetch.wait.max.ms",
                                        "50",
                                        NULL};
    struct kpk_tail *tail = calloc(1, sizeof(*tail));
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, err);
    char why[160];

    *out = NULL;
    if (!conf || !tail) {
        if (conf) kpk_fail(err, KPK_FATAL, "tail: no memory");
        goto fail;
    }
    tail->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!tail->rk) {
        kpk_fail(err, KPK_FATAL, "tail: %s", why);
        goto fail;
    }
    conf = NULL; /* rd_kafka_new() took it over */
    rd_kafka_poll_set_consumer(tail->rk);
    if (begin(tail, topic, from_end, err)) goto fail;
    *out = tail;
    return 0;
fail:
    if (conf) rd_kafka_conf_destroy(conf);
    kpk_tail_close(tail);
    return -1;
}

void kpk_tail_close(struct kpk_tail *tail) {
    if (!tail) return;
    if (tail->rk) {
        rd_kafka_consumer_close(tail->rk);
        rd_kafka_destroy(tail->rk);
    }
    free(tail);
}

int kpk_tail_next(struct kpk_tail *tail, int timeout_ms, rd_kafka_message_t **out,
                  struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    rd_kafka_message_t *msg;

    *out = NULL;
    do {
        int64_t left = deadline - kpk_mono_ms();
        msg = rd_kafka_consumer_poll(tail->rk, left > 0 ? (int)left : 0);
        if (msg && !msg->err) {
            *out = msg;
            return 0;
        }
        /* A broker that went away comes back, and the client finds it: only what cannot is
         * told. */
        if (msg) rd_kafka_message_destroy(msg);
        if (rd_kafka_fatal_error(tail->rk, err->msg, sizeof(err->msg))) {
            err->verdict = KPK_FATAL;
            return -1;
        }
    } while (kpk_mono_ms() < deadline);
    return 0;
}

int kpk_tail_partitions(const struct kpk_tail *tail) { return tail->partitions; }
