/* A namespace of one's own for one run, so that an example or a crash matrix meets nobody: the
 * topics of a system are made in it, and everything in it is removed at the end.
 *
 *   kpk_scratch_open(&scratch, "outbox", err)     namespace, topics
 *   ... processes started now inherit the namespace ...
 *   kpk_scratch_close(scratch)                    topics, groups and schemas are gone */
#ifndef KPK_TOPOLOGY_SCRATCH_H
#define KPK_TOPOLOGY_SCRATCH_H

#include "common/err.h"

struct kpk_scratch;

/* Call it in place of kpk_topology_init(). Sets KPK_NAMESPACE for this process and those it starts
 * ("x_outbox_4711"), and KPK_SCALE=small unless it is set.
 * system   its topics are made, and the dead letter topics of its groups
 * returns  0, or -1 with 'err' (WAIT: nobody answers; FATAL) */
int kpk_scratch_open(struct kpk_scratch **scratch, const char *system,
                     struct kpk_err *err) KPK_MUST_CHECK;

/* Remove topics, groups and database schemas. What cannot be removed is told in the log. NULL is
 * fine. Nobody may use them any more. */
void kpk_scratch_close(struct kpk_scratch *scratch);

#endif
