#include "loadgen/engine.h"

#include "common/stop.h"
#include "loadgen/brokers.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    SECOND_US = 1000000,
    AHEAD_US = 20000,
    LATE_US = 2000000,
    LOOK_MS = 5,
    LOOK_AT_SERVICES_MS = 100
};

struct load_engine {
    const struct load_setup *setup;
    FILE *csv;
    bool terminal;
    rd_kafka_t *client;
    struct load_sender senders[LOAD_SENDERS_MOST];
    struct load_group groups[LOAD_GROUPS_MOST];
    struct load_phase
        phases[2]; /* the one that runs, and the one before: a sender may still look at it */
    int phase;
    uint32_t *sent, *unacked;
    struct load_view services_before,
        services_now;      /* before the first phase; at the last look */
    uint64_t acked_looked; /* acknowledged at that look */
    /* the meter: */
    int64_t begin_us;
    int second;
    uint64_t acked_before, seen_before;
    struct kpk_histogram publish_us, end_to_end_us; /* of the last second */
};

void load_event(struct load_events *events, const char *fmt, ...) {
    va_list args;

    pthread_mutex_lock(&events->lock);
    if (events->count < LOAD_EVENTS_MOST) {
        events->kept[events->count].second = (double)(load_now_us() - events->begin_us) / 1e6;
        va_start(args, fmt);
        vsnprintf(events->kept[events->count].what, sizeof(events->kept[0].what), fmt, args);
        va_end(args);
    }
    events->count++;
    pthread_mutex_unlock(&events->lock);
}

/* --- sums -------------------------------------------------------------------------------- */

/* Of one counter of all senders. */
static uint64_t sum(struct load_engine *engine, size_t offset) {
    uint64_t all = 0;

    for (int i = 0; i < engine->setup->senders; i++)
        all += atomic_load((_Atomic uint64_t *)((char *)&engine->senders[i] + offset));
    return all;
}

#define SUM(engine, member) sum(engine, offsetof(struct load_sender, member))

/* Of the group that is furthest behind. */
static uint64_t seen_least(struct load_engine *engine) {
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < engine->setup->groups; i++) {
        uint64_t seen = load_group_seen(&engine->groups[i]);
        if (seen < least) least = seen;
    }
    return least;
}

/* The groups of services are looked at when the meter does, and not in between. */
static uint64_t lag(struct load_engine *engine) {
    uint64_t acked = SUM(engine, acked), seen = acked;

    if (engine->setup->groups) seen = seen_least(engine);
    if (engine->setup->services) {
        uint64_t ended = load_services_least(engine->setup->services, &engine->services_before,
                                             &engine->services_now);
        uint64_t behind = engine->acked_looked > ended ? engine->acked_looked - ended : 0;
        if (acked - behind < seen) seen = acked - behind;
    }
    return acked > seen ? acked - seen : 0;
}

/* What was acknowledged when it was asked must have been done by then, to be no lag. */
static void look_at_services(struct load_engine *engine) {
    if (!engine->setup->services) return;
    engine->acked_looked = SUM(engine, acked);
    load_services_look(engine->setup->services, &engine->services_now);
}

/* --- the meter --------------------------------------------------------------------------- */

static void collect(struct load_recorder *recorder, struct kpk_histogram *into) {
    pthread_mutex_lock(&recorder->lock);
    kpk_histogram_merge(into, &recorder->took_us);
    if (recorder->took_us.count) memset(&recorder->took_us, 0, sizeof(recorder->took_us));
    pthread_mutex_unlock(&recorder->lock);
}

static void collect_all(struct load_engine *engine) {
    memset(&engine->publish_us, 0, sizeof(engine->publish_us));
    memset(&engine->end_to_end_us, 0, sizeof(engine->end_to_end_us));
    for (int i = 0; i < engine->setup->senders; i++)
        collect(&engine->senders[i].publish, &engine->publish_us);
    for (int i = 0; i < engine->setup->groups; i++)
        for (int m = 0; m < engine->setup->consumers; m++)
            collect(&engine->groups[i].members[m].end_to_end, &engine->end_to_end_us);
}

