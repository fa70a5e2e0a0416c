/* Retry and dead letters as a worked example: charges through a payment provider that is not always well.
 * Needs Kafka and PostgreSQL (make up); works in a namespace of its own and removes it (topology/example.h).
 * The story is told in example/story.c. */
#include "common/conclude.h"
#include "patterns/retry-dlq/example/bench.h"
#include "patterns/retry-dlq/example/till.h"
#include "patterns/retry-dlq/example/worker.h"
#include "topology/example.h"

#include <string.h>

struct part {
    const char *way;
    int charges;
};

/* A process of the story, started by it: a worker, whatever its role is called. */
static int play(const char *role, void *ctx, struct kpk_err *err) {
    const struct part *part = ctx;

    (void)role;
    if (strcmp(part->way, "pattern") == 0) return worker_pattern(err);
    if (strcmp(part->way, "bench") == 0) return bench_worker(part->charges, err);
    return worker_naive(part->way, err);
}

static int tell(const struct kpk_example_choice *choice) {
    static struct till till;
    struct kpk_err err;
    int code;

    if (till_open(&till, &err))
        code = kpk_conclude_broken(&err);
    else if (choice->bench)
        code = story_bench(&till);
    else if (choice->matrix)
        code = choice->naive ? story_naive_matrix(&till, choice->kinds)
                             : story_matrix(&till, choice->kinds);
    else
        code = choice->naive ? story_naive(&till) : story_pattern(&till);
    till_dismiss(&till);
    till_close(&till);
    return code;
}

int main(int argc, char **argv) {
    struct part part = {0};
    const struct kpk_opt options[] = {
        {"way", NULL, KPK_OPT_STR, &part.way, "pattern", 0, 0,
         "of a worker to treat what fails: pattern, drop, block, sleep, commit-first, bench"},
        {"charges", NULL, KPK_OPT_INT, &part.charges, "0", 0, BENCH_CHARGES, "of bench"},
        {0}};
    const struct kpk_example example = {
        .name = "retry-dlq",
        .summary = "charges that fail: tried again, later, or dead letters",
        .role = "play one worker (the program starts itself so)",
        .bench = "measure what it costs, and how exact the delays are",
        .options = options,
        .part = &part,
        .tell = tell,
        .play = play,
    };

    return kpk_example_main(&example, argc, argv);
}
