#include "tests/support/honest.h"

#include "common/clock.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "services/twitter/client.h"
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_AFTER_MS = 1000 };

struct honest {
    pthread_t thread;
    struct client *client;
    char user_id[TWITTER_ID_BYTES];
    atomic_bool stop, expect_busy;
    atomic_int answered;
    struct honest_report report; /* of the thread, until it has ended */
};

/* returns  the status; 0 with the report's failure: no answer */
static int ask(struct honest *honest, const struct client_call *call) {
    struct client_reply reply;
    struct kpk_err err = {0};

    if (client_call(honest->client, call, &reply, &err)) {
        snprintf(honest->report.failure, sizeof(honest->report.failure), "%s", err.msg);
        return 0;
    }
    if (reply.status / 100 != 2)
        snprintf(honest->report.failure, sizeof(honest->report.failure), "%s %s: %d %.160s",
                 call->method, call->path, reply.status,
                 cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(reply.body, "detail")));
    cJSON_Delete(reply.body);
    return reply.status;
}

/* Until it is a 2xx. returns 0, or -1 with the report's failure */
static int insist(struct honest *honest, const struct client_call *call) {
    struct honest_report *report = &honest->report;
    int64_t began_ms = kpk_mono_ms(), took_ms;
    int status;

    while ((status = ask(honest, call)) / 100 != 2) {
        bool fair = status == 503 && honest->expect_busy;

        if (!fair || kpk_mono_ms() - began_ms > HONEST_PATIENCE_MS) return -1;
        report->failure[0] = '\0';
        report->busy++;
        kpk_stop_wait(RETRY_AFTER_MS);
    }
    took_ms = kpk_mono_ms() - began_ms;
    report->answered++;
    honest->answered++;
    if (took_ms <= report->slowest_ms) return 0;
    report->slowest_ms = took_ms;
    snprintf(report->slowest, sizeof(report->slowest), "%s %s", call->method, call->path);
    return 0;
}

static void *honest_main(void *arg) {
    struct honest *honest = arg;
    char key[KPK_UUID_BYTES], body[128], user[64], home[64], own[64];
    const struct client_call calls[] = {
        {CLIENT_TWEETS, "POST", "/v1/tweets", key, body},
        {CLIENT_TWEETS, "GET", user, NULL, NULL},
        {CLIENT_TIMELINES, "GET", own, NULL, NULL},
        {CLIENT_TIMELINES, "GET", home, NULL, NULL},
        {CLIENT_SEARCH, "GET", "/v1/search?q=honest+good&limit=3", NULL, NULL},
        {CLIENT_TRENDS, "GET", "/v1/trending?limit=3", NULL, NULL},
    };

    snprintf(user, sizeof(user), "/v1/users/%s", honest->user_id);
    snprintf(own, sizeof(own), "/v1/users/%s/tweets?limit=3", honest->user_id);
    snprintf(home, sizeof(home), "/v1/users/%s/home_timeline?limit=3", honest->user_id);
    for (int round = 0; !honest->stop; round++) {
        kpk_uuid7(key);
        snprintf(body, sizeof(body), "{\"author_id\":\"%s\",\"text\":\"good morning %d\"}",
                 honest->user_id, round);
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
            if (insist(honest, &calls[i])) return NULL;
            if (calls[i].body) honest->report.posted++;
        }
    }
    return NULL;
}

static bool all_answered(void *ctx) { return honest_answered(ctx) >= 6; }

struct honest *honest_start(const char *user_id) {
    struct honest *honest = calloc(1, sizeof(*honest));
    struct kpk_err err;

    assert_non_null(honest);
    snprintf(honest->user_id, sizeof(honest->user_id), "%s", user_id);
    assert_ok(client_open(&honest->client,
                          &(struct client_opts){.timeout_ms = HONEST_PATIENCE_MS}, &err),
              &err);
    assert_int_equal(pthread_create(&honest->thread, NULL, honest_main, honest), 0);
    if (!wait_until(HONEST_PATIENCE_MS, all_answered, honest))
        fail_msg("the honest client is not answered: %s", honest->report.failure);
    return honest;
}

void honest_expect_busy(struct honest *honest, bool busy) { honest->expect_busy = busy; }

int honest_answered(const struct honest *honest) { return honest->answered; }

void honest_stop(struct honest *honest, struct honest_report *report) {
    *report = (struct honest_report){0};
    if (!honest) return;
    honest->stop = true;
    pthread_join(honest->thread, NULL);
    *report = honest->report;
    client_close(honest->client);
    free(honest);
}
