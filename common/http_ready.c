/* /readyz: the checks ask servers, so they may block. Each runs in a thread of its own, so that one
 * that hangs hides no other, and is asked when somebody wants to know and its last word is not
 * fresh: a storm of polls costs the dependencies a few checks a second. Who asks waits for all of
 * them; when one hangs, everybody is told which. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ready_json[] = "{\"status\":\"ready\"}";

/* All reasons are told, not only the first; of a check that hangs, its silence. With the lock held.
 * body     out, for free(); NULL: memory is short
 * returns  the status */
static int describe(const struct http_ready *ready, char **body) {
    cJSON *checks = cJSON_CreateObject(), *problem;
    char detail[256] = "not ready:";
    int failed = 0;

    for (size_t i = 0; i < ready->count; i++) {
        const struct http_check *check = &ready->checks[i];
        int64_t silent_ms = check->since_ms ? kpk_mono_ms() - check->since_ms : 0;
        struct kpk_err err = check->result;
        size_t len = strlen(detail);

        if (silent_ms > HTTP_READY_LIMIT_MS)
            kpk_fail(&err, KPK_WAIT, "no answer for %.1f s", (double)silent_ms / 1000);
        kpk_utf8_repair(err.msg);
        cJSON_AddStringToObject(checks, check->row->name,
                                err.verdict == KPK_OK ? "ok" : err.msg);
        if (err.verdict == KPK_OK) continue;
        snprintf(detail + len, sizeof(detail) - len, "%s %s", failed++ ? "," : "",
                 check->row->name);
    }
    problem = failed ? kpk_http_problem_object(503, NULL, detail) : cJSON_CreateObject();
    if (!failed) cJSON_AddStringToObject(problem, "status", "ready");
    if (!cJSON_AddItemToObject(problem, "checks", checks)) cJSON_Delete(checks);
    *body = cJSON_PrintUnformatted(problem);
    cJSON_Delete(problem);
    return failed ? 503 : 200;
}

/* A result as an answer; without 'body' memory was short, or there is nothing to check. */
static void fill(struct kpk_response *response, int status, const char *body) {
    kpk_http_json_text(response, status, body ? body : status == 200 ? ready_json : "{}");
    if (status == 200) return;
    response->type = "application/problem+json";
    kpk_http_set_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

static void fill_draining(struct kpk_response *response) {
    kpk_http_problem(response, 503, NULL, "draining");
}

/* What is known now, to all who wait. With the lock held; a request that is answered is not ours any
 * more. */
static void answer_waiting(struct http_ready *ready) {
    struct kpk_request *request = ready->waiting, *next;
    struct kpk_quoted quoted;
    char *body;
    int status;

    if (!request) return;
    ready->waiting = NULL;
    status = describe(ready, &body);
    if (status != ready->status)
        kpk_log("http_ready", "ready=%s result=%s", status == 200 ? "yes" : "no",
                kpk_quote(&quoted, body ? body : ""));
    ready->status = status;
    for (; request; request = next) {
        next = request->next;
        fill(&request->response, status, body);
        kpk_http_resume(request);
    }
    free(body);
}

static void *check_main(void *arg) {
    struct http_check *check = arg;
    struct http_ready *ready = &check->http->ready;

    pthread_mutex_lock(&ready->lock);
    for (;;) {
        while (!check->wanted && !ready->stop) pthread_cond_wait(&ready->wake, &ready->lock);
        if (ready->stop) break;
        check->wanted = false;
        check->since_ms = kpk_mono_ms();
        pthread_mutex_unlock(&ready->lock);

        struct kpk_err result = {.verdict = KPK_OK};
        if (check->row->check(check->http->opts.ctx, &result) == 0) result.verdict = KPK_OK;

        pthread_mutex_lock(&ready->lock);
        check->result = result;
        check->since_ms = 0;
        check->checked_ms = kpk_mono_ms();
        if (--ready->asked == 0) answer_waiting(ready);
    }
    pthread_mutex_unlock(&ready->lock);
    return NULL;
}

/* Ask what is not asked already and whose last word is not fresh. With the lock held. */
static void ask_checks(struct http_ready *ready, int64_t now_ms) {
    for (size_t i = 0; i < ready->count; i++) {
        struct http_check *check = &ready->checks[i];
        bool fresh = check->checked_ms && now_ms - check->checked_ms < HTTP_READY_CACHE_MS;

        if (fresh || check->since_ms || check->wanted) continue;
        check->wanted = true;
        ready->asked++;
    }
    pthread_cond_broadcast(&ready->wake);
}

static bool one_hangs(const struct http_ready *ready, int64_t now_ms) {
    for (size_t i = 0; i < ready->count; i++)
        if (ready->checks[i].since_ms &&
            now_ms - ready->checks[i].since_ms > HTTP_READY_LIMIT_MS)
            return true;
    return false;
}

static void fill_known(struct kpk_request *request) {
    char *body;
    int status = describe(&request->http->ready, &body);

    fill(&request->response, status, body);
    free(body);
}

bool kpk_http_ready_ask(struct kpk_request *request) {
    struct http_ready *ready = &request->http->ready;
    int64_t now_ms = kpk_mono_ms();
    bool answered = true;

    if (request->http->draining) {
        fill_draining(&request->response);
        return true;
    }
    if (ready->count == 0) {
        fill(&request->response, 200, NULL);
        return true;
    }
    pthread_mutex_lock(&ready->lock);
    ask_checks(ready, now_ms);
    if (ready->stop) {
        fill_draining(&request->response);
    } else if (ready->asked == 0 || one_hangs(ready, now_ms)) {
        fill_known(request);
    } else {
        kpk_http_suspend(request);
        request->next = ready->waiting;
        ready->waiting = request;
        answered = false;
    }
    pthread_mutex_unlock(&ready->lock);
    return answered;
}

void kpk_http_ready_tick(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;

    if (ready->count == 0) return;
    pthread_mutex_lock(&ready->lock);
    if (one_hangs(ready, kpk_mono_ms())) answer_waiting(ready);
    pthread_mutex_unlock(&ready->lock);
}

int kpk_http_ready_open(struct kpk_http *http, struct kpk_err *err) {
    struct http_ready *ready = &http->ready;
    const struct kpk_http_check *rows = http->opts.checks;
    size_t count = 0;

    while (rows && rows[count].name) count++;
    if (count == 0) return 0;
    ready->checks = calloc(count, sizeof(*ready->checks));
    if (!ready->checks) return kpk_fail(err, KPK_FATAL, "out of memory");
    pthread_mutex_init(&ready->lock, NULL);
    pthread_cond_init(&ready->wake, NULL);
    for (size_t i = 0; i < count; i++) {
        struct http_check *check = &ready->checks[i];
        *check = (struct http_check){.http = http, .row = &rows[i]};
        kpk_fail(&check->result, KPK_WAIT, "not asked yet");
        if (pthread_create(&check->thread, NULL, check_main, check))
            return kpk_fail(err, KPK_FATAL, "http: no thread for /readyz");
        ready->count++;
    }
    return 0;
}

void kpk_http_ready_close(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;

    if (ready->count) {
        pthread_mutex_lock(&ready->lock);
        ready->stop = true;
        pthread_cond_broadcast(&ready->wake);
        pthread_mutex_unlock(&ready->lock);
    }
    for (size_t i = 0; i < ready->count; i++) pthread_join(ready->checks[i].thread, NULL);
    for (struct kpk_request *request = ready->waiting, *next; request; request = next) {
        next = request->next;
        fill_draining(&request->response);
        kpk_http_resume(request);
    }
    free(ready->checks);
}
