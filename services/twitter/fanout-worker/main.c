/* fanout-worker: pushes tweets into home timelines. What it does to them is effect.c; poll, effect
 * and commit are patterns/fanout/fanout.c. */
#include "services/twitter/fanout-worker/effect.h"
#include "services/twitter/group_worker.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct group_worker worker = {
        .name = "fanout-worker",
        .summary = "pushes tweets into the home timelines of the author's followers",
        .group = KPK_GROUP_FANOUT_WORKERS,
        .effect = &push_to_timelines,
        .consumers = "5",
        .port = "18084",
        .uses_redis = true,
    };

    return group_worker_main(&worker, argc, argv);
}
