#include "tests/support/offsets.h"

#include "common/kafka.h"
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdbool.h>

enum { ASK_TIMEOUT_MS = 10000, REWIND_MS = 60000, BACK_MS = 60000 };

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

/* Every partition of the topic, without offsets. */
static rd_kafka_topic_partition_list_t *list_partitions(rd_kafka_t *rk, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    const struct rd_kafka_metadata *metadata;

    if (rd_kafka_metadata(rk, 0, topic, &metadata, ASK_TIMEOUT_MS))
        fail_msg("%s: no answer", name);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, name, i);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return list;
}

rd_kafka_topic_partition_list_t *offsets_at(const char *topic, int64_t where) {
    rd_kafka_t *rk = open_handle("unused");
    rd_kafka_topic_partition_list_t *list = list_partitions(rk, topic);

    for (int i = 0; i < list->cnt; i++) list->elems[i].offset = where;
    if (where >= 0 && rd_kafka_offsets_for_times(rk, list, ASK_TIMEOUT_MS))
        fail_msg("%s: no answer to a time", topic);
    for (int i = 0; i < list->cnt; i++) {
        int64_t *offset = &list->elems[i].offset, first, end;
        if (rd_kafka_query_watermark_offsets(rk, topic, i, &first, &end, ASK_TIMEOUT_MS))
            fail_msg("%s [%d]: no answer", topic, i);
        if (*offset == RD_KAFKA_OFFSET_BEGINNING) *offset = first;
        if (*offset == RD_KAFKA_OFFSET_END) *offset = end; /* of a time: all are older */
    }
    rd_kafka_destroy(rk);
    return list;
}

rd_kafka_topic_partition_list_t *offsets_committed(const char *group, const char *topic) {
    rd_kafka_t *rk = open_handle(group);
    rd_kafka_topic_partition_list_t *list = list_partitions(rk, topic);

    if (rd_kafka_committed(rk, list, ASK_TIMEOUT_MS))
        fail_msg("group %s: no answer to what it committed", group);
    rd_kafka_destroy(rk);
    return list;
}

int64_t offsets_end(const char *topic) {
    rd_kafka_topic_partition_list_t *ends = offsets_at(topic, RD_KAFKA_OFFSET_END);
    int64_t sum = 0;

    for (int i = 0; i < ends->cnt; i++) sum += ends->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(ends);
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

struct opening {
    const char *topic;
    struct kpk_tail *tail;
    struct kpk_err err;
};

static bool opened(void *ctx) {
    struct opening *opening = ctx;
    const struct kpk_tail_opts opts = {.topics = (const char *[]){opening->topic, NULL},
                                       .partition = KPK_TAIL_ALL,
                                       .from = {.start = KPK_TAIL_BEGINNING},
                                       .until_end = true};

    return !kpk_tail_open_at(&opening->tail, &opts, &opening->err) ||
           opening->err.verdict != KPK_WAIT;
}

struct kpk_tail *offsets_tail(const char *topic) {
    struct opening opening = {.topic = topic};

    wait_until(BACK_MS, opened, &opening);
    if (!opening.tail) fail_msg("%s: %s", topic, opening.err.msg);
    return opening.tail;
}

/* The last record of each partition. An end offset will not do: a transaction's own marker, which no
 * consumer gets, may lie before it. */
static rd_kafka_topic_partition_list_t *last_records(const char *topic) {
    rd_kafka_topic_partition_list_t *last = rd_kafka_topic_partition_list_new(8);
    struct kpk_tail *tail = offsets_tail(topic);
    struct kpk_err err;

    while (!kpk_tail_done(tail)) {
        rd_kafka_topic_partition_t *entry;
        rd_kafka_message_t *msg;
        assert_ok(kpk_tail_next(tail, ASK_TIMEOUT_MS, &msg, &err), &err);
        if (!msg) continue;
        entry = rd_kafka_topic_partition_list_find(last, topic, msg->partition);
        if (!entry) entry = rd_kafka_topic_partition_list_add(last, topic, msg->partition);
        entry->offset = msg->offset;
        rd_kafka_message_destroy(msg);
    }
    kpk_tail_close(tail);
    return last;
}

void offsets_await_all(const char *group, const char *topic, int timeout_ms) {
    rd_kafka_topic_partition_list_t *last = last_records(topic);

    offsets_await_past(group, last, timeout_ms);
    rd_kafka_topic_partition_list_destroy(last);
}

struct rewind {
    rd_kafka_t *rk;
    const rd_kafka_topic_partition_list_t *first;
};

/* Refused until the last member is gone. */
static bool rewound(void *ctx) {
    const struct rewind *rewind = ctx;

    return rd_kafka_commit(rewind->rk, rewind->first, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void offsets_rewind(const char *group, const char *topic) {
    rd_kafka_topic_partition_list_t *first = offsets_at(topic, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_t *rk = open_handle(group);

    if (!wait_until(REWIND_MS, rewound, &(struct rewind){rk, first}))
        fail_msg("group %s cannot be rewound", group);
    rd_kafka_topic_partition_list_destroy(first);
    rd_kafka_destroy(rk);
}
