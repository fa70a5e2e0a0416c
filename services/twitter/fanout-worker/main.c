/* fanout-worker: pushes tweets into home timelines. What it does to them is effect.c; poll, effect
 * and commit are patterns/fanout/fanout.c. */
#include "patterns/fanout/worker.h"
#include "services/twitter/database.h"
#include "services/twitter/fanout-worker/effect.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct kpk_worker worker = {
        .name = "fanout-worker",
        .summary = "pushes tweets into the home timelines of the author's followers",
        .group = KPK_GROUP_FANOUT_WORKERS,
        .effect = &push_to_timelines,
        .consumers = "5",
        .port = "18084",
        .uses_redis = true,
        .tables = &twitter_tables,
    };

    return kpk_worker_main(&worker, argc, argv);
}
