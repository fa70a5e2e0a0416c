#include "common/kafka.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMMITTED_TIMEOUT_MS = 5000,
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 2000,
    QUEUED_MAX_KBYTES = 16384, /* prefetched and not yet polled, per member */
};

static struct kpk_metric consumed = {
    .name = "messaging_client_consumed_messages_total",
    .help = "Records taken from Kafka",
};
static struct kpk_metric revoked = {
    .name = "kpk_consumer_revoked_records_total",
    .help = "Records dropped from a batch because their partition moved to another member",
};
static struct kpk_metric pauses = {
    .name = "kpk_consumer_pauses_total",
    .help = "Times a member stopped fetching because a dependency was down",
};
static struct kpk_metric paused = {
    .name = "kpk_consumer_paused",
    .help = "Members that wait for a dependency now: nothing fetched, nothing committed",
    .type = KPK_GAUGE,
};
static struct kpk_metric out_of_range = {
    .name = "kpk_consumer_offset_out_of_range_total",
    .help =
        "Committed offsets that retention had already passed: records were lost to the group",
};

/* --- batch ------------------------------------------------------------------------------- */

int kpk_batch_init(struct kpk_batch *batch, size_t capacity, struct kpk_err *err) {
    *batch = (struct kpk_batch){.capacity = capacity,
                                .msgs = calloc(capacity, sizeof(*batch->msgs))};
    if (!batch->msgs)
        return kpk_fail(err, KPK_FATAL, "batch: no memory for %zu records", capacity);
    return 0;
}

void kpk_batch_clear(struct kpk_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) rd_kafka_message_destroy(batch->msgs[i]);
    batch->count = 0;
}

void kpk_batch_free(struct kpk_batch *batch) {
    kpk_batch_clear(batch);
    free(batch->msgs);
    *batch = (struct kpk_batch){0};
}

/* Take the records of 'lost' partitions out: from now on they are another member's to process. */
static void batch_drop(struct kpk_batch *batch, const rd_kafka_topic_partition_list_t *lost) {
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        rd_kafka_message_t *msg = batch->msgs[i];
        if (rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)lost,
                                               rd_kafka_topic_name(msg->rkt), msg->partition)) {
            rd_kafka_message_destroy(msg);
            kpk_metric_add(&revoked, 1);
        } else {
            batch->msgs[kept++] = msg;
        }
    }
    batch->count = kept;
}

/* --- group membership -------------------------------------------------------------------- */

/* Where to start is said here, not by auto.offset.reset, so that the two cases it mixes up stay
 * apart: a partition without a committed offset starts where the topology says; a committed offset
 * that is out of range is an error (auto.offset.reset=error), as records were lost. */
static int set_start_offsets(struct kpk_consumer *consumer,
                             rd_kafka_topic_partition_list_t *parts) {
    rd_kafka_resp_err_t code;

    while ((code = rd_kafka_committed(consumer->rk, parts, COMMITTED_TIMEOUT_MS))) {
        struct kpk_quoted quoted;
        if (code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR__TRANSPORT &&
            code != RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE &&
            code != RD_KAFKA_RESP_ERR_NOT_COORDINATOR &&
            code != RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS &&
            code != RD_KAFKA_RESP_ERR__WAIT_COORD)
            return kpk_fail(&consumer->failure, KPK_FATAL, "group %s: committed offsets: %s",
                            consumer->group, rd_kafka_err2str(code));
        kpk_warn("committed-offsets", "group=%s reason=%s", consumer->group,
                 kpk_quote(&quoted, rd_kafka_err2str(code)));
        /* Nothing is committed from an assignment that is lost or about to be left. */
        if (rd_kafka_assignment_lost(consumer->rk) || kpk_stopping()) break;
    }
    for (int i = 0; i < parts->cnt; i++)
        if (parts->elems[i].offset == RD_KAFKA_OFFSET_INVALID)
            parts->elems[i].offset =
                consumer->from_end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    return 0;
}

