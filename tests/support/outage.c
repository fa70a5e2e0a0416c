#include "tests/support/outage.h"

#include "common/clock.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "tests/support/http_raw.h"
#include "tests/support/offsets.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECONDS = 8,       /* of `make test`: longer than a session and a lease */
    LONG_SECONDS = 20, /* above these the load is lighter: an ordeal has only so many posts */
    LOAD = 10,         /* posts a second */
    LIGHT_LOAD = 3,
    TOLD_MS = 10000,
    BACK_MS = 60000,
    ANSWER_MS = 5000, /* what a client waits (services/twitter/client.c) */
    ROUND_MS = 500,
    COPIES = 5,
    PATH_BYTES = 512,
};

enum { AUTHOR, READER, PAIR };

static struct kpk_err error, *err = &error;

int outage_seconds(void) {
    const char *text = getenv("KPK_OUTAGE_SECONDS");

    return text && *text ? atoi(text) : SECONDS;
}

/* --- who needs what ---------------------------------------------------------------------- */

#define NAMES 3
static const char *const check_names[NAMES] = {"postgresql", "redis", "kafka"}; /* bit by bit */

static const struct {
    const char *name;
    int needs;
} services[OUTAGE_SERVICES] = {
    {"tweet-service", OUTAGE_POSTGRES},
    {"timeline-service", OUTAGE_POSTGRES | OUTAGE_REDIS},
    {"outbox-relay-1", OUTAGE_POSTGRES | OUTAGE_KAFKA},
    {"outbox-relay-2", OUTAGE_POSTGRES | OUTAGE_KAFKA},
    {"fanout-worker-1", OUTAGE_POSTGRES | OUTAGE_REDIS | OUTAGE_KAFKA},
    {"fanout-worker-2", OUTAGE_POSTGRES | OUTAGE_REDIS | OUTAGE_KAFKA},
};

static const char *const workers[] = {"fanout-worker-1", "fanout-worker-2"};
enum { WORKERS = sizeof(workers) / sizeof(*workers) };

/* What is asked of the two that have users; $A is the author, $R the reader, $N a new number. */
static const struct ask {
    const char *service, *method, *path, *body;
    int needs, status;
} asks[] = {
    {"tweet-service", "POST", "/v1/tweets",
     "{\"author_id\":\"$A\",\"text\":\"still there? $N\"}", OUTAGE_POSTGRES, 201},
    {"tweet-service", "POST", "/v1/users", "{\"handle\":\"h$N\"}", OUTAGE_POSTGRES, 201},
    {"tweet-service", "PUT", "/v1/users/$R/following/$A", NULL, OUTAGE_POSTGRES, 204},
    {"tweet-service", "GET", "/v1/users/$A", NULL, OUTAGE_POSTGRES, 200},
    {"timeline-service", "GET", "/v1/users/$R/home_timeline", NULL,
     OUTAGE_POSTGRES | OUTAGE_REDIS, 200},
    {"timeline-service", "GET", "/v1/users/$A/tweets", NULL, OUTAGE_POSTGRES, 200},
};
enum { ASKS = sizeof(asks) / sizeof(*asks) };

/* --- requests ---------------------------------------------------------------------------- */

/* 'text' with what $ stands for. returns the length */
static size_t expand(const struct outage *outage, const char *text, const char *number,
                     char *out, size_t room) {
    size_t len = 0;

    for (; *text; text++) {
        const char *value = *text != '$'     ? NULL
                            : *++text == 'A' ? outage->pair->users[AUTHOR].id
                            : *text == 'R'   ? outage->pair->users[READER].id
                                             : number;
        len += (size_t)(value ? snprintf(out + len, room - len, "%s", value)
                              : snprintf(out + len, room - len, "%c", *text));
        assert_true(len < room);
    }
    out[len] = '\0';
    return len;
}