static void write_ms(FILE *csv, const struct kpk_histogram *took_us, double percentile) {
    if (took_us->count)
        fprintf(csv, ",%.3f", (double)kpk_histogram_at(took_us, percentile) / 1000);
    else
        fprintf(csv, ",");
}

static double ms(const struct kpk_histogram *took_us, double percentile) {
    return (double)kpk_histogram_at(took_us, percentile) / 1000;
}

/* One second has passed: in the CSV, and on a terminal. */
static void show_second(struct load_engine *engine, const char *phase, double rate,
                        uint64_t behind, double seconds) {
    uint64_t acked = SUM(engine, acked), seen = engine->setup->groups ? seen_least(engine) : 0;
    double acked_s = (double)(acked - engine->acked_before) / seconds;
    double seen_s = (double)(seen - engine->seen_before) / seconds;

    engine->second++;
    if (engine->csv) {
        fprintf(engine->csv, "%d,%s,%.0f,%.0f,%.0f,%" PRIu64 ",%" PRIu64, engine->second, phase,
                rate > 0 ? rate : acked_s, acked_s, seen_s, lag(engine), behind);
        write_ms(engine->csv, &engine->publish_us, 50);
        write_ms(engine->csv, &engine->publish_us, 99);
        write_ms(engine->csv, &engine->end_to_end_us, 50);
        write_ms(engine->csv, &engine->end_to_end_us, 99);
        fprintf(engine->csv, "\n");
        fflush(engine->csv); /* who looks on need not wait for the end */
    }
    if (engine->terminal) {
        printf("\r\033[K  %4d s  %-9s %10.0f/s acked  %10.0f/s consumed  lag %" PRIu64
               "  p99 %.1f ms",
               engine->second, phase, acked_s, seen_s, lag(engine),
               ms(engine->setup->groups ? &engine->end_to_end_us : &engine->publish_us, 99));
        fflush(stdout);
    }
    engine->acked_before = acked;
    engine->seen_before = seen;
}

static void clear_line(const struct load_engine *engine) {
    if (!engine->terminal) return;
    printf("\r\033[K");
    fflush(stdout);
}