static rd_kafka_resp_err_t change_assignment(rd_kafka_t *rk, bool assign,
                                             rd_kafka_topic_partition_list_t *parts) {
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    rd_kafka_error_t *error;
    rd_kafka_resp_err_t code;

    if (!protocol) return RD_KAFKA_RESP_ERR_NO_ERROR; /* it has left the group meanwhile */
    if (strcmp(protocol, "COOPERATIVE") != 0) return rd_kafka_assign(rk, assign ? parts : NULL);
    error = assign ? rd_kafka_incremental_assign(rk, parts)
                   : rd_kafka_incremental_unassign(rk, parts);
    code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

static void on_assign(struct kpk_consumer *consumer, rd_kafka_topic_partition_list_t *parts) {
    rd_kafka_resp_err_t code;

    if (set_start_offsets(consumer, parts)) {
        consumer->failed = true;
        return;
    }
    code = change_assignment(consumer->rk, true, parts);
    if (code) {
        kpk_fail(&consumer->failure, KPK_FATAL, "group %s: assign: %s", consumer->group,
                 rd_kafka_err2str(code));
        consumer->failed = true;
        return;
    }
    if (consumer->paused) rd_kafka_pause_partitions(consumer->rk, parts);
    atomic_fetch_add(&consumer->assigned, parts->cnt);
    atomic_store(&consumer->joined, true);
}

static void on_revoke(struct kpk_consumer *consumer, rd_kafka_topic_partition_list_t *parts) {
    /* An owed commit is for an effect that is done: the new owner need not repeat it. */
    if (consumer->commit_owed && !rd_kafka_assignment_lost(consumer->rk))
        rd_kafka_commit(consumer->rk, NULL, 0);
    if (consumer->batch) batch_drop(consumer->batch, parts);
    /* librdkafka remembers a pause beyond the assignment, whoever asked for it: given back to us, the
     * partition would stay silent. */
    rd_kafka_resume_partitions(consumer->rk, parts);
    change_assignment(consumer->rk, false, parts);
    consumer->revocations++;
    atomic_fetch_sub(&consumer->assigned, parts->cnt);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *parts, void *opaque) {
    struct kpk_consumer *consumer = opaque;

    kpk_log("rebalance", "group=%s client=%s change=%s partitions=%d", consumer->group,
            rd_kafka_name(rk),
            code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "assigned" : "revoked", parts->cnt);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assign(consumer, parts);
    else
        on_revoke(consumer, parts);
}

/* KIP-848 keeps these two on the broker, and librdkafka refuses them on the client then. */
static rd_kafka_conf_t *consumer_conf(const char *group, struct kpk_err *err) {
    static const char *const classic[] = {
        "partition.assignment.strategy",
        "cooperative-sticky",
        "session.timeout.ms",
        "6000",
        "heartbeat.interval.ms",
        "1500",
        /* Also how long a rebalance waits for members that are gone, should the coordinator have
         * forgotten when to give them up: seen of a broker that was killed and loaded its groups
         * twice. The default of 5 minutes is an outage; no batch takes this long. */
        "max.poll.interval.ms",
        "45000",
        NULL,
    };
    const char *protocol = getenv("KPK_KAFKA_GROUP_PROTOCOL");
    rd_kafka_conf_t *conf =
        kpk_kafka_conf(protocol && strcmp(protocol, "consumer") == 0 ? NULL : classic, err);
    char kbytes[16], why[160];
    const char *const pairs[][2] = {
        {"group.id", group},
        {"enable.auto.commit", "false"},       /* kpk_commit() commits */
        {"enable.auto.offset.store", "false"}, /* kpk_commit() says what */
        {"auto.offset.reset", "error"},        /* see set_start_offsets() */
        {"queued.max.messages.kbytes", kbytes},
    };

    if (!conf) return NULL;
    snprintf(kbytes, sizeof(kbytes), "%d", QUEUED_MAX_KBYTES);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        if (rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof(why)) ==
            RD_KAFKA_CONF_OK)
            continue;
        kpk_fail(err, KPK_FATAL, "consumer: %s", why);
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return conf;
}

