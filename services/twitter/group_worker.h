/* What the programs of Twitter's groups share: options, /readyz and the order of opening and
 * closing. The group is in the topology, its effect is the program's own, the loop is
 * patterns/fanout. */
#ifndef KPK_SERVICES_TWITTER_GROUP_WORKER_H
#define KPK_SERVICES_TWITTER_GROUP_WORKER_H

#include "patterns/fanout/fanout.h"

#include <stdbool.h>

struct group_worker {
    const char *name; /* of the program */
    const char *summary;
    const char *group; /* base name */
    const struct kpk_fanout_effect *effect;
    const char *consumers; /* default of --consumers: the guide's count, over two processes */
    const char *port;      /* default of --port */
    bool uses_redis;
};

/* The whole of main. returns  the exit code */
int group_worker_main(const struct group_worker *worker, int argc, char **argv);

#endif
