#include "loadgen/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { KINDS_MOST = LOAD_PROCESSES_MOST };

static void print_age(const struct load_report *report, int group, double percentile) {
    const struct load_measured *measured = report->sustained;
    double age_s = load_services_age(report->setup->services, group, percentile,
                                     &measured->services_from, &measured->services_to);

    if (age_s < 0)
        printf("         -");
    else
        printf("  %8.1f", age_s * 1000);
}

static void print_groups(const struct load_report *report) {
    const struct load_services *services = report->setup->services;
    const struct load_measured *measured = report->sustained;

    printf("\n  %-22s %10s   age at effect, ms: p50 %7s %9s\n", "group", "effects/s", "p90",
           "p99");
    for (int i = 0; i < services->n_groups; i++) {
        uint64_t done =
            measured->services_to.groups[i].done - measured->services_from.groups[i].done;
        printf("  %-22s %10.0f              ", services->groups[i]->name,
               (double)done / measured->seconds);
        print_age(report, i, 50);
        print_age(report, i, 90);
        print_age(report, i, 99);
        printf("\n");
    }
}

/* "fanout-worker-2" is one of fanout-worker. */
static size_t kind_length(const char *name) {
    size_t len = strlen(name);

    while (len > 0 && isdigit((unsigned char)name[len - 1])) len--;
    return len > 0 && len < strlen(name) && name[len - 1] == '-' ? len - 1 : strlen(name);
}

/* Processes of one kind together, in the order of the environment; those that did nothing are left out. */
static void print_processes(const struct load_report *report) {
    const struct load_services *services = report->setup->services;
    const struct load_measured *measured = report->sustained;
    bool told[KINDS_MOST] = {false};

    printf("\n  %-22s %10s    us a %s\n", "process", "CPU s", report->setup->world->kind->noun);
    for (int i = 0; i < services->n_processes; i++) {
        size_t len = kind_length(services->processes[i].name);
        double cpu_s = 0;
        for (int j = i; j < services->n_processes; j++) {
            const char *name = services->processes[j].name;
            if (told[j] || kind_length(name) != len ||
                strncmp(name, services->processes[i].name, len) != 0)
                continue;
            told[j] = true;
            cpu_s += measured->services_to.cpu_s[j] - measured->services_from.cpu_s[j];
        }
        if (cpu_s * 1000 >= measured->seconds)
            printf("  %-22.*s %10.2f %14.1f\n", (int)len, services->processes[i].name, cpu_s,
                   cpu_s * 1e6 / (double)measured->acked);
    }
}

void load_report_services(const struct load_report *report) {
    if (report->sustained->acked == 0) return;
    print_groups(report);
    print_processes(report);
}

bool load_report_effects(const struct load_report *report, uint64_t acked, char *text,
                         size_t bytes) {
    const struct load_services *services = report->setup->services;
    const struct load_effects *before = report->services_before.groups,
                              *after = report->services_after.groups;

    for (int i = 0; services && i < services->n_groups; i++) {
        const char *group = services->groups[i]->name;
        uint64_t dead = after[i].dead - before[i].dead, done = after[i].done - before[i].done;
        if (dead > 0)
            snprintf(text, bytes, "group %s has %" PRIu64 " dead letters (kpk dlq list)", group,
                     dead);
        else if (done < acked)
            snprintf(text, bytes, "group %s has had its effect for %" PRIu64 " of %" PRIu64,
                     group, done, acked);
        else
            continue;
        return false;
    }
    return true;
}
