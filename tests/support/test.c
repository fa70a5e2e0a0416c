#include "tests/support/test.h"

#include "common/clock.h"
#include "common/stop.h"

enum { ASK_AGAIN_MS = 20 };

bool wait_until(int timeout_ms, bool (*there)(void *ctx), void *ctx) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    while (!there(ctx)) {
        if (kpk_mono_ms() >= deadline) return there(ctx);
        kpk_stop_wait(ASK_AGAIN_MS);
    }
    return true;
}
