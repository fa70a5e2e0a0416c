/* A group watched while its members come and go: every assignment at which it came to rest, with
 * its time. Members of a classic group carry no name of their process, so a state is told by when
 * its members were first and last seen. */
#ifndef KPK_SERVICES_TWITTER_DEMO_WATCHED_H
#define KPK_SERVICES_TWITTER_DEMO_WATCHED_H

#include "services/twitter/demo-twitter/members.h"
#include "topology/topology.h"

enum { WATCHED_STATES = 24, WATCHED_ROLES = 3, WATCH_MS = 60000 };

struct watched {
    struct kpk_admin *admin;
    char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];
    struct {
        const char *since; /* "after": of the row's label */
        int64_t at_ms;     /* after the watch began; the first is from before */
        struct members members;
    } state[WATCHED_STATES];
    int count;
};

/* Wait until 'group' (a base name) is at rest and reads every partition of the topic of tweets: the
 * first state.
 * returns  0, or -1 with 'err' (WAIT) */
int watched_settle(struct watched *watched, struct kpk_admin *admin, const char *group,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* Add states until 'is_over', asked of the first and the newest one.
 * since    the label of the states added; what 'what' says is the error of a time-out
 * returns  0, or -1 with 'err' (WAIT) */
typedef bool (*watched_over)(const struct members *before, const struct members *now);
int watched_until(struct watched *watched, watched_over is_over, const char *since,
                  const char *what, struct kpk_err *err) KPK_MUST_CHECK;

const struct members *watched_newest(const struct watched *watched);

/* A table: a row per state, a column per role, NULL-terminated; 'role_of' says the column of a member. */
void watched_tell(const struct watched *watched, const char *const *roles,
                  int (*role_of)(const struct watched *watched, const char *id));

#endif
