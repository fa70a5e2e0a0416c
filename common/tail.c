#include "common/tail.h"

#include "common/clock.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_TIMEOUT_MS = 10000, ASK_AGAIN_MS = 100 };

struct kpk_tail {
    rd_kafka_t *rk;
    /* The partitions read, sorted; beside each, in 'ends', where to stop. Once a partition is
     * read up to there, its end is REACHED. */
    rd_kafka_topic_partition_list_t *at;
    int64_t *ends; /* NULL: no end */
    int open;      /* ends not reached */
    int leaderless;
    bool reading;     /* opened */
    bool down;        /* nobody answers now */
    char reason[160]; /* the client's last word on a broker that does not answer */
};

enum { REACHED = -1 };

/* The client repeats itself: an outage is told once, and while opening only if it fails. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct kpk_tail *tail = opaque;
    struct kpk_quoted quoted;
    bool all_down = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;

    if (!all_down || !tail->reason[0])
        snprintf(tail->reason, sizeof(tail->reason), "%s", reason);
    if (all_down && tail->reading && !tail->down)
        kpk_warn("kafka-down", "client=%s reason=%s", rd_kafka_name(rk),
                 kpk_quote(&quoted, tail->reason));
    tail->down |= all_down;
}

/* --- which partitions -------------------------------------------------------------------- */

static int add_partitions(struct kpk_tail *tail, const struct rd_kafka_metadata_topic *topic,
                          const struct kpk_tail_opts *opts, struct kpk_err *err) {
    bool found = false;

    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *partition = &topic->partitions[i];
        if (opts->partition != KPK_TAIL_ALL && opts->partition != partition->id) continue;
        found = true;
        if (partition->leader >= 0)
            rd_kafka_topic_partition_list_add(tail->at, topic->topic, partition->id);
        else if (opts->skip_leaderless)
            tail->leaderless++;
        else
            return kpk_fail(err, KPK_WAIT, "%s [%" PRId32 "] has no leader now", topic->topic,
                            partition->id);
    }
    if (!found)
        return kpk_fail(err, KPK_FATAL, "%s has no partition %" PRId32 ", but %d of them",
                        topic->topic, opts->partition, topic->partition_cnt);
    return 0;
}

static int fail_no_answer(struct kpk_tail *tail, rd_kafka_resp_err_t code,
                          struct kpk_err *err) {
    rd_kafka_poll(tail->rk, 0); /* on_error() is called from here */
    return kpk_fail(err, KPK_WAIT, "no broker answers: %s",
                    tail->reason[0] ? tail->reason : rd_kafka_err2str(code));
}

static int find_partitions(struct kpk_tail *tail, const char *name,
                           const struct kpk_tail_opts *opts, struct kpk_err *err) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(tail->rk, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG; /* not a name at all */
    int failed;

    if (topic) code = rd_kafka_metadata(tail->rk, 0, topic, &metadata, ASK_TIMEOUT_MS);
    if (!code) code = metadata->topics[0].err;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        failed = kpk_fail(err, KPK_FATAL, "no topic '%s' on this cluster", name);
    else if (metadata && code)
        failed = kpk_fail(err, KPK_FATAL, "%s: %s", name, rd_kafka_err2str(code));
    else if (code)
        failed = fail_no_answer(tail, code, err);
    else
        failed = add_partitions(tail, &metadata->topics[0], opts, err);
    if (metadata) rd_kafka_metadata_destroy(metadata);
    if (topic) rd_kafka_topic_destroy(topic);
    return failed;
}

/* --- from where, and to where ------------------------------------------------------------ */

static int read_answer(const struct kpk_tail *tail, rd_kafka_event_t *event, int64_t *offsets,
                       struct kpk_err *err) {
    size_t count;

    if (!event) return kpk_fail(err, KPK_WAIT, "kafka: no answer to where the partitions end");
    if (rd_kafka_event_error(event))
        return kpk_fail(err, KPK_WAIT, "kafka: where the partitions end: %s",
                        rd_kafka_event_error_string(event));
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *result =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        const rd_kafka_topic_partition_t *mine =
            rd_kafka_topic_partition_list_find(tail->at, result->topic, result->partition);
        if (result->err)
            return kpk_fail(err, KPK_WAIT, "%s [%" PRId32 "]: %s", result->topic,
                            result->partition, rd_kafka_err2str(result->err));
        if (mine) offsets[mine - tail->at->elems] = result->offset;
    }
    return 0;
}

