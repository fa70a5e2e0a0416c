/* How many records lie between a committed offset and the end, not counting what nobody is ever
 * given? The one way to know is to read: a consumer that belongs to no group is put at the
 * committed offsets and counts what comes before the ends. */
#include "common/clock.h"
#include "common/stop.h"
#include "tools/kpk/lag.h"

#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 2000, POLL_MS = 100 };

struct kpk_peek {
    rd_kafka_t *rk;
};

int kpk_peek_open(struct kpk_peek **out, struct kpk_err *err) {
    /* clang-format off */
    static const char *const pairs[] = {
        "log_level", "2",
        "group.id", "kpk", /* assign() wants one; nothing is joined or committed */
        "enable.auto.commit", "false",
        "enable.partition.eof", "true",
        "isolation.level", "read_committed",
        "auto.offset.reset", "earliest", /* retention passed the commit by: the next record there is */
        "fetch.wait.max.ms", "10",
        "fetch.message.max.bytes", "1024", /* at least one batch comes, whatever its size */
        NULL,
    };
    /* clang-format on */
    struct kpk_peek *peek = calloc(1, sizeof(*peek));
    rd_kafka_conf_t *conf;
    char why[160];

    *out = NULL;
    if (!peek) return kpk_fail(err, KPK_FATAL, "lag: no memory");
    conf = kpk_kafka_conf(pairs, err);
    if (!conf) goto fail;
    peek->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!peek->rk) {
        rd_kafka_conf_destroy(conf);
        (void)kpk_fail(err, KPK_FATAL, "kafka: %s", why);
        goto fail;
    }
    rd_kafka_poll_set_consumer(peek->rk);
    *out = peek;
    return 0;
fail:
    free(peek);
    return -1;
}

void kpk_peek_close(struct kpk_peek *peek) {
    if (!peek) return;
    rd_kafka_consumer_close(peek->rk);
    rd_kafka_destroy(peek->rk);
    free(peek);
}

static struct kpk_lag_partition *find(struct kpk_lag *lag, const rd_kafka_message_t *msg) {
    const char *topic = rd_kafka_topic_name(msg->rkt);

    for (size_t i = 0; i < lag->count; i++)
        if (lag->partitions[i].partition == msg->partition &&
            strcmp(lag->partitions[i].topic, topic) == 0)
            return &lag->partitions[i];
    return NULL;
}

/* What one partition said: a record before the end known, or that nothing more comes.
 * returns  whether that partition is done */
static bool hear(struct kpk_lag_partition *at, const rd_kafka_message_t *msg,
                 int64_t *records) {
    if (!msg->err && msg->offset < at->end) ++*records;
    if (!msg->err && msg->offset + 1 < at->end) return false;
    at->lag = *records;
    return true;
}

/* 'open' holds the partitions that are not done, and in their offsets the records so far. */
static void count_records(struct kpk_peek *peek, struct kpk_lag *lag,
                          rd_kafka_topic_partition_list_t *open) {
    int64_t until = kpk_mono_ms() + DEADLINE_MS;

    for (int i = 0; i < open->cnt; i++) open->elems[i].offset = 0;
    while (open->cnt > 0 && kpk_mono_ms() < until && !kpk_stopping()) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(peek->rk, POLL_MS);
        rd_kafka_topic_partition_t *at = NULL;
        if (!msg) continue;
        if (msg->rkt && (!msg->err || msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF))
            at = rd_kafka_topic_partition_list_find(open, rd_kafka_topic_name(msg->rkt),
                                                    msg->partition);
        if (at && hear(find(lag, msg), msg, &at->offset))
            rd_kafka_topic_partition_list_del(open, at->topic, at->partition);
        rd_kafka_message_destroy(msg);
    }
}

int kpk_peek(struct kpk_peek *peek, struct kpk_lag *lag, struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *open = rd_kafka_topic_partition_list_new(0);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (size_t i = 0; i < lag->count; i++) {
        const struct kpk_lag_partition *at = &lag->partitions[i];
        if (at->lag > 0 && at->lag <= KPK_LAG_PEEK)
            rd_kafka_topic_partition_list_add(open, at->topic, at->partition)->offset =
                at->end - at->lag;
    }
    if (open->cnt > 0) {
        code = rd_kafka_assign(peek->rk, open);
        if (!code) count_records(peek, lag, open);
        (void)rd_kafka_assign(peek->rk, NULL);
    }
    rd_kafka_topic_partition_list_destroy(open);
    return code ? kpk_fail(err, KPK_WAIT, "lag: %s", rd_kafka_err2str(code)) : 0;
}
