#include "tests/support/siege.h"

#include "common/clock.h"
#include "common/pg.h"
#include "services/twitter/database.h"
#include "services/twitter/world.h"
#include "tests/support/honest.h"
#include "tests/support/http_raw.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    USERS = 4,
    LONG_TWEETS = 100,
    CONNECTIONS = 16000,
    CALM_MS = 60000,
    WAKING = 200,
    WAKING_ROUNDS = 3
};

struct siege_service siege_services[SIEGE_SERVICES] = {
    [SIEGE_TWEETS] = {.name = "tweet-service", .url_variable = "KPK_TWEET_SERVICE_URL"},
    [SIEGE_TIMELINES] = {.name = "timeline-service",
                         .url_variable = "KPK_TIMELINE_SERVICE_URL"},
    [SIEGE_SEARCH] = {.name = "search-service", .url_variable = "KPK_SEARCH_SERVICE_URL"},
    [SIEGE_TRENDS] = {.name = "trending-service", .url_variable = "KPK_TRENDING_SERVICE_URL"},
};

struct rows {
    int users, tweets, follows, keys;
};

static struct kpk_err error, *err = &error;
static struct kpk_pg *pg;
static struct world *world;
static struct honest *honest;
static struct rows before;
static const char *under;
static int64_t began_ms;

/* ---- what there is ---- */

static int proc_fds(const struct siege_service *service) {
    char path[64];
    int count = -2; /* . and .. */

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)service->pid);
    DIR *dir = opendir(path);
    if (!dir)
        fail_msg("%s (pid %d) is gone: %s", service->name, (int)service->pid, strerror(errno));
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

/* field  "VmRSS:", or "VmHWM:", the most that it ever was */
static long proc_kb(const struct siege_service *service, const char *field) {
    char path[64], line[256];
    long kb = -1;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)service->pid);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s (pid %d) is gone: %s", service->name, (int)service->pid, strerror(errno));
    while (kb < 0 && fgets(line, sizeof(line), file))
        if (strncmp(line, field, strlen(field)) == 0) kb = atol(line + strlen(field));
    fclose(file);
    return kb;
}

/* VmHWM begins anew: see proc(5), clear_refs. */
static void proc_forget_peak(const struct siege_service *service) {
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)service->pid);
    FILE *file = fopen(path, "w");
    if (!file || fputs("5", file) < 0 || fclose(file) != 0)
        fail_msg("%s: %s", path, strerror(errno));
}

static struct rows read_rows(void) {
    static const struct kpk_pg_stmt count = {
        "siege_rows",
        "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tweets), "
        "(SELECT count(*) FROM follows), (SELECT count(*) FROM idempotency_keys)"};
    PGresult *result = kpk_pg_exec(pg, &count, NULL, 0, err);

    if (!result) fail_msg("%s", err->msg);
    struct rows rows = {atoi(PQgetvalue(result, 0, 0)), atoi(PQgetvalue(result, 0, 1)),
                        atoi(PQgetvalue(result, 0, 2)), atoi(PQgetvalue(result, 0, 3))};
    PQclear(result);
    return rows;
}

/* ---- open and close ---- */

static void raise_descriptors(void) {
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= CONNECTIONS) return;
    if (limit.rlim_max < CONNECTIONS)
        fail_msg("%d open files are needed and %llu allowed: ulimit -Hn", CONNECTIONS,
                 (unsigned long long)limit.rlim_max);
    limit.rlim_cur = CONNECTIONS;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void make_pages(void) {
    const char *author = world->users[0].id;
    char user[40], tweets[48];

    snprintf(user, sizeof(user), "/v1/users/%s", author);
    snprintf(tweets, sizeof(tweets), "%s/tweets", user);
    const char *paths[] = {user, tweets, "/v1/search", "/v1/trending"};
    for (int i = 0; i < SIEGE_SERVICES; i++) {
        struct siege_service *s = &siege_services[i];
        const char *query = i == SIEGE_SEARCH ? "q=long&" : "";

        snprintf(s->page, sizeof(s->page), "%s?%slimit=1", paths[i], query);
        snprintf(s->large, sizeof(s->large), "%s?%slimit=100", paths[i], query);
    }
}

static void post_long_tweets(void) {
    char text[TWITTER_TEXT_BYTES + 1] = "long ", key[KPK_UUID_BYTES];

    for (int i = 5; i < TWITTER_TEXT_POINTS; i++) strcat(text, "\xf0\x9f\x90\xa6");
    for (int i = 0; i < LONG_TWEETS; i++) {
        kpk_uuid7(key);
        if (client_post(world->client, world->users[0].id, key, text, NULL, err) !=
            KPK_WRITE_OK)
            fail_msg("%s", err->msg);
    }
}

/* Workers connect to PostgreSQL and Redis when they are asked first: more at once than there are
 * workers wait for each, so that all of them have before descriptors are counted. */
static void wake_workers(const struct siege_service *service, const char *path) {
    static struct raw_answer answer;
    char request[128];
    int fds[WAKING];

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
    for (int i = 0; i < WAKING; i++) fds[i] = raw_connect(service->port);
    for (int round = 0; round < WAKING_ROUNDS; round++) {
        for (int i = 0; i < WAKING; i++) raw_send(fds[i], request);
        for (int i = 0; i < WAKING; i++) raw_read(fds[i], false, &answer);
    }
    for (int i = 0; i < WAKING; i++) close(fds[i]);
}

