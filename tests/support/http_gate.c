#include "tests/support/http_gate.h"

#include "common/clock.h"
#include "common/metrics.h"
#include "tests/support/http_raw.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int at_gate; /* handlers and checks that wait */

void http_gate_pass(void) {
    pthread_mutex_lock(&gate_lock);
    at_gate++;
    pthread_cond_broadcast(&gate_changed);
    while (!gate_open) pthread_cond_wait(&gate_changed, &gate_lock);
    at_gate--;
    pthread_mutex_unlock(&gate_lock);
}

void http_gate_set(bool open) {
    pthread_mutex_lock(&gate_lock);
    gate_open = open;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

void http_gate_wait(int count) {
    struct timespec until;
    int code = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RAW_DEADLINE_MS / 1000;
    pthread_mutex_lock(&gate_lock);
    while (at_gate < count && code == 0)
        code = pthread_cond_timedwait(&gate_changed, &gate_lock, &until);
    pthread_mutex_unlock(&gate_lock);
    assert_int_equal(code, 0);
}

/* The value of a series that /metrics shows; 'series' with its labels. 0 when it is not there
 */
long long http_metric(const char *series) {
    char *text = kpk_metrics_text(), line[256];
    const char *at;
    long long value;

    assert_non_null(text);
    snprintf(line, sizeof(line), "\n%s ", series);
    at = strstr(text, line);
    value = at ? atoll(at + strlen(line)) : 0;
    free(text);
    return value;
}

void http_wait_active(long long count) {
    int64_t until_ms = kpk_mono_ms() + RAW_DEADLINE_MS;
    long long active;

    while ((active = http_metric("http_server_active_requests")) != count)
        if (kpk_mono_ms() > until_ms) fail_msg("%lld active, not %lld", active, count);
}
