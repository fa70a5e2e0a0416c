#include "patterns/retry-dlq/delay.h"

#include "common/clock.h"
#include "common/fault.h"
#include "patterns/retry-dlq/letter.h"
#include "patterns/retry-dlq/tier.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEEK_TIMEOUT_MS = 5000,
    /* A partition pauses at least so long. Records may follow each other every few milliseconds, and
     * each pause drops what was prefetched. */
    PAUSE_MIN_MS = 100,
};

/* A partition of a tier, and the record at its head since it was first seen. */
struct waiting {
    char *topic; /* on the cluster */
    int32_t partition;
    int64_t offset;
    int64_t until_ms; /* of the monotonic clock */
    bool paused;      /* by us, and nothing came since; whether it still is, librdkafka knows */
    int revocations;  /* of the consumer then */
};

struct kpk_delay {
    const struct kpk_group *group;
    struct waiting
        *waiting; /* one per partition that ever had to, so as many as the tiers have */
    size_t count;
};

int kpk_delay_open(struct kpk_delay **out, const char *group, struct kpk_err *err) {
    struct kpk_delay *delay = calloc(1, sizeof(*delay));

    *out = NULL;
    if (!delay) return kpk_fail(err, KPK_FATAL, "delay: no memory");
    delay->group = kpk_group_find(group);
    if (!delay->group) {
        free(delay);
        return kpk_fail(err, KPK_FATAL, "delay: group %s: not in the topology", group);
    }
    *out = delay;
    return 0;
}

void kpk_delay_close(struct kpk_delay *delay) {
    if (!delay) return;
    for (size_t i = 0; i < delay->count; i++) free(delay->waiting[i].topic);
    free(delay->waiting);
    free(delay);
}

/* --- until when -------------------------------------------------------------------------- */

/* returns  NULL with 'err': memory is short */
static struct waiting *entry_of(struct kpk_delay *delay, const rd_kafka_message_t *msg,
                                struct kpk_err *err) {
    const char *topic = rd_kafka_topic_name(msg->rkt);
    struct waiting *entry;

    for (size_t i = 0; i < delay->count; i++) {
        entry = &delay->waiting[i];
        if (entry->partition == msg->partition && strcmp(entry->topic, topic) == 0)
            return entry;
    }
    entry = realloc(delay->waiting, (delay->count + 1) * sizeof(*entry));
    if (!entry) goto fail;
    delay->waiting = entry;
    entry += delay->count;
    *entry = (struct waiting){
        .topic = strdup(topic), .partition = msg->partition, .offset = RD_KAFKA_OFFSET_INVALID};
    if (!entry->topic) goto fail;
    delay->count++;
    return entry;
fail:
    kpk_fail(err, KPK_FATAL, "delay: no memory");
    return NULL;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A record may say anything of itself: but it waits no longer than its tier's delay from when it was
 * written. And clocks differ: nor from when it was first seen, by a clock that nobody sets.
 * returns  0 with 'due', or -1 with 'err' */
static int look(struct kpk_delay *delay, const rd_kafka_message_t *msg, bool *due,
                struct kpk_err *err) {
    rd_kafka_headers_t *headers = NULL;
    struct waiting *entry;
    struct kpk_place place;
    int64_t left_ms, delay_ms, written_ms = rd_kafka_message_timestamp(msg, NULL);

    *due = true;
    if (!kpk_place_find(delay->group, rd_kafka_topic_name(msg->rkt), &place)) return 0;
    if (place.tier == KPK_TIER_NONE) return 0;
    rd_kafka_message_headers(msg, &headers);
    left_ms = kpk_letter_not_before(headers) - kpk_now_ms();
    delay_ms = delay->group->retry_ms[place.tier];
    if (written_ms >= 0) left_ms = least(left_ms, written_ms + delay_ms - kpk_now_ms());
    entry = entry_of(delay, msg, err);
    if (!entry) return -1;
    entry->paused = false;
    if (left_ms <= 0) return 0;
    if (entry->offset != msg->offset) {
        if (left_ms < PAUSE_MIN_MS) left_ms = PAUSE_MIN_MS;
        entry->offset = msg->offset;
        entry->until_ms = kpk_mono_ms() + least(left_ms, delay_ms);
    }
    *due = entry->until_ms <= kpk_mono_ms();
    return 0;
}

/* --- put back ---------------------------------------------------------------------------- */

static rd_kafka_topic_partition_t *find(const rd_kafka_topic_partition_list_t *list,
                                        const rd_kafka_message_t *msg) {
    return rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)list,
                                              rd_kafka_topic_name(msg->rkt), msg->partition);
}

