/* What the pattern costs: to those that succeed, to those that fail, and how exact the delays are. */
#include "patterns/retry-dlq/example/bench.h"

#include "common/clock.h"
#include "common/conclude.h"
#include "common/event.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/till.h"
#include "patterns/retry-dlq/example/worker.h"
#include "topology/topology.h"

#include <stdio.h>

enum { ROUNDS = 3, PACED = 1000, PER_SECOND = 100, ACK_MS = 30000, LAST_MS = 120000 };

/* Queued, not yet acknowledged. */
static int publish(struct till *till, int number, bool busy, struct kpk_err *err) {
    char topic[KPK_NAME_BYTES], id[KPK_UUID_BYTES], text[16], data[64];
    struct kpk_event event = {.id = id,
                              .source = "/till",
                              .type = CHARGE_REQUESTED,
                              .subject = text,
                              .time_ms = kpk_now_ms(),
                              .key = text,
                              .data = data};

    kpk_uuid7(id);
    event.key_len = (size_t)snprintf(text, sizeof(text), "%d", number);
    event.len = (size_t)snprintf(data, sizeof(data), "{\"card\":\"%s\"}",
                                 busy ? CARD_BUSY_ONCE : CARD_GOOD);
    return kpk_event_send(till->producer, kpk_full_name(KPK_TOPIC_CHARGES, topic), &event, err);
}

static int start(struct till *till, int charges, struct kpk_err *err) {
    char text[16];

    snprintf(text, sizeof(text), "%d", charges);
    return till_worker(till, 0, &(struct till_part){.way = "bench", .charges = text}, NULL,
                       err);
}

static int read_figures(struct till *till, struct bench_figures *figures, struct kpk_err *err) {
    char line[200];

    if (kpk_child_ask(till->workers[0], "", line, sizeof(line), LAST_MS, err)) return -1;
    if (bench_read(line, figures)) return kpk_fail(err, KPK_FATAL, "bench: '%s'", line);
    return kpk_child_end(till->workers[0], TILL_PATIENCE_MS, err);
}

/* Charges that are all there already, of which every so-manieth fails once; 0: none. */
static int backlog(struct till *till, int busy_every, struct bench_figures *figures,
                   struct kpk_err *err) {
    for (int i = 0; i < BENCH_CHARGES; i++)
        if (publish(till, i, busy_every && i % busy_every == 0, err)) return -1;
    if (kpk_producer_wait(till->producer, ACK_MS, err)) return -1;
    if (start(till, BENCH_CHARGES, err)) return -1;
    return read_figures(till, figures, err);
}

static int throughput(struct till *till, struct kpk_err *err) {
    static const int busy_every[] = {0, 100, 5};
    struct bench_figures figures;

    printf(
        "\n  %d charges that are there already, one worker of two members, and an effect that "
        "takes no\n  time: what is left is the loop. Retried charges are behind the others "
        "then.\n\n",
        BENCH_CHARGES);
    printf("    fail once   charges/s   CPU us each   retries late: p50, p99, last\n");
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < sizeof(busy_every) / sizeof(*busy_every); i++) {
            if (backlog(till, busy_every[i], &figures, err)) return -1;
            printf("    %7d %%  %10.0f   %11.2f", busy_every[i] ? 100 / busy_every[i] : 0,
                   figures.per_second, figures.cpu_us);
            if (busy_every[i])
                printf("   %.0f, %.0f, %.0f ms", figures.late_ms[0], figures.late_ms[1],
                       figures.late_ms[2]);
            printf("\n");
        }
    return 0;
}

static int exactness(struct till *till, struct kpk_err *err) {
    struct bench_figures figures;
    int64_t next_us;

    if (start(till, PACED, err)) return -1;
    next_us = kpk_mono_us();
    for (int i = 0; i < PACED && !kpk_stopping(); i++) {
        if (publish(till, i, true, err)) return -1;
        next_us += 1000000 / PER_SECOND;
        if (next_us > kpk_mono_us()) kpk_stop_wait((int)((next_us - kpk_mono_us()) / 1000));
    }
    if (read_figures(till, &figures, err)) return -1;
    printf("\n  %d charges, %d a second, all of which fail once: tried again after 1 s and p50 "
           "%.0f, p99 %.0f,\n  at most %.0f ms\n\n",
           PACED, PER_SECOND, figures.late_ms[0], figures.late_ms[1], figures.late_ms[2]);
    return 0;
}

int story_bench(struct till *till) {
    struct kpk_err err;

    if (throughput(till, &err) || exactness(till, &err)) return kpk_conclude_broken(&err);
    return kpk_conclude(KPK_PASS, "measured; every charge was done");
}
