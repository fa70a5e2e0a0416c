/* One handle that sends: by the clock, and never more than its queue takes.
 *
 * A produce request of librdkafka carries one partition, and rd_kafka_produce_batch() takes the records of one
 * partition: so what is due is collected by partition, for a tick, and handed over together. One record at a time
 * through the partitioner reaches half of that. Headers cannot be handed over so: an event goes one by one. */
#include "common/event.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "loadgen/load.h"

#include <stdlib.h>
#include <string.h>

enum {
    INFLIGHT_RECORDS = 400000,
    INFLIGHT_BYTES = 256 * 1024 * 1024,
    BUCKET_RECORDS = 2000,
    EVENTS = 64,
    BUCKET_BYTES = 512 * 1024,
    TICK_US = 1000,
    GRACE_US = 200000, /* for what was due before the end of a phase */
    LAST_MS = 30000,   /* for the last delivery reports */
    MANY =
        50000, /* records a second: from here on a tick is longer than it need be, for its batches */
    TICK_OF_MANY_US = 5000,
};

/* Records of one partition that are not handed over yet. */
struct bucket {
    rd_kafka_message_t *msgs;
    char *values;
    int count;
};

struct load_sending {
    pthread_t thread;
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    uint32_t *order; /* places in the cycle whose stream is this sender's */
    uint32_t count;
    struct bucket *buckets; /* of every partition; only its own are used */
    int bucket_records;
    uint64_t inflight, inflight_most;
    char *values; /* of events: EVENTS of them, used in turn */
    size_t value_room;
    uint32_t next_value;
    int64_t flushed_us;
    bool told_full;
};

/* --- delivery reports -------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque) {
    struct load_sender *sender = opaque;
    int64_t due_us = (int64_t)(intptr_t)msg->_private;
    uint32_t stream, seq;

    (void)rk;
    sender->own->inflight--;
    if (!msg->err) {
        atomic_fetch_add_explicit(&sender->acked, 1, memory_order_relaxed);
        kpk_histogram_add(&sender->publish.took_us, load_now_us() - due_us);
        return;
    }
    if (atomic_fetch_add(&sender->failed, 1) == 0)
        load_event(sender->setup->events, "the first record that was not delivered: %s",
                   rd_kafka_err2str(msg->err));
    if (load_known(sender->setup, msg, &stream, &seq, &due_us)) sender->unacked[stream]++;
}

static void serve(struct load_sender *sender, int timeout_ms) {
    pthread_mutex_lock(&sender->publish.lock);
    rd_kafka_poll(sender->own->rk, timeout_ms);
    pthread_mutex_unlock(&sender->publish.lock);
}

/* --- records ----------------------------------------------------------------------------- */

static void hand_over(struct load_sender *sender, int32_t partition) {
    struct load_sending *own = sender->own;
    struct bucket *bucket = &own->buckets[partition];
    int taken;

    if (bucket->count == 0) return;
    taken = rd_kafka_produce_batch(own->rkt, partition, RD_KAFKA_MSG_F_COPY, bucket->msgs,
                                   bucket->count);
    atomic_fetch_add(&sender->handed, (uint64_t)taken);
    own->inflight -= (uint64_t)(bucket->count - taken);
    for (int i = 0; taken < bucket->count && i < bucket->count; i++) {
        const rd_kafka_message_t *msg = &bucket->msgs[i];
        uint32_t stream, seq;
        int64_t us;
        if (!msg->err ||
            !load_record_get(msg->payload, msg->len, sender->setup->run, &stream, &seq, &us))
            continue;
        sender->unacked[stream]++;
        if (atomic_fetch_add(&sender->failed, 1) == 0)
            load_event(sender->setup->events, "the first record that was not taken: %s",
                       rd_kafka_err2str(msg->err));
    }
    bucket->count = 0;
}

static void hand_over_all(struct load_sender *sender) {
    for (int32_t i = sender->index; i < sender->setup->partitions; i += sender->setup->senders)
        hand_over(sender, i);
}

static void put_bare(struct load_sender *sender, uint32_t stream, int64_t due_us) {
    const struct load_keys *keys = sender->setup->keys;
    struct load_sending *own = sender->own;
    struct bucket *bucket = &own->buckets[keys->partition[stream]];
    rd_kafka_message_t *msg = &bucket->msgs[bucket->count++];

    load_record_set(msg->payload, stream, sender->sent[stream]++, due_us);
    msg->key = keys->text[stream];
    msg->key_len = keys->len[stream];
    msg->_private = (void *)(intptr_t)due_us;
    msg->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    own->inflight++;
    if (bucket->count == own->bucket_records) hand_over(sender, keys->partition[stream]);
}

