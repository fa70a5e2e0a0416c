/* The fanout as a worked example: one topic, three services, a group each -- one of them slow, then
 * dead, and nobody else's trouble. Needs Kafka and PostgreSQL (make up); works in a namespace of its own
 * and removes it (topology/example.h). The story is told in example/story.c. */
#include "common/conclude.h"
#include "patterns/fanout/example/feed.h"
#include "patterns/fanout/example/service.h"
#include "topology/example.h"
#include "topology/topology.h"

#include <string.h>

struct part {
    const char *way;
    struct service_opts service;
};

/* A process of the story, started by it. */
static int play(const char *role, void *ctx, struct kpk_err *err) {
    struct part *part = ctx;

    part->service.name = role;
    if (strcmp(part->way, "group") == 0) return service_in_group(&part->service, err);
    if (strcmp(part->way, "commit-first") == 0)
        return service_commit_first(&part->service, err);
    if (strcmp(part->way, "request") == 0) return service_in_request(&part->service, err);
    return kpk_fail(err, KPK_FATAL, "--way: there is no '%.40s'", part->way);
}

static int tell(const struct kpk_example_choice *choice) {
    static struct feed feed;
    struct kpk_err err;
    int code;

    if (feed_open(&feed, &err))
        code = kpk_conclude_broken(&err);
    else if (choice->matrix)
        code = choice->naive ? story_naive_matrix(&feed, choice->kinds)
                             : story_matrix(&feed, choice->kinds);
    else
        code = choice->naive ? story_naive(&feed) : story_pattern(&feed);
    feed_dismiss(&feed);
    feed_close(&feed);
    return code;
}

int main(int argc, char **argv) {
    struct part part = {0};
    const struct kpk_opt options[] = {
        {"way", NULL, KPK_OPT_STR, &part.way, "group", 0, 0,
         "of a service to get its posts: group, commit-first, request"},
        {"group", NULL, KPK_OPT_STR, &part.service.group, KPK_GROUP_POSTS_TIMELINES, 0, 0,
         "of a service"},
        {"slow-ms", NULL, KPK_OPT_INT, &part.service.slow_ms, "0", 0, 10000,
         "how much longer each effect of a service takes"},
        {0}};
    const struct kpk_example example = {
        .name = "fanout",
        .summary = "one event, three services, each at its own pace",
        .role = "play one service (the program starts itself so): timelines, search, alerts",
        .options = options,
        .part = &part,
        .tell = tell,
        .play = play,
    };

    return kpk_example_main(&example, argc, argv);
}
