/* Groups that only read: each member looks at every record, and hands the rest of its time back.
 *
 * One record is waited for, then what else has arrived is taken at once: waiting for a full batch would be
 * measured as latency. Offsets are committed by the client once a second, for whoever looks at the group; who
 * gets a partition goes on where the last one stopped, which all members know, being in one process. */
#include "common/stop.h"
#include "loadgen/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 10000, POLL_MS = 100, JOIN_MS = 60000 };

static void look_at(struct load_member *member, const rd_kafka_message_t *msg, int64_t now_us) {
    struct load_group *group = member->group;
    uint32_t stream, seq;
    int64_t due_us;

    if (msg->err) {
        load_event(group->setup->events, "%s: %s", group->name, rd_kafka_message_errstr(msg));
        return;
    }
    atomic_store_explicit(&group->position[msg->partition], msg->offset + 1,
                          memory_order_relaxed);
    if (!load_known(group->setup, msg, &stream, &seq, &due_us)) {
        if (group->setup->world) return; /* somebody else's event */
        member->tally.seen++;
        member->tally.invented++;
        return;
    }
    load_judge_see(&group->judge, stream, seq, &member->tally);
    kpk_histogram_add(&member->end_to_end.took_us, now_us - due_us);
}

static void take(struct load_member *member, rd_kafka_message_t **msgs, ssize_t count) {
    int64_t now_us = load_now_us();

    pthread_mutex_lock(&member->end_to_end.lock);
    for (ssize_t i = 0; i < count; i++) {
        look_at(member, msgs[i], now_us);
        rd_kafka_message_destroy(msgs[i]);
    }
    pthread_mutex_unlock(&member->end_to_end.lock);
    atomic_store(&member->seen, member->tally.seen);
}

static int count_assigned(rd_kafka_t *rk) {
    rd_kafka_topic_partition_list_t *list = NULL;
    int count = 0;

    if (!rd_kafka_assignment(rk, &list)) count = list->cnt;
    if (list) rd_kafka_topic_partition_list_destroy(list);
    return count;
}

static void *run(void *arg) {
    struct load_member *member = arg;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(member->rk);
    rd_kafka_message_t **msgs = calloc(BATCH, sizeof(*msgs));

    while (msgs && !atomic_load(&member->quit)) {
        ssize_t count = 0;
        msgs[0] = rd_kafka_consumer_poll(member->rk, POLL_MS);
        if (msgs[0]) {
            count = rd_kafka_consume_batch_queue(queue, 0, msgs + 1, BATCH - 1);
            take(member, msgs, count > 0 ? count + 1 : 1);
        } else {
            atomic_store(&member->assigned, count_assigned(member->rk));
        }
    }
    free(msgs);
    rd_kafka_queue_destroy(queue);
    return NULL;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque) {
    const struct load_member *member = opaque;

    if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_assign(rk, NULL);
        return;
    }
    for (int i = 0; i < partitions->cnt; i++) {
        int64_t at = atomic_load(&member->group->position[partitions->elems[i].partition]);
        partitions->elems[i].offset = at >= 0 ? at : RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(rk, partitions);
}

static int start_member(struct load_member *member, struct kpk_err *err) {
    static const char *const pairs[] = {
        "auto.offset.reset", "earliest", "auto.commit.interval.ms", "1000",
        "session.timeout.ms", "6000",
        /* A fetch every few ms that brings much: less work for the broker,
                                         * and with many partitions sooner there. */
        "fetch.min.bytes", "100000", "fetch.wait.max.ms", "10", "queued.min.messages",
        "1000000", "queued.max.messages.kbytes", "262144", "check.crcs", "false",
        "enable.partition.eof", "false", NULL};
    struct load_group *group = member->group;
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_resp_err_t code;
    rd_kafka_conf_t *conf;
    char why[160];

    if (!(conf = kpk_kafka_conf(pairs, err))) return -1;
    pthread_mutex_init(&member->end_to_end.lock, NULL);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_opaque(conf, member);
    if (rd_kafka_conf_set(conf, "group.id", group->name, why, sizeof(why)) ||
        !(member->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why)))) {
        rd_kafka_conf_destroy(conf);
        return kpk_fail(err, KPK_FATAL, "consumer: %s", why);
    }
    rd_kafka_poll_set_consumer(member->rk);
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, group->setup->topic, RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(member->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code) return kpk_fail(err, KPK_FATAL, "consumer: %s", rd_kafka_err2str(code));
    if (pthread_create(&member->thread, NULL, run, member))
        return kpk_fail(err, KPK_FATAL, "consumer: no thread");
    member->started = true;
    return 0;
}

int load_group_start(struct load_group *group, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + JOIN_MS;
    int consumers = group->setup->consumers, assigned;

    if (load_judge_open(&group->judge, group->setup->keys->streams, err)) return -1;
    group->position = calloc((size_t)group->setup->partitions, sizeof(*group->position));
    if (!group->position) return kpk_fail(err, KPK_FATAL, "consumer: no memory");
    for (int i = 0; i < group->setup->partitions; i++)
        group->position[i] = group->setup->from ? group->setup->from[i] : -1;
    for (int i = 0; i < consumers; i++) {
        group->members[i].group = group;
        if (start_member(&group->members[i], err)) return -1;
    }
    do {
        assigned = 0;
        for (int i = 0; i < consumers; i++)
            assigned += atomic_load(&group->members[i].assigned);
        if (assigned == group->setup->partitions) return 0;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        kpk_stop_wait(20);
    } while (kpk_mono_ms() < deadline);
    return kpk_fail(err, KPK_WAIT, "group %s has %d of %d partitions after %d s", group->name,
                    assigned, group->setup->partitions, JOIN_MS / 1000);
}

uint64_t load_group_seen(const struct load_group *group) {
    uint64_t seen = 0;

    for (int i = 0; i < group->setup->consumers; i++)
        seen += atomic_load(&group->members[i].seen);
    return seen;
}

void load_group_end(struct load_group *group) {
    for (int i = 0; i < LOAD_MEMBERS_MOST; i++) atomic_store(&group->members[i].quit, true);
    for (int i = 0; i < LOAD_MEMBERS_MOST; i++) {
        struct load_member *member = &group->members[i];
        if (member->started) pthread_join(member->thread, NULL);
        if (!member->rk) continue;
        rd_kafka_consumer_close(member->rk);
        rd_kafka_destroy(member->rk);
        member->rk = NULL;
        member->started = false;
    }
    load_judge_close(&group->judge);
    free(group->position);
    group->position = NULL;
}
