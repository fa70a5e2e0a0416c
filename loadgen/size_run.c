/* A report of `loadgen run --json`, read as a stranger's: each number is there, is one, lies within
 * what a machine can do, and agrees with the others. */
#include "loadgen/size.h"

#include "common/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 20 };

static const double US_A_DAY = 86400e6;

/* The whole file, NUL-terminated, for free(). */
static char *read_file(const char *path, size_t *len, struct kpk_err *err) {
    FILE *file = fopen(path, "re");
    char *text = malloc(MAX_FILE + 2);

    if (!file || !text) {
        kpk_fail(err, KPK_FATAL, "%m");
        goto failed;
    }
    *len = fread(text, 1, MAX_FILE + 1, file);
    if (ferror(file)) {
        kpk_fail(err, KPK_FATAL, "%m");
        goto failed;
    }
    if (*len > MAX_FILE) {
        kpk_fail(err, KPK_REJECT, "larger than 1 MiB: not a report");
        goto failed;
    }
    text[*len] = '\0';
    fclose(file);
    return text;
failed:
    if (file) fclose(file);
    free(text);
    return NULL;
}

/* A number that need not be whole, min to max. field: its path, for a message: "cpu.client_s" */
static int take_number(const cJSON *object, const char *field, double min, double max,
                       double *out, struct kpk_err *err) {
    const char *dot = strrchr(field, '.');
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, dot ? dot + 1 : field);

    if (!item) return kpk_fail(err, KPK_REJECT, "%s: missing", field);
    if (!cJSON_IsNumber(item)) return kpk_fail(err, KPK_REJECT, "%s: must be a number", field);
    if (!(item->valuedouble >= min && item->valuedouble <= max))
        return kpk_fail(err, KPK_REJECT, "%s: %g is not in %g..%g", field, item->valuedouble,
                        min, max);
    *out = item->valuedouble;
    return 0;
}

static int take_counts(const cJSON *root, struct size_run *run, struct kpk_err *err) {
    const struct {
        const char *field;
        int64_t min, max;
        int *out;
    } counts[] = {
        {"brokers", 1, 1000, &run->brokers},
        {"replicas", 1, 1000, &run->replicas},
        {"partitions", 1, 200000, &run->partitions},
        {"value_bytes", 1, 10000000, &run->value_bytes},
        {"groups", 0, 1000, &run->groups},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        int64_t number;

        if (kpk_json_int(root, counts[i].field, counts[i].min, counts[i].max, &number, err))
            return -1;
        *counts[i].out = (int)number;
    }
    return 0;
}

static int take_rates(const cJSON *root, struct size_run *run, struct kpk_err *err) {
    double unused;

    return take_number(root, "seconds", 1, 1e7, &run->seconds, err) ||
                   take_number(root, "intended_per_s", 0.001, 1e9, &unused, err) ||
                   take_number(root, "acked", 1, 1e15, &run->acked, err) ||
                   take_number(root, "acked_per_s", 0.001, 1e9, &run->acked_per_s, err) ||
                   take_number(root, "mb_per_s", 1e-6, 1e6, &run->mb_per_s, err) ||
                   take_number(root, "not_sent", 0, 1e15, &unused, err) ||
                   take_number(root, "failed", 0, 1e15, &unused, err)
               ? -1
               : 0;
}

static int take_cpu(const cJSON *root, struct size_run *run, struct kpk_err *err) {
    const cJSON *cpu = cJSON_GetObjectItemCaseSensitive(root, "cpu");
    double cores = 0;

    if (!cJSON_IsObject(cpu))
        return kpk_fail(err, KPK_REJECT, "cpu: %s", cpu ? "must be an object" : "missing");
    if (take_number(cpu, "cpu.cores", 1, 10000, &cores, err) ||
        take_number(cpu, "cpu.client_s", 1e-6, 1e9, &run->client_s, err))
        return -1;
    if (cores != trunc(cores))
        return kpk_fail(err, KPK_REJECT, "cpu.cores: must be a whole number");
    run->cores = (int)cores;
    run->brokers_s = -1;
    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(cpu, "brokers_s"))) return 0;
    return take_number(cpu, "cpu.brokers_s", 1e-6, 1e9, &run->brokers_s, err);
}

