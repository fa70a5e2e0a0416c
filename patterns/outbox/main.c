/* The outbox as a worked example: orders change, and an event tells of each change -- whoever is
 * killed meanwhile. Needs Kafka and PostgreSQL (make up); works in a namespace of its own and
 * removes it (topology/example.h). The story is told in example/story.c. */
#include "common/conclude.h"
#include "patterns/outbox/example/cast.h"
#include "patterns/outbox/example/writer.h"
#include "topology/example.h"

#include <string.h>

struct part {
    const char *way;
};

/* A process of the story, started by it. */
static int play(const char *role, void *ctx, struct kpk_err *err) {
    const struct part *part = ctx;

    if (strcmp(role, "writer") == 0) return writer_run(part->way, err);
    if (strcmp(role, "relay") == 0) return relay_run(err);
    if (strcmp(role, "last-seen-relay") == 0) return last_seen_relay_run(err);
    return kpk_fail(err, KPK_FATAL, "--role: there is no '%.40s'", role);
}

static int tell(const struct kpk_example_choice *choice) {
    static struct cast cast;
    struct kpk_err err;
    int code;

    if (shop_open(&cast.shop, &err))
        code = kpk_conclude_broken(&err);
    else if (choice->matrix)
        code = story_matrix(&cast, choice->kinds);
    else if (choice->bench)
        code = story_bench(&cast);
    else
        code = choice->naive ? story_naive(&cast) : story_pattern(&cast);
    cast_dismiss(&cast);
    shop_close(&cast.shop);
    return code;
}

int main(int argc, char **argv) {
    struct part part = {0};
    const struct kpk_opt options[] = {{"way", NULL, KPK_OPT_STR, &part.way, "outbox", 0, 0,
                                       "of a writer: outbox, database-first, kafka-first"},
                                      {0}};
    const struct kpk_example example = {
        .name = "outbox",
        .summary = "an order and the event that tells of it: both, or neither",
        .role = "play one part (the program starts itself so): writer, relay, last-seen-relay",
        .bench = "measure what it costs",
        .options = options,
        .part = &part,
        .tell = tell,
        .play = play,
    };

    return kpk_example_main(&example, argc, argv);
}