static int subscribe(struct kpk_consumer *consumer, const char *const *topics,
                     struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    rd_kafka_resp_err_t code;

    for (; *topics; topics++)
        rd_kafka_topic_partition_list_add(list, *topics, RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return kpk_fail(err, KPK_FATAL, "group %s: subscribe: %s", consumer->group,
                        rd_kafka_err2str(code));
    return 0;
}

int kpk_consumer_open(struct kpk_consumer **out, const struct kpk_consumer_opts *opts,
                      struct kpk_err *err) {
    struct kpk_consumer *consumer = calloc(1, sizeof(*consumer));
    rd_kafka_conf_t *conf = NULL;
    char why[160];

    *out = NULL;
    if (!consumer) return kpk_fail(err, KPK_FATAL, "consumer: no memory");
    kpk_metric_add(&paused, 0); /* shown from the start */
    consumer->from_end = opts->from_end;
    consumer->backoff_ms = BACKOFF_MIN_MS;
    consumer->group = strdup(opts->group);
    conf = consumer_conf(opts->group, err);
    if (!conf || !consumer->group) goto fail;
    rd_kafka_conf_set_opaque(conf, consumer);
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!consumer->rk) {
        kpk_fail(err, KPK_FATAL, "consumer: %s", why);
        goto fail;
    }
    conf = NULL; /* the handle owns it now */
    rd_kafka_poll_set_consumer(consumer->rk);
    if (subscribe(consumer, opts->topics, err)) goto fail;
    *out = consumer;
    return 0;
fail:
    if (conf) rd_kafka_conf_destroy(conf);
    kpk_consumer_close(consumer);
    return -1;
}

void kpk_consumer_close(struct kpk_consumer *consumer) {
    if (!consumer) return;
    /* librdkafka does not end while somebody holds a record. */
    if (consumer->batch) kpk_batch_clear(consumer->batch);
    if (consumer->rk) {
        rd_kafka_consumer_close(consumer->rk);
        rd_kafka_destroy(consumer->rk);
    }
    free((char *)consumer->group);
    free(consumer);
}

/* --- the loop's three calls -------------------------------------------------------------- */

/* Not a record but an event. returns 0 when librdkafka mends it by itself, or -1 */
static int consumer_event(struct kpk_consumer *consumer, const rd_kafka_message_t *msg,
                          struct kpk_err *err) {
    struct kpk_quoted quoted;
    const char *topic = msg->rkt ? rd_kafka_topic_name(msg->rkt) : "-";

    switch (msg->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        kpk_metric_add(&out_of_range, 1);
        kpk_error("offset-out-of-range", "group=%s topic=%s partition=%d reason=%s",
                  consumer->group, topic, msg->partition,
                  kpk_quote(&quoted, rd_kafka_message_errstr(msg)));
        /* Short: the command must not be cut. */
        return kpk_fail(
            err, KPK_FATAL,
            "%s [%d]: retention passed the group by, records were lost to it. To go "
            "on with what is left, stop its members, then: kpk group reset %s --to "
            "beginning",
            topic, msg->partition, consumer->group);
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return kpk_fail(err, KPK_FATAL, "group %s: %s", consumer->group,
                        rd_kafka_message_errstr(msg));
    default:
        kpk_warn("consumer", "group=%s topic=%s partition=%d code=%s reason=%s",
                 consumer->group, topic, msg->partition, rd_kafka_err2name(msg->err),
                 kpk_quote(&quoted, rd_kafka_message_errstr(msg)));
        return 0;
    }
}

/* Serve the group once, for up to 'timeout_ms'.
 * msg      out; a record for the caller to destroy, or NULL
 * returns  0, or -1 with 'err' (FATAL) */
static int take(struct kpk_consumer *consumer, int timeout_ms, rd_kafka_message_t **msg,
                struct kpk_err *err) {
    rd_kafka_message_t *event = NULL;
    int failed = 0;

    *msg = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
    if (*msg && (*msg)->err) {
        event = *msg;
        *msg = NULL;
        failed = consumer_event(consumer, event, err);
        rd_kafka_message_destroy(event);
    }
    if (!consumer->failed) return failed;
    *err = consumer->failure;
    if (*msg) rd_kafka_message_destroy(*msg);
    return -1;
}

/* Commit what offsets_store() marked. Never waits for a coordinator that is gone: the effect is
 * done, so the commit is owed and tried again at the next poll. */
