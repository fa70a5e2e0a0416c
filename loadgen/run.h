/* The subcommands of loadgen. Each gets its own argv, argv[0] being its name, and returns the exit code. */
#ifndef KPK_LOADGEN_RUN_H
#define KPK_LOADGEN_RUN_H

#include "loadgen/engine.h"

int load_run(int argc, char **argv);
int load_ping(int argc, char **argv);
int load_consume(int argc, char **argv);

/* The highest rate at which nothing is left unsent and no group falls behind, by bisection to within a tenth: each
 * step lasts 'step_s', and is told in a line.
 * returns  records a second; 0: not even 'from' was held */
double load_find_max(struct load_engine *engine, double from, double step_s,
                     struct load_measured *measured);

#endif
