#include "tests/support/test.h"

#include "common/clock.h"
#include "common/stop.h"

#include <stdlib.h>

enum { ASK_AGAIN_MS = 20 };

bool wait_until(int timeout_ms, bool (*there)(void *ctx), void *ctx) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    while (!there(ctx)) {
        if (kpk_mono_ms() >= deadline) return there(ctx);
        kpk_stop_wait(ASK_AGAIN_MS);
    }
    return true;
}

int test_setting(const char *name, int fallback) {
    const char *text = getenv(name);

    return text && *text ? atoi(text) : fallback;
}
