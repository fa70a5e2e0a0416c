/* What a measured run says of each figure, with what was measured beside it. A run shows what was
 * carried, never what could be: what follows from it is enough, and may be too much. */
#include "loadgen/size.h"

#include <math.h>

#define EXTRAPOLATED "  extrapolated  "

void size_print_run(const struct size_run *run, FILE *out) {
    struct size_text acked, rate;

    fprintf(out, "\nmeasured in %s\n", run->path);
    fprintf(out,
            "  %s messages of %d B acknowledged in %.6g s: %s/s, %.6g MB/s; %d partitions, RF "
            "%d, %d broker%s, %d core%s\n",
            size_amount(&acked, run->acked), run->value_bytes, run->seconds,
            size_amount(&rate, run->acked_per_s), run->mb_per_s, run->partitions, run->replicas,
            run->brokers, run->brokers == 1 ? "" : "s", run->cores, run->cores == 1 ? "" : "s");
    if (run->end_to_end_p50_us >= 0)
        fprintf(out,
                "  end to end p50 %.4g ms, p99 %.4g ms (guide: 5-10 ms at p50); not "
                "extrapolated: no rate follows from it\n",
                run->end_to_end_p50_us / 1000, run->end_to_end_p99_us / 1000);
}

void size_print_partitions(const struct size_plan *plan, const struct size_run *run,
                           FILE *out) {
    double each = run->mb_per_s / run->partitions;
    double quotient = plan->throughput_mb.value / each;

    fprintf(out,
            EXTRAPOLATED
            "%.6g MB/s / %.4g MB/s = %.4g -> %.0f at most (measured: %.6g MB/s over "
            "%d partitions, what they carried)\n",
            plan->throughput_mb.value, each, quotient, fmax(size_ceil(quotient), 1),
            run->mb_per_s, run->partitions);
}

void size_print_storage(const struct size_plan *plan, const struct size_run *run, FILE *out) {
    struct size_text messages;

    if (run->disk_bytes < 0) {
        fprintf(out, "  not known     bytes on disk: the run has no disk_bytes_per_record\n");
        return;
    }
    if (run->value_bytes != (int)plan->bytes.value) {
        fprintf(out,
                "  not known     bytes on disk: measured with values of %d B, not of %.0f B\n",
                run->value_bytes, plan->bytes.value);
        return;
    }
    fprintf(out,
            EXTRAPOLATED "%s x %.6g B x %.6g d x %.6g = %.6g TB (measured: %.6g B on disk for "
                         "a value of %d B)\n",
            size_amount(&messages, plan->messages_per_day.value), run->disk_bytes,
            plan->retention_days.value, plan->rf.value,
            plan->messages_per_day.value * run->disk_bytes * plan->retention_days.value *
                plan->rf.value / 1e12,
            run->disk_bytes, run->value_bytes);
}

/* The peak in messages: T may have been given in MB. */
static double peak_per_s(const struct size_plan *plan) {
    return plan->throughput_mb.value * 1e6 / plan->bytes.value;
}

static void print_cores(const struct size_plan *plan, const struct size_run *run,
                        const char *whose, double cpu_s, FILE *out) {
    double each_us = cpu_s / run->acked * 1e6;
    double cores = peak_per_s(plan) * each_us / 1e6;
    struct size_text peak, acked;

    fprintf(out,
            EXTRAPOLATED "%s/s x %.4g us = %.4g cores for the %s, %.0f machine%s like this one "
                         "(measured: %.6g s of CPU for %s messages, %d cores)\n",
            size_amount(&peak, peak_per_s(plan)), each_us, cores, whose,
            size_ceil(cores / run->cores), size_ceil(cores / run->cores) == 1 ? "" : "s", cpu_s,
            size_amount(&acked, run->acked), run->cores);
}

void size_print_brokers(const struct size_plan *plan, const struct size_run *run, FILE *out) {
    double each = run->mb_per_s / run->brokers;
    double quotient = plan->throughput_mb.value / each;

    if (run->brokers_s < 0) {
        fprintf(out, "  not known     brokers and their cores: they ran elsewhere, what they "
                     "used was not measured (cpu.brokers_s is null)\n");
    } else {
        fprintf(out,
                EXTRAPOLATED "throughput  %.6g MB/s / %.6g MB/s = %.4g -> %.0f%s (measured: "
                             "%.6g MB/s on %d, RF %d)\n",
                plan->throughput_mb.value, each, quotient, fmax(size_ceil(quotient), 1),
                run->replicas < (int)plan->rf.value ? ", further copies not counted"
                                                    : " at most",
                run->mb_per_s, run->brokers, run->replicas);
        print_cores(plan, run, "brokers", run->brokers_s, out);
    }
    print_cores(plan, run, "client", run->client_s, out);
}

void size_print_limits(const struct size_plan *plan, const struct size_run *run, FILE *out) {
    const int *group = plan->system->consumers;
    int groups = 0;

    while (group[groups]) groups++;
    fprintf(out,
            "\nWhat an extrapolation from one small machine does not say: %s. A network, "
            "disks that fill and are\nread while they are written, consumers that are far "
            "behind, and the loss of a broker cost more; larger\nmachines and fuller batches "
            "cost less.",
            run->brokers_s < 0
                ? "of the client alone is it known what it used"
                : "client and brokers shared its cores,\nits memory and its disk, "
                  "and met over the loopback");
    if (run->replicas < (int)plan->rf.value)
        fprintf(
            out,
            "\nIt was measured with RF %d: the %d further cop%s of each message, written and "
            "fetched by other brokers,\nare in none of these figures.",
            run->replicas, (int)plan->rf.value - run->replicas,
            (int)plan->rf.value - run->replicas == 1 ? "y" : "ies");
    if (run->value_bytes != (int)plan->bytes.value)
        fprintf(
            out,
            "\nIts values had %d B, these have %.0f B: the CPU of a message is not the same.",
            run->value_bytes, plan->bytes.value);
    if (run->groups != groups)
        fprintf(out, "\n%d group%s read along, the system has %d.", run->groups,
                run->groups == 1 ? "" : "s", groups);
    fprintf(out, "\n");
}
