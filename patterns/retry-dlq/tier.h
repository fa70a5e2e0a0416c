/* Which topic next: a record that failed goes from its topic into the group's first retry tier, from
 * each tier into the next, and from the last one nowhere but to the dead letters.
 *
 *   charges ──► charges.<group>.retry-1s ──► charges.<group>.retry-3s ──► charges.<group>.dlq
 *
 * One fixed delay per topic: so a partition is in the order in which its records become due, and the
 * one at its head is the one to wait for. */
#ifndef KPK_PATTERNS_RETRY_DLQ_TIER_H
#define KPK_PATTERNS_RETRY_DLQ_TIER_H

#include "common/err.h"
#include "topology/topology.h"

#include <stdbool.h>

enum { KPK_TIER_NONE = -1 };

/* Where a member of a group read a record. */
struct kpk_place {
    const struct kpk_topic *topic; /* that the group reads, its tiers being part of it */
    int tier;                      /* KPK_TIER_NONE: the topic itself */
};

/* 'name' is the topic's on the cluster. returns  false: the group does not read it */
bool kpk_place_find(const struct kpk_group *group, const char *name, struct kpk_place *place);

/* The tier for a record that failed in 'tier': the next one; or, when whoever refused it asked for
 * time ('retry_after_ms'), the first from there on that is long enough, or the longest. From the last one there
 * is none, but for a try that does not count ('uncounted'): the same again.
 * why      RETRY
 * returns  KPK_TIER_NONE: its tries are used up */
int kpk_tier_next(const struct kpk_group *group, int tier, const struct kpk_err *why);

#endif
