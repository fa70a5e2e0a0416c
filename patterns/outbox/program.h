/* The program that relays a system's outbox: options, /readyz and the order of opening and closing. Run
 * two: one is active, the other waits for it to die or hang. What it does is relay.c. */
#ifndef KPK_PATTERNS_OUTBOX_PROGRAM_H
#define KPK_PATTERNS_OUTBOX_PROGRAM_H

#include "common/pg.h"

struct kpk_relay_program {
    const char *name;  /* of the program */
    const char *lease; /* base name of lease and transactional id */
    const char *summary;
    const char *source;          /* ce_source of its events: "/twitter" */
    const char *port;            /* default of --port */
    const char *(*schema)(void); /* where the outbox is */
    int (*open)(struct kpk_pg **pg, struct kpk_err *err); /* connects when used */
    int (*check)(struct kpk_pg *pg,
                 struct kpk_err *err); /* for /readyz: are the tables there? */
};

/* The whole of main. returns  the exit code */
int kpk_relay_main(const struct kpk_relay_program *program, int argc, char **argv);

#endif
