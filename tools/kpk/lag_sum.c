/* What a group has to do in all, and how fast it does it: the sum of its partitions, at two
 * moments. */
#include "tools/kpk/lag.h"

#include <string.h>

/* Where the group is in a partition; -1: nowhere yet. */
static int64_t position(const struct kpk_lag_partition *at) {
    if (at->committed >= 0) return at->committed;
    return at->lag >= 0 ? at->end - at->lag : -1;
}

static const struct kpk_lag_partition *same(const struct kpk_lag *lag,
                                            const struct kpk_lag_partition *as) {
    for (size_t i = 0; i < lag->count; i++)
        if (lag->partitions[i].partition == as->partition &&
            strcmp(lag->partitions[i].topic, as->topic) == 0)
            return &lag->partitions[i];
    return NULL;
}

struct kpk_lag_sum kpk_lag_sum(const struct kpk_lag *now, const struct kpk_lag *before,
                               const char *topic) {
    double seconds = (double)(now->at_us - before->at_us) / 1e6;
    struct kpk_lag_sum sum = {0};

    for (size_t i = 0; i < now->count; i++) {
        const struct kpk_lag_partition *at = &now->partitions[i], *was = same(before, at);
        if (topic && strcmp(topic, at->topic) != 0) continue;
        sum.partitions++;
        sum.unstable += at->unstable;
        if (at->lag < 0)
            sum.unknown++;
        else
            sum.lag += at->lag;
        if (at->lag > 0 && at->tier) sum.retrying += at->lag;
        if (!was || seconds <= 0) continue;
        if (at->end >= 0 && was->end >= 0) sum.in_s += (double)(at->end - was->end) / seconds;
        if (position(at) >= 0 && position(was) >= 0)
            sum.out_s += (double)(position(at) - position(was)) / seconds;
    }
    return sum;
}
