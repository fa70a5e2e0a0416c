/* The program of a group: options, /readyz and the order of opening and closing. The group is in the
 * topology, its effect is the program's own, the loop is fanout.c. */
#ifndef KPK_PATTERNS_FANOUT_WORKER_H
#define KPK_PATTERNS_FANOUT_WORKER_H

#include "common/opts.h"
#include "common/pg.h"
#include "patterns/fanout/fanout.h"

#include <stdbool.h>

/* The tables that it works on. */
struct kpk_worker_tables {
    int (*open)(struct kpk_pg **pg, struct kpk_err *err);   /* connects when used */
    int (*migrate)(struct kpk_pg *pg, struct kpk_err *err); /* creates them if need be; before
                                                               the first event is read; NULL:
                                                               another program does */
    int (*check)(struct kpk_pg *pg, struct kpk_err *err);   /* for /readyz */
};

struct kpk_worker {
    const char *name; /* of the program */
    const char *summary;
    const char *group; /* base name */
    const struct kpk_fanout_effect *effect;
    const char *consumers; /* default of --consumers: the guide's count, over two processes */
    const char *port;      /* default of --port */
    bool uses_redis;
    const struct kpk_worker_tables *tables;
    const struct kpk_opt
        *options; /* of its own, at most KPK_WORKER_OPTIONS, ended by {0}; NULL: none */
};

enum { KPK_WORKER_OPTIONS = 12 };

/* The whole of main. returns  the exit code */
int kpk_worker_main(const struct kpk_worker *worker, int argc, char **argv);

#endif
