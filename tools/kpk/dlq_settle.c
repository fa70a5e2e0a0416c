/* A commit is answered before its marks are in all partitions: until then readers of committed records
 * do not get past what was written. What is at the end now was written before the answer came, so it is
 * enough to wait until they get there. */
#include "common/clock.h"
#include "common/stop.h"
#include "tools/kpk/dlq_write.h"
#include "topology/admin.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 5000, PAUSE_MS = 10 };

static void add_partitions(rd_kafka_topic_partition_list_t *list, const char *topic,
                           int partitions) {
    for (int i = 0; i < partitions; i++)
        if (!rd_kafka_topic_partition_list_find(list, topic, i))
            rd_kafka_topic_partition_list_add(list, topic, i);
}

static void add_written(rd_kafka_topic_partition_list_t *list,
                        const struct kpk_dead_letters *letters, const struct kpk_deeds *deeds) {
    char ledger[KPK_NAME_BYTES];

    add_partitions(list, kpk_full_name(KPK_TOPIC_DLQ_LEDGER, ledger),
                   letters->table.ledger_partitions);
    for (size_t i = 0; i < letters->table.count; i++) {
        const struct kpk_dlq_topic *at = &letters->table.all[i];
        bool sent = false;
        for (size_t n = 0; n < deeds->count && !sent; n++)
            sent = deeds->all[n].letter->of == at && deeds->all[n].send &&
                   deeds->all[n].outcome == KPK_DEED_DONE;
        if (sent) add_partitions(list, at->tier, at->tier_partitions);
    }
}

static int await(struct kpk_admin *admin, rd_kafka_topic_partition_list_t *ends,
                 struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *stable = rd_kafka_topic_partition_list_copy(ends);
    int64_t until = kpk_mono_ms() + WAIT_MS;
    int behind = -1, failed = kpk_admin_offsets(admin, ends, RD_KAFKA_OFFSET_SPEC_LATEST,
                                                RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, err);

    while (!failed && behind && kpk_mono_ms() < until && !kpk_stopping()) {
        if (behind > 0) kpk_stop_wait(PAUSE_MS);
        failed = kpk_admin_offsets(admin, stable, RD_KAFKA_OFFSET_SPEC_LATEST,
                                   RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, err);
        behind = 0;
        for (int i = 0; i < ends->cnt; i++)
            behind += stable->elems[i].offset < ends->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(stable);
    if (failed) return -1;
    return behind ? kpk_fail(err, KPK_WAIT, "in %d partitions readers do not get there yet",
                             behind)
                  : 0;
}

int kpk_dlq_settle(const struct kpk_dead_letters *letters, const struct kpk_deeds *deeds,
                   struct kpk_err *err) {
    rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_new(0);
    struct kpk_admin *admin = NULL;
    int failed = kpk_admin_open(&admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err);

    add_written(ends, letters, deeds);
    if (!failed && ends->cnt) failed = await(admin, ends, err);
    kpk_admin_close(admin);
    rd_kafka_topic_partition_list_destroy(ends);
    return failed;
}
