/* What goes wrong with the providers, while the demo runs. Faults that were there before are set aside, and put
 * back at its end, whatever end it comes to. Only kill -9 leaves the demo's own behind: they are known by
 * their seed, and the next run ends them. */
#ifndef KPK_SERVICES_NOTIFICATION_DEMO_FAULTS_H
#define KPK_SERVICES_NOTIFICATION_DEMO_FAULTS_H

#include "services/notification/demo-notification/notices.h"

struct faults; /* one thread uses it, that of 'notices' */

/* From now on the three providers have none. Says so when they had some.
 * returns  0, or -1 with 'err' */
int faults_set_aside(struct faults **faults, struct notices *notices,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* fields  of the provider-simulator's faults: "\"down\":true"; NULL: none */
int faults_set(struct faults *faults, enum notification_channel channel, const char *fields,
               struct kpk_err *err) KPK_MUST_CHECK;

/* Prints what could not be put back, and how a person does it. NULL is fine. */
void faults_put_back(struct faults *faults);

#endif
