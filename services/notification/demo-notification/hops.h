/* What the three groups hand over: every record that comes into one of their retry tiers or dead letter topics
 * while the demo runs, read from those topics by a reader that belongs to no group. */
#ifndef KPK_SERVICES_NOTIFICATION_DEMO_HOPS_H
#define KPK_SERVICES_NOTIFICATION_DEMO_HOPS_H

#include "common/uuid.h"
#include "services/notification/provider.h"
#include "topology/topology.h"

#include <stdbool.h>
#include <stdint.h>

enum hop_kind { HOP_TIER, HOP_LETTER };

struct hop {
    enum notification_channel channel; /* whose group handed it over */
    enum hop_kind kind;
    char topic[KPK_NAME_BYTES]; /* where it lies, on the cluster */
    int32_t partition;
    int64_t offset;
    char id[KPK_UUID_BYTES]; /* of the notification */
    int64_t at_ms;           /* when it was written there ... */
    int64_t not_before_ms;   /* ... and when it may be tried again; of a tier's */
    char reason[256];
};

struct hops; /* one thread uses it */

/* returns  0, or -1 with 'err': WAIT no broker answers; FATAL a topic is missing */
int hops_open(struct hops **hops, struct kpk_err *err) KPK_MUST_CHECK;
void hops_close(struct hops *hops); /* NULL is fine */

/* Take what has come.
 * returns  0, or -1 with 'err' (FATAL) */
int hops_read(struct hops *hops, struct kpk_err *err) KPK_MUST_CHECK;

/* The first of a notification, of those that were read. NULL: none */
const struct hop *hops_find(const struct hops *hops, const char *id,
                            enum notification_channel channel, enum hop_kind kind);

/* The same, waited for. returns NULL with 'err' (WAIT): it did not come in time */
const struct hop *hops_await(struct hops *hops, const char *id,
                             enum notification_channel channel, enum hop_kind kind,
                             struct kpk_err *err) KPK_MUST_CHECK;

#endif
