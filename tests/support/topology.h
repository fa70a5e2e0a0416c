/* kpk_topology_init() with a namespace and a scale of the test's choosing. */
#ifndef KPK_TESTS_SUPPORT_TOPOLOGY_H
#define KPK_TESTS_SUPPORT_TOPOLOGY_H

#include "topology/topology.h"

/* name, scale  KPK_NAMESPACE and KPK_SCALE; NULL: not set
 * returns      what kpk_topology_init() says */
int topology_try(const char *name, const char *scale, struct kpk_err *err) KPK_MUST_CHECK;

/* The same, and the test fails unless it succeeds. */
void topology_use(const char *name, const char *scale);

#endif
