/* loadgen: the guide's throughput figures on this cluster, measured by the clock and judged.
 *
 *   loadgen run whatsapp --duration 60         a system of the guide as a load
 *   loadgen size whatsapp --from run.json      what would carry the guide's figure
 *   loadgen plot run.csv                       a page with its charts
 *   loadgen list                               which systems there are
 *   loadgen consume, loadgen ping              what other tools measure too, for tests/bench/peers */
#include "loadgen/plot.h"
#include "loadgen/run.h"
#include "loadgen/size.h"

#include "common/opts.h"
#include "common/stop.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load_list(int argc, char **argv) {
    const struct kpk_opt opts[] = {{0}};
    const struct kpk_program program = {"loadgen list", "the systems there are", NULL, opts};
    struct kpk_err err;
    int parsed = kpk_opts_parse(&program, &argc, argv, &err);

    if (parsed) return parsed > 0 ? 0 : kpk_exit_failed(&err);
    printf("%-13s %10s %10s  %6s  %10s  %6s  %-18s %s\n", "system", "sustained", "peak",
           "bytes", "partitions", "groups", "key", "guarantee");
    for (const struct load_profile *row = load_profiles; row->name; row++) {
        char peak[16] = "-";
        if (row->peak) snprintf(peak, sizeof(peak), "%d", row->peak);
        printf("%-13s %9d%s %10s  %6d  %10d  %6d  %-18s %s\n", row->name, row->sustained,
               row->assumed ? "*" : " ", peak, row->value_bytes, row->partitions, row->groups,
               row->key, row->guarantee);
    }
    printf("\n* assumed, with its peak: the guide names no rate for it\n");
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", load_run, "carry out a system's load and judge it"},
    {"size", load_size,
     "the guide's sizing formulas with a system's numbers, and a run's beside them"},
    {"plot", load_plot, "draw what runs wrote with --csv"},
    {"list", load_list, "the systems there are"},
    {"consume", load_consume, "read an existing topic as fast as possible"},
    {"ping", load_ping, "one record at a time, there and back"},
    {0},
};

/* Every command's own table, for docs/CONFIG.md. */
static int print_markdown(void) {
    int code = 0;

    for (const struct command *command = commands; command->name; command++) {
        char option[] = "--help-markdown", *argv[] = {option, option, NULL};
        if (command->run(2, argv)) code = 1;
    }
    return code;
}

static int usage(FILE *out, int code) {
    fprintf(out,
            "usage: loadgen COMMAND [options]; loadgen COMMAND --help tells its options\n\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "  %-9s %s\n", command->name, command->help);
    return code;
}

/* A report that got lost, on a full disk, is none. */
static int printed(int code) {
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code) return code;
    fprintf(stderr, "loadgen: what it prints could not be written\n");
    return 1;
}

int main(int argc, char **argv) {
    struct kpk_err err;

    if (argc < 2) return usage(stderr, 2);
    if (strcmp(argv[1], "--help") == 0) return usage(stdout, 0);
    if (strcmp(argv[1], "--help-markdown") == 0) return print_markdown();
    setenv("KPK_LOG_LEVEL", "error", 0); /* the report is the output */
    kpk_stop_init();
    if (kpk_topology_init(&err)) {
        fprintf(stderr, "loadgen: %s\n", err.msg);
        return 1;
    }
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            return printed(command->run(argc - 1, argv + 1));
    fprintf(stderr, "loadgen: there is no command '%.40s'\n", argv[1]);
    return usage(stderr, 2);
}
