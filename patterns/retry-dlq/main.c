/* Retry and dead letters as a worked example: charges through a payment provider that is not always well.
 * Needs Kafka and PostgreSQL (make up); works in a namespace of its own and removes it. The story is told
 * in example/story.c. */
#include "common/conclude.h"
#include "common/matrix.h"
#include "common/opts.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/bench.h"
#include "patterns/retry-dlq/example/till.h"
#include "patterns/retry-dlq/example/worker.h"
#include "topology/scratch.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    int naive, matrix, bench, charges;
    const char *kinds, *role, *way;
    unsigned kind_bits;
};

/* A process of the story, started by it. */
static int play(const struct args *args) {
    struct kpk_err error = {0}, *err = &error;

    if (kpk_topology_init(err)) return kpk_exit_failed(err);
    int failed = strcmp(args->way, "pattern") == 0 ? worker_pattern(err)
                 : strcmp(args->way, "bench") == 0 ? bench_worker(args->charges, err)
                                                   : worker_naive(args->way, err);
    return failed ? kpk_exit_failed(err) : 0;
}

static int tell(const struct args *args, struct till *till) {
    if (args->bench) return story_bench(till);
    if (args->matrix)
        return args->naive ? story_naive_matrix(till, args->kind_bits)
                           : story_matrix(till, args->kind_bits);
    return args->naive ? story_naive(till) : story_pattern(till);
}

int main(int argc, char **argv) {
    static struct till till;
    struct args args = {0};
    struct kpk_scratch *scratch = NULL;
    struct kpk_err error = {0}, *err = &error;
    const struct kpk_opt opts[] = {
        {"naive", NULL, KPK_OPT_FLAG, &args.naive, NULL, 0, 0,
         "without the pattern: must show what it prevents (exit 3)"},
        {"matrix", NULL, KPK_OPT_FLAG, &args.matrix, NULL, 0, 0,
         "the crash matrix: every fault point, every kind of fault"},
        {"bench", NULL, KPK_OPT_FLAG, &args.bench, NULL, 0, 0,
         "measure what it costs, and how exact the delays are"},
        {"kinds", NULL, KPK_OPT_STR, &args.kinds, "exit,stop,error,delay", 0, 0,
         "of faults in the matrix"},
        {"role", NULL, KPK_OPT_STR, &args.role, "", 0, 0,
         "play one worker (the program starts itself so)"},
        {"way", NULL, KPK_OPT_STR, &args.way, "pattern", 0, 0,
         "of a worker to treat what fails: pattern, drop, block, sleep, commit-first, bench"},
        {"charges", NULL, KPK_OPT_INT, &args.charges, "0", 0, BENCH_CHARGES, "of bench"},
        {0}};
    const struct kpk_program program = {
        "retry-dlq", "charges that fail: tried again, later, or dead letters", NULL, opts};

    setenv("KPK_LOG_LEVEL", "error", 0); /* the story is the output */
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_fault_kinds_parse(args.kinds, &args.kind_bits, err))
        return kpk_exit_failed(err);
    kpk_stop_init();
    if (*args.role) return play(&args);
    setlinebuf(stdout);
    int code = KPK_FAIL;
    if (kpk_scratch_open(&scratch, "retry-dlq", err) || till_open(&till, err))
        kpk_conclude_broken(err);
    else
        code = tell(&args, &till);
    till_dismiss(&till);
    till_close(&till);
    kpk_scratch_close(scratch);
    return code;
}
