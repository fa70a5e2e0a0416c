/* The headers of a record that was handed over: to a retry tier, or as a dead letter. Named as Kafka's
 * own brokers name them (KIP-1191); 'kpk-' are the kit's. They are replaced at each hop, not added, so a
 * record does not grow on its way; where it came from stays what it was at the first hop, and so
 * (topic, partition, offset, group) identifies it through all of them. */
#ifndef KPK_PATTERNS_RETRY_DLQ_HEADERS_H
#define KPK_PATTERNS_RETRY_DLQ_HEADERS_H

#define KPK_ERRORS_TOPIC "__dlq.errors.topic" /* where it was read first, on the cluster */
#define KPK_ERRORS_PARTITION "__dlq.errors.partition"
#define KPK_ERRORS_OFFSET "__dlq.errors.offset"
#define KPK_ERRORS_GROUP "__dlq.errors.group" /* on the cluster */
#define KPK_ERRORS_DELIVERY_COUNT                                                              \
    "__dlq.errors.delivery.count"                 /* tries so far, all redrives together */
#define KPK_ERRORS_MESSAGE "__dlq.errors.message" /* why the last one failed */
#define KPK_NOT_BEFORE "kpk-not-before" /* in a tier: epoch ms before which it is not tried */
#define KPK_REDRIVEN "kpk-redriven"     /* how often a person sent it back; absent: never */
#define KPK_LEFT_OUT                                                                           \
    "kpk-left-out-bytes" /* the record did not fit, and is not here: its bytes */

#endif