/* Of each partition the first record that is not due. */
static int find_early(struct kpk_delay *delay, const struct kpk_batch *batch,
                      rd_kafka_topic_partition_list_t *early, struct kpk_err *err) {
    bool due;

    for (size_t i = 0; i < batch->count; i++) {
        const rd_kafka_message_t *msg = batch->msgs[i];
        if (find(early, msg)) continue;
        if (look(delay, msg, &due, err)) return -1;
        if (!due)
            rd_kafka_topic_partition_list_add(early, rd_kafka_topic_name(msg->rkt),
                                              msg->partition)
                ->offset = msg->offset;
    }
    return 0;
}

/* In this order: between the two nothing is fetched, and so nothing is passed over. */
static int put_back(struct kpk_delay *delay, struct kpk_consumer *consumer,
                    rd_kafka_topic_partition_list_t *early, struct kpk_err *err) {
    rd_kafka_error_t *error;

    rd_kafka_pause_partitions(consumer->rk, early);
    for (size_t i = 0; i < delay->count; i++) {
        struct waiting *entry = &delay->waiting[i];
        if (!rd_kafka_topic_partition_list_find(early, entry->topic, entry->partition))
            continue;
        entry->paused = true;
        entry->revocations = consumer->revocations;
    }
    if (kpk_fault("retry:paused", err)) return -1;
    error = rd_kafka_seek_partitions(consumer->rk, early, SEEK_TIMEOUT_MS);
    if (error) {
        kpk_fail(err, KPK_WAIT, "delay: seek: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return -1;
    }
    for (int i = 0; i < early->cnt; i++)
        if (early->elems[i].err)
            return kpk_fail(err, KPK_WAIT, "delay: seek %s [%d]: %s", early->elems[i].topic,
                            early->elems[i].partition, rd_kafka_err2str(early->elems[i].err));
    return kpk_fault("retry:put-back", err);
}

static void drop(struct kpk_batch *batch, const rd_kafka_topic_partition_list_t *early) {
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        rd_kafka_message_t *msg = batch->msgs[i];
        const rd_kafka_topic_partition_t *first = find(early, msg);
        if (first && msg->offset >= first->offset)
            rd_kafka_message_destroy(msg);
        else
            batch->msgs[kept++] = msg;
    }
    batch->count = kept;
}

int kpk_delay_put_back(struct kpk_delay *delay, struct kpk_consumer *consumer,
                       struct kpk_batch *batch, struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *early;
    int failed;

    if (kpk_group_retries(delay->group) == 0) return 0;
    early = rd_kafka_topic_partition_list_new(4);
    failed = find_early(delay, batch, early, err);
    if (!failed && early->cnt) failed = put_back(delay, consumer, early, err);
    if (!failed) drop(batch, early);
    rd_kafka_topic_partition_list_destroy(early);
    return failed;
}

/* --- resume ------------------------------------------------------------------------------ */

/* A broker's thread that has nothing to fetch looks only once a second whether it has; resuming a partition
 * does not wake it (librdkafka 2.14), but a new position does. It is the position that it has. */
static void resume(struct kpk_consumer *consumer, rd_kafka_topic_partition_list_t *due,
                   rd_kafka_topic_partition_list_t *unmoved) {
    if (due->cnt) rd_kafka_resume_partitions(consumer->rk, due);
    if (unmoved->cnt)
        rd_kafka_error_destroy(rd_kafka_seek_partitions(consumer->rk, unmoved, 0));
}

int kpk_delay_resume(struct kpk_delay *delay, struct kpk_consumer *consumer, int timeout_ms) {
    int64_t now_ms = kpk_mono_ms();
    rd_kafka_topic_partition_list_t *due, *unmoved;

    if (consumer->paused || delay->count == 0) return timeout_ms;
    due = rd_kafka_topic_partition_list_new(4);
    unmoved = rd_kafka_topic_partition_list_new(4);
    for (size_t i = 0; i < delay->count; i++) {
        struct waiting *entry = &delay->waiting[i];
        int64_t left_ms = entry->until_ms - now_ms;
        if (!entry->paused) continue;
        if (left_ms > 0) {
            if (left_ms < timeout_ms) timeout_ms = (int)left_ms;
            continue;
        }
        entry->paused = false;
        /* One that went to another member in between is not paused any more: nothing happens to it. If
         * it came back, it stands where that one had come to. */
        rd_kafka_topic_partition_list_add(due, entry->topic, entry->partition);
        if (entry->revocations == consumer->revocations)
            rd_kafka_topic_partition_list_add(unmoved, entry->topic, entry->partition)->offset =
                entry->offset;
    }
    resume(consumer, due, unmoved);
    rd_kafka_topic_partition_list_destroy(due);
    rd_kafka_topic_partition_list_destroy(unmoved);
    return timeout_ms;
}