static void put_event(struct load_sender *sender, uint32_t stream, int64_t due_us) {
    const struct load_setup *setup = sender->setup;
    struct load_sending *own = sender->own;
    char id[KPK_UUID_BYTES],
        *value = own->values + (size_t)(own->next_value++ % EVENTS) * own->value_room;
    struct kpk_event event = {.id = id,
                              .source = "/loadgen",
                              .type = setup->world ? setup->world->kind->event : "load.record",
                              .subject = setup->world ? id : NULL,
                              .time_ms = due_us / 1000};
    size_t len = (size_t)setup->value_bytes;
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t code;

    if (setup->world) {
        len = load_world_value(setup->world, value, stream, sender->sent[stream]++, due_us, id);
    } else {
        kpk_uuid7(id);
        load_record_set(value, stream, sender->sent[stream]++, due_us);
    }
    headers = kpk_event_headers(&event);
    code = rd_kafka_producev(
        own->rk, RD_KAFKA_V_RKT(own->rkt), RD_KAFKA_V_PARTITION(setup->keys->partition[stream]),
        RD_KAFKA_V_KEY(setup->keys->text[stream], setup->keys->len[stream]),
        RD_KAFKA_V_VALUE(value, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE((void *)(intptr_t)due_us),
        RD_KAFKA_V_END);
    if (!code) {
        own->inflight++;
        atomic_fetch_add(&sender->handed, 1);
        return;
    }
    rd_kafka_headers_destroy(headers);
    sender->unacked[stream]++;
    if (atomic_fetch_add(&sender->failed, 1) == 0)
        load_event(setup->events, "the first record that was not taken: %s",
                   rd_kafka_err2str(code));
}

/* --- a phase ----------------------------------------------------------------------------- */

static int64_t due_of(const struct load_sending *own, const struct load_phase *phase,
                      uint64_t n) {
    uint64_t k = n / own->count * LOAD_CYCLE + own->order[n % own->count];

    return phase->begin_us + (int64_t)((double)k * 1e6 / phase->rate);
}

/* How many of this sender's records are due before then. */
static uint64_t due_until(const struct load_sending *own, const struct load_phase *phase,
                          uint64_t from, int64_t until_us) {
    while (due_of(own, phase, from) < until_us) from++;
    return from;
}

static void tick(struct load_sender *sender, const struct load_phase *phase, bool behind) {
    bool many = phase->rate == 0 || phase->rate >= MANY;
    int64_t now_us = load_now_us();

    if (now_us - sender->own->flushed_us >= (many ? TICK_OF_MANY_US : 0)) {
        hand_over_all(sender);
        sender->own->flushed_us = now_us;
    }
    serve(sender, behind ? 0 : TICK_US / 1000);
}

/* A run that is told no rate, or that looks for the highest one, ends at the size that the disk was asked for. */
static bool is_full(struct load_sender *sender) {
    const struct load_setup *setup = sender->setup;
    double written = (double)atomic_load(&sender->handed) * setup->value_bytes;

    if (written < setup->bytes_most / setup->senders) return false;
    if (!sender->own->told_full)
        load_event(setup->events, "producer %d has written its %.1f GB, and sends no more",
                   sender->index + 1, setup->bytes_most / setup->senders / 1e9);
    return sender->own->told_full = true;
}

static void send_phase(struct load_sender *sender, const struct load_phase *phase) {
    struct load_sending *own = sender->own;
    void (*put)(struct load_sender *, uint32_t, int64_t) =
        sender->setup->bare ? put_bare : put_event;
    int64_t now_us = phase->begin_us;
    uint64_t n = 0;

    while (own->count > 0 && !kpk_stopping() && !is_full(sender)) {
        int64_t due_us = phase->begin_us;
        uint64_t before = n;
        now_us = load_now_us();
        if (now_us >= phase->end_us + (phase->rate > 0 ? GRACE_US : 0)) break;
        while (own->inflight < own->inflight_most && n - before < LOAD_CYCLE / 64) {
            due_us = phase->rate > 0 ? due_of(own, phase, n) : now_us;
            if (due_us > now_us || due_us >= phase->end_us) break;
            put(sender, sender->setup->keys->draws[own->order[n++ % own->count]], due_us);
        }
        tick(sender, phase, n - before == LOAD_CYCLE / 64);
        /* All is sent; but what comes seldom is measured as long as the rest. */
        if (due_us >= phase->end_us && now_us >= phase->end_us) break;
    }
    hand_over_all(sender);
    if (phase->rate == 0 || own->count == 0) return;
    int64_t until_us = kpk_stopping() && now_us < phase->end_us ? now_us : phase->end_us;
    atomic_fetch_add(&sender->not_sent, due_until(own, phase, n, until_us) - n);
}

static void *run(void *arg) {
    struct load_sender *sender = arg;
    struct load_phase *done = NULL;

    while (!atomic_load(&sender->quit)) {
        struct load_phase *phase = atomic_load(&sender->phase);
        if (phase && phase != done) {
            send_phase(sender, phase);
            done = phase;
            atomic_fetch_add(&phase->ended, 1);
        }
        serve(sender, TICK_US / 1000);
    }
    for (int64_t until = kpk_mono_ms() + LAST_MS;
         sender->own->inflight > 0 && kpk_mono_ms() < until;)
        serve(sender, 10);
    return NULL;
}

/* --- opening and closing ----------------------------------------------------------------- */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct load_sender *sender = opaque;

    (void)rk, (void)code;
    load_event(sender->setup->events, "producer %d: %s", sender->index + 1, reason);
}