static int send_ask(const struct outage *outage, const struct ask *ask) {
    char path[PATH_BYTES], body[PATH_BYTES], request[4 * PATH_BYTES], key[KPK_UUID_BYTES];
    char number[32];
    static unsigned numbers;
    size_t len;
    int fd = raw_connect(stack_port(ask->service));

    kpk_uuid7(key);
    snprintf(number, sizeof(number), "%" PRIx64 "_%u", kpk_now_ms(), ++numbers);
    expand(outage, ask->path, number, path, sizeof(path));
    len = expand(outage, ask->body ? ask->body : "", number, body, sizeof(body));
    snprintf(request, sizeof(request),
             "%s %s HTTP/1.1\r\nHost: t\r\nIdempotency-Key: %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             ask->method, path, key, len, body);
    raw_send(fd, request);
    return fd;
}

static void read_answer(struct outage *outage, const struct ask *ask, int fd,
                        int64_t begin_ms) {
    static struct raw_answer answer;
    int status = ask->needs & outage->missing ? 503 : ask->status;

    raw_read(fd, false, &answer);
    close(fd);
    int64_t took_ms = kpk_mono_ms() - begin_ms;
    if (took_ms > outage->slowest_ms) outage->slowest_ms = took_ms;
    if (took_ms > ANSWER_MS)
        fail_msg("%s %s: answered after %" PRId64 " ms", ask->method, ask->path, took_ms);
    if (answer.status != status)
        fail_msg("%s %s: %d, not %d: %s", ask->method, ask->path, answer.status, status,
                 answer.body);
    if (status == 503 && !strstr(answer.head, "\r\nRetry-After: "))
        fail_msg("%s %s: 503 without Retry-After", ask->method, ask->path);
    outage->posts += status == 201 && ask == &asks[0];
}

/* More than there are workers. */
void outage_ask(struct outage *outage) {
    int fds[COPIES][ASKS];
    int64_t begin_ms = kpk_mono_ms();

    for (int copy = 0; copy < COPIES; copy++)
        for (int i = 0; i < ASKS; i++) fds[copy][i] = send_ask(outage, &asks[i]);
    for (int copy = 0; copy < COPIES; copy++)
        for (int i = 0; i < ASKS; i++) read_answer(outage, &asks[i], fds[copy][i], begin_ms);
}

/* --- /readyz ----------------------------------------------------------------------------- */

/* Does it name what 'service' is without, with a reason? what  out: what is wrong with it */
static bool told(const struct outage *outage, int service, const struct raw_answer *answer,
                 char *what, size_t bytes) {
    int missing = services[service].needs & outage->missing, unnamed = 0;
    cJSON *body = cJSON_Parse(answer->body);
    const cJSON *checks = cJSON_GetObjectItem(body, "checks");

    for (int i = 0; i < NAMES; i++) {
        const char *reason = cJSON_GetStringValue(cJSON_GetObjectItem(checks, check_names[i]));
        if (missing & 1 << i && (!reason || !*reason || strcmp(reason, "ok") == 0)) unnamed++;
    }
    cJSON_Delete(body);
    snprintf(what, bytes, "%s: /readyz says %d %.800s", services[service].name, answer->status,
             answer->body);
    return answer->status == (missing ? 503 : 200) && unnamed == 0;
}

static bool all_told(struct outage *outage, char *what, size_t bytes) {
    static struct raw_answer answer;
    bool all = true;
    int fds[OUTAGE_SERVICES];

    for (int i = 0; i < OUTAGE_SERVICES; i++) {
        fds[i] = raw_connect(stack_port(services[i].name));
        raw_send(fds[i], "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    for (int i = 0; i < OUTAGE_SERVICES; i++) {
        raw_read(fds[i], false, &answer);
        close(fds[i]);
        all = all && told(outage, i, &answer, what, bytes);
    }
    return all;
}

/* --- the group --------------------------------------------------------------------------- */

static bool all_paused(void *ctx) {
    (void)ctx;
    for (int i = 0; i < WORKERS; i++)
        if (stack_metric(workers[i], "kpk_consumer_paused") < 1) return false;
    return true;
}

static void log_path(const char *name, char *path, size_t bytes) {
    snprintf(path, bytes, "%s/logs/%s.log", getenv("KPK_STATE"), name);
}

/* Since the outage began. */
static bool log_says(const struct outage *outage, int service, const char *words,
                     const char *more) {
    char path[PATH_BYTES], line[4096];
    bool found = false;

    log_path(services[service].name, path, sizeof(path));
    FILE *log = fopen(path, "r");
    if (!log || fseeko(log, outage->logged[service], SEEK_SET)) fail_msg("no %s", path);
    while (!found && fgets(line, sizeof(line), log))
        found = strstr(line, words) && strstr(line, more);
    fclose(log);
    return found;
}

void outage_await_pause(struct outage *outage) {
    const char *reason = outage->missing & OUTAGE_POSTGRES ? "postgresql: " : "redis: ";

    group_plant_events(outage->pair->users[AUTHOR].id);
    if (!wait_until(TOLD_MS, all_paused, NULL)) fail_msg("a member does not wait");
    for (int i = 0; i < OUTAGE_SERVICES; i++)
        if (services[i].needs & OUTAGE_REDIS && services[i].needs & OUTAGE_KAFKA &&
            !log_says(outage, i, " paused ", reason))
            fail_msg("the log of %s does not say why it waits", services[i].name);
    group_look(&outage->group);
    assert_int_equal(outage->group.member_count, WORKERS);
}

static void assert_still_paused(struct outage *outage) {
    struct kpk_lag now = {0};

    assert_true(all_paused(NULL));
    group_look(&now);
    group_assert_same_members(&outage->group, &now);
    if (group_moved(&outage->group, &now)) fail_msg("a committed offset moved");
    kpk_lag_clear(&now);
}

static bool has_moved_everywhere(void *ctx) {
    struct outage *outage = ctx;
    struct kpk_lag now = {0};
    bool moved;

    group_look(&now);
    moved = group_moved_everywhere(&outage->group, &now);
    if (moved && !(outage->missing & OUTAGE_KAFKA))
        group_assert_same_members(&outage->group, &now);
    kpk_lag_clear(&now);
    return moved;
}

/* --- the outbox -------------------------------------------------------------------------- */

int64_t outage_outbox_rows(struct outage *outage) {
    static const struct kpk_pg_stmt count = {"outbox_rows", "SELECT count(*) FROM outbox"};
    PGresult *result = kpk_pg_exec(outage->pg, &count, NULL, 0, err);

    if (!result) fail_msg("%s", err->msg);
    int64_t rows = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return rows;
}

static bool outbox_is_empty(void *ctx) { return outage_outbox_rows(ctx) == 0; }

/* --- an outage --------------------------------------------------------------------------- */

/* How many letters lie in the dead letter topic of what the workers read. */
static int64_t dead_letters(int which) {
    const struct kpk_group *group = kpk_group_find(KPK_GROUP_FANOUT_WORKERS);
    char base[KPK_NAME_BYTES], name[KPK_NAME_BYTES];
    struct kpk_topic row;

    kpk_topic_dlq(kpk_topic_find(group->topics[which]), group, base, &row);
    return offsets_end(kpk_full_name(base, name));
}

static void note_processes(struct outage *outage) {
    for (int i = 0; i < OUTAGE_SERVICES; i++) {
        outage->started[i] = stack_metric(services[i].name, "process_start_time_seconds");
        assert_true(outage->started[i] > 0);
    }
    for (int i = 0; i < OUTAGE_DLQS; i++) outage->dead_letters[i] = dead_letters(i);
}

static void assert_same_processes(const struct outage *outage) {
    for (int i = 0; i < OUTAGE_SERVICES; i++)
        if (stack_metric(services[i].name, "process_start_time_seconds") != outage->started[i])
            fail_msg("%s was started anew", services[i].name);
    for (int i = 0; i < OUTAGE_DLQS; i++)
        assert_int_equal(dead_letters(i), outage->dead_letters[i]);
}

void outage_begin(struct outage *outage) {
    *outage = (struct outage){0};
    assert_ok(twitter_database_open(&outage->pg, err), err);
    assert_ok(world_open(&outage->pair, PAIR, err), err);
    assert_ok(world_follow(outage->pair, READER, AUTHOR, err), err);
    note_processes(outage);
    ordeal_begin_at(&outage->ordeal, outage_seconds() > LONG_SECONDS ? LIGHT_LOAD : LOAD);
}

void outage_starts(struct outage *outage, const char *what, int missing) {
    char path[PATH_BYTES];
    struct stat log;

    outage->what = what;
    outage->missing = missing;
    outage->slowest_ms = outage->posts = outage->rows = 0;
    for (int i = 0; i < OUTAGE_SERVICES; i++) {
        log_path(services[i].name, path, sizeof(path));
        outage->logged[i] = stat(path, &log) ? 0 : log.st_size;
    }
    outage->since_ms = kpk_mono_ms();
}

void outage_watch_outbox(struct outage *outage) {
    int64_t rows = outage_outbox_rows(outage);

    if (rows < outage->rows || rows < outage->posts)
        fail_msg("%" PRId64 " rows are in the outbox; %" PRId64 " were, %" PRId64
                 " posts were acknowledged, and Kafka cannot have them",
                 rows, outage->rows, outage->posts);
    outage->rows = rows;
}

void outage_watch(struct outage *outage) {
    int64_t until_ms = outage->since_ms + outage_seconds() * 1000;
    int64_t told_until_ms = kpk_mono_ms() + TOLD_MS;
    bool told = false, told_now;
    char what[1024];

    do {
        outage_ask(outage);
        told_now = all_told(outage, what, sizeof(what));
        if (!told_now && (told || kpk_mono_ms() > told_until_ms)) fail_msg("%s", what);
        told = told_now;
        if (told && outage->missing == OUTAGE_KAFKA) outage_watch_outbox(outage);
        kpk_stop_wait(ROUND_MS);
    } while (!told || kpk_mono_ms() < until_ms);
    if (outage->group.count && !(outage->missing & OUTAGE_KAFKA)) assert_still_paused(outage);
}

static bool all_ready(void *ctx) {
    (void)ctx;
    for (int i = 0; i < OUTAGE_SERVICES; i++)
        if (!stack_ready(services[i].name)) return false;
    return true;
}

struct arrival {
    struct world *pair;
    struct twitter_tweet tweet;
    bool seen;
};

static void see(const struct twitter_tweet *tweet, void *ctx) {
    struct arrival *arrival = ctx;

    arrival->seen = arrival->seen || strcmp(tweet->id, arrival->tweet.id) == 0;
}

static bool has_arrived(void *ctx) {
    struct arrival *arrival = ctx;
    const char *reader = arrival->pair->users[READER].id;

    return !client_read_timeline(arrival->pair->client, CLIENT_HOME, reader, 100, see, arrival,
                                 err) &&
           arrival->seen;
}

/* The whole road: what was posted before it in its partition is done as well then. */
static void await_arrival(struct outage *outage) {
    struct arrival arrival = {.pair = outage->pair};

    assert_ok(world_post(outage->pair, AUTHOR, &arrival.tweet, err), err);
    if (!wait_until(BACK_MS, has_arrived, &arrival)) fail_msg("a new tweet does not arrive");
}

void outage_ends(struct outage *outage) {
    int64_t back_ms = kpk_mono_ms(), ready_ms, arrived_ms;

    if (!wait_until(BACK_MS, all_ready, NULL)) fail_msg("not everything is ready again");
    ready_ms = kpk_mono_ms() - back_ms;
    await_arrival(outage);
    arrived_ms = kpk_mono_ms() - back_ms;
    print_message("%s, for %.1f s: slowest answer %.1f s, %" PRId64
                  " rows waited; then all ready "
                  "after %.1f s, a new tweet in a timeline after %.1f s\n",
                  outage->what, (double)(back_ms - outage->since_ms) / 1000,
                  (double)outage->slowest_ms / 1000, outage->rows, (double)ready_ms / 1000,
                  (double)arrived_ms / 1000);
    if (outage->group.count && !wait_until(BACK_MS, has_moved_everywhere, outage))
        fail_msg("what waited was not done");
    ordeal_await_events(&outage->ordeal);
    if (!wait_until(BACK_MS, outbox_is_empty, outage)) fail_msg("rows are left in the outbox");
    kpk_lag_clear(&outage->group);
}

void outage_judge(struct outage *outage) {
    ordeal_go_on(&outage->ordeal);
    assert_same_processes(outage);
    ordeal_end(&outage->ordeal);
    world_close(outage->pair);
    kpk_pg_close(outage->pg);
}
