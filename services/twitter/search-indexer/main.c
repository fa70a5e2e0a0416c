/* search-indexer: makes tweets searchable. What it does to them is effect.c; poll, effect and
 * commit are patterns/fanout/fanout.c. */
#include "patterns/fanout/worker.h"
#include "services/twitter/database.h"
#include "services/twitter/search-indexer/effect.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct kpk_worker worker = {
        .name = KPK_GROUP_SEARCH_INDEXER, /* the program is called as its group */
        .summary = "puts tweets into the full-text index",
        .group = KPK_GROUP_SEARCH_INDEXER,
        .effect = &index_tweets,
        .consumers = "3",
        .port = "18087",
        .tables = &twitter_tables,
    };

    return kpk_worker_main(&worker, argc, argv);
}
