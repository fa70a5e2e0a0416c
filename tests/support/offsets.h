/* How far topics and groups are, asked from outside. Full names; the test fails when nobody
 * answers. */
#ifndef KPK_TESTS_SUPPORT_OFFSETS_H
#define KPK_TESTS_SUPPORT_OFFSETS_H

#include "common/tail.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* The ends of the topic's partitions, added up: it grows by one for each record. */
int64_t offsets_end(const char *topic);

/* All that is in 'topic' now, from its beginning, for kpk_tail_next() until kpk_tail_done(). Brokers that are only
 * coming back are waited for. */
struct kpk_tail *offsets_tail(const char *topic);

/* Wait until 'group' has committed past the record at each offset in 'list'. */
void offsets_await_past(const char *group, const rd_kafka_topic_partition_list_t *list,
                        int timeout_ms);

/* Wait until 'group' has committed past everything that is in 'topic' now. */
void offsets_await_all(const char *group, const char *topic, int timeout_ms);

/* Let 'group', which must have no members now, begin again at the first offset of 'topic'. */
void offsets_rewind(const char *group, const char *topic);

/* Lists of every partition of 'topic', in order, for rd_kafka_topic_partition_list_destroy(). */

/* What 'group' has committed; RD_KAFKA_OFFSET_INVALID: nothing. */
rd_kafka_topic_partition_list_t *offsets_committed(const char *group, const char *topic);

/* The offsets at 'where': RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END, or a time in epoch
 * milliseconds: of the first record that is not older, or the end. */
rd_kafka_topic_partition_list_t *offsets_at(const char *topic, int64_t where);

#endif