static void wake_all_workers(void) {
    char home[64];

    for (int i = 0; i < SIEGE_SERVICES; i++)
        wake_workers(&siege_services[i], siege_services[i].page);
    snprintf(home, sizeof(home), "/v1/users/%s/home_timeline?limit=1", siege_user(0));
    wake_workers(&siege_services[SIEGE_TIMELINES], home);
}

void siege_open(void) {
    for (int i = 0; i < SIEGE_SERVICES; i++) {
        struct siege_service *service = &siege_services[i];
        const char *url = getenv(service->url_variable);

        service->pid = stack_pid(service->name);
        if (!url || service->pid <= 0) fail_msg("%s does not run", service->name);
        service->port = atoi(strrchr(url, ':') + 1);
    }
    raise_descriptors();
    assert_ok(twitter_database_open(&pg, err), err);
    assert_ok(world_open(&world, USERS, err), err);
    make_pages();
    post_long_tweets();
    wake_all_workers();
}

void siege_close(void) {
    world_close(world);
    kpk_pg_close(pg);
}

const char *siege_user(int i) { return world->users[i].id; }

/* ---- begin and end ---- */

/* The honest client has connected to all services before its descriptors are counted, and hangs up
 * after they were counted again. */
void siege_begin(const char *what) {
    under = what;
    before = read_rows();
    honest = honest_start(world->users[USERS - 1].id);
    for (int i = 0; i < SIEGE_SERVICES; i++) {
        struct siege_service *service = &siege_services[i];

        proc_forget_peak(service);
        service->fds = proc_fds(service);
        service->rss_kb = proc_kb(service, "VmRSS:");
    }
    began_ms = kpk_mono_ms();
}

void siege_expect_busy(bool busy) { honest_expect_busy(honest, busy); }

int siege_honest_answered(void) { return honest_answered(honest); }

static bool descriptors_are_back(void *ctx) {
    const struct siege_service *service = ctx;

    return proc_fds(service) <= service->fds + SIEGE_LAZY_CONNECTIONS;
}

bool siege_descriptors_are_back(void) {
    bool back = true;

    for (int i = 0; i < SIEGE_SERVICES; i++) back &= descriptors_are_back(&siege_services[i]);
    return back;
}

static void judge_process(struct siege_service *service, const struct siege_bounds *bounds) {
    bool calm = wait_until(CALM_MS, descriptors_are_back, service);
    long after = proc_kb(service, "VmRSS:"), peak = proc_kb(service, "VmHWM:");

    printf("    %-16s pid %d  VmRSS %ld kB before, +%ld at its peak (at most +%ld), +%ld after "
           "(at most +%ld)  descriptors %d before, %d after\n",
           service->name, (int)service->pid, service->rss_kb, peak - service->rss_kb,
           bounds->peak_kb, after - service->rss_kb, bounds->after_kb, service->fds,
           proc_fds(service));
    if (!calm) fail_msg("%s: %s keeps descriptors", under, service->name);
    if (peak - service->rss_kb > bounds->peak_kb || after - service->rss_kb > bounds->after_kb)
        fail_msg("%s: %s takes too much memory", under, service->name);
}

static void judge_rows(const struct siege_wrote *wrote, int posted) {
    struct rows now = read_rows();
    int tweets = now.tweets - before.tweets, keys = now.keys - before.keys;
    int users = now.users - before.users, follows = now.follows - before.follows;

    /* What was acknowledged is there, and nothing else: not what was refused, nor what got no
     * answer. */
    if (tweets != wrote->tweets + posted || users != wrote->users || follows != wrote->follows)
        fail_msg("%s: acknowledged %d tweets, %d users, %d follows; written %d, %d, %d", under,
                 wrote->tweets + posted, wrote->users, wrote->follows, tweets, users, follows);
    /* A user may have one too. */
    if (keys < tweets || keys > tweets + users)
        fail_msg("%s: %d tweets and %d users more, and %d Idempotency-Keys", under, tweets,
                 users, keys);
}

void siege_end(const struct siege_bounds *bounds, const struct siege_wrote *wrote) {
    static const struct siege_wrote nothing;
    struct honest_report report;

    for (int i = 0; i < SIEGE_SERVICES; i++) {
        judge_process(&siege_services[i], bounds);
        if (!stack_ready(siege_services[i].name))
            fail_msg("%s: %s is not ready", under, siege_services[i].name);
    }
    honest_stop(honest, &report);
    honest = NULL;
    printf("    %s: %.1f s; the honest client: %d answers of 2xx, %d times asked to come back; "
           "the "
           "slowest %lld ms (%s)\n",
           under, (double)(kpk_mono_ms() - began_ms) / 1000, report.answered, report.busy,
           (long long)report.slowest_ms, report.slowest);
    fflush(stdout);
    if (report.failure[0]) fail_msg("%s: the honest client: %s", under, report.failure);
    judge_rows(wrote ? wrote : &nothing, report.posted);
}

void siege_abandon(void) {
    struct honest_report report;

    honest_stop(honest, &report);
    honest = NULL;
}
