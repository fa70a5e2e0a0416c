#include "patterns/retry-dlq/tier.h"

#include <string.h>

bool kpk_place_find(const struct kpk_group *group, const char *name, struct kpk_place *place) {
    const char *base = kpk_base_name(name);
    char tier_name[KPK_NAME_BYTES];
    struct kpk_topic tier;

    for (const char *const *topic = group->topics; base && *topic; topic++) {
        *place = (struct kpk_place){kpk_topic_find(*topic), KPK_TIER_NONE};
        if (strcmp(base, *topic) == 0) return true;
        for (int i = 0; i < kpk_group_retries(group); i++) {
            kpk_topic_retry(place->topic, group, i, tier_name, &tier);
            place->tier = i;
            if (strcmp(base, tier_name) == 0) return true;
        }
    }
    return false;
}

int kpk_tier_next(const struct kpk_group *group, int tier, const struct kpk_err *why) {
    int count = kpk_group_retries(group), next = tier + 1;

    if (next >= count) return why->uncounted ? tier : KPK_TIER_NONE;
    while (next < count - 1 && group->retry_ms[next] < why->retry_after_ms) next++;
    return next;
}
