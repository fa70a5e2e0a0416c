/* Members of a classic group carry no name of their process. So the group is watched first, and
 * told afterwards: a member that was there before the kill and is not there at the end was the
 * killed worker's; one that was not there before is the restarted worker's. */
#include "common/clock.h"
#include "common/stop.h"
#include "services/twitter/demo-twitter/demo.h"
#include "services/twitter/demo-twitter/members.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum {
    POSTS_PER_SECOND = 40,
    MOST_POSTS = 600,
    STATES = 24,
    LOOK_MS = 100,
    TAKE_OVER_MS = 60000
};

struct watched {
    struct {
        int64_t at_ms; /* after the kill; the first is from before */
        struct members members;
    } state[STATES];
    int count;
};

/* --- kill -------------------------------------------------------------------------------- */

static int find_victim(const struct demo *demo, pid_t *pid, struct kpk_err *err) {
    char command[512], line[32] = "";

    snprintf(command, sizeof(command), "'%s' pid %s 2>/dev/null", demo->stack_tool,
             demo->victim);
    FILE *output = popen(command, "r");
    if (output && !fgets(line, sizeof(line), output)) line[0] = '\0';
    if (output) pclose(output);
    *pid = (pid_t)atoi(line);
    if (*pid > 0) return 0;
    return kpk_fail(
        err, KPK_FATAL,
        "%s knows no process %s: the demo kills a worker of the stack that 'make up' "
        "started on this machine",
        demo->stack_tool, demo->victim);
}

/* --- watch ------------------------------------------------------------------------------- */

static int partitions_of(const struct members *members) {
    int sum = 0;

    for (int i = 0; i < members->count; i++) sum += members->at[i].partitions;
    return sum;
}

static bool same(const struct members *a, const struct members *b) {
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->at[i].id, b->at[i].id) != 0 || a->at[i].partitions != b->at[i].partitions)
            return false;
    return true;
}

/* As it is before the kill: at rest, all partitions given out. */
static int settle(struct kpk_admin *admin, const char *group, const char *topic,
                  struct watched *watched, struct kpk_err *err) {
    struct members *before = &watched->state[0].members;
    int64_t deadline = kpk_mono_ms() + TAKE_OVER_MS;

    do {
        if (members_read(admin, group, topic, before, err)) return -1;
        if (before->stable && partitions_of(before) > 0) {
            watched->count = 1;
            return 0;
        }
        kpk_stop_wait(LOOK_MS);
    } while (kpk_mono_ms() < deadline && !kpk_stopping());
    return kpk_fail(err, KPK_WAIT, "nobody reads %s: group %s has %d members", topic, group,
                    before->count);
}

/* Over when the old members that are gone were replaced by as many new ones, and every partition is
 * read again. */
static bool is_over(const struct watched *watched) {
    const struct members *before = &watched->state[0].members;
    const struct members *now = &watched->state[watched->count - 1].members;
    int gone = 0;

    for (int i = 0; i < before->count; i++) gone += !members_have(now, before->at[i].id);
    return gone > 0 && now->count == before->count &&
           partitions_of(now) == partitions_of(before);
}

static int watch(struct kpk_admin *admin, const char *group, const char *topic,
                 struct watched *watched, struct kpk_err *err) {
    int64_t killed_ms = kpk_mono_ms();

    while (!is_over(watched)) {
        struct members now;
        if (members_read(admin, group, topic, &now, err)) return -1;
        int64_t after_ms = kpk_mono_ms() - killed_ms;
        if (after_ms > TAKE_OVER_MS || kpk_stopping())
            return kpk_fail(err, KPK_WAIT, "the killed worker is not replaced after %d s",
                            TAKE_OVER_MS / 1000);
        if (now.stable && !same(&now, &watched->state[watched->count - 1].members)) {
            if (watched->count == STATES)
                return kpk_fail(err, KPK_WAIT, "the group does not come to rest");
            watched->state[watched->count].at_ms = after_ms;
            watched->state[watched->count++].members = now;
        }
        kpk_stop_wait(LOOK_MS);
    }
    return 0;
}

/* --- tell -------------------------------------------------------------------------------- */

enum role { KILLED, OTHER, RESTARTED, ROLES };

static enum role role_of(const struct watched *watched, const char *id) {
    if (!members_have(&watched->state[0].members, id)) return RESTARTED;
    return members_have(&watched->state[watched->count - 1].members, id) ? OTHER : KILLED;
}

static void tell_state(const struct watched *watched, int i) {
    const struct members *members = &watched->state[i].members;
    int count[ROLES] = {0}, partitions[ROLES] = {0};

    for (int m = 0; m < members->count; m++) {
        enum role role = role_of(watched, members->at[m].id);
        count[role]++;
        partitions[role] += members->at[m].partitions;
    }
    char when[24] = "before";
    if (i > 0)
        snprintf(when, sizeof(when), "after %.1f s", (double)watched->state[i].at_ms / 1000);
    printf("  %-18s", when);
    for (int role = 0; role < ROLES; role++) {
        char cell[48] = "-";
        if (count[role])
            snprintf(cell, sizeof(cell), "%d (%d member%s)", partitions[role], count[role],
                     count[role] == 1 ? "" : "s");
        printf(role < ROLES - 1 ? "  %-18s" : "  %s\n", cell);
    }
}

static void tell(const struct watched *watched) {
    printf("  %-18s  %-18s  %-18s  %s\n", "partitions of", "the killed worker", "the other",
           "the restarted one");
    for (int i = 0; i < watched->count; i++) tell_state(watched, i);
    printf("\n  Until they were given away, the tweets in its partitions waited in the "
           "topic.\n\n");
}

/* --- all of it --------------------------------------------------------------------------- */

int demo_take_over(struct demo *demo, struct kpk_err *err) {
    static struct watched watched;
    const struct poster_opts load = {
        .authors = DEMO_AUTHORS, .per_second = POSTS_PER_SECOND, .most = MOST_POSTS};
    char topic[KPK_NAME_BYTES], group[KPK_NAME_BYTES];
    struct kpk_admin *admin = NULL;
    struct poster *poster = NULL;
    pid_t pid;
    int failed = -1;

    kpk_full_name(KPK_TOPIC_TWEETS, topic);
    kpk_full_name(KPK_GROUP_FANOUT_WORKERS, group);
    if (find_victim(demo, &pid, err)) goto out;
    if (kpk_admin_open(&admin, &(struct kpk_admin_opts){0}, err)) goto out;
    if (settle(admin, group, topic, &watched, err)) goto out;
    if (poster_start(&poster, demo->world, &load, err)) goto out;
    printf("  kill -9 %d: %s dies while %d authors post on, %d tweets a second\n\n", (int)pid,
           demo->victim, DEMO_AUTHORS, POSTS_PER_SECOND);
    if (kill(pid, SIGKILL)) {
        kpk_fail(err, KPK_FATAL, "kill -9 %d (%s): %s", (int)pid, demo->victim,
                 strerror(errno));
        goto out;
    }
    failed = watch(admin, group, topic, &watched, err);
    tell(&watched);
out:
    poster_stop(poster);
    kpk_admin_close(admin);
    return failed;
}