static int ask_once(struct kpk_tail *tail, int64_t spec, int64_t *offsets,
                    struct kpk_err *err) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(tail->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(tail->rk, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_topic_partition_list_t *question = rd_kafka_topic_partition_list_copy(tail->at);
    rd_kafka_event_t *event;
    int failed;

    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_isolation_level(
        options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED)); /* NULL: it is one that exists */
    for (int i = 0; i < question->cnt; i++) question->elems[i].offset = spec;
    rd_kafka_ListOffsets(tail->rk, question, options, queue);
    event = rd_kafka_queue_poll(queue, ASK_TIMEOUT_MS);
    failed = read_answer(tail, event, offsets, err);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_topic_partition_list_destroy(question);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return failed;
}

/* Ask for one offset of every partition. Of a topic that was just made, or whose broker just came back, the brokers
 * may not agree yet who leads it: asked again for a while.
 * spec     a time, or RD_KAFKA_OFFSET_SPEC_*
 * offsets  out: beside tail->at; negative for a time after the last record */
static int ask(struct kpk_tail *tail, int64_t spec, int64_t *offsets, struct kpk_err *err) {
    int64_t deadline_ms = kpk_mono_ms() + ASK_TIMEOUT_MS;
    int failed;

    while ((failed = ask_once(tail, spec, offsets, err)) && err->verdict == KPK_WAIT &&
           kpk_mono_ms() < deadline_ms && !kpk_stopping())
        kpk_stop_wait(ASK_AGAIN_MS);
    return failed;
}

/* Fill tail->at. Where a partition ends is asked for here and now: RD_KAFKA_OFFSET_END would be
 * looked up some time after the caller went on, and what he wrote meanwhile would be missed. */
static int choose_starts(struct kpk_tail *tail, const struct kpk_tail_from *from,
                         const int64_t *ends, struct kpk_err *err) {
    int64_t *firsts = calloc((size_t)tail->at->cnt, sizeof(*firsts));
    int64_t spec =
        from->start == KPK_TAIL_TIME ? from->at : (int64_t)RD_KAFKA_OFFSET_SPEC_EARLIEST;
    int failed = -1;

    if (!firsts) return kpk_fail(err, KPK_FATAL, "tail: no memory");
    if (from->start != KPK_TAIL_END && ask(tail, spec, firsts, err)) goto out;
    for (int i = 0; i < tail->at->cnt; i++) {
        int64_t start = firsts[i];
        if (from->start == KPK_TAIL_OFFSET && from->at > start) start = from->at;
        if (from->start == KPK_TAIL_END || start < 0 || start > ends[i]) start = ends[i];
        tail->at->elems[i].offset = start;
    }
    failed = 0;
out:
    free(firsts);
    return failed;
}

static void keep_ends(struct kpk_tail *tail, int64_t *ends) {
    tail->ends = ends;
    for (int i = 0; i < tail->at->cnt; i++) {
        if (tail->at->elems[i].offset >= ends[i])
            ends[i] = REACHED;
        else
            tail->open++;
    }
}

static int begin(struct kpk_tail *tail, const struct kpk_tail_opts *opts, struct kpk_err *err) {
    rd_kafka_resp_err_t code;
    int64_t *ends;

    for (const char *const *topic = opts->topics; *topic; topic++)
        if (find_partitions(tail, *topic, opts, err)) return -1;
    if (tail->at->cnt == 0) return 0;
    rd_kafka_topic_partition_list_sort(tail->at, NULL, NULL);
    ends = calloc((size_t)tail->at->cnt, sizeof(*ends));
    if (!ends) return kpk_fail(err, KPK_FATAL, "tail: no memory");
    if (ask(tail, RD_KAFKA_OFFSET_SPEC_LATEST, ends, err) ||
        choose_starts(tail, &opts->from, ends, err)) {
        free(ends);
        return -1;
    }
    code = rd_kafka_assign(tail->rk, tail->at);
    if (opts->until_end)
        keep_ends(tail, ends);
    else
        free(ends);
    return code ? kpk_fail(err, KPK_WAIT, "kafka: %s", rd_kafka_err2str(code)) : 0;
}

