/* trending-worker: counts hashtags. What it does to them is effect.c; poll, effect and commit are
 * patterns/fanout/fanout.c. */
#include "patterns/fanout/worker.h"
#include "services/twitter/trending-worker/effect.h"
#include "services/twitter/trending.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct kpk_worker_tables tables = {
        .open = trending_open, .migrate = trending_migrate, .check = trending_check};
    static const struct kpk_worker worker = {
        .name = "trending-worker",
        .summary = "counts the hashtags of tweets, per minute",
        .group = KPK_GROUP_TRENDING_WORKERS,
        .effect = &count_hashtags,
        .consumers = "2",
        .port = "18096",
        .tables = &tables,
    };

    return kpk_worker_main(&worker, argc, argv);
}
