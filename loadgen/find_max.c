#include "loadgen/run.h"

#include "common/stop.h"

#include <stdio.h>

enum { DRAIN_S = 60, STEPS_MOST = 24, PAUSE_MS = 500 };

/* Held: everything due was sent and acknowledged, and the lag did not grow, or is what a moment brings. */
static bool is_held(const struct load_measured *measured) {
    double moment = measured->rate / 2;

    return measured->not_sent == 0 && measured->failed == 0 &&
           (!measured->lag_grew || (double)measured->lag_end < moment);
}

static bool step(struct load_engine *engine, double rate, double seconds,
                 struct load_measured *measured) {
    double drain_s;

    load_engine_phase(engine, "step", rate, seconds, measured);
    bool held = is_held(measured);
    load_engine_drain(engine, DRAIN_S, &drain_s);
    printf("  %10.0f/s  %s  not sent %llu, lag %llu, p99 %.1f ms\n", rate,
           held ? "held    " : "not held", (unsigned long long)measured->not_sent,
           (unsigned long long)measured->lag_end,
           (double)kpk_histogram_at(measured->end_to_end_us.count ? &measured->end_to_end_us
                                                                  : &measured->publish_us,
                                    99) /
               1000);
    kpk_stop_wait(PAUSE_MS);
    return held;
}

double load_find_max(struct load_engine *engine, double from, double step_s,
                     struct load_measured *measured) {
    double held = 0, missed = 0, rate = from;

    printf("\n  the highest rate that is held; %g s each:\n", step_s);
    for (int i = 0; i < STEPS_MOST && !kpk_stopping(); i++) {
        if (step(engine, rate, step_s, measured))
            held = rate;
        else
            missed = rate;
        if (held > 0 && missed > 0 && missed < held * 1.1) break;
        if (missed > 0 && missed < 2) break;
        rate = missed == 0 ? held * 2 : held == 0 ? missed / 2 : (held + missed) / 2;
    }
    return held;
}