/* A distribution: every percentile is there, and none is below the one before it. */
static int take_latency(const cJSON *root, const char *name, double *p50, double *p99,
                        struct kpk_err *err) {
    static const char *const percentiles[] = {"p50",   "p75",    "p90", "p99",
                                              "p99_9", "p99_99", "max"};
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(root, name);
    double value = 0, before = 0;
    char field[64];

    if (!cJSON_IsObject(object))
        return kpk_fail(err, KPK_REJECT, "%s: %s", name,
                        object ? "must be an object" : "missing");
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        snprintf(field, sizeof(field), "%s.%s", name, percentiles[i]);
        if (take_number(object, field, 0, US_A_DAY, &value, err)) return -1;
        if (value < before)
            return kpk_fail(err, KPK_REJECT, "%s: %g is below the percentile before it, %g",
                            field, value, before);
        if (i == 0) *p50 = value;
        if (strcmp(percentiles[i], "p99") == 0) *p99 = value;
        before = value;
    }
    snprintf(field, sizeof(field), "%s.mean", name);
    return take_number(object, field, 0, value, &before, err);
}

/* Numbers that each may be, but not together. The bounds are wide: what they are to find is a field
 * in another unit, not a rounded one. */
static int check_sense(const struct size_run *run, struct kpk_err *err) {
    double rate = run->acked / run->seconds;
    double mb = run->acked_per_s * run->value_bytes / 1e6;
    double cpu = run->client_s + (run->brokers_s < 0 ? 0 : run->brokers_s);
    double most = 2.0 * run->cores * run->seconds;

    if (run->replicas > run->brokers)
        return kpk_fail(err, KPK_REJECT, "replicas: %d, but there are %d brokers",
                        run->replicas, run->brokers);
    if (run->acked_per_s > 2 * rate || run->acked_per_s < rate / 2)
        return kpk_fail(err, KPK_REJECT, "acked_per_s: %g, but acked / seconds is %g",
                        run->acked_per_s, rate);
    if (run->mb_per_s > 20 * mb || run->mb_per_s < mb / 20)
        return kpk_fail(err, KPK_REJECT, "mb_per_s: %g, but acked_per_s x value_bytes is %g",
                        run->mb_per_s, mb);
    if (cpu > most)
        return kpk_fail(err, KPK_REJECT,
                        "cpu: %g seconds of work, but %d cores have no more than %g in %g s",
                        cpu, run->cores, run->cores * run->seconds, run->seconds);
    return 0;
}

static int take_report(const cJSON *root, const char *system, struct size_run *run,
                       struct kpk_err *err) {
    const char *name, *verdict, *text;
    double unused[2];

    if (kpk_json_str(root, "system", sizeof(run->system) - 1, &name, err) ||
        kpk_json_str(root, "verdict", 200, &verdict, err) ||
        kpk_json_str(root, "topic", 249, &text, err) ||
        kpk_json_str(root, "durability", 32, &text, err))
        return -1;
    if (strcmp(name, system) != 0)
        return kpk_fail(err, KPK_REJECT, "system: a run of '%s', not of '%s'", name, system);
    if (strcmp(verdict, "PASS") != 0)
        return kpk_fail(err, KPK_REJECT,
                        "verdict: '%.40s', not PASS: nothing follows from a run that lost or "
                        "missed something",
                        verdict);
    snprintf(run->system, sizeof(run->system), "%s", name);
    if (take_counts(root, run, err) || take_rates(root, run, err) || take_cpu(root, run, err) ||
        take_latency(root, "publish_us", &unused[0], &unused[1], err))
        return -1;
    run->end_to_end_p50_us = -1;
    if (run->groups > 0 && take_latency(root, "end_to_end_us", &run->end_to_end_p50_us,
                                        &run->end_to_end_p99_us, err))
        return -1;
    run->disk_bytes = -1;
    if (cJSON_GetObjectItemCaseSensitive(root, "disk_bytes_per_record") &&
        take_number(root, "disk_bytes_per_record", 0.01, 2e7, &run->disk_bytes, err))
        return -1;
    return check_sense(run, err);
}

int size_run_read(const char *path, const char *system, struct size_run *run,
                  struct kpk_err *err) {
    struct kpk_err why = {0};
    size_t len = 0;
    char *text = read_file(path, &len, &why);
    cJSON *root = text ? kpk_json_parse(text, len, &why) : NULL;
    int rc = -1;

    *run = (struct size_run){.path = path};
    if (root) rc = take_report(root, system, run, &why);
    if (rc) kpk_fail(err, why.verdict, "%.100s: %s", path, why.msg);
    cJSON_Delete(root);
    free(text);
    return rc;
}
