#include "services/twitter/demo-twitter/watched.h"

#include "common/clock.h"
#include "common/stop.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 100 };

int watched_settle(struct watched *watched, struct kpk_admin *admin, const char *group,
                   struct kpk_err *err) {
    struct members *before = &watched->state[0].members;
    int64_t now_ms = kpk_mono_ms(), deadline = now_ms + WATCH_MS;
    /* Those that were just started may still be missing; a stack of fewer is waited for no longer. */
    int64_t patience = now_ms + WATCH_MS / 4;
    int expected = kpk_scaled_consumers(kpk_group_find(group));

    watched->admin = admin;
    watched->count = 0;
    kpk_full_name(group, watched->group);
    kpk_full_name(KPK_TOPIC_TWEETS, watched->topic);
    do {
        if (members_read(admin, watched->group, watched->topic, before, err)) return -1;
        bool complete = before->count >= expected || kpk_mono_ms() > patience;
        if (before->stable && complete && members_partitions(before) > 0) {
            watched->count = 1;
            return 0;
        }
        kpk_stop_wait(LOOK_MS);
    } while (kpk_mono_ms() < deadline && !kpk_stopping());
    return kpk_fail(err, KPK_WAIT, "nobody reads %s: group %s has %d members", watched->topic,
                    watched->group, before->count);
}

const struct members *watched_newest(const struct watched *watched) {
    return &watched->state[watched->count - 1].members;
}

int watched_until(struct watched *watched, watched_over is_over, const char *since,
                  const char *what, struct kpk_err *err) {
    int64_t begin_ms = kpk_mono_ms();

    while (!is_over(&watched->state[0].members, watched_newest(watched))) {
        struct members now;
        if (members_read(watched->admin, watched->group, watched->topic, &now, err)) return -1;
        int64_t after_ms = kpk_mono_ms() - begin_ms;
        if (after_ms > WATCH_MS || kpk_stopping())
            return kpk_fail(err, KPK_WAIT, "%s: not after %d s", what, (int)(after_ms / 1000));
        if (now.stable && !members_same(&now, watched_newest(watched))) {
            if (watched->count == WATCHED_STATES)
                return kpk_fail(err, KPK_WAIT, "group %s does not come to rest",
                                watched->group);
            watched->state[watched->count].since = since;
            watched->state[watched->count].at_ms = after_ms;
            watched->state[watched->count++].members = now;
        }
        kpk_stop_wait(LOOK_MS);
    }
    return 0;
}

/* --- tell -------------------------------------------------------------------------------- */

static void tell_state(const struct watched *watched, int i, const char *const *roles,
                       int (*role_of)(const struct watched *watched, const char *id)) {
    const struct members *members = &watched->state[i].members;
    int count[WATCHED_ROLES] = {0}, partitions[WATCHED_ROLES] = {0};
    char when[24] = "before";

    for (int m = 0; m < members->count; m++) {
        int role = role_of(watched, members->at[m].id);
        count[role]++;
        partitions[role] += members->at[m].partitions;
    }
    if (i > 0)
        snprintf(when, sizeof(when), "%s %.1f s", watched->state[i].since,
                 (double)watched->state[i].at_ms / 1000);
    printf("  %-18s", when);
    for (int role = 0; roles[role]; role++) {
        char cell[48] = "-";
        if (count[role])
            snprintf(cell, sizeof(cell), "%d (%d member%s)", partitions[role], count[role],
                     count[role] == 1 ? "" : "s");
        printf(roles[role + 1] ? "  %-18s" : "  %s\n", cell);
    }
}

void watched_tell(const struct watched *watched, const char *const *roles,
                  int (*role_of)(const struct watched *watched, const char *id)) {
    printf("  %-18s", "partitions of");
    for (int role = 0; roles[role]; role++)
        printf(roles[role + 1] ? "  %-18s" : "  %s\n", roles[role]);
    for (int i = 0; i < watched->count; i++) tell_state(watched, i, roles, role_of);
    printf("\n");
}
