/* analytics-worker: tweets into the warehouse. What it does to them is effect.c; poll, effect and
 * commit are patterns/fanout/fanout.c. */
#include "patterns/fanout/worker.h"
#include "services/twitter/analytics-worker/effect.h"
#include "services/twitter/warehouse.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct kpk_worker_tables tables = {
        .open = warehouse_open, .migrate = warehouse_migrate, .check = warehouse_check};
    static const struct kpk_worker worker = {
        .name = "analytics-worker",
        .summary = "writes a fact per tweet into the warehouse",
        .group = KPK_GROUP_ANALYTICS,
        .effect = &store_facts,
        .consumers = "1",
        .port = "18098",
        .tables = &tables,
    };

    return kpk_worker_main(&worker, argc, argv);
}
