/* The report for machines; `loadgen size --from` reads it again. */
#include "common/clock.h"
#include "common/event.h"
#include "loadgen/report.h"
#include "loadgen/single.h"
#include "topology/plan.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_latency(cJSON *to, const char *name, const struct kpk_histogram *took_us) {
    static const struct {
        const char *name;
        double percentile;
    } rows[] = {{"p50", 50},     {"p75", 75},       {"p90", 90}, {"p99", 99},
                {"p99_9", 99.9}, {"p99_99", 99.99}, {"max", 100}};
    cJSON *latency;

    if (took_us->count == 0) {
        cJSON_AddNullToObject(to, name);
        return;
    }
    latency = cJSON_AddObjectToObject(to, name);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        cJSON_AddNumberToObject(latency, rows[i].name,
                                (double)kpk_histogram_at(took_us, rows[i].percentile));
    cJSON_AddNumberToObject(latency, "mean", kpk_histogram_mean(took_us));
}

static void add_phase(cJSON *to, const struct load_setup *setup,
                      const struct load_measured *measured) {
    double acked_s = (double)measured->acked / measured->seconds;
    cJSON *cpu;

    cJSON_AddNumberToObject(to, "intended_per_s", measured->rate);
    cJSON_AddNumberToObject(to, "seconds", measured->seconds);
    cJSON_AddNumberToObject(to, "acked", (double)measured->acked);
    cJSON_AddNumberToObject(to, "acked_per_s", acked_s);
    cJSON_AddNumberToObject(to, "mb_per_s", acked_s * setup->value_bytes / 1e6);
    cJSON_AddNumberToObject(to, "not_sent", (double)measured->not_sent);
    cJSON_AddNumberToObject(to, "failed", (double)measured->failed);
    cJSON_AddNumberToObject(to, "lag_max", (double)measured->lag_max);
    cJSON_AddNumberToObject(to, "lag_end", (double)measured->lag_end);
    cpu = cJSON_AddObjectToObject(to, "cpu");
    cJSON_AddNumberToObject(cpu, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    cJSON_AddNumberToObject(cpu, "client_s", measured->client_cpu_s);
    if (measured->brokers_cpu_s >= 0)
        cJSON_AddNumberToObject(cpu, "brokers_s", measured->brokers_cpu_s);
    else
        cJSON_AddNullToObject(cpu, "brokers_s");
    add_latency(to, "publish_us", &measured->publish_us);
    add_latency(to, "end_to_end_us", &measured->end_to_end_us);
}

static void add_setup(cJSON *to, const struct load_report *report) {
    const struct load_setup *setup = report->setup;
    char time[KPK_TIME_BYTES];

    cJSON_AddStringToObject(to, "system", setup->profile->name);
    cJSON_AddStringToObject(to, "topic", setup->topic);
    cJSON_AddStringToObject(to, "via",
                            setup->post_url ? "http"
                            : setup->world  ? "topic"
                                            : "plain");
    cJSON_AddStringToObject(to, "ended", kpk_time_format(kpk_now_ms(), time));
    cJSON_AddNumberToObject(to, "brokers", report->brokers);
    cJSON_AddNumberToObject(to, "replicas", report->replicas);
    cJSON_AddNumberToObject(to, "partitions", setup->partitions);
    cJSON_AddNumberToObject(to, "value_bytes", setup->value_bytes);
    cJSON_AddBoolToObject(to, "bare", setup->bare);
    cJSON_AddStringToObject(to, "durability", kpk_durability_name(setup->profile->durability));
    cJSON_AddStringToObject(to, "acks", setup->acks);
    cJSON_AddStringToObject(to, "compression", setup->compression);
    cJSON_AddNumberToObject(to, "linger_ms", setup->linger_ms);
    cJSON_AddNumberToObject(to, "senders", setup->senders);
    cJSON_AddNumberToObject(to, "groups", setup->groups);
    cJSON_AddNumberToObject(to, "consumers", setup->consumers);
}

static void add_groups(cJSON *to, const struct load_report *report) {
    cJSON *list = cJSON_AddArrayToObject(to, "verdicts");

    for (int i = 0; i < report->setup->groups; i++) {
        const struct kpk_report *group = &report->groups[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddNumberToObject(row, "acked", (double)group->writes);
        cJSON_AddNumberToObject(row, "seen", (double)group->seen);
        cJSON_AddNumberToObject(row, "lost", (double)group->lost);
        cJSON_AddNumberToObject(row, "duplicated", (double)group->duplicated);
        cJSON_AddNumberToObject(row, "reordered", (double)group->reordered);
        cJSON_AddNumberToObject(row, "invented", (double)group->invented);
        cJSON_AddItemToArray(list, row);
    }
}

/* What the services did in the sustained phase: ages in ms, CPU in seconds by process. */
static void add_services(cJSON *to, const struct load_report *report) {
    static const double percentiles[] = {50, 90, 99};
    static const char *const names[] = {"age_p50_ms", "age_p90_ms", "age_p99_ms"};
    const struct load_services *services = report->setup->services;
    const struct load_view *from = &report->sustained->services_from,
                           *until = &report->sustained->services_to;
    cJSON *groups, *processes;

    if (!services) return;
    groups = cJSON_AddObjectToObject(to, "services");
    for (int i = 0; i < services->n_groups; i++) {
        cJSON *row = cJSON_AddObjectToObject(groups, services->groups[i]->name);
        cJSON_AddNumberToObject(row, "effects",
                                (double)(until->groups[i].done - from->groups[i].done));
        for (int p = 0; p < 3; p++)
            cJSON_AddNumberToObject(
                row, names[p],
                load_services_age(services, i, percentiles[p], from, until) * 1000);
    }
    processes = cJSON_AddObjectToObject(to, "processes_cpu_s");
    for (int i = 0; i < services->n_processes; i++)
        cJSON_AddNumberToObject(processes, services->processes[i].name,
                                until->cpu_s[i] - from->cpu_s[i]);
}

static void add_events(cJSON *to, const struct load_events *events) {
    cJSON *list = cJSON_AddArrayToObject(to, "events");

    for (int i = 0; i < events->count && i < LOAD_EVENTS_MOST; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddNumberToObject(row, "second", events->kept[i].second);
        cJSON_AddStringToObject(row, "what", events->kept[i].what);
        cJSON_AddItemToArray(list, row);
    }
}

int load_report_json(const struct load_report *report, int exit_code, const char *path,
                     struct kpk_err *err) {
    cJSON *json = cJSON_CreateObject();

    add_setup(json, report);
    add_phase(json, report->setup, report->sustained);
    if (report->peak)
        add_phase(cJSON_AddObjectToObject(json, "peak"), report->setup, report->peak);
    cJSON_AddBoolToObject(json, "drained", report->drained);
    cJSON_AddNumberToObject(json, "drain_s", report->drain_s);
    if (report->in_topic >= 0)
        cJSON_AddNumberToObject(json, "in_topic", (double)report->in_topic);
    if (report->disk_bytes > 0)
        cJSON_AddNumberToObject(json, "disk_bytes_per_record", report->disk_bytes);
    cJSON_AddBoolToObject(json, "interrupted", report->interrupted);
    add_groups(json, report);
    add_services(json, report);
    add_events(json, report->setup->events);
    cJSON_AddStringToObject(json, "verdict",
                            exit_code == 0                 ? "PASS"
                            : exit_code == LOAD_SLO_MISSED ? "SLO missed"
                                                           : "FAIL");
    return load_json_write(json, path, err);
}

#define PUBLISH ".publish"
#define END_TO_END ".end-to-end"

/* returns  'out', of PATH_MAX bytes; a path that is too long is none that can be opened */
static const char *hdr_name(const char *path, const char *what, char *out) {
    if (snprintf(out, PATH_MAX, "%s%s", path, what) >= PATH_MAX) strcpy(out, "/dev/null/");
    return out;
}

int load_report_hdr_writable(const char *path, struct kpk_err *err) {
    char name[PATH_MAX];

    if (!*path) return 0;
    if (load_writable("hdr", hdr_name(path, PUBLISH, name), err)) return -1;
    return load_writable("hdr", hdr_name(path, END_TO_END, name), err);
}

static int print_hdr(const struct kpk_histogram *took_us, const char *path, const char *what,
                     struct kpk_err *err) {
    char name[PATH_MAX];
    FILE *file;

    if (took_us->count == 0) return 0;
    if (!(file = fopen(hdr_name(path, what, name), "w")))
        return kpk_fail(err, KPK_REJECT, "%.120s: cannot be written: %s", name,
                        strerror(errno));
    kpk_histogram_print(took_us, 1000, file);
    return fclose(file) ? kpk_fail(err, KPK_REJECT, "%.120s: %s", name, strerror(errno)) : 0;
}

int load_report_hdr(const struct load_report *report, const char *path, struct kpk_err *err) {
    if (print_hdr(&report->sustained->publish_us, path, PUBLISH, err)) return -1;
    return print_hdr(&report->sustained->end_to_end_us, path, END_TO_END, err);
}
