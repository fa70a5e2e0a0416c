/* From the command line to a plan: the row of the system, and what was given in its place. */
#include "loadgen/size.h"

#include "common/opts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS_A_DAY = 86400, MAX_RF = 9 };

/* Numbers that may be larger than an int, or no whole ones, are text: parsed here. */
static struct {
    const char *from, *messages_per_day, *throughput_mb, *partition_mb, *broker_tb, *broker_mb;
    int bytes, retention_days, rf, consumers;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"from", NULL, KPK_OPT_STR, &args.from, NULL, 0, 0, "report of `loadgen run --json`: what it says of each figure is printed beside it"},
    {"messages-per-day", NULL, KPK_OPT_STR, &args.messages_per_day, NULL, 0, 0, "M, as 500000000 or 500M; without it that of the system. The peak grows with it"},
    {"bytes", NULL, KPK_OPT_INT, &args.bytes, NULL, 1, 10000000, "S, of one message; without it that of the system"},
    {"retention-days", NULL, KPK_OPT_INT, &args.retention_days, NULL, 1, 36500, "R; without it that of the system"},
    {"rf", NULL, KPK_OPT_INT, &args.rf, NULL, 1, MAX_RF, "RF, how many brokers hold each message; without it 3"},
    {"throughput-mb", NULL, KPK_OPT_STR, &args.throughput_mb, NULL, 0, 0, "T, MB/s; without it the peak's"},
    {"partition-mb", NULL, KPK_OPT_STR, &args.partition_mb, NULL, 0, 0, "P, MB/s of a partition; without it the guide's conservative 10"},
    {"broker-tb", NULL, KPK_OPT_STR, &args.broker_tb, NULL, 0, 0, "TB that a broker stores; without it the guide's 2"},
    {"broker-mb", NULL, KPK_OPT_STR, &args.broker_mb, NULL, 0, 0, "MB/s that a broker carries; without it the guide's 300"},
    {"consumers", NULL, KPK_OPT_INT, &args.consumers, NULL, 1, 100000, "of the largest group; without it that of the system"},
    {0}};
/* clang-format on */

static const struct kpk_program program = {
    .name = "loadgen size",
    .summary =
        "How many partitions, terabytes and brokers a system needs, by the guide's formulas",
    .usage = "<system> [options]",
    .opts = opts,
};

double size_ceil(double quotient) { return ceil(quotient - 1e-9 * fabs(quotient)); }

const char *size_amount(struct size_text *text, double value) {
    static const char letters[] = " KMGT";
    size_t thousands = 0;

    while (value >= 1000 && letters[thousands + 1]) value /= 1000, thousands++;
    snprintf(text->text, sizeof(text->text), "%.6g%.*s", value, thousands > 0,
             &letters[thousands]);
    return text->text;
}

/* Take the text of an option, if there is one: digits with or without a fraction, then K, M, G or
 * nothing. */
static int take_text(const char *option, const char *text, double min, double max,
                     struct size_value *value, struct kpk_err *err) {
    static const char letters[] = "KMG";
    char *end;
    double number;

    if (*text == '\0') return 0;
    if (text[strspn(text, "0123456789.KMG")] != '\0' || *text < '0' || *text > '9')
        return kpk_fail(err, KPK_FATAL, "--%s: '%s' is not a number, as 12, 0.5 or 500M",
                        option, text);
    number = strtod(text, &end);
    if (*end && strchr(letters, *end))
        for (const char *letter = letters; letter <= strchr(letters, *end); letter++)
            number *= 1000;
    if (*end && (!strchr(letters, *end) || end[1]))
        return kpk_fail(err, KPK_FATAL, "--%s: '%s' is not a number, as 12, 0.5 or 500M",
                        option, text);
    if (number < min || number > max)
        return kpk_fail(err, KPK_FATAL, "--%s: %s is not in %g..%g", option, text, min, max);
    *value = (struct size_value){number, "given"};
    return 0;
}

static void take_int(int given, struct size_value *value) {
    if (given) *value = (struct size_value){given, "given"};
}

