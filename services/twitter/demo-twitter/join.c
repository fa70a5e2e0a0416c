/* One more process of search-indexer's program: nothing is told to anybody, it joins the group and
 * is given its share of the partitions, and gives them back when it leaves. */
#include "common/child.h"
#include "common/command.h"
#include "services/twitter/demo-twitter/demo.h"
#include "services/twitter/demo-twitter/watched.h"

#include <stdio.h>

enum { POSTS_PER_SECOND = 20, MORE_MEMBERS = 2, LEAVE_MS = 15000 };
#define MORE_MEMBERS_TEXT "2"

enum role { STACKS, NEW };
static const char *const roles[] = {"those of the stack", "the new process", NULL};

static int role_of(const struct watched *watched, const char *id) {
    return members_have(&watched->state[0].members, id) ? STACKS : NEW;
}

static bool has_joined(const struct members *before, const struct members *now) {
    if (members_missing(now, before) != MORE_MEMBERS ||
        members_partitions(now) != members_partitions(before))
        return false;
    for (int i = 0; i < now->count; i++)
        if (!members_have(before, now->at[i].id) && now->at[i].partitions == 0) return false;
    return true;
}

static bool has_left(const struct members *before, const struct members *now) {
    return members_missing(now, before) == 0 && now->count == before->count &&
           members_partitions(now) == members_partitions(before);
}

/* On a port that nobody has. */
static int start(struct kpk_child **child, struct kpk_err *err) {
    char path[KPK_COMMAND_PATH_BYTES], port[8];

    kpk_command_path(kpk_group_find(KPK_GROUP_SEARCH_INDEXER)->program, path);
    snprintf(port, sizeof(port), "%d", kpk_child_free_port());
    const char *const argv[] = {path, "--consumers", MORE_MEMBERS_TEXT, "--port", port, NULL};
    return kpk_child_start(
        child, &(struct kpk_child_opts){"one more search-indexer", argv, NULL}, err);
}

int demo_join(struct demo *demo, struct kpk_err *err) {
    static struct watched watched;
    const struct poster_opts load = {
        .authors = DEMO_AUTHORS, .per_second = POSTS_PER_SECOND, .most = DEMO_MOST_POSTS};
    struct poster *poster = NULL;
    struct kpk_child *child = NULL;
    int failed = -1;

    if (watched_settle(&watched, demo->admin, KPK_GROUP_SEARCH_INDEXER, err)) goto out;
    if (poster_start(&poster, demo->world, &load, err)) goto out;
    if (start(&child, err)) goto out;
    printf(
        "  search-indexer --consumers %d: one more process joins group %s, and leaves it\n\n",
        MORE_MEMBERS, watched.group);
    if (watched_until(&watched, has_joined, "joins,", "the new process has its share", err))
        goto out;
    if (kpk_child_end(child, LEAVE_MS, err)) goto out;
    failed = watched_until(&watched, has_left, "leaves,", "its share is given back", err);
    watched_tell(&watched, roles, role_of);
out:
    kpk_child_close(child);
    poster_stop(poster);
    return failed;
}
