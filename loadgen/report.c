#include "loadgen/report.h"

#include "common/conclude.h"
#include "topology/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double percentiles[] = {50, 75, 90, 99, 99.9, 99.99};
enum { PERCENTILES = sizeof(percentiles) / sizeof(*percentiles) };

/* --- objectives -------------------------------------------------------------------------- */

static int parse_one(const char *text, bool has_groups, struct load_slo *slo,
                     struct kpk_err *err) {
    const char *at = text;
    char unit[4], more;
    double limit;

    *slo = (struct load_slo){.publish = !has_groups};
    snprintf(slo->text, sizeof(slo->text), "%s", text);
    if (strncmp(at, "publish.", 8) == 0) {
        slo->publish = true;
        at += 8;
    } else if (strncmp(at, "end_to_end.", 11) == 0) {
        if (!has_groups)
            return kpk_fail(err, KPK_REJECT, "--slo %.40s: nobody reads (--groups 0)", text);
        at += 11;
    }
    if (sscanf(at, "p%lf<%lf%3[a-z]%c", &slo->percentile, &limit, unit, &more) != 3 ||
        !(slo->percentile > 0 && slo->percentile <= 100) || !(limit > 0 && isfinite(limit)))
        return kpk_fail(err, KPK_REJECT, "--slo %.40s: it is like p99<50ms or publish.p99.9<1s",
                        text);
    slo->limit_us = strcmp(unit, "us") == 0   ? limit
                    : strcmp(unit, "ms") == 0 ? limit * 1000
                    : strcmp(unit, "s") == 0  ? limit * 1000000
                                              : 0;
    if (slo->limit_us == 0)
        return kpk_fail(err, KPK_REJECT, "--slo %.40s: the unit is us, ms or s", text);
    return 0;
}

int load_slo_parse(const char *text, bool has_groups, struct load_slo slos[LOAD_SLOS_MOST],
                   struct kpk_err *err) {
    char *copy = strdup(text), *rest = copy, *word;
    int count = 0, failed = 0;

    while (!failed && *text && (word = strsep(&rest, ","))) {
        if (count == LOAD_SLOS_MOST)
            failed = kpk_fail(err, KPK_REJECT, "--slo: more than %d", LOAD_SLOS_MOST);
        else
            failed = parse_one(word, has_groups, &slos[count++], err);
    }
    free(copy);
    return failed ? -1 : count;
}

void load_report_slos(struct load_report *report) {
    for (int i = 0; i < report->n_slos; i++) {
        struct load_slo *slo = &report->slos[i];
        const struct kpk_histogram *took_us =
            slo->publish ? &report->sustained->publish_us : &report->sustained->end_to_end_us;
        slo->found_us = (double)kpk_histogram_at(took_us, slo->percentile);
        slo->met = took_us->count > 0 && slo->found_us < slo->limit_us;
    }
}

/* --- for a person ------------------------------------------------------------------------ */

static void print_latency(const char *name, const struct kpk_histogram *took_us) {
    if (took_us->count == 0) return;
    printf("  %-12s", name);
    for (int i = 0; i < PERCENTILES; i++)
        printf(" %9.2f", (double)kpk_histogram_at(took_us, percentiles[i]) / 1000);
    printf(" %9.2f\n", (double)took_us->max / 1000);
}

static void print_latencies(const struct load_measured *measured) {
    printf("\n  %-12s", "latency, ms");
    for (int i = 0; i < PERCENTILES; i++) printf("     p%-4g", percentiles[i]);
    printf("      max\n");
    print_latency("publish", &measured->publish_us);
    print_latency("end to end", &measured->end_to_end_us);
}

static void print_phase(const struct load_report *report,
                        const struct load_measured *measured) {
    double acked_s = (double)measured->acked / measured->seconds;

    printf("\n  %-10s", measured->name);
    if (measured->rate > 0)
        printf("%.10g records/s intended for %.1f s: %" PRIu64 " were due\n", measured->rate,
               measured->seconds, measured->due);
    else
        printf("as fast as acknowledged, for %.1f s\n", measured->seconds);
    printf("  acked     %.0f records/s, %.1f MB/s", acked_s,
           acked_s * report->setup->value_bytes / 1e6);
    printf("; failed %" PRIu64 ", not sent %" PRIu64 "\n", measured->failed,
           measured->not_sent);
    if (report->setup->groups || report->setup->services)
        printf("  lag       %" PRIu64 " records at most, %" PRIu64 " at its end\n",
               measured->lag_max, measured->lag_end);
    if (measured->acked) {
        printf("  CPU       this program %.1f s, %.2f us a record", measured->client_cpu_s,
               measured->client_cpu_s * 1e6 / (double)measured->acked);
        if (measured->brokers_cpu_s >= 0)
            printf("; brokers %.1f s, %.2f us a record", measured->brokers_cpu_s,
                   measured->brokers_cpu_s * 1e6 / (double)measured->acked);
        printf("\n");
    }
    print_latencies(measured);
}

static void print_world(const struct load_setup *setup) {
    const struct load_world *world = setup->world;

    printf("  valid %ss of %d people%s, ", world->kind->noun, LOAD_WORLD_PEOPLE,
           setup->post_url ? ", posted over HTTP" : "");
    printf(world->kind->means, world->mean_weight);
    printf(", each to %d groups and a reader that judges\n", setup->services->n_groups);
}

