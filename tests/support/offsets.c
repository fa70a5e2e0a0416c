#include "tests/support/offsets.h"

#include "common/kafka.h"
#include "tests/support/test.h"

#include <inttypes.h>

enum { ASK_TIMEOUT_MS = 10000 };

/* A handle that never subscribes is no member of its group, and may ask about it all the same. */
static rd_kafka_t *open_handle(const char *group) {
    const char *const pairs[] = {"group.id", group, NULL};
    struct kpk_err err;
    char why[160];
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, &err);

    if (!conf) fail_msg("%s", err.msg);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!rk) fail_msg("%s", why);
    return rk;
}

int64_t offsets_end(const char *name) {
    rd_kafka_t *rk = open_handle("unused");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    const struct rd_kafka_metadata *metadata;
    int64_t sum = 0;

    if (rd_kafka_metadata(rk, 0, topic, &metadata, ASK_TIMEOUT_MS))
        fail_msg("%s: no answer", name);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
        int64_t first, end;
        if (rd_kafka_query_watermark_offsets(rk, name, i, &first, &end, ASK_TIMEOUT_MS))
            fail_msg("%s [%d]: no answer", name, i);
        sum += end;
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return sum;
}

struct question {
    rd_kafka_t *rk;
    const rd_kafka_topic_partition_list_t *list;
    int behind; /* index of the first record that is not passed */
};

static bool passed(void *ctx) {
    struct question *question = ctx;
    const rd_kafka_topic_partition_list_t *list = question->list;
    rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_copy(list);
    bool answered = rd_kafka_committed(question->rk, committed, ASK_TIMEOUT_MS) == 0;
    int i = 0;

    while (answered && i < list->cnt && committed->elems[i].offset > list->elems[i].offset) i++;
    question->behind = i;
    rd_kafka_topic_partition_list_destroy(committed);
    return i == list->cnt;
}

void offsets_await_past(const char *group, const rd_kafka_topic_partition_list_t *list,
                        int timeout_ms) {
    struct question question = {.rk = open_handle(group), .list = list};

    if (!wait_until(timeout_ms, passed, &question)) {
        const rd_kafka_topic_partition_t *record = &list->elems[question.behind];
        fail_msg("group %s does not get past %s [%" PRId32 "] @%" PRId64, group, record->topic,
                 record->partition, record->offset);
    }
    rd_kafka_destroy(question.rk);
}