static double client_cpu(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* --- phases ------------------------------------------------------------------------------ */

struct watch {
    uint64_t acked, failed, not_sent, handed; /* before it began */
    uint64_t middle_lag;                      /* the largest of the middle third */
};

static uint64_t due_by(const struct load_phase *phase, int64_t now_us) {
    int64_t until = now_us < phase->end_us ? now_us : phase->end_us;

    return phase->rate > 0 && until > phase->begin_us
               ? (uint64_t)ceil((double)(until - phase->begin_us) / 1e6 * phase->rate)
               : 0;
}

static void look(struct load_engine *engine, const struct load_phase *phase,
                 struct watch *watch, double seconds, struct load_measured *measured) {
    look_at_services(engine);
    int64_t now_us = load_now_us();
    double through =
        (double)(now_us - phase->begin_us) / (double)(phase->end_us - phase->begin_us);
    uint64_t behind_now = lag(engine), due = due_by(phase, now_us),
             handed = SUM(engine, handed) - watch->handed;

    collect_all(engine);
    kpk_histogram_merge(&measured->publish_us, &engine->publish_us);
    kpk_histogram_merge(&measured->end_to_end_us, &engine->end_to_end_us);
    if (behind_now > measured->lag_max) measured->lag_max = behind_now;
    if (through > 0.3 && through < 0.7 && behind_now > watch->middle_lag)
        watch->middle_lag = behind_now;
    show_second(engine, phase->name, phase->rate, due > handed ? due - handed : 0, seconds);
}

static bool all_ended(struct load_engine *engine, struct load_phase *phase) {
    return atomic_load(&phase->ended) == engine->setup->senders;
}

static void run_phase(struct load_engine *engine, struct load_phase *phase, struct watch *watch,
                      struct load_measured *measured) {
    int64_t last_us = phase->begin_us, next_us = phase->begin_us + SECOND_US;

    for (int i = 0; i < engine->setup->senders; i++)
        atomic_store(&engine->senders[i].phase, phase);
    while (!all_ended(engine, phase)) {
        usleep(LOOK_MS * 1000);
        int64_t now_us = load_now_us();
        if (now_us < next_us) continue;
        if (now_us > phase->end_us + LATE_US + SECOND_US) break;
        look(engine, phase, watch, (double)(now_us - last_us) / 1e6, measured);
        last_us = now_us;
        next_us += SECOND_US;
    }
    if (load_now_us() - last_us > SECOND_US / 10)
        look(engine, phase, watch, (double)(load_now_us() - last_us) / 1e6, measured);
}

void load_engine_phase(struct load_engine *engine, const char *name, double rate,
                       double seconds, struct load_measured *measured) {
    struct load_phase *phase = &engine->phases[engine->phase++ % 2];
    double client_s = client_cpu(), brokers_s = load_brokers_cpu_s(engine->client), after_s;
    struct watch watch = {SUM(engine, acked), SUM(engine, failed), SUM(engine, not_sent),
                          SUM(engine, handed), 0};
    int64_t end_us;

    memset(measured, 0, sizeof(*measured));
    look_at_services(engine);
    measured->services_from = engine->services_now;
    measured->name = name;
    measured->rate = rate;
    phase->name = name;
    phase->rate = rate;
    phase->begin_us = load_now_us() + AHEAD_US;
    phase->end_us = phase->begin_us + (int64_t)(seconds * 1e6);
    atomic_store(&phase->ended, 0);
    run_phase(engine, phase, &watch, measured);
    end_us = load_now_us() < phase->end_us ? load_now_us() : phase->end_us;
    measured->seconds = fmax((double)(end_us - phase->begin_us) / 1e6, 0);
    measured->due = due_by(phase, end_us);
    measured->acked = SUM(engine, acked) - watch.acked;
    measured->failed = SUM(engine, failed) - watch.failed;
    measured->not_sent = SUM(engine, not_sent) - watch.not_sent;
    look_at_services(engine);
    measured->services_to = engine->services_now;
    measured->lag_end = lag(engine);
    measured->lag_grew = measured->lag_end > watch.middle_lag;
    measured->client_cpu_s = client_cpu() - client_s;
    after_s = load_brokers_cpu_s(engine->client);
    measured->brokers_cpu_s = brokers_s < 0 || after_s < 0 ? -1 : after_s - brokers_s;
    clear_line(engine);
}

static bool is_drained(struct load_engine *engine) {
    look_at_services(engine);
    return SUM(engine, acked) + SUM(engine, failed) >= SUM(engine, handed) && lag(engine) == 0;
}

bool load_engine_drain(struct load_engine *engine, double timeout_s, double *seconds) {
    int64_t begin_us = load_now_us(), last_us = begin_us, now_us = begin_us;
    int look_ms = engine->setup->services ? LOOK_AT_SERVICES_MS : LOOK_MS;
    bool drained;

    if (kpk_stopping())
        fprintf(stderr, "  reading what was sent; Ctrl-C again gives that up\n");
    while (!(drained = is_drained(engine)) && (double)(now_us - begin_us) / 1e6 < timeout_s &&
           !kpk_stop_insisted()) {
        usleep((useconds_t)look_ms * 1000);
        now_us = load_now_us();
        if (now_us - last_us < SECOND_US) continue;
        collect_all(engine);
        show_second(engine, "drain", 0, 0, (double)(now_us - last_us) / 1e6);
        last_us = now_us;
    }
    *seconds = (double)(load_now_us() - begin_us) / 1e6;
    clear_line(engine);
    return drained;
}

/* --- the verdict ------------------------------------------------------------------------- */

void load_engine_judge(struct load_engine *engine,
                       struct kpk_report reports[LOAD_GROUPS_MOST]) {
    if (engine->setup->groups == 0)
        reports[0] = (struct kpk_report){.writes = SUM(engine, acked)};
    for (int i = 0; i < engine->setup->groups; i++) {
        const struct load_group *group = &engine->groups[i];
        struct load_tally all = {0};
        for (int m = 0; m < engine->setup->consumers; m++) {
            const struct load_tally *tally = &group->members[m].tally;
            all.seen += tally->seen;
            all.duplicated += tally->duplicated;
            all.reordered += tally->reordered;
            all.invented += tally->invented;
        }
        load_judge_check(&group->judge, engine->sent, engine->unacked, &all, group->name,
                         &reports[i]);
    }
}

void load_engine_effects(const struct load_engine *engine, struct load_view *before,
                         struct load_view *now) {
    *before = engine->services_before;
    *now = engine->services_now;
}

double load_engine_disk(const struct load_engine *engine) {
    return load_brokers_disk(engine->client, engine->setup->topic);
}

/* --- opening and closing ----------------------------------------------------------------- */

static int open_all(struct load_engine *engine, struct kpk_err *err) {
    const struct load_setup *setup = engine->setup;

    engine->sent = calloc(setup->keys->streams, sizeof(*engine->sent));
    engine->unacked = calloc(setup->keys->streams, sizeof(*engine->unacked));
    if (!engine->sent || !engine->unacked) return kpk_fail(err, KPK_FATAL, "no memory");
    rd_kafka_conf_t *conf = kpk_kafka_conf(NULL, err);
    char why[160];
    if (!conf) return -1;
    if (!(engine->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)))) {
        rd_kafka_conf_destroy(conf);
        return kpk_fail(err, KPK_FATAL, "client: %s", why);
    }
    for (int i = 0; i < setup->groups; i++) {
        struct load_group *group = &engine->groups[i];
        group->setup = setup;
        if (snprintf(group->name, sizeof(group->name), "%s.%d", setup->reader, i + 1) >=
            (int)sizeof(group->name))
            return kpk_fail(err, KPK_REJECT, "group of %s: its name is too long",
                            setup->reader);
        if (load_group_start(group, err)) return -1;
    }
    if (setup->services) load_services_look(setup->services, &engine->services_before);
    engine->services_now = engine->services_before;
    for (int i = 0; i < setup->senders; i++) {
        struct load_sender *sender = &engine->senders[i];
        sender->setup = setup;
        sender->index = i;
        sender->sent = engine->sent;
        sender->unacked = engine->unacked;
        if (setup->post_url ? load_poster_start(sender, err) : load_sender_start(sender, err))
            return -1;
    }
    return 0;
}

int load_engine_open(struct load_engine **out, const struct load_setup *setup, FILE *csv,
                     struct kpk_err *err) {
    struct load_engine *engine = calloc(1, sizeof(*engine));

    *out = NULL;
    if (!engine) return kpk_fail(err, KPK_FATAL, "no memory");
    engine->setup = setup;
    engine->csv = csv;
    engine->terminal = isatty(STDOUT_FILENO);
    if (csv)
        fprintf(csv, "second,phase,intended_per_s,acked_per_s,consumed_per_s,lag,not_sent,"
                     "publish_p50_ms,publish_p99_ms,end_to_end_p50_ms,end_to_end_p99_ms\n");
    if (open_all(engine, err)) {
        load_engine_close(engine);
        return -1;
    }
    *out = engine;
    return 0;
}

void load_engine_close(struct load_engine *engine) {
    if (!engine) return;
    for (int i = 0; i < engine->setup->senders; i++) {
        load_sender_end(&engine->senders[i]);
        load_poster_end(&engine->senders[i]);
    }
    for (int i = 0; i < engine->setup->groups; i++) load_group_end(&engine->groups[i]);
    if (engine->client) rd_kafka_destroy(engine->client);
    free(engine->sent);
    free(engine->unacked);
    free(engine);
}
