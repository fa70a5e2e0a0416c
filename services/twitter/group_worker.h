/* What the programs of Twitter's groups share: options, /readyz and the order of opening and
 * closing. The group is in the topology, its effect is the program's own, the loop is
 * patterns/fanout. */
#ifndef KPK_SERVICES_TWITTER_GROUP_WORKER_H
#define KPK_SERVICES_TWITTER_GROUP_WORKER_H

#include "common/pg.h"
#include "patterns/fanout/fanout.h"

#include <stdbool.h>

/* Tables of the program's own. */
struct group_tables {
    int (*open)(struct kpk_pg **pg, struct kpk_err *err);   /* connects when used */
    int (*migrate)(struct kpk_pg *pg, struct kpk_err *err); /* creates them if need be; before
                                                               the first event is read */
    int (*check)(struct kpk_pg *pg, struct kpk_err *err);   /* for /readyz */
};

struct group_worker {
    const char *name; /* of the program */
    const char *summary;
    const char *group; /* base name */
    const struct kpk_fanout_effect *effect;
    const char *consumers; /* default of --consumers: the guide's count, over two processes */
    const char *port;      /* default of --port */
    bool uses_redis;
    const struct group_tables *tables; /* NULL: Twitter's, which tweet-service creates */
};

/* The whole of main. returns  the exit code */
int group_worker_main(const struct group_worker *worker, int argc, char **argv);

#endif
