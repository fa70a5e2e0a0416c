/* The sizing calculator: the guide's formulas (section 11) with a system's numbers filled in, and
 * beside each what a measured run says of it.
 *
 *   loadgen size twitter
 *   loadgen size whatsapp --from run.json     run.json: loadgen run whatsapp --json run.json
 *
 * MB and TB are powers of ten, as in the guide. */
#ifndef KPK_LOADGEN_SIZE_H
#define KPK_LOADGEN_SIZE_H

#include "common/err.h"

#include <stdbool.h>
#include <stdio.h>

/* The subcommand, argv[0] being "size". returns  the exit code */
int load_size(int argc, char **argv);

enum { SIZE_GROUPS = 5 };

/* Which numbers of a row the guide does not give: the kit chose them. */
enum size_assumed {
    SIZE_RATE = 1,
    SIZE_PEAK = 2,
    SIZE_BYTES = 4,
    SIZE_RETENTION = 8,
    SIZE_PARTITIONS = 16,
    SIZE_CONSUMERS = 32,
};

struct size_default {
    const char *name;
    double messages_per_day; /* 0: the sustained rate for a whole day */
    double sustained_per_s, peak_per_s;
    int value_bytes, retention_days, partitions;
    int consumers[SIZE_GROUPS + 1]; /* of each group; 0 ends them */
    int assumed;                    /* of enum size_assumed */
};

/* A row for each system; a NULL name ends them. */
extern const struct size_default size_defaults[];

/* A number, and whose it is. */
struct size_value {
    double value;
    const char *whose; /* "guide", "assumed", "given", or how it follows from another */
};

/* What goes into the formulas. The letters are the guide's. */
struct size_plan {
    const struct size_default *system;
    struct size_value messages_per_day;            /* M */
    struct size_value sustained_per_s, peak_per_s; /* peak: what the brokers must carry */
    struct size_value bytes, retention_days, rf;   /* S, R, RF */
    struct size_value throughput_mb, partition_mb; /* T, P */
    struct size_value broker_tb, broker_mb;
    struct size_value consumers; /* of the largest group: each needs a partition of its own */
};

/* A report of `loadgen run --json`: the part of it that sizes follow from. */
struct size_run {
    const char *path;
    char system[32];
    int brokers, replicas, partitions, value_bytes, groups, cores;
    double seconds, acked, acked_per_s, mb_per_s;
    double client_s;
    double brokers_s;  /* -1: not known, the brokers ran elsewhere */
    double disk_bytes; /* of one record in one replica's log; -1: the report does not say */
    double end_to_end_p50_us, end_to_end_p99_us; /* -1: no group read */
};

/* Read and check 'path'. A report that is not one, or whose numbers cannot be, is refused: what
 * would be computed from it would look as good as any other figure.
 * system  whose run it must be
 * returns  0, or -1 with 'err': the file, the field, the reason */
int size_run_read(const char *path, const char *system, struct size_run *run,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* Print the formulas. run: NULL, or what is printed beside them */
void size_print(const struct size_plan *plan, const struct size_run *run, FILE *out);

/* The lines that a run adds, each with what was measured beside it. */
void size_print_run(const struct size_run *run, FILE *out);
void size_print_partitions(const struct size_plan *plan, const struct size_run *run, FILE *out);
void size_print_storage(const struct size_plan *plan, const struct size_run *run, FILE *out);
void size_print_brokers(const struct size_plan *plan, const struct size_run *run, FILE *out);
void size_print_limits(const struct size_plan *plan, const struct size_run *run, FILE *out);

/* The least whole number that is not below 'quotient', which division may have left a hair above. */
double size_ceil(double quotient);

/* 500M, 1.15M, 6K, 200: six digits, a letter for each thousand.
 * returns  text->text */
struct size_text {
    char text[32];
};
const char *size_amount(struct size_text *text, double value);

#endif
