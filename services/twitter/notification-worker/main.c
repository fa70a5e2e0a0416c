/* notification-worker: asks for the notifications of those whom tweets mention. What it does with
 * them is effect.c; poll, effect and commit are patterns/fanout/fanout.c. */
#include "patterns/fanout/worker.h"
#include "services/twitter/database.h"
#include "services/twitter/notification-worker/effect.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct kpk_worker worker = {
        .name = "notification-worker",
        .summary = "asks for a notification of each user whom a tweet mentions",
        .group = KPK_GROUP_NOTIFICATION_WORKERS,
        .effect = &notify_mentioned,
        .consumers = "3",
        .port = "18089",
        .tables = &twitter_tables,
    };

    return kpk_worker_main(&worker, argc, argv);
}
