/* How deep the dead letter topics of a group are, by offsets and the ledger. */
#include "tools/kpk/dlq_ledger.h"
#include "tools/kpk/lag.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 5000 };

struct kpk_dlq_counter {
    struct kpk_dlq_topics topics;
    struct kpk_ledger ledger;
    int64_t
        ledger_end; /* where it ended when it was read, its partitions added up; -1: not read */
};

int kpk_dlq_counter_open(struct kpk_dlq_counter **out, struct kpk_plan *topics,
                         struct kpk_err *err) {
    struct kpk_dlq_counter *counter = calloc(1, sizeof(*counter));

    *out = NULL;
    if (!counter) return kpk_fail(err, KPK_FATAL, "lag: no memory");
    if (kpk_dlq_topics_open(&counter->topics, topics, err)) {
        free(counter);
        return -1;
    }
    counter->ledger.topics = &counter->topics;
    counter->ledger_end = -1;
    *out = counter;
    return 0;
}

void kpk_dlq_counter_close(struct kpk_dlq_counter *counter) {
    if (!counter) return;
    kpk_ledger_free(&counter->ledger);
    kpk_dlq_topics_close(&counter->topics);
    free(counter);
}

/* --- which partitions there are ---------------------------------------------------------- */

static const struct rd_kafka_metadata_topic *find(const struct rd_kafka_metadata *metadata,
                                                  const char *name) {
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0) return &metadata->topics[i];
    return NULL;
}

/* returns  how many of them nobody leads: one in a request would fail it for all */
static size_t add_partitions(rd_kafka_topic_partition_list_t *list,
                             const struct rd_kafka_metadata *metadata, const char *name) {
    const struct rd_kafka_metadata_topic *topic = find(metadata, name);
    size_t leaderless = 0;

    for (int i = 0; topic && i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader >= 0)
            rd_kafka_topic_partition_list_add(list, name, topic->partitions[i].id);
        else
            leaderless++;
    }
    return leaderless;
}

static struct kpk_lag *find_group(struct kpk_lag *lags, size_t count,
                                  const struct kpk_group *row) {
    for (size_t i = 0; i < count; i++)
        if (lags[i].row == row) return &lags[i];
    return NULL;
}

/* ledger, letters  out */
static int find_partitions(const struct kpk_dlq_counter *counter, struct kpk_admin *admin,
                           struct kpk_lag *lags, size_t count,
                           rd_kafka_topic_partition_list_t *ledger,
                           rd_kafka_topic_partition_list_t *letters, size_t *left_out,
                           struct kpk_err *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    char name[KPK_NAME_BYTES];
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 1, NULL, &metadata, admin->request_ms);

    if (code) return kpk_fail(err, KPK_WAIT, "topics: %s", rd_kafka_err2str(code));
    (void)add_partitions(ledger, metadata, kpk_full_name(KPK_TOPIC_DLQ_LEDGER, name));
    for (size_t i = 0; i < counter->topics.count; i++) {
        const struct kpk_dlq_topic *at = &counter->topics.all[i];
        if (at->there && find_group(lags, count, at->group))
            *left_out += add_partitions(letters, metadata, at->name);
    }
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

/* --- counting ---------------------------------------------------------------------------- */

static int refresh_ledger(struct kpk_dlq_counter *counter, struct kpk_admin *admin,
                          rd_kafka_topic_partition_list_t *partitions, struct kpk_err *err) {
    int64_t end = 0;

    if (partitions->cnt && kpk_admin_offsets(admin, partitions, RD_KAFKA_OFFSET_SPEC_LATEST,
                                             RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, err))
        return -1;
    for (int i = 0; i < partitions->cnt; i++) end += partitions->elems[i].offset;
    if (end == counter->ledger_end) return 0;
    counter->ledger_end = -1;
    if (kpk_ledger_read(&counter->ledger, PATIENCE_MS, err)) return -1;
    counter->ledger_end = end;
    return 0;
}

static void add_letters(const struct kpk_dlq_counter *counter, struct kpk_lag *lags,
                        size_t count, const rd_kafka_topic_partition_t *begin,
                        const rd_kafka_topic_partition_t *end, size_t *left_out) {
    const struct kpk_dlq_topic *at = kpk_dlq_topic_find(&counter->topics, begin->topic);
    struct kpk_lag *lag = at ? find_group(lags, count, at->group) : NULL;

    if (!lag) return;
    if (begin->err || end->err) {
        ++*left_out;
        return;
    }
    if (lag->letters < 0) lag->letters = 0;
    lag->letters += end->offset - begin->offset -
                    kpk_ledger_count(&counter->ledger, begin->topic, begin->partition,
                                     begin->offset, end->offset);
}

int kpk_count_letters(struct kpk_dlq_counter *counter, struct kpk_admin *admin,
                      struct kpk_lag *lags, size_t count, size_t *left_out,
                      struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *ledger = rd_kafka_topic_partition_list_new(0);
    rd_kafka_topic_partition_list_t *begin = rd_kafka_topic_partition_list_new(0), *end = NULL;
    const rd_kafka_IsolationLevel_t committed = RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
    int failed = -1;

    *left_out = 0;
    if (find_partitions(counter, admin, lags, count, ledger, begin, left_out, err)) goto out;
    end = rd_kafka_topic_partition_list_copy(begin);
    if (begin->cnt) {
        if (kpk_admin_offsets(admin, begin, RD_KAFKA_OFFSET_SPEC_EARLIEST, committed, err) ||
            kpk_admin_offsets(admin, end, RD_KAFKA_OFFSET_SPEC_LATEST, committed, err))
            goto out;
        /* After the ends: what was done about a letter that is counted is known. */
        if (refresh_ledger(counter, admin, ledger, err)) goto out;
    }
    for (int i = 0; i < begin->cnt; i++)
        add_letters(counter, lags, count, &begin->elems[i], &end->elems[i], left_out);
    failed = 0;
out:
    if (end) rd_kafka_topic_partition_list_destroy(end);
    rd_kafka_topic_partition_list_destroy(begin);
    rd_kafka_topic_partition_list_destroy(ledger);
    return failed;
}