static const struct size_default *find(const char *name, struct kpk_err *err) {
    char names[160];
    size_t len = 0;

    for (const struct size_default *row = size_defaults; row->name; row++) {
        if (strcmp(row->name, name) == 0) return row;
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
                                row->name);
    }
    kpk_fail(err, KPK_FATAL, "'%.40s' is no system: there are %s", name, names);
    return NULL;
}

static struct size_value default_of(const struct size_default *system, double value,
                                    enum size_assumed bit) {
    return (struct size_value){value, system->assumed & bit ? "assumed" : "guide"};
}

static int largest(const int *consumers) {
    int most = 0;

    for (; *consumers; consumers++)
        if (*consumers > most) most = *consumers;
    return most;
}

static void defaults(const struct size_default *system, struct size_plan *plan) {
    double day = system->messages_per_day;

    if (day == 0) day = system->sustained_per_s * SECONDS_A_DAY;
    *plan = (struct size_plan){
        .system = system,
        .messages_per_day = {day, "sustained x 86400 s"},
        .sustained_per_s = default_of(system, system->sustained_per_s, SIZE_RATE),
        .peak_per_s = default_of(system, system->peak_per_s, SIZE_PEAK),
        .bytes = default_of(system, system->value_bytes, SIZE_BYTES),
        .retention_days = default_of(system, system->retention_days, SIZE_RETENTION),
        .consumers = default_of(system, largest(system->consumers), SIZE_CONSUMERS),
        .rf = {3, "guide"},
        .partition_mb = {10, "guide"},
        .broker_tb = {2, "guide"},
        .broker_mb = {300, "guide"},
    };
    if (system->messages_per_day > 0) plan->messages_per_day.whose = "guide";
}

static int make_plan(const struct size_default *system, struct size_plan *plan,
                     struct kpk_err *err) {
    double day;

    defaults(system, plan);
    day = plan->messages_per_day.value;
    take_int(args.bytes, &plan->bytes);
    take_int(args.retention_days, &plan->retention_days);
    take_int(args.rf, &plan->rf);
    take_int(args.consumers, &plan->consumers);
    if (take_text("messages-per-day", args.messages_per_day, 1, 1e15, &plan->messages_per_day,
                  err) ||
        take_text("partition-mb", args.partition_mb, 0.001, 1e6, &plan->partition_mb, err) ||
        take_text("broker-tb", args.broker_tb, 0.001, 1e6, &plan->broker_tb, err) ||
        take_text("broker-mb", args.broker_mb, 0.001, 1e6, &plan->broker_mb, err))
        return -1;
    if (*args.messages_per_day) { /* its peak stands to it as the system's does to its own */
        double ratio = plan->messages_per_day.value / day;
        plan->sustained_per_s =
            (struct size_value){plan->messages_per_day.value / SECONDS_A_DAY, "M / 86400 s"};
        plan->peak_per_s = (struct size_value){plan->peak_per_s.value * ratio, "grows with M"};
    }
    plan->throughput_mb.value = plan->peak_per_s.value * plan->bytes.value / 1e6;
    return take_text("throughput-mb", args.throughput_mb, 0.001, 1e9, &plan->throughput_mb,
                     err);
}

int load_size(int argc, char **argv) {
    const struct size_default *system;
    struct kpk_err err = {0};
    struct size_plan plan;
    struct size_run run;
    int rc = kpk_opts_parse(&program, &argc, argv, &err);

    if (rc) return rc < 0 ? kpk_exit_failed(&err) : 0;
    if (argc != 2) {
        kpk_fail(&err, KPK_FATAL, "size: one system is needed (see loadgen size --help)");
        return kpk_exit_failed(&err);
    }
    if (!(system = find(argv[1], &err)) || make_plan(system, &plan, &err))
        return kpk_exit_failed(&err);
    if (*args.from && size_run_read(args.from, system->name, &run, &err))
        return kpk_exit_failed(&err);
    size_print(&plan, *args.from ? &run : NULL, stdout);
    if (fflush(stdout) || ferror(stdout)) {
        kpk_fail(&err, KPK_FATAL, "size: cannot write: %m");
        return kpk_exit_failed(&err);
    }
    return 0;
}