static int open_handle(struct load_sender *sender, struct kpk_err *err) {
    const struct load_setup *setup = sender->setup;
    char linger[16], why[160];
    const char *pairs[] = {"acks",
                           setup->acks,
                           "enable.idempotence",
                           strcmp(setup->acks, "all") == 0 ? "true" : "false",
                           "compression.codec",
                           setup->compression,
                           "linger.ms",
                           linger,
                           "batch.num.messages",
                           "100000",
                           "batch.size",
                           "1000000",
                           "queue.buffering.max.messages",
                           "1000000",
                           "queue.buffering.max.kbytes",
                           "1048576",
                           "delivery.timeout.ms",
                           "60000",
                           NULL};
    rd_kafka_conf_t *conf;

    snprintf(linger, sizeof(linger), "%d", setup->linger_ms);
    if (!(conf = kpk_kafka_conf(pairs, err))) return -1;
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, sender);
    sender->own->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!sender->own->rk) {
        rd_kafka_conf_destroy(conf);
        return kpk_fail(err, KPK_FATAL, "producer: %s", why);
    }
    sender->own->rkt = rd_kafka_topic_new(sender->own->rk, setup->topic, NULL);
    return sender->own->rkt ? 0 : kpk_fail(err, KPK_FATAL, "producer: topic %s", setup->topic);
}

static int make_bucket(struct load_sender *sender, struct bucket *bucket, uint32_t variant) {
    size_t records = (size_t)sender->own->bucket_records,
           bytes = (size_t)sender->setup->value_bytes;

    bucket->msgs = calloc(records, sizeof(*bucket->msgs));
    bucket->values = malloc(records * bytes);
    if (!bucket->msgs || !bucket->values) return -1;
    for (size_t i = 0; i < records; i++) {
        bucket->msgs[i].payload = bucket->values + i * bytes;
        bucket->msgs[i].len = bytes;
        load_record_template(bucket->msgs[i].payload, bytes, sender->setup->run,
                             variant + (uint32_t)i);
    }
    return 0;
}

static int make_records(struct load_sender *sender) {
    const struct load_setup *setup = sender->setup;
    struct load_sending *own = sender->own;
    int fit = BUCKET_BYTES / setup->value_bytes;

    own->bucket_records = fit < 1 ? 1 : fit > BUCKET_RECORDS ? BUCKET_RECORDS : fit;
    own->inflight_most = INFLIGHT_BYTES / (uint64_t)setup->value_bytes;
    if (own->inflight_most > INFLIGHT_RECORDS) own->inflight_most = INFLIGHT_RECORDS;
    own->order = calloc(LOAD_CYCLE, sizeof(*own->order));
    own->buckets = calloc((size_t)setup->partitions, sizeof(*own->buckets));
    own->value_room = setup->world ? LOAD_EVENT_BYTES : (size_t)setup->value_bytes;
    own->values = malloc(own->value_room * EVENTS);
    if (!own->order || !own->buckets || !own->values) return -1;
    for (uint32_t i = 0; i < EVENTS && !setup->world; i++)
        load_record_template(own->values + i * own->value_room, own->value_room, setup->run, i);
    for (uint32_t i = 0; i < LOAD_CYCLE; i++)
        if (setup->keys->partition[setup->keys->draws[i]] % setup->senders == sender->index)
            own->order[own->count++] = i;
    for (int32_t i = sender->index; setup->bare && i < setup->partitions; i += setup->senders)
        if (make_bucket(sender, &own->buckets[i], (uint32_t)(i * own->bucket_records)))
            return -1;
    return 0;
}

int load_sender_start(struct load_sender *sender, struct kpk_err *err) {
    pthread_mutex_init(&sender->publish.lock, NULL);
    sender->own = calloc(1, sizeof(*sender->own));
    if (!sender->own || make_records(sender))
        return kpk_fail(err, KPK_FATAL, "producer: no memory");
    if (open_handle(sender, err)) return -1;
    if (pthread_create(&sender->own->thread, NULL, run, sender)) {
        sender->own->thread = 0;
        return kpk_fail(err, KPK_FATAL, "producer: no thread");
    }
    return 0;
}

void load_sender_end(struct load_sender *sender) {
    struct load_sending *own = sender->own;

    if (!own) return;
    atomic_store(&sender->quit, true);
    if (own->thread) pthread_join(own->thread, NULL);
    if (own->rkt) rd_kafka_topic_destroy(own->rkt);
    if (own->rk) rd_kafka_destroy(own->rk);
    for (int i = 0; own->buckets && i < sender->setup->partitions; i++) {
        free(own->buckets[i].msgs);
        free(own->buckets[i].values);
    }
    free(own->buckets);
    free(own->order);
    free(own->values);
    free(own);
    sender->own = NULL;
}
