/* search-indexer: makes tweets searchable. What it does to them is effect.c; poll, effect and
 * commit are patterns/fanout/fanout.c. */
#include "services/twitter/group_worker.h"
#include "services/twitter/search-indexer/effect.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct group_worker worker = {
        .name = KPK_GROUP_SEARCH_INDEXER, /* the program is called as its group */
        .summary = "puts tweets into the full-text index",
        .group = KPK_GROUP_SEARCH_INDEXER,
        .effect = &index_tweets,
        .consumers = "3",
        .port = "18087",
    };

    return group_worker_main(&worker, argc, argv);
}
