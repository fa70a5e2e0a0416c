#include "topology/backlog.h"

#include "common/clock.h"
#include "common/stop.h"
#include "common/tail.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PARTITIONS_MOST = 1024, FETCH_MS = 100, READ_MS = 60000, LOOK_MS = 50 };

struct offsets {
    int64_t *at; /* ascending, as they were read */
    int64_t count, room;
};

struct kpk_backlog {
    struct kpk_admin *admin;
    struct kpk_tail *tail;
    char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];
    int64_t most, known;
    int partitions;
    struct offsets records[PARTITIONS_MOST];
};

void kpk_backlog_close(struct kpk_backlog *backlog) {
    if (!backlog) return;
    kpk_tail_close(backlog->tail);
    for (int p = 0; p < PARTITIONS_MOST; p++) free(backlog->records[p].at);
    free(backlog);
}

/* --- the records ------------------------------------------------------------------------- */

static int keep(struct kpk_backlog *backlog, const rd_kafka_message_t *msg,
                struct kpk_err *err) {
    if (msg->partition < 0 || msg->partition >= PARTITIONS_MOST)
        return kpk_fail(err, KPK_FATAL, "%s has more than %d partitions", backlog->topic,
                        PARTITIONS_MOST);
    struct offsets *records = &backlog->records[msg->partition];
    if (backlog->known >= backlog->most)
        return kpk_fail(err, KPK_REJECT, "%s holds more than %" PRId64 " records",
                        backlog->topic, backlog->most);
    if (records->count == records->room) {
        int64_t room = records->room ? 2 * records->room : 64;
        int64_t *larger = realloc(records->at, (size_t)room * sizeof(*larger));
        if (!larger) return kpk_fail(err, KPK_FATAL, "backlog: no memory");
        records->at = larger;
        records->room = room;
    }
    records->at[records->count++] = msg->offset;
    backlog->known++;
    return 0;
}

/* Those that have come. took  out; false: none */
static int take(struct kpk_backlog *backlog, int timeout_ms, bool *took, struct kpk_err *err) {
    rd_kafka_message_t *msg;

    *took = false;
    if (kpk_tail_next(backlog->tail, timeout_ms, &msg, err)) return -1;
    if (!msg) return 0;
    *took = true;
    int failed = keep(backlog, msg, err);
    rd_kafka_message_destroy(msg);
    return failed;
}

static int take_all(struct kpk_backlog *backlog, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + READ_MS;
    bool took;

    while (!kpk_tail_done(backlog->tail)) {
        if (take(backlog, FETCH_MS, &took, err)) return -1;
        if (took) deadline = kpk_mono_ms() + READ_MS;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_mono_ms() >= deadline)
            return kpk_fail(err, KPK_WAIT, "%s cannot be read to its end", backlog->topic);
    }
    kpk_tail_close(backlog->tail);
    backlog->tail = NULL; /* what comes later is not asked for */
    return 0;
}

int kpk_backlog_open(struct kpk_backlog **out, struct kpk_admin *admin,
                     const struct kpk_backlog_opts *opts, struct kpk_err *err) {
    struct kpk_backlog *backlog = calloc(1, sizeof(*backlog));

    *out = NULL;
    if (!backlog) return kpk_fail(err, KPK_FATAL, "backlog: no memory");
    backlog->admin = admin;
    backlog->most = opts->most;
    kpk_full_name(opts->group, backlog->group);
    kpk_full_name(opts->topic, backlog->topic);
    const struct kpk_tail_opts tail = {
        .topics = (const char *[]){backlog->topic, NULL},
        .partition = KPK_TAIL_ALL,
        .from = {.start = opts->all ? KPK_TAIL_BEGINNING : KPK_TAIL_END},
        .until_end = opts->all,
    };
    if (kpk_tail_open_at(&backlog->tail, &tail, err)) goto fail;
    if (opts->all && take_all(backlog, err)) goto fail;
    *out = backlog;
    return 0;
fail:
    kpk_backlog_close(backlog);
    return -1;
}

/* --- less what is committed -------------------------------------------------------------- */

static int64_t past(const struct offsets *records, int64_t committed) {
    int64_t low = 0, high = records->count;

    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (records->at[middle] < committed)
            low = middle + 1;
        else
            high = middle;
    }
    return records->count - low;
}

static int64_t count_past(const struct kpk_backlog *backlog,
                          const rd_kafka_topic_partition_list_t *committed) {
    int64_t sum = 0;

    for (int p = 0; p < PARTITIONS_MOST; p++) {
        const rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_find(
            (rd_kafka_topic_partition_list_t *)committed, backlog->topic, p);
        sum += past(&backlog->records[p], at && at->offset > 0 ? at->offset : 0);
    }
    return sum;
}

int kpk_backlog_read(struct kpk_backlog *backlog, int64_t *records, struct kpk_err *err) {
    rd_kafka_AdminOptions_t *opts;
    rd_kafka_ListConsumerGroupOffsets_t *request;
    rd_kafka_event_t *event;
    size_t count;
    bool took = backlog->tail;
    int failed = 0;

    *records = 0;
    while (took)
        if (take(backlog, 0, &took, err)) return -1;
    opts = kpk_admin_options(backlog->admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    request = rd_kafka_ListConsumerGroupOffsets_new(backlog->group, NULL);
    rd_kafka_ListConsumerGroupOffsets(backlog->admin->rk, &request, 1, opts,
                                      kpk_admin_queue(backlog->admin));
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    event = kpk_admin_answer(backlog->admin, opts, backlog->group, err);
    if (!event) return -1;
    const rd_kafka_group_result_t *group = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)[0];
    const rd_kafka_error_t *error = rd_kafka_group_result_error(group);
    if (error)
        failed = kpk_fail(err, KPK_WAIT, "group %s: %s", backlog->group,
                          rd_kafka_error_string(error));
    else
        *records = count_past(backlog, rd_kafka_group_result_partitions(group));
    rd_kafka_event_destroy(event);
    return failed;
}

int kpk_backlog_await_none(struct kpk_backlog *backlog, int stuck_ms, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + stuck_ms, least = INT64_MAX, records;

    for (;;) {
        if (kpk_backlog_read(backlog, &records, err)) return -1;
        if (records == 0) return 0;
        if (records < least) deadline = kpk_mono_ms() + stuck_ms;
        if (records < least) least = records;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_mono_ms() >= deadline)
            return kpk_fail(err, KPK_WAIT, "group %s does not catch up: %" PRId64 " records",
                            backlog->group, records);
        kpk_stop_wait(LOOK_MS);
    }
}

int64_t kpk_backlog_known(const struct kpk_backlog *backlog) { return backlog->known; }
