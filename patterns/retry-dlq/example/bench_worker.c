#include "common/clock.h"
#include "common/histogram.h"
#include "common/stop.h"
#include "patterns/fanout/fanout.h"
#include "patterns/retry-dlq/example/bench.h"
#include "patterns/retry-dlq/example/worker.h"
#include "topology/topology.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { MEMBERS = 2, BATCH = 200 };

/* All members together. Under 'lock': they meet it once a batch. */
static struct {
    pthread_mutex_t lock;
    int charges, first_tries, open; /* open: tried once, to be tried again */
    int64_t begun_us, begun_cpu_us;
    int64_t tried_us[BENCH_CHARGES]; /* for the first time; 0: not yet */
    struct kpk_histogram late_us;
    struct bench_figures figures;
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct work {
    size_t count;
    struct {
        int number;
        bool busy; /* at its first try */
    } charges[BATCH];
};

static int64_t cpu_us(void) {
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * (int64_t)1000000 +
           use.ru_utime.tv_usec + use.ru_stime.tv_usec;
}

static int work_open(void **ctx, int batch, struct kpk_err *err) {
    (void)batch;
    *ctx = calloc(1, sizeof(struct work));
    return *ctx ? 0 : kpk_fail(err, KPK_FATAL, "bench: no memory");
}

static void work_begin(void *ctx) {
    ((struct work *)ctx)->count = 0;
    pthread_mutex_lock(&bench.lock);
    if (!bench.begun_us) {
        bench.begun_us = kpk_mono_us();
        bench.begun_cpu_us = cpu_us();
    }
    pthread_mutex_unlock(&bench.lock);
}

static int work_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct work *work = ctx;
    const struct card *card;
    int number = event->subject ? atoi(event->subject) : -1;

    if (worker_card(event, &card, err)) return -1;
    if (number < 0 || number >= BENCH_CHARGES)
        return kpk_fail(err, KPK_REJECT, "bench: no such charge");
    work->charges[work->count].number = number;
    work->charges[work->count++].busy = card->busy > 0;
    return 0;
}

/* The first tries are over. */
static void measure(void) {
    int64_t took_us = kpk_mono_us() - bench.begun_us;

    bench.figures.per_second = bench.charges * 1e6 / (double)took_us;
    bench.figures.cpu_us = (double)(cpu_us() - bench.begun_cpu_us) / bench.charges;
}

/* returns  whether it is the first try */
static bool count_try(int number, bool busy, int64_t now_us) {
    int64_t *tried_us = &bench.tried_us[number];

    if (*tried_us) {
        bench.open--;
        kpk_histogram_add(&bench.late_us,
                          now_us - *tried_us -
                              kpk_group_find(KPK_GROUP_CHARGE_WORKERS)->retry_ms[0] *
                                  (int64_t)1000);
        return false;
    }
    *tried_us = now_us;
    bench.open += busy;
    if (++bench.first_tries == bench.charges) measure();
    return true;
}

static int work_apply(void *ctx, struct kpk_err *err) {
    struct work *work = ctx;
    int64_t now_us = kpk_mono_us();

    (void)err;
    pthread_mutex_lock(&bench.lock);
    for (size_t i = 0; i < work->count; i++)
        if (!count_try(work->charges[i].number, work->charges[i].busy, now_us))
            work->charges[i].busy = false;
    if (bench.first_tries == bench.charges && bench.open == 0) kpk_stop();
    pthread_mutex_unlock(&bench.lock);
    return 0;
}

static int work_outcome(void *ctx, size_t index, struct kpk_err *err) {
    return ((struct work *)ctx)->charges[index].busy ? kpk_fail(err, KPK_RETRY, "503: busy")
                                                     : 0;
}

int bench_worker(int charges, struct kpk_err *err) {
    static const struct kpk_fanout_effect effect = {.open = work_open,
                                                    .close = free,
                                                    .begin = work_begin,
                                                    .note = work_note,
                                                    .apply = work_apply,
                                                    .outcome = work_outcome};
    const struct kpk_fanout_opts opts = {.group = KPK_GROUP_CHARGE_WORKERS,
                                         .consumers = MEMBERS,
                                         .batch = BATCH,
                                         .effect = &effect};
    struct kpk_fanout *fanout;
    int failed;

    bench.charges = charges;
    if (kpk_fanout_open(&fanout, &opts, err)) return -1;
    failed = kpk_fanout_run(fanout, err);
    kpk_fanout_close(fanout);
    printf("%.0f %.2f %.0f %.0f %.0f\n", bench.figures.per_second, bench.figures.cpu_us,
           (double)kpk_histogram_at(&bench.late_us, 50) / 1000,
           (double)kpk_histogram_at(&bench.late_us, 99) / 1000,
           (double)kpk_histogram_at(&bench.late_us, 100) / 1000);
    fflush(stdout);
    return failed;
}

int bench_read(const char *line, struct bench_figures *figures) {
    int read = sscanf(line, "%lf %lf %lf %lf %lf", &figures->per_second, &figures->cpu_us,
                      &figures->late_ms[0], &figures->late_ms[1], &figures->late_ms[2]);

    return read == 5 ? 0 : -1;
}
