/* demo-twitter: one tweet followed from HTTP to its followers' timelines, and a fanout worker killed
 * on the way. Runs against the stack that `make up` started; ends with a verdict. */
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/demo-twitter/demo.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETTLE_MS = 60000 };

static int make_world(struct demo *demo, struct kpk_err *err) {
    int users = DEMO_AUTHORS + demo->followers;

    if (world_open(&demo->world, users, err)) {
        struct kpk_err why = *err;
        if (why.verdict == KPK_WAIT)
            kpk_fail(err, KPK_WAIT,
                     "the services do not answer: start them with 'make up' (%s)", why.msg);
        return -1;
    }
    for (int follower = DEMO_AUTHORS; follower < users; follower++)
        for (int author = 0; author < DEMO_AUTHORS; author++)
            if (world_follow(demo->world, follower, author, err)) return -1;
    printf("  A new world: %s, %s and %s post; %d users follow all three.\n\n",
           demo->world->users[0].handle, demo->world->users[1].handle,
           demo->world->users[2].handle, demo->followers);
    return 0;
}

/* The promise, asked over HTTP by paging: every timeline, every tweet, once and in order. */
static int judge(struct demo *demo, bool *clean, struct kpk_err *err) {
    struct kpk_report report;
    char text[400];

    if (world_check(demo->world, SETTLE_MS, &report, clean, err)) return -1;
    printf("  Every timeline read to its end, and compared with what was acknowledged:\n\n");
    printf("verdict: %s %s\n", *clean ? "PASS" : "FAIL",
           kpk_report_text(&report, text, sizeof(text)));
    return 0;
}

static int tell(struct demo *demo, bool *clean, struct kpk_err *err) {
    printf("\n");
    if (make_world(demo, err)) return -1;
    if (demo_follow_tweet(demo, err)) return -1;
    if (demo_take_over(demo, err)) return -1;
    return judge(demo, clean, err);
}

int main(int argc, char **argv) {
    struct demo demo = {0};
    struct kpk_err error = {0}, *err = &error;
    bool clean = false;
    const struct kpk_opt opts[] = {
        {"followers", NULL, KPK_OPT_INT, &demo.followers, "10", 1, 200, "users who follow"},
        {"victim", NULL, KPK_OPT_STR, &demo.victim, "fanout-worker-1", 0, 0,
         "process of the stack to kill"},
        {"stack", "KPK_STACK_TOOL", KPK_OPT_STR, &demo.stack_tool, "deploy/native/stack", 0, 0,
         "the tool that controls the stack"},
        {0}};
    const struct kpk_program program = {
        "demo-twitter", "follows one tweet to the timelines, and kills a worker on the way",
        NULL, opts};

    setenv("KPK_LOG_LEVEL", "error", 0); /* the story is the output; logs only when asked for */
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    setlinebuf(stdout); /* told while it happens, into a pipe too */
    int failed = tell(&demo, &clean, err);
    if (failed) printf("verdict: FAIL %s\n", err->msg);
    world_close(demo.world);
    return clean ? 0 : 1;
}
