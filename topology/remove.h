/* Topics and groups taken away again. Answers are waited for also when the process is asked to end: then most of all is
 * there something to remove. */
#ifndef KPK_TOPOLOGY_REMOVE_H
#define KPK_TOPOLOGY_REMOVE_H

#include "topology/admin.h"

/* Delete the topics of 'plan', with what is in them, and wait until no broker names one of them: who would make one
 * again at once could take the old one for it. One that is not there is fine.
 * returns  0, or -1 with 'err' (WAIT) naming a topic that is left; the others are gone */
int kpk_remove_topics(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err);

/* Delete groups with the offsets they committed. One that is not there is fine.
 * names    full names
 * returns  0, or -1 with 'err' (WAIT) naming a group that is left, as one that has members; the others are gone */
int kpk_remove_groups(struct kpk_admin *admin, const char *const *names, size_t count,
                      struct kpk_err *err);

#endif
