/* loadgen run: a profile, carried out and judged. */
#include "loadgen/run.h"

#include "common/conclude.h"
#include "common/opts.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "loadgen/report.h"
#include "loadgen/single.h"
#include "loadgen/target.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIND_MAX_OF_ROOM 0.8

enum {
    DRAIN_S = 120,
    SETTLE_S = 120,
    FAST = 200000,
    FASTEST = 3000000,
    FASTEST_BYTES = 700 * 1000 * 1000
};

struct args {
    const char *via, *rate, *peak_rate, *compression, *acks, *csv, *json, *hdr, *slo;
    int duration, warm_up, peak, step, groups, consumers, senders, partitions, bytes, linger,
        seed;
    int find_max, keep;
};

struct run {
    struct args args;
    const struct load_profile *profile;
    double rate, peak_rate;
    struct load_setup setup;
    struct load_events events;
    struct load_target target;
    const struct load_world_kind *kind; /* NULL: no services that a load can go through */
    struct load_world *world;
    struct load_services *services;
    struct load_engine *engine;
    FILE *csv;
    struct load_measured warm_up, sustained, peak;
    struct load_report report;
};

/* "6000", "6k", "1.15M", "max" (0). */
static int read_rate(const char *name, const char *text, double fallback, double *rate,
                     struct kpk_err *err) {
    char *end;

    *rate = fallback;
    if (!*text) return 0;
    if (strcmp(text, "max") == 0) return (*rate = 0), 0;
    *rate = strtod(text, &end);
    if (*end == 'k' || *end == 'K') *rate *= 1e3, end++;
    if (*end == 'M') *rate *= 1e6, end++;
    if (*end || end == text || !(*rate >= 1) || *rate > 1e8)
        return kpk_fail(err, KPK_REJECT,
                        "--%s %.40s: it is records a second, as 6000, 6k, 1.15M, or max", name,
                        text);
    return 0;
}

static int one_of(const char *name, const char *value, const char *const *words,
                  struct kpk_err *err) {
    for (const char *const *word = words; *word; word++)
        if (strcmp(*word, value) == 0) return 0;
    return kpk_fail(err, KPK_REJECT, "--%s %.40s: there is no such", name, value);
}

/* Before the run, not after it. */
static int check_writable(const struct args *args, struct kpk_err *err) {
    if (load_writable("csv", args->csv, err) || load_writable("json", args->json, err))
        return -1;
    return load_report_hdr_writable(args->hdr, err);
}

/* Through the services that run, or past them: "topic", "http", "plain"; by default to them where there are some. */
static int choose_way(struct run *run, struct kpk_err *err) {
    static const char *const ways[] = {"", "topic", "http", "plain", NULL};
    const struct load_profile *profile = run->profile;
    const char *url;

    if (one_of("via", run->args.via, ways, err)) return -1;
    run->kind = load_world_find(profile->name);
    if (!*run->args.via) run->args.via = run->kind ? "topic" : "plain";
    if (strcmp(run->args.via, "plain") == 0) return 0;
    if (!run->kind)
        return kpk_fail(err, KPK_REJECT,
                        "--via %s: %s has no services; twitter and notification have",
                        run->args.via, profile->name);
    if (run->args.partitions || run->args.bytes)
        return kpk_fail(
            err, KPK_REJECT,
            "--partitions and --bytes are the services' own: they go with --via plain");
    url = getenv(run->kind->post_variable);
    if (strcmp(run->args.via, "http") == 0)
        run->setup.post_url = url && *url ? url : run->kind->post_url;
    return 0;
}

static bool is_plain(const struct run *run) { return strcmp(run->args.via, "plain") == 0; }

/* What the class of the profile asks for, unless said otherwise. */
static const char *acks_of(const struct load_profile *profile) {
    return profile->durability == KPK_CRITICAL    ? "all"
           : profile->durability == KPK_TELEMETRY ? "1"
                                                  : "0";
}

