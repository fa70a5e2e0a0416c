/* The outbox as a worked example: orders change, and an event tells of each change -- whoever is
 * killed meanwhile. Needs Kafka and PostgreSQL (make up); works in a namespace of its own and
 * removes it. The story is told in example/story.c. */
#include "common/conclude.h"
#include "common/matrix.h"
#include "common/opts.h"
#include "common/stop.h"
#include "patterns/outbox/example/cast.h"
#include "patterns/outbox/example/writer.h"
#include "topology/scratch.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    int naive, matrix, bench;
    const char *kinds, *role, *way;
    unsigned kind_bits;
};

/* A process of the story, started by it. */
static int play(const struct args *args) {
    struct kpk_err error = {0}, *err = &error;
    int failed = kpk_topology_init(err);

    if (!failed && strcmp(args->role, "writer") == 0)
        failed = writer_run(args->way, err);
    else if (!failed && strcmp(args->role, "relay") == 0)
        failed = relay_run(err);
    else if (!failed && strcmp(args->role, "last-seen-relay") == 0)
        failed = last_seen_relay_run(err);
    else if (!failed)
        failed = kpk_fail(err, KPK_FATAL, "--role: there is no '%.40s'", args->role);
    return failed ? kpk_exit_failed(err) : 0;
}

static int tell(const struct args *args, struct cast *cast) {
    if (args->matrix) return story_matrix(cast, args->kind_bits);
    if (args->bench) return story_bench(cast);
    return args->naive ? story_naive(cast) : story_pattern(cast);
}

int main(int argc, char **argv) {
    static struct cast cast;
    struct args args;
    struct kpk_scratch *scratch = NULL;
    struct kpk_err error = {0}, *err = &error;
    const struct kpk_opt opts[] = {
        {"naive", NULL, KPK_OPT_FLAG, &args.naive, NULL, 0, 0,
         "without the pattern: must show what it prevents (exit 3)"},
        {"matrix", NULL, KPK_OPT_FLAG, &args.matrix, NULL, 0, 0,
         "the crash matrix: every fault point, every kind of fault"},
        {"kinds", NULL, KPK_OPT_STR, &args.kinds, "exit,stop,error,delay", 0, 0,
         "of faults in the matrix"},
        {"bench", NULL, KPK_OPT_FLAG, &args.bench, NULL, 0, 0, "measure what it costs"},
        {"role", NULL, KPK_OPT_STR, &args.role, "", 0, 0,
         "play one part (the program starts itself so): writer, relay, last-seen-relay"},
        {"way", NULL, KPK_OPT_STR, &args.way, "outbox", 0, 0,
         "of a writer: outbox, database-first, kafka-first"},
        {0}};
    const struct kpk_program program = {
        "outbox", "an order and the event that tells of it: both, or neither", NULL, opts};

    setenv("KPK_LOG_LEVEL", "error", 0); /* the story is the output */
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_fault_kinds_parse(args.kinds, &args.kind_bits, err))
        return kpk_exit_failed(err);
    kpk_stop_init();
    if (*args.role) return play(&args);
    setlinebuf(stdout);
    int code = KPK_FAIL;
    if (kpk_scratch_open(&scratch, "outbox", err) || shop_open(&cast.shop, err))
        kpk_conclude_broken(err);
    else
        code = tell(&args, &cast);
    cast_dismiss(&cast);
    shop_close(&cast.shop);
    kpk_scratch_close(scratch);
    return code;
}
