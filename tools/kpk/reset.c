#include "tools/kpk/reset.h"

static int64_t clamp(int64_t offset, int64_t least, int64_t most) {
    if (offset < least) return least;
    return offset > most ? most : offset;
}

static void choose_target(struct kpk_reset_partition *at, const struct kpk_tail_from *to) {
    at->note = KPK_RESET_EXACT;
    switch (to->start) {
    case KPK_TAIL_BEGINNING:
        at->target = at->begin;
        break;
    case KPK_TAIL_END:
        at->target = at->end;
        break;
    case KPK_TAIL_TIME:
        if (at->first < 0) at->note = KPK_RESET_NONE_SINCE;
        at->target = at->first < 0 ? at->end : clamp(at->first, at->begin, at->end);
        break;
    case KPK_TAIL_OFFSET:
        if (to->at < at->begin) at->note = KPK_RESET_BEGINS_LATER;
        if (to->at > at->end) at->note = KPK_RESET_ENDS_BEFORE;
        at->target = clamp(to->at, at->begin, at->end);
        break;
    }
}

/* A committed offset may lie outside: retention passed it, or the topic was made anew. */
static void count_between(struct kpk_reset_partition *at, bool from_end) {
    int64_t stands = at->committed;

    if (stands < 0) stands = from_end ? at->end : at->begin;
    at->lost = stands < at->begin ? at->begin - stands : 0;
    stands = clamp(stands, at->begin, at->end);
    at->again = stands > at->target ? stands - at->target : 0;
    at->skipped = stands < at->target ? at->target - stands : 0;
}

int kpk_reset_decide(struct kpk_reset_partition *partitions, size_t count,
                     const struct kpk_tail_from *to, bool from_end, struct kpk_err *err) {
    const struct kpk_reset_partition *first = NULL;
    size_t unresolved = 0;

    for (size_t i = 0; i < count; i++) {
        if (partitions[i].begin >= 0 && partitions[i].end >= 0) continue;
        if (!unresolved++) first = &partitions[i];
    }
    if (unresolved)
        return kpk_fail(
            err, KPK_WAIT,
            "%s [%d] has no leader now, or is gone; %zu of %zu partitions cannot be "
            "resolved: nothing was altered",
            first->topic, first->partition, unresolved, count);
    for (size_t i = 0; i < count; i++) {
        choose_target(&partitions[i], to);
        count_between(&partitions[i], from_end);
    }
    return 0;
}