static int check(struct run *run, struct kpk_err *err) {
    static const char *const codecs[] = {"", "none", "gzip", "snappy", "lz4", "zstd", NULL};
    static const char *const acks[] = {"", "all", "1", "0", NULL};
    const struct load_profile *profile = run->profile;
    struct args *args = &run->args;
    struct load_setup *setup = &run->setup;
    double fastest;

    if (choose_way(run, err)) return -1;
    if (args->bytes && args->bytes < LOAD_VALUE_LEAST)
        return kpk_fail(err, KPK_REJECT, "--bytes %d: what a record says of itself takes %d",
                        args->bytes, LOAD_VALUE_LEAST);
    if (check_writable(args, err)) return -1;
    if (one_of("compression", args->compression, codecs, err)) return -1;
    if (one_of("acks", args->acks, acks, err)) return -1;
    if (read_rate("rate", args->rate, profile->sustained, &run->rate, err)) return -1;
    if (read_rate("peak-rate", args->peak_rate, profile->peak, &run->peak_rate, err)) return -1;
    if (args->peak && run->peak_rate == 0 && strcmp(args->peak_rate, "max") != 0)
        return kpk_fail(err, KPK_REJECT,
                        "--peak: the guide names no peak for %s: --peak-rate says it",
                        profile->name);
    fastest = run->rate == 0 || args->find_max
                  ? 1e9
                  : fmax(run->rate, args->peak ? run->peak_rate : 0);
    *setup = (struct load_setup){
        .profile = profile,
        .value_bytes = args->bytes ? args->bytes : profile->value_bytes,
        .partitions = args->partitions ? args->partitions : profile->partitions,
        .bare = profile->bare,
        .acks = *args->acks ? args->acks : acks_of(profile),
        .compression = *args->compression ? args->compression : profile->compression,
        .linger_ms = args->linger >= 0 ? args->linger : profile->linger_ms,
        .senders = args->senders    ? args->senders
                   : fastest < FAST ? 1
                                    : 2,
        .groups = args->groups >= 0 ? args->groups
                  : is_plain(run)   ? profile->groups
                                    : 1, /* to judge: the services' groups do the work */
        .consumers = args->consumers ? args->consumers : profile->consumers,
        .post_url = setup->post_url,
        .events = &run->events};
    if (setup->senders > setup->partitions) setup->senders = setup->partitions;
    run->report.n_slos = load_slo_parse(args->slo, setup->groups > 0, run->report.slos, err);
    return run->report.n_slos < 0 ? -1 : 0;
}

/* What will be written at most. As fast as possible is assumed; --find-max is bounded by the room that there is. */
static double bytes_of(const struct run *run) {
    double each = run->setup.value_bytes + (run->setup.bare ? 20 : 200); /* with its headers */
    double assumed = fmin(FASTEST, FASTEST_BYTES / each),
           rate = run->rate > 0 ? run->rate : assumed;
    if (run->args.find_max) return 0;
    double records = rate * (run->args.duration + run->args.warm_up) +
                     (run->peak_rate > 0 ? run->peak_rate : assumed) * run->args.peak;

    return records * each;
}

/* A topic of its own. */
static int open_plain(struct run *run, struct kpk_err *err) {
    return load_target_open(&run->target, run->profile, run->setup.partitions,
                            run->setup.bytes_most, run->args.keep != 0, err);
}

/* The services' topic, and its people. */
static int open_services(struct run *run, struct kpk_err *err) {
    struct load_setup *setup = &run->setup;
    char value[LOAD_EVENT_BYTES], id[KPK_UUID_BYTES];

    if (load_services_open(&run->services, run->profile->topic, err) ||
        load_world_open(&run->world, run->kind, setup->run, err) ||
        load_target_find(&run->target, run->profile, setup->bytes_most, err))
        return -1;
    if (!load_services_settle(run->services, SETTLE_S))
        return kpk_fail(err, KPK_WAIT,
                        "the groups are still busy after %d s with what was there before: "
                        "kpk lag shows it",
                        SETTLE_S);
    setup->world = run->world;
    setup->services = run->services;
    setup->value_bytes = (int)load_world_value(run->world, value, 0, 0, load_now_us(), id);
    return 0;
}

static int open_run(struct run *run, struct kpk_err *err) {
    struct load_setup *setup = &run->setup;
    char id[KPK_UUID_BYTES], reader[KPK_NAME_BYTES];

    kpk_uuid7(id); /* its end is random */
    memcpy(setup->run, id + KPK_UUID_BYTES - LOAD_RUN_BYTES, LOAD_RUN_BYTES);
    setup->bytes_most = bytes_of(run);
    if (is_plain(run) ? open_plain(run, err) : open_services(run, err)) return -1;
    if (*run->args.csv && !(run->csv = fopen(run->args.csv, "w")))
        return kpk_fail(err, KPK_REJECT, "--csv %.120s: %s", run->args.csv, strerror(errno));
    if (run->args.find_max) /* nobody knows yet how much that is */
        setup->bytes_most = run->target.room < 0
                                ? INFINITY
                                : run->target.room * FIND_MAX_OF_ROOM / run->target.replicas;
    setup->from = run->target.from;
    snprintf(setup->topic, sizeof(setup->topic), "%s", run->target.topic.name);
    snprintf(reader, sizeof(reader), "load.%s", run->profile->name);
    kpk_full_name(reader, setup->reader);
    setup->partitions = run->target.topic.partitions;
    if (load_keys_open(&setup->keys, run->profile, setup->partitions,
                       run->world ? run->world->ids : NULL, (uint64_t)run->args.seed, err))
        return -1;
    if (run->world) load_world_weigh(run->world, setup->keys);
    pthread_mutex_init(&run->events.lock, NULL);
    run->events.begin_us = load_now_us();
    return load_engine_open(&run->engine, setup, run->csv, err);
}

