#include "common/stop.h"

#include "common/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* A signal handler may touch a lock-free atomic; sig_atomic_t alone is not seen by other threads. */
static atomic_int stop_flag, stop_signals;

static void on_signal(int sig) {
    (void)sig;
    atomic_fetch_add_explicit(&stop_signals, 1, memory_order_relaxed);
    atomic_store_explicit(&stop_flag, 1, memory_order_relaxed);
}

void kpk_stop_init(void) {
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool kpk_stopping(void) { return atomic_load_explicit(&stop_flag, memory_order_relaxed) != 0; }

bool kpk_stop_insisted(void) {
    return atomic_load_explicit(&stop_signals, memory_order_relaxed) > 1;
}

void kpk_stop(void) { atomic_store_explicit(&stop_flag, 1, memory_order_relaxed); }

void kpk_stop_wait(int ms) {
    int64_t until = kpk_mono_ms() + ms;

    while (!kpk_stopping()) {
        int64_t left = until - kpk_mono_ms();
        if (left <= 0) return;
        if (left > 50) left = 50;
        nanosleep(&(struct timespec){.tv_nsec = left * 1000000}, NULL);
    }
}
