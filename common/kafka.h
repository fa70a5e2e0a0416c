/* Opening, configuring and closing librdkafka handles, and the three calls of a consumer loop.
 *
 * What is hidden here is set-up. What stays in sight of the caller: the handles themselves
 * (rd_kafka_t, rd_kafka_message_t), and where the commit stands relative to the effect:
 *
 *   while (!kpk_stopping()) {
 *       if (kpk_poll_batch(consumer, &batch, 500, err)) goto out;   (1) fetch
 *       if (effect(&batch, err)) {                                  (2) effect
 *           if (err->verdict != KPK_WAIT) goto out;
 *           kpk_pause(consumer, err);                               keep the batch; try again
 *           continue;
 *       }
 *       if (kpk_commit(consumer, &batch, err)) goto out;            (3) commit
 *       kpk_batch_clear(&batch);
 *   }
 *
 * Every librdkafka property can be set from the environment: KPK_KAFKA_SECURITY_PROTOCOL=ssl sets
 * security.protocol. KPK_BOOTSTRAP_SERVERS names the cluster. */
#ifndef KPK_COMMON_KAFKA_H
#define KPK_COMMON_KAFKA_H

#include "common/err.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* How much a topic may lose (section 8 of the guide). A producer is opened for one class, so a
 * process has one producer per class it needs. */
enum kpk_durability {
    KPK_CRITICAL,  /* acks=all, RF 3, min ISR 2, idempotent: nothing */
    KPK_TELEMETRY, /* acks=1, RF 2, min ISR 1: what a dying leader had not passed on */
    KPK_LOSSY,     /* acks=0, RF 1: anything (the guide's at-most-once) */
};

/* --- set-up shared by every handle ------------------------------------------------------------ */

/* A configuration with what every client of the kit has: bootstrap servers, client id, logs as
 * events, and then KPK_KAFKA_*, which wins. 'pairs' are name, value, ..., NULL.
 * returns  NULL with 'err' (FATAL) naming the property and the reason */
rd_kafka_conf_t *kpk_kafka_conf(const char *const *pairs, struct kpk_err *err);

/* Does the cluster answer within a second? For /readyz. returns 0, or -1 with 'err' (WAIT) */
int kpk_kafka_check(rd_kafka_t *rk, struct kpk_err *err) KPK_MUST_CHECK;

/* --- consumer ---------------------------------------------------------------------------- */

/* Records in hand: of the partitions this member owns, each partition in order of offsets. */
struct kpk_batch {
    rd_kafka_message_t **msgs;
    size_t count, capacity;
};

int kpk_batch_init(struct kpk_batch *batch, size_t capacity,
                   struct kpk_err *err) KPK_MUST_CHECK;
void kpk_batch_clear(struct kpk_batch *batch); /* destroys the records, keeps the room */
void kpk_batch_free(struct kpk_batch *batch);

struct kpk_consumer_opts {
    const char *group;         /* full names */
    const char *const *topics; /* NULL-terminated */
    bool from_end;             /* where a partition without a committed offset starts */
};

/* A member of a group: one thread uses it. */
struct kpk_consumer {
    rd_kafka_t *rk;
    atomic_bool joined;  /* has had an assignment, perhaps an empty one; for /readyz */
    atomic_int assigned; /* partitions owned now */
    int revocations;     /* how often partitions were taken away */
    bool paused;         /* a dependency is down: batch kept, nothing fetched */
    /* private */
    const char *group;
    bool from_end;
    int backoff_ms;          /* how long the next paused poll serves the group */
    bool commit_owed;        /* the effect is done, its commit is not yet */
    struct kpk_batch *batch; /* filled or kept now; a revoked partition is taken out of it */
    bool failed;             /* in the rebalance callback: told by the next poll */
    struct kpk_err failure;
};

/* Join the group. Classic protocol with cooperative-sticky, or KIP-848 with
 * KPK_KAFKA_GROUP_PROTOCOL=consumer. Offsets are committed by kpk_commit() only.
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_consumer_open(struct kpk_consumer **consumer, const struct kpk_consumer_opts *opts,
                      struct kpk_err *err) KPK_MUST_CHECK;

/* Leave the group at once, so that others need not wait for the session to time out. Commits only
 * what is owed: an effect that is done. The batch of the last kpk_poll_batch() is cleared, so it is
 * freed afterwards. NULL is fine. */
void kpk_consumer_close(struct kpk_consumer *consumer);

/* Wait up to 'timeout_ms' for one record, then take what else has arrived, up to the capacity.
 * batch    must be empty, or the one that was kept by kpk_pause(): then nothing is fetched, the
 *          group is served for a while (100 ms, growing to 2 s), and the batch stays, less the
 *          records of partitions that were revoked meanwhile
 * returns  0, an empty batch included; -1 with 'err' (FATAL): the committed offset is gone because
 *          retention passed the group by, or the client is beyond repair                        */
int kpk_poll_batch(struct kpk_consumer *consumer, struct kpk_batch *batch, int timeout_ms,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* A dependency is down ('why', a WAIT): stop fetching and keep the batch. The next kpk_poll_batch()
 * keeps this member in its group; the next kpk_commit() starts fetching again. */
void kpk_pause(struct kpk_consumer *consumer, const struct kpk_err *why);

/* Commit the offsets after the batch, and wait for the answer. Call it when the effect is durable.
 * A partition that was lost meanwhile is skipped: its records are the new owner's. When the
 * coordinator cannot answer, the commit stays owed and the next poll tries again: the effect is
 * done and must not wait for it.
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_commit(struct kpk_consumer *consumer, const struct kpk_batch *batch,
               struct kpk_err *err) KPK_MUST_CHECK;

/* --- producer ---------------------------------------------------------------------------- */

struct kpk_producer_opts {
    enum kpk_durability durability;
    const char *transactional_id; /* full name, or NULL; stable, and unique per instance */
    int linger_ms;                /* 0: send at once */
    int max_message_bytes;        /* 0: librdkafka's default of 1 MB */
};

/* One thread uses it: delivery reports are served by the calls below. */
struct kpk_producer {
    rd_kafka_t *rk;
    size_t unacked;         /* sent, no delivery report yet */
    size_t failed;          /* reports that said no, since the last kpk_producer_wait() */
    struct kpk_err failure; /* the first of them */
};

int kpk_producer_open(struct kpk_producer **producer, const struct kpk_producer_opts *opts,
                      struct kpk_err *err) KPK_MUST_CHECK;

/* Drops what is not yet acknowledged: call kpk_producer_wait() first. NULL is fine. */
void kpk_producer_close(struct kpk_producer *producer);

/* Queue one record; both are copied. It is sent when its delivery report says so, not now.
 * headers  taken over, also on failure; may be NULL
 * value    NULL: a tombstone
 * returns  0, or -1 with 'err': REJECT too large, WAIT the queue stayed full, FATAL the rest */
int kpk_producer_send(struct kpk_producer *producer, const char *topic, const void *key,
                      size_t key_len, const void *value, size_t value_len,
                      rd_kafka_headers_t *headers, struct kpk_err *err) KPK_MUST_CHECK;

/* Wait for every delivery report. After a failure what is still queued is purged, so that the
 * caller can send the whole batch again, in order.
 * returns  0: everything is acknowledged; -1 with 'err' of the first failure: WAIT, or FATAL when
 *          the producer is beyond repair */
int kpk_producer_wait(struct kpk_producer *producer, int timeout_ms,
                      struct kpk_err *err) KPK_MUST_CHECK;

#endif