/* What could not be written in the middle, as the disk was full, is told at the end. */
static int close_csv(struct run *run, struct kpk_err *err) {
    FILE *csv = run->csv;
    bool failed = csv && ferror(csv);

    run->csv = NULL;
    if (csv && fclose(csv)) failed = true;
    if (!failed) return 0;
    return kpk_fail(err, KPK_REJECT, "--csv %.120s: lines are missing, it could not be written",
                    run->args.csv);
}

static void close_run(struct run *run) {
    char names[LOAD_GROUPS_MOST][KPK_NAME_BYTES + 16];
    const char *groups[LOAD_GROUPS_MOST + 1] = {0};

    for (int i = 0; i < run->setup.groups; i++) {
        snprintf(names[i], sizeof(names[i]), "%s.%d", run->setup.reader, i + 1);
        groups[i] = names[i];
    }
    load_engine_close(run->engine);
    load_keys_close(run->setup.keys);
    load_target_close(&run->target, run->args.keep != 0, groups);
    load_world_close(run->world);
    load_services_close(run->services);
    if (run->csv) fclose(run->csv);
}

/* Ctrl-C may come before there is anything to tell of. */
static bool is_measured(const struct run *run) {
    return run->sustained.seconds > 0 || run->warm_up.seconds > 0;
}

static void carry_out(struct run *run) {
    struct load_engine *engine = run->engine;
    struct args *args = &run->args;

    if (args->warm_up && !kpk_stopping())
        load_engine_phase(engine, "warm-up", run->rate, args->warm_up, &run->warm_up);
    if (args->find_max) {
        run->rate = load_find_max(engine, run->rate > 0 ? run->rate : 1000, args->step,
                                  &run->sustained);
        if (run->rate == 0 || kpk_stopping()) return;
    }
    if (!kpk_stopping())
        load_engine_phase(engine, "sustained", run->rate, args->duration, &run->sustained);
    if (args->peak && !kpk_stopping()) {
        load_engine_phase(engine, "peak", run->peak_rate, args->peak, &run->peak);
        run->report.peak = &run->peak;
    }
}

/* Others may write to the services' topic, and the relay's transactions take offsets of their own. */
static void count_topic(struct run *run) {
    struct load_report *report = &run->report;
    struct kpk_err err;

    report->in_topic = -1;
    report->disk_bytes = -1;
    if (!is_plain(run)) return;
    int64_t records = load_target_count(&run->target, &err);
    if (records < 0) return;
    report->in_topic = records - run->target.held;
    double bytes = load_engine_disk(run->engine);
    if (bytes >= 0 && records > 0)
        report->disk_bytes = bytes / (double)records / report->replicas;
}

static int conclude(struct run *run) {
    struct load_report *report = &run->report;
    struct kpk_err err;

    report->setup = &run->setup;
    report->brokers = run->target.brokers;
    report->replicas = run->target.replicas;
    report->sustained = run->sustained.seconds > 0 ? &run->sustained : &run->warm_up;
    report->interrupted = kpk_stopping();
    report->drained = load_engine_drain(run->engine, DRAIN_S, &report->drain_s);
    load_engine_judge(run->engine, report->groups);
    count_topic(run);
    load_engine_effects(run->engine, &report->services_before, &report->services_after);
    load_report_slos(report);
    int code = load_report_print(report);
    if (*run->args.json && load_report_json(report, code, run->args.json, &err))
        return kpk_exit_failed(&err);
    if (*run->args.hdr && load_report_hdr(report, run->args.hdr, &err))
        return kpk_exit_failed(&err);
    return close_csv(run, &err) ? kpk_exit_failed(&err) : code;
}

