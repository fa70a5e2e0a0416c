/* The guide's three formulas, each with its numbers in it, so that a reader can compute them anew. */
#include "loadgen/size.h"

#include <math.h>
#include <string.h>

static void print_value(FILE *out, const char *letter, const char *name,
                        const struct size_value *value, const char *unit) {
    struct size_text text;

    fprintf(out, "  %-3s %-23s %10s %-7s %s\n", letter, name, size_amount(&text, value->value),
            unit, value->whose);
}

static void print_groups(const struct size_plan *plan, FILE *out) {
    const int *group = plan->system->consumers;

    fprintf(out, "      %-23s ", "consumers of its groups");
    for (int i = 0; group[i]; i++) fprintf(out, "%s%d", i ? "+" : "", group[i]);
    fprintf(out, " %s\n", plan->system->assumed & SIZE_CONSUMERS ? "assumed" : "guide");
}

static void print_inputs(const struct size_plan *plan, FILE *out) {
    fprintf(out, "%s, by the guide's formulas (section 11)\n", plan->system->name);
    fprintf(out,
            "  guide: the guide says so; assumed: the kit chose it, the guide has no number;"
            " given: by option\n\n");
    print_value(out, "M", "messages", &plan->messages_per_day, "a day");
    print_value(out, "", "sustained", &plan->sustained_per_s, "/s");
    print_value(out, "", "peak", &plan->peak_per_s, "/s");
    print_value(out, "S", "a message", &plan->bytes, "B");
    print_value(out, "R", "retention", &plan->retention_days, "d");
    print_value(out, "RF", "copies", &plan->rf, "");
    print_value(out, "P", "a partition carries", &plan->partition_mb, "MB/s");
    print_value(out, "", "a broker stores", &plan->broker_tb, "TB");
    print_value(out, "", "a broker carries", &plan->broker_mb, "MB/s");
    print_groups(plan, out);
    print_value(out, "", "the largest has", &plan->consumers, "");
}

static void print_partitions(const struct size_plan *plan, FILE *out) {
    const struct size_default *system = plan->system;
    double by_rate = plan->throughput_mb.value / plan->partition_mb.value;
    double needed = fmax(size_ceil(by_rate), plan->consumers.value);
    struct size_text peak;

    fprintf(out, "\npartitions = T / P, and no fewer than the consumers of a group\n");
    if (plan->throughput_mb.whose)
        fprintf(out, "  T  %.6g MB/s, given\n", plan->throughput_mb.value);
    else
        fprintf(out, "  T  %s/s peak x %.6g B = %.6g MB/s\n",
                size_amount(&peak, plan->peak_per_s.value), plan->bytes.value,
                plan->throughput_mb.value);
    fprintf(out, "  %.6g MB/s / %.6g MB/s = %.4g -> %.0f; the largest group has %.0f\n",
            plan->throughput_mb.value, plan->partition_mb.value, by_rate, size_ceil(by_rate),
            plan->consumers.value);
    fprintf(out, "  -> %.0f at least; the %s %d%s\n", needed,
            system->assumed & SIZE_PARTITIONS ? "kit assumes" : "guide has", system->partitions,
            system->partitions < needed ? ": too few"
            : system->partitions > needed
                ? ": room to grow, as keys move when partitions are added later"
                : "");
}

static double storage_tb(const struct size_plan *plan) {
    return plan->messages_per_day.value * plan->bytes.value * plan->retention_days.value *
           plan->rf.value / 1e12;
}

struct brokers {
    double storage, throughput, least;
    const char *bound;
};

static struct brokers count_brokers(const struct size_plan *plan) {
    struct brokers need = {
        .storage = storage_tb(plan) / plan->broker_tb.value,
        .throughput = plan->throughput_mb.value / plan->broker_mb.value,
    };
    double storage = fmax(size_ceil(need.storage), 1);
    double throughput = fmax(size_ceil(need.throughput), 1);

    need.least = fmax(fmax(storage, throughput), plan->rf.value);
    need.bound = storage == need.least      ? "storage-bound"
                 : throughput == need.least ? "throughput-bound"
                                            : "bound by the number of copies";
    return need;
}

static void print_storage(const struct size_plan *plan, FILE *out) {
    double least = count_brokers(plan).least;
    struct size_text messages;

    fprintf(out, "\nstorage = M x S x R x RF\n");
    fprintf(out, "  %s x %.6g B x %.6g d x %.6g = %.6g TB\n",
            size_amount(&messages, plan->messages_per_day.value), plan->bytes.value,
            plan->retention_days.value, plan->rf.value, storage_tb(plan));
    fprintf(out, "  %.6g TB / %.0f brokers = %.4g TB on each\n", storage_tb(plan), least,
            storage_tb(plan) / least);
}

static void print_brokers(const struct size_plan *plan, FILE *out) {
    struct brokers need = count_brokers(plan);
    struct size_text peak;

    fprintf(out, "\nbrokers = the larger of storage / storage per broker and throughput / "
                 "throughput per broker, + 1-2\n");
    fprintf(out, "  storage     %.6g TB / %.6g TB = %.4g -> %.0f\n", storage_tb(plan),
            plan->broker_tb.value, need.storage, fmax(size_ceil(need.storage), 1));
    fprintf(out, "  throughput  %.6g MB/s / %.6g MB/s = %.4g -> %.0f\n",
            plan->throughput_mb.value, plan->broker_mb.value, need.throughput,
            fmax(size_ceil(need.throughput), 1));
    fprintf(out, "  copies      %.0f, each on a broker of its own -> %.0f\n", plan->rf.value,
            plan->rf.value);
    fprintf(out, "  -> minimum %.0f (%s), use %.0f-%.0f\n", need.least, need.bound,
            need.least + 1, need.least + 2);
    if (strcmp(plan->system->name, "twitter") == 0)
        fprintf(
            out,
            "  The guide's 200 MB/s / 300 MB/s is an example of its own: Twitter's own peak is "
            "%s/s x %.6g B = %.6g MB/s.\n",
            size_amount(&peak, plan->peak_per_s.value), plan->bytes.value,
            plan->peak_per_s.value * plan->bytes.value / 1e6);
    if (plan->rf.value > 1)
        fprintf(out,
                "  The formula counts what producers send. Brokers write it %.0f times: %.6g "
                "MB/s in all.\n",
                plan->rf.value, plan->throughput_mb.value * plan->rf.value);
}

void size_print(const struct size_plan *plan, const struct size_run *run, FILE *out) {
    print_inputs(plan, out);
    if (run) size_print_run(run, out);
    print_partitions(plan, out);
    if (run) size_print_partitions(plan, run, out);
    print_storage(plan, out);
    if (run) size_print_storage(plan, run, out);
    print_brokers(plan, out);
    if (run) size_print_brokers(plan, run, out);
    if (run) size_print_limits(plan, run, out);
}
