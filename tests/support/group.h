/* The group fanout-workers as its coordinator knows it: who is in it, and how far it has committed. */
#ifndef KPK_TESTS_SUPPORT_GROUP_H
#define KPK_TESTS_SUPPORT_GROUP_H

#include "tools/kpk/lag.h"

#include <stdbool.h>

/* Now; waits until the coordinator can tell. 'group' is zeroed, or of an earlier look; end it with
 * kpk_lag_clear(). */
void group_look(struct kpk_lag *group);

/* The group is stable, its members are those of 'before' and nobody else. */
void group_assert_same_members(const struct kpk_lag *before, const struct kpk_lag *now);

/* Has anything been committed in between? */
bool group_moved(const struct kpk_lag *before, const struct kpk_lag *now);
/* ... in every partition of the topic tweets? */
bool group_moved_everywhere(const struct kpk_lag *before, const struct kpk_lag *now);

/* Events that nobody posted, in every partition of the topic tweets, so that each member has something
 * to do. They are of tweets that are not in the database: nobody will ever see them. */
void group_plant_events(const char *author_id);

#endif
