/* The fanout as a worked example: one topic, three services, a group each -- one of them slow, then
 * dead, and nobody else's trouble. Needs Kafka and PostgreSQL (make up); works in a namespace of its own
 * and removes it. The story is told in example/story.c. */
#include "common/conclude.h"
#include "common/matrix.h"
#include "common/opts.h"
#include "common/stop.h"
#include "patterns/fanout/example/feed.h"
#include "patterns/fanout/example/service.h"
#include "topology/scratch.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    int naive, matrix;
    const char *kinds, *way;
    unsigned kind_bits;
    struct service_opts service; /* of --role */
};

/* A process of the story, started by it. */
static int play(const struct args *args) {
    struct kpk_err error = {0}, *err = &error;
    int failed = kpk_topology_init(err);

    if (!failed && strcmp(args->way, "group") == 0)
        failed = service_in_group(&args->service, err);
    else if (!failed && strcmp(args->way, "commit-first") == 0)
        failed = service_commit_first(&args->service, err);
    else if (!failed && strcmp(args->way, "request") == 0)
        failed = service_in_request(&args->service, err);
    else if (!failed)
        failed = kpk_fail(err, KPK_FATAL, "--way: there is no '%.40s'", args->way);
    return failed ? kpk_exit_failed(err) : 0;
}

static int tell(const struct args *args, struct feed *feed) {
    if (args->matrix)
        return args->naive ? story_naive_matrix(feed, args->kind_bits)
                           : story_matrix(feed, args->kind_bits);
    return args->naive ? story_naive(feed) : story_pattern(feed);
}

int main(int argc, char **argv) {
    static struct feed feed;
    struct args args = {0};
    struct kpk_scratch *scratch = NULL;
    struct kpk_err error = {0}, *err = &error;
    const struct kpk_opt opts[] = {
        {"naive", NULL, KPK_OPT_FLAG, &args.naive, NULL, 0, 0,
         "without the pattern: must show what it prevents (exit 3)"},
        {"matrix", NULL, KPK_OPT_FLAG, &args.matrix, NULL, 0, 0,
         "the crash matrix: every fault point, every kind of fault"},
        {"kinds", NULL, KPK_OPT_STR, &args.kinds, "exit,stop,error,delay", 0, 0,
         "of faults in the matrix"},
        {"role", NULL, KPK_OPT_STR, &args.service.name, "", 0, 0,
         "play one service (the program starts itself so): timelines, search, alerts"},
        {"way", NULL, KPK_OPT_STR, &args.way, "group", 0, 0,
         "of a service to get its posts: group, commit-first, request"},
        {"group", NULL, KPK_OPT_STR, &args.service.group, KPK_GROUP_POSTS_TIMELINES, 0, 0,
         "of a service"},
        {"slow-ms", NULL, KPK_OPT_INT, &args.service.slow_ms, "0", 0, 10000,
         "how much longer each effect of a service takes"},
        {0}};
    const struct kpk_program program = {
        "fanout", "one event, three services, each at its own pace", NULL, opts};

    setenv("KPK_LOG_LEVEL", "error", 0); /* the story is the output */
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_fault_kinds_parse(args.kinds, &args.kind_bits, err))
        return kpk_exit_failed(err);
    kpk_stop_init();
    if (*args.service.name) return play(&args);
    setlinebuf(stdout);
    int code = KPK_FAIL;
    if (kpk_scratch_open(&scratch, "fanout", err) || feed_open(&feed, err))
        kpk_conclude_broken(err);
    else
        code = tell(&args, &feed);
    feed_dismiss(&feed);
    feed_close(&feed);
    kpk_scratch_close(scratch);
    return code;
}
