#include "loadgen/judge.h"

#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 64 };

int load_judge_open(struct load_judge *judge, uint32_t streams, struct kpk_err *err) {
    *judge =
        (struct load_judge){.streams = streams, .seen = calloc(streams, sizeof(*judge->seen))};
    return judge->seen ? 0 : kpk_fail(err, KPK_FATAL, "no memory for %u streams", streams);
}

void load_judge_close(struct load_judge *judge) {
    free(judge->seen);
    judge->seen = NULL;
}

void load_judge_see(struct load_judge *judge, uint32_t stream, uint32_t seq,
                    struct load_tally *tally) {
    struct load_seen *seen;

    tally->seen++;
    if (stream >= judge->streams) {
        tally->invented++;
        return;
    }
    seen = &judge->seen[stream];
    if (seq >= seen->next) {
        uint32_t step = seq - seen->next + 1;
        seen->latest = (step < WINDOW ? seen->latest << step : 0) | 1;
        seen->next = seq + 1;
        seen->distinct++;
        return;
    }
    uint32_t back = seen->next - 1 - seq;
    if (back >= WINDOW || (seen->latest >> back & 1)) {
        tally->duplicated++;
        return;
    }
    seen->latest |= UINT64_C(1) << back;
    seen->distinct++;
    tally->reordered++;
}

void load_judge_check(const struct load_judge *judge, const uint32_t *sent,
                      const uint32_t *unacked, const struct load_tally *tally,
                      const char *group, struct kpk_report *report) {
    *report = (struct kpk_report){.seen = tally->seen,
                                  .duplicated = tally->duplicated,
                                  .reordered = tally->reordered,
                                  .invented = tally->invented};
    for (uint32_t i = 0; i < judge->streams; i++) {
        const struct load_seen *seen = &judge->seen[i];
        uint32_t acked = sent[i] - unacked[i];
        report->writes += acked;
        report->expected += acked;
        if (seen->next > sent[i]) report->invented += seen->next - sent[i];
        if (seen->distinct >= acked) continue;
        if (report->lost == 0)
            snprintf(report->first, sizeof(report->first),
                     "%s never saw %u of the %u records of stream %u", group,
                     acked - seen->distinct, acked, i);
        report->lost += acked - seen->distinct;
    }
    if (!report->first[0] && report->duplicated + report->reordered + report->invented > 0)
        snprintf(report->first, sizeof(report->first), "seen by %s", group);
}