int kpk_tail_open_at(struct kpk_tail **out, const struct kpk_tail_opts *opts,
                     struct kpk_err *err) {
    /* clang-format off */
    static const char *const pairs[] = {
        "group.id", "unused", /* demanded by the client library; without a subscription it is never used */
        "enable.auto.commit", "false",
        "enable.partition.eof", "true",
        "isolation.level", "read_committed",
        "auto.offset.reset", "earliest", /* retention passed us by: the next record there is */
        "fetch.wait.max.ms", "50",
        "log_level", "2", /* below errors: on_error() has them too */
        NULL,
    };
    /* clang-format on */
    struct kpk_tail *tail = calloc(1, sizeof(*tail));
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, err);
    char why[160];

    *out = NULL;
    if (!conf || !tail) {
        if (conf) kpk_fail(err, KPK_FATAL, "tail: no memory");
        goto fail;
    }
    tail->at = rd_kafka_topic_partition_list_new(0);
    rd_kafka_conf_set_opaque(conf, tail);
    rd_kafka_conf_set_error_cb(conf, on_error);
    tail->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!tail->rk) {
        kpk_fail(err, KPK_FATAL, "kafka: %s", why);
        goto fail;
    }
    conf = NULL; /* rd_kafka_new() took it over */
    if (begin(tail, opts, err)) goto fail;
    rd_kafka_poll_set_consumer(tail->rk);
    tail->reading = true;
    *out = tail;
    return 0;
fail:
    if (conf) rd_kafka_conf_destroy(conf);
    kpk_tail_close(tail);
    return -1;
}

int kpk_tail_open(struct kpk_tail **tail, const char *topic, bool from_end,
                  struct kpk_err *err) {
    return kpk_tail_open_at(tail,
                            &(struct kpk_tail_opts){
                                .topics = (const char *[]){topic, NULL},
                                .partition = KPK_TAIL_ALL,
                                .from.start = from_end ? KPK_TAIL_END : KPK_TAIL_BEGINNING,
                            },
                            err);
}

void kpk_tail_close(struct kpk_tail *tail) {
    if (!tail) return;
    if (tail->rk) {
        rd_kafka_consumer_close(tail->rk);
        rd_kafka_destroy(tail->rk);
    }
    if (tail->at) rd_kafka_topic_partition_list_destroy(tail->at);
    free(tail->ends);
    free(tail);
}

/* --- reading ----------------------------------------------------------------------------- */

/* Where to stop in the partition of 'msg'. NULL: no end was asked for. */
static int64_t *find_end(const struct kpk_tail *tail, const rd_kafka_message_t *msg) {
    int low = 0, high = tail->ends ? tail->at->cnt : 0;

    while (low < high) {
        int middle = low + (high - low) / 2;
        const rd_kafka_topic_partition_t *at = &tail->at->elems[middle];
        int order = strcmp(rd_kafka_topic_name(msg->rkt), at->topic);
        if (order == 0)
            order = (msg->partition > at->partition) - (msg->partition < at->partition);
        if (order == 0) return &tail->ends[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Is it a record for the caller? An end is reached by the record before it, by one after it, or
 * by word that the partition has no more: what stands before an end may be a control record,
 * which is given to nobody. */
static bool take(struct kpk_tail *tail, const rd_kafka_message_t *msg) {
    bool eof = msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    int64_t *end;
    bool wanted;

    if (msg->err && !eof) return false;
    end = find_end(tail, msg);
    if (!end) return !eof;
    wanted = !eof && msg->offset < *end;
    if (*end != REACHED && (!wanted || msg->offset + 1 == *end)) {
        *end = REACHED;
        tail->open--;
    }
    return wanted;
}

int kpk_tail_next(struct kpk_tail *tail, int timeout_ms, rd_kafka_message_t **out,
                  struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    *out = NULL;
    while (!kpk_tail_done(tail)) {
        int64_t left = deadline - kpk_mono_ms();
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(tail->rk, left > 0 ? (int)left : 0);
        if (msg) tail->down = false;
        if (msg && take(tail, msg)) {
            *out = msg;
            return 0;
        }
        /* A broker that went away comes back, and the client finds it: only what cannot is
         * told. */
        bool queued = msg != NULL; /* a partition's end, and more may be behind it */
        if (msg) rd_kafka_message_destroy(msg);
        if (rd_kafka_fatal_error(tail->rk, err->msg, sizeof(err->msg))) {
            err->verdict = KPK_FATAL;
            return -1;
        }
        if (!queued && kpk_mono_ms() >= deadline) break;
    }
    return 0;
}

bool kpk_tail_done(const struct kpk_tail *tail) {
    return (tail->ends || tail->at->cnt == 0) && tail->open == 0;
}

int kpk_tail_partitions(const struct kpk_tail *tail) {
    return tail->at->cnt + tail->leaderless;
}

int kpk_tail_leaderless(const struct kpk_tail *tail) { return tail->leaderless; }
