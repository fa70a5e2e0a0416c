#include "tests/support/stack.h"

#include "common/kafka.h"
#include "common/redis.h"
#include "tests/support/test.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_BYTES = 512, PAGE_BYTES = 64 * 1024, ASK_TIMEOUT_MS = 2000 };

static const char *tool(void) {
    const char *path = getenv("KPK_TEST_STACK");

    if (!path) fail_msg("KPK_TEST_STACK is not set: run this by tests/run");
    return path;
}

pid_t stack_pid(const char *name) {
    char command[COMMAND_BYTES], line[64] = "";

    snprintf(command, sizeof(command), "'%s' pid %s 2>/dev/null", tool(), name);
    FILE *output = popen(command, "r");
    if (!output) fail_msg("%s: %s", command, strerror(errno));
    if (!fgets(line, sizeof(line), output)) line[0] = '\0';
    pclose(output);
    return (pid_t)atoi(line);
}

static void command(const char *verb, const char *name) {
    char text[COMMAND_BYTES];

    snprintf(text, sizeof(text), "'%s' %s %s >/dev/null 2>&1", tool(), verb, name);
    if (system(text) != 0) fail_msg("%s failed", text);
}

void stack_stop(const char *name) { command("stop", name); }

void stack_start(const char *name) { command("start", name); }

/* --- services ---------------------------------------------------------------------------- */

/* KPK_FANOUT_WORKER_1_URL, as `stack env` prints it. returns  NULL: 'name' is no service */
static const char *service_url(const char *name) {
    char variable[COMMAND_BYTES];
    const char *url;

    snprintf(variable, sizeof(variable), "KPK_%s_URL", name);
    for (char *c = variable; *c; c++) *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    url = getenv(variable);
    return url && strncmp(url, "http://", strlen("http://")) == 0 ? url : NULL;
}

struct page {
    char text[PAGE_BYTES];
    size_t len;
};

static size_t on_page(char *data, size_t size, size_t count, void *ctx) {
    struct page *page = ctx;
    size_t len = size * count;

    if (len > sizeof(page->text) - 1 - page->len) return 0;
    memcpy(page->text + page->len, data, len);
    page->len += len;
    page->text[page->len] = '\0';
    return len;
}

/* returns  the status; 0: no answer */
static long get(const char *base, const char *path, struct page *page) {
    CURL *curl = curl_easy_init();
    char url[COMMAND_BYTES];
    long status = 0;

    *page = (struct page){.len = 0};
    if (!curl) fail_msg("curl: no memory");
    snprintf(url, sizeof(url), "%s%s", base, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ASK_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_page);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, page);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

int64_t stack_metric(const char *name, const char *metric) {
    static struct page page;
    const char *url = service_url(name);
    size_t len = strlen(metric);
    int64_t value;

    if (!url) fail_msg("the stack has no service %s", name);
    if (get(url, "/metrics", &page) != 200) return -1;
    for (const char *at = page.text; (at = strstr(at, metric)); at += len)
        if ((at == page.text || at[-1] == '\n') && sscanf(at + len, " %" SCNd64, &value) == 1)
            return value;
    return -1;
}

int stack_port(const char *service) {
    const char *url = service_url(service), *colon = url ? strrchr(url, ':') : NULL;

    if (!colon) fail_msg("the stack has no service %s", service);
    return atoi(colon + 1);
}

/* --- servers ----------------------------------------------------------------------------- */

static bool redis_ready(void) {
    struct kpk_redis *redis = NULL;
    redisReply *reply = NULL;
    struct kpk_err err;

    if (!kpk_redis_open(&redis, &err)) reply = kpk_redis_command(redis, &err, "PING");
    if (reply) freeReplyObject(reply);
    kpk_redis_close(redis);
    return reply != NULL;
}

/* A broker is back when the cluster counts as many as there are bootstrap servers, and every
 * partition has a leader again. */
static bool brokers_ready(void) {
    const struct rd_kafka_metadata *metadata = NULL;
    const char *bootstrap = getenv("KPK_BOOTSTRAP_SERVERS");
    int wanted = 1, leaderless = 0, brokers = 0;
    struct kpk_err err;
    char why[160];
    rd_kafka_conf_t *conf = kpk_kafka_conf(NULL, &err);
    rd_kafka_t *rk = conf ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)) : NULL;

    if (!rk) fail_msg("kafka: %s", conf ? why : err.msg);
    for (const char *c = bootstrap ? bootstrap : ""; *c; c++) wanted += *c == ',';
    if (rd_kafka_metadata(rk, 1, NULL, &metadata, ASK_TIMEOUT_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        brokers = metadata->broker_cnt;
        for (int t = 0; t < metadata->topic_cnt; t++)
            for (int p = 0; p < metadata->topics[t].partition_cnt; p++)
                leaderless += metadata->topics[t].partitions[p].leader < 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_destroy(rk);
    return brokers >= wanted && leaderless == 0;
}

bool stack_ready(const char *name) {
    static struct page page;
    const char *url = service_url(name);

    if (url) return get(url, "/readyz", &page) == 200;
    if (strcmp(name, "redis") == 0) return redis_ready();
    if (strcmp(name, "postgres") == 0) return PQping("") == PQPING_OK;
    if (strncmp(name, "broker-", strlen("broker-")) == 0) return brokers_ready();
    fail_msg("the stack has no process %s", name);
    return false;
}

/* --- harm -------------------------------------------------------------------------------- */

pid_t stack_signal(const char *name, int signal) {
    pid_t pid = stack_pid(name);

    if (pid <= 0) fail_msg("%s does not run", name);
    if (kill(pid, signal))
        fail_msg("kill -%d %d (%s): %s", signal, (int)pid, name, strerror(errno));
    return pid;
}

/* The parent first, so that it makes no more of them meanwhile. One that ended is no matter. */
static void signal_family(pid_t parent, int signal) {
    char path[64];
    int child;

    kill(parent, signal);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *children = fopen(path, "r");
    if (!children) return;
    while (fscanf(children, "%d", &child) == 1) kill(child, signal);
    fclose(children);
}

void stack_hang(const char *name) {
    pid_t pid = stack_pid(name);

    if (pid <= 0) fail_msg("%s does not run", name);
    signal_family(pid, SIGSTOP);
}

void stack_wake(const char *name) {
    pid_t pid = stack_pid(name);

    if (pid > 0) signal_family(pid, SIGCONT);
}

struct restart {
    const char *name;
    pid_t before;
};

/* Its number may be another's by now, where many processes are made: then its supervisor is asked. */
static bool is_gone(const struct restart *restart) {
    if (kill(restart->before, 0) && errno == ESRCH) return true;
    pid_t now = stack_pid(restart->name);
    return now > 0 && now != restart->before;
}

/* The old process is gone, and somebody answers: that is the new one. */
static bool restarted(void *ctx) {
    const struct restart *restart = ctx;

    return is_gone(restart) && stack_ready(restart->name);
}

void stack_await_restart(const char *name, pid_t before) {
    if (!wait_until(STACK_BACK_MS, restarted, &(struct restart){name, before}))
        fail_msg("%s was killed (pid %d) and is not back after %d s", name, (int)before,
                 STACK_BACK_MS / 1000);
}