static int commit_stored(struct kpk_consumer *consumer, struct kpk_err *err) {
    rd_kafka_resp_err_t code = rd_kafka_commit(consumer->rk, NULL, 0);

    consumer->commit_owed = code && code != RD_KAFKA_RESP_ERR__NO_OFFSET;
    if (!consumer->commit_owed) return 0;
    if (code == RD_KAFKA_RESP_ERR__FATAL ||
        code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        return kpk_fail(err, KPK_FATAL, "group %s: commit: %s", consumer->group,
                        rd_kafka_err2str(code));
    kpk_log("commit-owed", "group=%s code=%s", consumer->group, rd_kafka_err2name(code));
    return 0;
}

/* Stay in the group while nothing is fetched. All partitions are paused, so no record comes; one
 * that does all the same is put back. */
static int serve_group(struct kpk_consumer *consumer, struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + consumer->backoff_ms;
    rd_kafka_message_t *msg;

    if (consumer->backoff_ms < BACKOFF_MAX_MS) consumer->backoff_ms *= 2;
    for (int64_t left; (left = until - kpk_mono_ms()) > 0 && !kpk_stopping();) {
        if (take(consumer, (int)left, &msg, err)) return -1;
        if (!msg) continue;
        rd_kafka_seek(msg->rkt, msg->partition, msg->offset, COMMITTED_TIMEOUT_MS);
        rd_kafka_message_destroy(msg);
    }
    return 0;
}

int kpk_poll_batch(struct kpk_consumer *consumer, struct kpk_batch *batch, int timeout_ms,
                   struct kpk_err *err) {
    rd_kafka_message_t *msg;

    consumer->batch = batch;
    if (consumer->commit_owed && commit_stored(consumer, err)) return -1;
    if (consumer->paused) return serve_group(consumer, err);
    /* One blocking poll, then drain: a time-out that waits for a full batch is added latency. */
    while (batch->count < batch->capacity) {
        if (take(consumer, batch->count ? 0 : timeout_ms, &msg, err)) return -1;
        if (!msg) break;
        batch->msgs[batch->count++] = msg;
    }
    if (batch->count) kpk_metric_add(&consumed, (int64_t)batch->count);
    return 0;
}

static void pause_all(struct kpk_consumer *consumer, bool pause) {
    rd_kafka_topic_partition_list_t *parts = NULL;

    consumer->paused = pause;
    kpk_metric_add(&paused, pause ? 1 : -1);
    if (rd_kafka_assignment(consumer->rk, &parts)) return;
    if (pause)
        rd_kafka_pause_partitions(consumer->rk, parts);
    else
        rd_kafka_resume_partitions(consumer->rk, parts);
    rd_kafka_topic_partition_list_destroy(parts);
}

void kpk_pause(struct kpk_consumer *consumer, const struct kpk_err *why) {
    struct kpk_quoted quoted;

    if (consumer->paused) return;
    kpk_warn("paused", "group=%s reason=%s", consumer->group, kpk_quote(&quoted, why->msg));
    kpk_metric_add(&pauses, 1);
    consumer->backoff_ms = BACKOFF_MIN_MS;
    pause_all(consumer, true);
}

int kpk_commit(struct kpk_consumer *consumer, const struct kpk_batch *batch,
               struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(16);

    if (consumer->paused) {
        kpk_log("resumed", "group=%s", consumer->group);
        pause_all(consumer, false);
    }
    for (size_t i = 0; i < batch->count; i++) {
        const rd_kafka_message_t *msg = batch->msgs[i];
        const char *topic = rd_kafka_topic_name(msg->rkt);
        rd_kafka_topic_partition_t *part =
            rd_kafka_topic_partition_list_find(offsets, topic, msg->partition);
        if (!part) part = rd_kafka_topic_partition_list_add(offsets, topic, msg->partition);
        part->offset = msg->offset + 1;
    }
    /* A partition that is no longer ours fails here, alone, and is thereby skipped. */
    if (offsets->cnt) rd_kafka_offsets_store(consumer->rk, offsets);
    rd_kafka_topic_partition_list_destroy(offsets);
    return batch->count ? commit_stored(consumer, err) : 0;
}