static void print_setup(const struct load_report *report) {
    const struct load_setup *setup = report->setup;

    printf("\n  %s: topic %s, %d partitions, RF %d, %d broker%s; key %s\n",
           setup->profile->name, setup->topic, setup->partitions, report->replicas,
           report->brokers, report->brokers == 1 ? "" : "s", setup->profile->key);
    if (setup->world) print_world(setup);
    if (setup->post_url) return;
    printf(
        "  %d bytes a value, %s; acks=%s, %s, linger %d ms; %d producer%s, %d group%s of %d\n",
        setup->value_bytes, setup->bare ? "bare: no headers" : "with the headers of an event",
        setup->acks, setup->compression, setup->linger_ms, setup->senders,
        setup->senders == 1 ? "" : "s", setup->groups, setup->groups == 1 ? "" : "s",
        setup->consumers);
    if (setup->profile->assumed)
        printf("  (the guide names no rate for it: this one is assumed)\n");
}

static void print_events(struct load_events *events) {
    int kept = events->count < LOAD_EVENTS_MOST ? events->count : LOAD_EVENTS_MOST;

    if (kept) printf("\n");
    for (int i = 0; i < kept; i++)
        printf("  at %.1f s   %s\n", events->kept[i].second, events->kept[i].what);
    if (events->count > kept) printf("  and %d more\n", events->count - kept);
}

/* --- the verdict ------------------------------------------------------------------------- */

/* All groups together: the first finding is the first group's that has one. */
static struct kpk_report sum_groups(const struct load_report *report) {
    struct kpk_report all = report->groups[0];

    for (int i = 1; i < report->setup->groups; i++) {
        const struct kpk_report *group = &report->groups[i];
        all.expected += group->expected;
        all.seen += group->seen;
        all.lost += group->lost;
        all.duplicated += group->duplicated;
        all.reordered += group->reordered;
        all.invented += group->invented;
        if (!all.first[0]) memcpy(all.first, group->first, sizeof(all.first));
    }
    return all;
}

static uint64_t failed_of(const struct load_report *report) {
    return report->sustained->failed + (report->peak ? report->peak->failed : 0);
}

/* Also when nobody reads: the topic must have what was acknowledged, and no more. With acks=0 nothing is
 * promised, and what cannot be asked is not known. */
static bool in_topic_as_acked(const struct load_report *report) {
    return report->in_topic < 0 || strcmp(report->setup->acks, "0") == 0 ||
           failed_of(report) > 0 || report->in_topic == (int64_t)report->groups[0].writes;
}

static bool is_clean(const struct load_report *report) {
    struct kpk_report all = sum_groups(report);

    return all.lost + all.duplicated + all.reordered + all.invented == 0 &&
           failed_of(report) == 0 && all.writes > 0 && in_topic_as_acked(report);
}

static const struct load_slo *first_missed(const struct load_report *report) {
    for (int i = 0; i < report->n_slos; i++)
        if (!report->slos[i].met) return &report->slos[i];
    return NULL;
}

static int conclude(const struct load_report *report) {
    struct kpk_report all = sum_groups(report);
    const struct load_slo *missed = first_missed(report);
    char text[400], effects[200];

    kpk_report_text(&all, text, sizeof(text));
    if (!is_clean(report) && failed_of(report))
        return kpk_conclude(KPK_FAIL, "%" PRIu64 " records were not delivered; %s",
                            failed_of(report), text);
    if (!load_report_effects(report, all.writes, effects, sizeof(effects)))
        return kpk_conclude(KPK_FAIL, "%s; %s", effects, text);
    if (!in_topic_as_acked(report))
        return kpk_conclude(KPK_FAIL, "%zu were acknowledged, the topic has %" PRId64,
                            all.writes, report->in_topic);
    if (!is_clean(report))
        return kpk_conclude(KPK_FAIL, "%s", all.writes ? text : "nothing was acknowledged");
    if (report->setup->groups == 0)
        snprintf(text, sizeof(text),
                 "%zu records acknowledged, and the topic has so many; nobody read them",
                 all.writes);
    if (missed) {
        kpk_conclude(KPK_FAIL, "%s is missed: %.2f ms; %s", missed->text,
                     missed->found_us / 1000, text);
        return LOAD_SLO_MISSED;
    }
    return kpk_conclude(KPK_PASS, "%s%s", text,
                        report->interrupted ? " (the run was ended early)" : "");
}

int load_report_print(const struct load_report *report) {
    print_setup(report);
    print_phase(report, report->sustained);
    if (report->setup->services) load_report_services(report);
    if (report->peak) print_phase(report, report->peak);
    if (report->setup->groups || report->setup->services)
        printf("\n  drain     %s after %.1f s\n",
               report->drained ? "every group had all of it"
                               : "given up, not every group had all of it",
               report->drain_s);
    print_events(report->setup->events);
    for (int i = 0; i < report->n_slos; i++)
        printf("  %-20s %s: %.2f ms\n", report->slos[i].text,
               report->slos[i].met ? "met" : "MISSED", report->slos[i].found_us / 1000);
    printf("\n");
    return conclude(report);
}
