#include "loadgen/services.h"

#include "common/clock.h"
#include "common/stop.h"
#include "loadgen/brokers.h"

#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 500, ANSWER_BYTES = 256 * 1024, SETTLED_MS = 2000, AGAIN_MS = 500 };

extern char **environ;

/* --- who there is ------------------------------------------------------------------------ */

/* "KPK_FANOUT_WORKER_1_URL=http://..." -> "fanout-worker-1" */
static bool process_of(const char *variable, struct load_process *process) {
    const char *equals = strchr(variable, '=');
    size_t len;

    if (!equals || strncmp(variable, "KPK_", 4) != 0 || equals - variable < 4 + 4 ||
        strncmp(equals - 4, "_URL", 4) != 0 || strncmp(equals + 1, "http://", 7) != 0)
        return false;
    len = (size_t)(equals - 4 - (variable + 4));
    if (len == 0 || len >= sizeof(process->name)) return false;
    for (size_t i = 0; i < len; i++) {
        char c = variable[4 + i];
        process->name[i] = c == '_' ? '-' : (char)tolower((unsigned char)c);
    }
    snprintf(process->url, sizeof(process->url), "%s/metrics", equals + 1);
    return true;
}

/* Two names of one address are one process (KPK_SMS_URL is the simulator's): the longer one is its own. */
static void add_process(struct load_services *services, const struct load_process *process) {
    for (int i = 0; i < services->n_processes; i++) {
        struct load_process *known = &services->processes[i];
        if (strcmp(known->url, process->url) != 0) continue;
        if (strlen(process->name) > strlen(known->name)) *known = *process;
        return;
    }
    services->processes[services->n_processes++] = *process;
}

static void add_store(struct load_services *services, const char *name, int port) {
    struct load_process *process = &services->processes[services->n_processes];

    if (port <= 0 || services->n_processes == LOAD_PROCESSES_MOST) return;
    snprintf(process->name, sizeof(process->name), "%s", name);
    process->port = port;
    services->n_processes++;
}

static void find_processes(struct load_services *services) {
    const char *pg = getenv("PGPORT"), *redis = getenv("KPK_REDIS_URL");
    struct load_process process;

    for (char **variable = environ;
         *variable && services->n_processes < LOAD_PROCESSES_MOST - 2; variable++)
        if (process_of(*variable, memset(&process, 0, sizeof(process))))
            add_process(services, &process);
    add_store(services, "postgresql", pg ? atoi(pg) : 0);
    redis = redis ? strrchr(redis, ':') : NULL;
    add_store(services, "redis", redis ? atoi(redis + 1) : 0);
}

/* --- what one of them says --------------------------------------------------------------- */

struct answer {
    size_t len;
    char text[ANSWER_BYTES];
};

static size_t take(char *data, size_t size, size_t count, void *arg) {
    struct answer *answer = arg;
    size_t bytes = size * count;

    if (answer->len + bytes >= sizeof(answer->text)) return 0;
    memcpy(answer->text + answer->len, data, bytes);
    answer->len += bytes;
    return bytes;
}

static bool ask(CURL *curl, const char *url, struct answer *answer) {
    long status = 0;

    answer->len = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (curl_easy_perform(curl)) return false;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->text[answer->len] = '\0';
    return status == 200;
}

static int group_index(const struct load_services *services, const char *name) {
    for (int i = 0; i < services->n_groups; i++)
        if (strcmp(services->groups[i]->name, name) == 0) return i;
    return -1;
}

/* One line of Prometheus' text. */
static void read_line(struct load_services *services, const char *line,
                      struct load_view *view) {
    char group[64], le[16];
    uint64_t value;
    int at, bucket = 0;

    if (sscanf(line, "process_cpu_seconds_total %lf", &view->cpu_s[0]) == 1) return;
    if (sscanf(line, "kpk_dlq_records_total{group=\"%63[^\"]\"} %" SCNu64, group, &value) ==
        2) {
        if ((at = group_index(services, group)) >= 0) view->groups[at].dead += value;
        return;
    }
    if (sscanf(line,
               "kpk_event_age_seconds_bucket{group=\"%63[^\"]\",le=\"%15[^\"]\"} %" SCNu64,
               group, le, &value) != 3 ||
        (at = group_index(services, group)) < 0)
        return;
    double bound = strtod(le, NULL); /* "+Inf" too */
    while (bucket < LOAD_BUCKETS - 1 && services->bounds_s[bucket] > 0 &&
           services->bounds_s[bucket] != bound)
        bucket++;
    services->bounds_s[bucket] = bound;
    view->groups[at].below[bucket] += value;
    if (isinf(bound)) view->groups[at].done += value;
}

static void read_text(struct load_services *services, char *text, struct load_view *view) {
    char *rest = text, *line;

    while ((line = strsep(&rest, "\n"))) read_line(services, line, view);
}

/* --- sums -------------------------------------------------------------------------------- */