static int parse(struct args *args, int *argc, char **argv, struct kpk_err *err) {
    const struct kpk_opt opts[] = {
        {"via", NULL, KPK_OPT_STR, &args->via, "", 0, 0,
         "topic: valid events to the topic that the services read; http: through the service "
         "that "
         "takes them; plain: a topic of its own. By default topic where services run "
         "(twitter, notification)"},
        {"rate", NULL, KPK_OPT_STR, &args->rate, "", 0, 0,
         "records a second, as 6000, 6k, 1.15M; max: as fast as they are acknowledged; by "
         "default the guide's"},
        {"duration", NULL, KPK_OPT_INT, &args->duration, "60", 1, 86400,
         "seconds that are measured"},
        {"warm-up", NULL, KPK_OPT_INT, &args->warm_up, "10", 0, 3600,
         "seconds before, not measured"},
        {"peak", NULL, KPK_OPT_INT, &args->peak, "0", 0, 3600,
         "seconds of a spike behind it, then the drain"},
        {"peak-rate", NULL, KPK_OPT_STR, &args->peak_rate, "", 0, 0,
         "of the spike; by default the guide's"},
        {"find-max", NULL, KPK_OPT_FLAG, &args->find_max, NULL, 0, 0,
         "first look for the highest rate that is held, from --rate on"},
        {"step", NULL, KPK_OPT_INT, &args->step, "10", 1, 600,
         "seconds of each step of --find-max"},
        {"groups", NULL, KPK_OPT_INT, &args->groups, "-1", -1, LOAD_GROUPS_MOST,
         "that each read all of it; -1: as the system has"},
        {"consumers", NULL, KPK_OPT_INT, &args->consumers, "0", 0, LOAD_MEMBERS_MOST,
         "of each group; 0: as the profile has"},
        {"senders", NULL, KPK_OPT_INT, &args->senders, "0", 0, LOAD_SENDERS_MOST,
         "producer handles; 0: one, or two for a firehose"},
        {"partitions", NULL, KPK_OPT_INT, &args->partitions, "0", 0, 2000,
         "0: as the guide has"},
        {"bytes", NULL, KPK_OPT_INT, &args->bytes, "0", 0, LOAD_VALUE_MOST,
         "of a value; 0: as the profile has"},
        {"compression", NULL, KPK_OPT_STR, &args->compression, "", 0, 0,
         "none, lz4, zstd, snappy, gzip; by default the profile's"},
        {"acks", NULL, KPK_OPT_STR, &args->acks, "", 0, 0,
         "all (idempotent), 1, 0; by default its class'"},
        {"linger", NULL, KPK_OPT_INT, &args->linger, "-1", -1, 10000,
         "ms; -1: as the profile has"},
        {"seed", NULL, KPK_OPT_INT, &args->seed, "1", 0, 2147483647, "of which key comes when"},
        {"slo", NULL, KPK_OPT_STR, &args->slo, "", 0, 0,
         "exit 99 when missed: p99<50ms,publish.p50<5ms"},
        {"csv", NULL, KPK_OPT_STR, &args->csv, "", 0, 0,
         "file for a line a second: loadgen plot draws it"},
        {"json", NULL, KPK_OPT_STR, &args->json, "", 0, 0,
         "file for the report: loadgen size reads it"},
        {"hdr", NULL, KPK_OPT_STR, &args->hdr, "", 0, 0,
         "files for the distributions, as HdrHistogram's plotter reads them"},
        {"keep-topic", NULL, KPK_OPT_FLAG, &args->keep, NULL, 0, 0,
         "neither make it anew nor remove it"},
        {0}};
    const struct kpk_program program = {"loadgen run",
                                        "a system of the guide as a load, measured and judged",
                                        "<system> [options]", opts};

    return kpk_opts_parse(&program, argc, argv, err);
}

int load_run(int argc, char **argv) {
    static struct run run;
    const struct kpk_err unmeasured = {.verdict = KPK_WAIT,
                                       .msg = "interrupted before anything was measured"};
    struct kpk_err error = {0}, *err = &error;
    int parsed = parse(&run.args, &argc, argv, err), code = 1;

    if (parsed > 0) return 0;
    if (!parsed && argc != 2)
        parsed = kpk_fail(err, KPK_REJECT, "which system? loadgen list names them");
    if (parsed < 0) return kpk_exit_failed(err);
    if (!(run.profile = load_profile_find(argv[1], err))) return kpk_exit_failed(err);
    if (check(&run, err)) return kpk_exit_failed(err);
    if (open_run(&run, err)) {
        kpk_exit_failed(err);
    } else {
        carry_out(&run);
        code = is_measured(&run) ? conclude(&run) : kpk_exit_failed(&unmeasured);
    }
    close_run(&run);
    return code;
}
