/* demo-twitter: one tweet followed to everything that is made of it; then what happens when a group
 * falls behind, grows, loses a worker, or does all of it again. Runs against the stack that `make up`
 * started, leaves it as it was, and ends with a verdict. */
#include "common/conclude.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/demo-twitter/demo.h"
#include "services/twitter/demo-twitter/stack_tool.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 60000 };

/* --- set-up ------------------------------------------------------------------------------ */

static int make_world(struct demo *demo, struct kpk_err *err) {
    int users = DEMO_AUTHORS + demo->followers;

    if (world_open(&demo->world, users, err)) {
        struct kpk_err why = *err;
        if (why.verdict == KPK_WAIT)
            kpk_fail(err, KPK_WAIT,
                     "the services do not answer: start them with 'make up' (%s)", why.msg);
        return -1;
    }
    world_watch_search(demo->world);
    if (world_watch_mentions(demo->world, err)) return -1;
    if (world_watch_warehouse(demo->world, err)) return -1;
    for (int follower = DEMO_AUTHORS; follower < users; follower++)
        for (int author = 0; author < DEMO_AUTHORS; author++)
            if (world_follow(demo->world, follower, author, err)) return -1;
    printf("  A new world: %s, %s and %s post; %d users follow all three.\n\n",
           demo->world->users[0].handle, demo->world->users[1].handle,
           demo->world->users[2].handle, demo->followers);
    return 0;
}

/* A victim that a stack does not know is a mistake; without a stack there is none to know. */
static int find_stack(struct demo *demo, struct kpk_err *err) {
    struct kpk_err ignored;
    pid_t pid;

    demo->has_stack = true;
    if (!stack_tool_pid(demo->stack_tool, demo->victim, &pid, err)) return 0;
    if (!stack_tool_pid(demo->stack_tool, "tweet-service", &pid, &ignored)) return -1;
    demo->has_stack = false;
    printf("  %s knows no stack that runs on this machine. So these parts are left out: the "
           "search indexer\n  that stops, the fanout worker that is killed, the replay.\n\n",
           demo->stack_tool);
    return 0;
}

/* --- the verdict ------------------------------------------------------------------------- */

/* The promise, asked by paging: every timeline, search, mention and row, once and in order; and the
 * trends, which must have counted each once. */
static int judge(struct demo *demo, int *code, struct kpk_err *err) {
    struct kpk_report report;
    struct world_trend trend;
    char text[400];
    bool clean, counted;

    if (world_check(demo->world, SETTLE_MS, &report, &clean, err)) return -1;
    if (world_check_trend(demo->world, SETTLE_MS, &trend, &counted, err)) return -1;
    printf(
        "  Every timeline, search, the mentions and the warehouse are read to their end, and "
        "compared\n  with what was acknowledged; trending counts #%s %" PRId64
        " times, %" PRId64 " were posted.\n\n",
        demo->world->tag, trend.counted, trend.least);
    kpk_report_text(&report, text, sizeof(text));
    *code = kpk_conclude(clean && counted ? KPK_PASS : KPK_FAIL, "%s%s", text,
                         counted ? "" : "; but the trend is wrong");
    return 0;
}

/* --- the story --------------------------------------------------------------------------- */

static const struct part {
    const char *name;
    bool needs_stack; /* its tool, to stop or kill a process */
    int (*tell)(struct demo *demo, struct kpk_err *err);
} parts[] = {
    {"catch-up", true, demo_catch_up},
    {"join", false, demo_join},
    {"take-over", true, demo_take_over},
    {"replay", true, demo_replay},
    {0},
};

static int check_only(const struct demo *demo, struct kpk_err *err) {
    for (const struct part *part = parts; part->name; part++)
        if (strcmp(demo->only, part->name) == 0) return 0;
    if (strcmp(demo->only, "all") == 0) return 0;
    return kpk_fail(err, KPK_REJECT, "--only %.40s: it is catch-up, join, take-over or replay",
                    demo->only);
}

static int tell(struct demo *demo, int *code, struct kpk_err *err) {
    printf("\n");
    if (make_world(demo, err)) return -1;
    if (find_stack(demo, err)) return -1;
    if (kpk_admin_open(&demo->admin, &(struct kpk_admin_opts){0}, err)) return -1;
    if (demo->has_stack && demo_mend(demo, err)) return -1;
    if (arrivals_open(&demo->arrivals, demo->world, DEMO_AUTHORS, demo->followers, err))
        return -1;
    if (demo_follow_tweet(demo, err)) return -1;
    for (const struct part *part = parts; part->name; part++) {
        if (strcmp(demo->only, "all") != 0 && strcmp(demo->only, part->name) != 0) continue;
        if (part->needs_stack && !demo->has_stack) continue;
        if (part->tell(demo, err)) return -1;
    }
    return judge(demo, code, err);
}

int main(int argc, char **argv) {
    struct demo demo = {0};
    struct kpk_err error = {0}, *err = &error;
    int code = KPK_FAIL;
    const struct kpk_opt opts[] = {
        {"followers", NULL, KPK_OPT_INT, &demo.followers, "10", 1, 200, "users who follow"},
        {"victim", NULL, KPK_OPT_STR, &demo.victim, "fanout-worker-1", 0, 0,
         "process of the stack to kill"},
        {"only", NULL, KPK_OPT_STR, &demo.only, "all", 0, 0,
         "of what comes after the first part: catch-up, join, take-over or replay"},
        {"replay", NULL, KPK_OPT_FLAG, &demo.replay, NULL, 0, 0,
         "replay the warehouse with servers of your own, or a long topic, too"},
        {"stack", "KPK_STACK_TOOL", KPK_OPT_STR, &demo.stack_tool, "deploy/native/stack", 0, 0,
         "the tool that controls the stack"},
        {0}};
    const struct kpk_program program = {
        "demo-twitter",
        "follows one tweet to all that is made of it; then groups fall behind, grow, lose a "
        "worker and begin again",
        NULL, opts};

    setenv("KPK_LOG_LEVEL", "error", 0); /* the story is the output; logs only when asked for */
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || check_only(&demo, err) || kpk_topology_init(err))
        return kpk_exit_failed(err);
    kpk_stop_init();
    setlinebuf(stdout); /* told while it happens, into a pipe too */
    if (tell(&demo, &code, err)) code = kpk_conclude_broken(err);
    arrivals_close(demo.arrivals);
    kpk_admin_close(demo.admin);
    world_close(demo.world);
    return code;
}
