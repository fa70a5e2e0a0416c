#include "topology/example.h"

#include "common/conclude.h"
#include "common/matrix.h"
#include "common/stop.h"
#include "topology/scratch.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHARED_OPTIONS = 5 };

static int play(const struct kpk_example *example, const char *role) {
    struct kpk_err error = {0}, *err = &error;

    if (kpk_topology_init(err) || example->play(role, example->part, err))
        return kpk_exit_failed(err);
    return 0;
}

static int tell(const struct kpk_example *example, const struct kpk_example_choice *choice) {
    struct kpk_scratch *scratch = NULL;
    struct kpk_err err;
    int code;

    setlinebuf(stdout);
    code = kpk_scratch_open(&scratch, example->name, &err) ? kpk_conclude_broken(&err)
                                                           : example->tell(choice);
    kpk_scratch_close(scratch);
    return code;
}

int kpk_example_main(const struct kpk_example *example, int argc, char **argv) {
    struct kpk_example_choice choice = {0};
    struct kpk_err error = {0}, *err = &error;
    const char *kinds, *role;
    struct kpk_opt opts[SHARED_OPTIONS + KPK_EXAMPLE_OPTIONS + 1] = {
        {"naive", NULL, KPK_OPT_FLAG, &choice.naive, NULL, 0, 0,
         "without the pattern: must show what it prevents (exit 3)"},
        {"matrix", NULL, KPK_OPT_FLAG, &choice.matrix, NULL, 0, 0,
         "the crash matrix: every fault point, every kind of fault"},
        {"kinds", NULL, KPK_OPT_STR, &kinds, "exit,stop,error,delay", 0, 0,
         "of faults in the matrix"}};
    const struct kpk_opt bench = {
        .name = "bench", .type = KPK_OPT_FLAG, .dst = &choice.bench, .help = example->bench};
    const struct kpk_opt play_role = {.name = "role",
                                      .type = KPK_OPT_STR,
                                      .dst = &role,
                                      .fallback = "",
                                      .help = example->role};
    const struct kpk_program program = {example->name, example->summary, NULL, opts};
    size_t count = 3;

    if (example->bench) opts[count++] = bench;
    opts[count++] = play_role;
    for (const struct kpk_opt *own = example->options; own->name; own++) opts[count++] = *own;
    setenv("KPK_LOG_LEVEL", "error", 0);
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_fault_kinds_parse(kinds, &choice.kinds, err))
        return kpk_exit_failed(err);
    kpk_stop_init();
    return *role ? play(example, role) : tell(example, &choice);
}
