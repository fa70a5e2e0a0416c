/* Members of a classic group carry no name of their process. So the group is watched first, and
 * told afterwards: a member that was there before the kill and is not there at the end was the
 * killed worker's; one that was not there before is the restarted worker's. */
#include "services/twitter/demo-twitter/demo.h"
#include "services/twitter/demo-twitter/stack_tool.h"
#include "services/twitter/demo-twitter/watched.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { POSTS_PER_SECOND = 20 };

/* Over when the old members that are gone were replaced by as many new ones, and every partition is
 * read again. */
static bool is_over(const struct members *before, const struct members *now) {
    return members_missing(before, now) > 0 && now->count == before->count &&
           members_partitions(now) == members_partitions(before);
}

enum role { KILLED, OTHER, RESTARTED };
static const char *const roles[] = {"the killed worker", "the other", "the restarted one",
                                    NULL};

static int role_of(const struct watched *watched, const char *id) {
    if (!members_have(&watched->state[0].members, id)) return RESTARTED;
    return members_have(watched_newest(watched), id) ? OTHER : KILLED;
}

int demo_take_over(struct demo *demo, struct kpk_err *err) {
    static struct watched watched;
    const struct poster_opts load = {
        .authors = DEMO_AUTHORS, .per_second = POSTS_PER_SECOND, .most = DEMO_MOST_POSTS};
    struct poster *poster = NULL;
    pid_t pid;
    int failed = -1;

    if (stack_tool_pid(demo->stack_tool, demo->victim, &pid, err)) goto out;
    if (watched_settle(&watched, demo->admin, KPK_GROUP_FANOUT_WORKERS, err)) goto out;
    if (poster_start(&poster, demo->world, &load, err)) goto out;
    printf("  kill -9 %d: %s dies while %d authors post on, %d tweets a second\n\n", (int)pid,
           demo->victim, DEMO_AUTHORS, POSTS_PER_SECOND);
    if (kill(pid, SIGKILL)) {
        kpk_fail(err, KPK_FATAL, "kill -9 %d (%s): %s", (int)pid, demo->victim,
                 strerror(errno));
        goto out;
    }
    failed = watched_until(&watched, is_over, "after", "the killed worker is replaced", err);
    watched_tell(&watched, roles, role_of);
    printf(
        "  Until they were given away, the tweets in its partitions waited in the topic.\n\n");
out:
    poster_stop(poster);
    return failed;
}
