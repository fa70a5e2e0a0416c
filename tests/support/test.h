/* What every integration test begins with: cmocka, and what it lacks. */
#ifndef KPK_TESTS_SUPPORT_TEST_H
#define KPK_TESTS_SUPPORT_TEST_H

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A call that returns 0, or -1 with 'err', must return 0. */
#define assert_ok(call, err)                                                                   \
    do {                                                                                       \
        if (call) fail_msg("%s: %s", #call, (err)->msg);                                       \
    } while (0)

/* Ask 'there' again and again until it says yes or 'timeout_ms' have passed. Nothing is proved
 * by the time it took: deadlines are far above what is needed.
 * returns  what it said last */
bool wait_until(int timeout_ms, bool (*there)(void *ctx), void *ctx);

/* A number from the environment; 'fallback' when it is not set. */
int test_setting(const char *name, int fallback);

#endif
