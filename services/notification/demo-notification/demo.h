/* The parts of demo-notification's story, in the order in which they are told. Each prints what it sees,
 * leaves the stack as it found it, and returns 0, or -1 with 'err'. */
#ifndef KPK_SERVICES_NOTIFICATION_DEMO_H
#define KPK_SERVICES_NOTIFICATION_DEMO_H

#include "services/notification/demo-notification/faults.h"
#include "services/notification/demo-notification/hops.h"
#include "services/notification/demo-notification/notices.h"
#include "topology/admin.h"

struct demo {
    struct notices *notices; /* whom it tells, and all that it asked for */
    struct faults *faults;   /* of the providers */
    struct hops *hops;       /* what the groups hand over */
    struct kpk_admin *admin;
    const char *only; /* the part to tell; "all" */
};

/* One event, three channels. */
int demo_channels(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* The recipient forbids a channel. */
int demo_preferences(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* A provider goes down: its channel waits, the others do not care; it comes back. */
int demo_outage(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* Failures of the moment, each in the tier that is long enough. */
int demo_retries(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

/* A failure for good: a dead letter, looked at, its cause removed, redriven. */
int demo_dead_letter(struct demo *demo, struct kpk_err *err) KPK_MUST_CHECK;

#endif