static void add(struct load_view *to, const struct load_view *from, int process) {
    for (int i = 0; i < LOAD_READERS_MOST; i++) {
        to->groups[i].done += from->groups[i].done;
        to->groups[i].dead += from->groups[i].dead;
        for (int b = 0; b < LOAD_BUCKETS; b++)
            to->groups[i].below[b] += from->groups[i].below[b];
    }
    to->cpu_s[process] += from->cpu_s[0];
}

/* A process that was started anew counts from 0: what it counted before is kept. */
static void look_at(struct load_services *services, struct load_process *process) {
    static struct answer answer;
    struct load_view now = {0};

    if (!*process->url) {
        now.cpu_s[0] = load_port_cpu_s(process->port);
        if (now.cpu_s[0] >= 0) process->seen = now;
        return;
    }
    process->silent = !ask(services->curl, process->url, &answer);
    if (process->silent) return;
    read_text(services, answer.text, &now);
    if (now.cpu_s[0] < process->seen.cpu_s[0]) add(&process->lost, &process->seen, 0);
    process->seen = now;
}

void load_services_look(struct load_services *services, struct load_view *view) {
    memset(view, 0, sizeof(*view));
    for (int i = 0; i < services->n_processes; i++) {
        struct load_process *process = &services->processes[i];
        look_at(services, process);
        add(view, &process->seen, i);
        add(view, &process->lost, i);
    }
}

uint64_t load_services_least(const struct load_services *services,
                             const struct load_view *since, const struct load_view *now) {
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < services->n_groups; i++) {
        uint64_t ended = now->groups[i].done - since->groups[i].done + now->groups[i].dead -
                         since->groups[i].dead;
        if (ended < least) least = ended;
    }
    return least;
}

static uint64_t done_by_all(const struct load_services *services,
                            const struct load_view *view) {
    uint64_t sum = 0;

    for (int i = 0; i < services->n_groups; i++) sum += view->groups[i].done;
    return sum;
}

bool load_services_settle(struct load_services *services, int timeout_s) {
    int64_t begin_ms = kpk_mono_ms(), changed_ms = begin_ms;
    struct load_view view;
    uint64_t before = UINT64_MAX;

    while (kpk_mono_ms() - begin_ms < timeout_s * 1000 && !kpk_stopping()) {
        load_services_look(services, &view);
        if (done_by_all(services, &view) != before) changed_ms = kpk_mono_ms();
        before = done_by_all(services, &view);
        if (kpk_mono_ms() - changed_ms >= SETTLED_MS) return true;
        kpk_stop_wait(AGAIN_MS);
    }
    return false;
}

double load_services_age(const struct load_services *services, int group, double percentile,
                         const struct load_view *from, const struct load_view *to) {
    const uint64_t *before = from->groups[group].below, *after = to->groups[group].below;
    uint64_t all = to->groups[group].done - from->groups[group].done, under = 0;
    double wanted = percentile / 100 * (double)all, lower = 0;

    if (all == 0) return -1;
    for (int i = 0; i < LOAD_BUCKETS && services->bounds_s[i] > 0; i++) {
        uint64_t upto = after[i] - before[i];
        if ((double)upto >= wanted)
            return isinf(services->bounds_s[i])
                       ? lower
                       : lower + (services->bounds_s[i] - lower) * (wanted - (double)under) /
                                     (double)(upto - under);
        under = upto;
        lower = services->bounds_s[i];
    }
    return lower;
}

/* --- opening ----------------------------------------------------------------------------- */

/* Whose counters say that it works for the group: those of a group are there from its process' start. */
static int check_groups(struct load_services *services, struct kpk_err *err) {
    struct load_view view;

    load_services_look(services, &view);
    for (int g = 0; g < services->n_groups; g++) {
        const char *program = services->groups[g]->program;
        bool found = false;
        for (int i = 0; i < services->n_processes; i++)
            found |= !services->processes[i].silent &&
                     strncmp(services->processes[i].name, program, strlen(program)) == 0;
        if (!found)
            return kpk_fail(err, KPK_REJECT,
                            "group %s: no %s answers: make up, and eval \"$(make -s env)\"; or "
                            "--via plain, which needs no services",
                            services->groups[g]->name, program);
    }
    return 0;
}

int load_services_open(struct load_services **out, const char *topic, struct kpk_err *err) {
    struct load_services *services = calloc(1, sizeof(*services));

    *out = NULL;
    if (!services) return kpk_fail(err, KPK_FATAL, "services: no memory");
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (kpk_group_reads(group, kpk_topic_find(topic)) &&
            services->n_groups < LOAD_READERS_MOST)
            services->groups[services->n_groups++] = group;
    find_processes(services);
    services->curl = curl_easy_init();
    if (!services->curl)
        kpk_fail(err, KPK_FATAL, "services: curl cannot be used");
    else if (!check_groups(services, err))
        *out = services;
    if (*out) return 0;
    load_services_close(services);
    return -1;
}

void load_services_close(struct load_services *services) {
    if (!services) return;
    if (services->curl) curl_easy_cleanup(services->curl);
    free(services);
}
