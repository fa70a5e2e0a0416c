/* /readyz: the checks ask servers, so they may block. They run in one thread of their own, one
 * run at a time; whoever asks during a run gets that run's result, and for a short while after
 * it everybody does: a storm of polls costs the dependencies a few checks a second. When a run
 * hangs, whoever waits is told so. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ready_json[] = "{\"status\":\"ready\"}";

/* Run all checks: all reasons are told, not only the first. returns the status */
static int run_checks(const struct kpk_http *http, char **body) {
    cJSON *checks = cJSON_CreateObject(), *problem;
    const struct kpk_http_check *check;
    char detail[256] = "not ready:";
    int failed = 0;

    for (check = http->opts.checks; check->name; check++) {
        struct kpk_err err = {0};
        size_t len = strlen(detail);
        bool ok = check->check(http->opts.ctx, &err) == 0;

        kpk_utf8_repair(err.msg);
        cJSON_AddStringToObject(checks, check->name, ok ? "ok" : err.msg);
        if (ok) continue;
        snprintf(detail + len, sizeof(detail) - len, "%s %s", failed++ ? "," : "", check->name);
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

/* A run has hung for 'ms' (or the server closes: 0). */
static void fill_without_result(struct kpk_response *response, int64_t ms) {
    if (ms > 0)
        kpk_http_problem(response, 503, NULL, "a check did not answer for %d s",
                         (int)(ms / 1000));
    else
        kpk_http_problem(response, 503, NULL, "draining");
}

/* Answer a list that was taken out of 'waiting', outside the lock. */
static void answer_all(struct kpk_request *list, int status, const char *body,
                       int64_t hung_ms) {
    while (list) {
        struct kpk_request *request = list;

        list = request->next;
        if (status)
            fill(&request->response, status, body);
        else
            fill_without_result(&request->response, hung_ms);
        kpk_http_resume(request);
    }
}

static struct kpk_request *take_waiting(struct http_ready *ready) {
    struct kpk_request *list = ready->waiting;

    ready->waiting = NULL;
    return list;
}

static void *ready_main(void *arg) {
    struct kpk_http *http = arg;
    struct http_ready *ready = &http->ready;
    struct kpk_quoted quoted;

    pthread_mutex_lock(&ready->lock);
    for (;;) {
        while (!ready->wanted && !ready->stop) pthread_cond_wait(&ready->wake, &ready->lock);
        if (ready->stop) break;
        ready->wanted = false;
        ready->running_since_ms = kpk_mono_ms();
        pthread_mutex_unlock(&ready->lock);

        char *body, *old;
        int status = run_checks(http, &body);

        pthread_mutex_lock(&ready->lock);
        if (status != ready->status)
            kpk_log("http_ready", "ready=%s result=%s", status == 200 ? "yes" : "no",
                    kpk_quote(&quoted, body ? body : ""));
        old = ready->body;
        ready->body = body;
        ready->status = status;
        ready->checked_ms = kpk_mono_ms();
        ready->running_since_ms = 0;
        struct kpk_request *list = take_waiting(ready);
        pthread_mutex_unlock(&ready->lock);
        answer_all(list, status, body, 0); /* only this thread replaces 'body' */
        free(old);
        pthread_mutex_lock(&ready->lock);
    }
    pthread_mutex_unlock(&ready->lock);
    return NULL;
}

bool kpk_http_ready_ask(struct kpk_request *request) {
    struct http_ready *ready = &request->http->ready;
    int64_t now_ms = kpk_mono_ms();
    bool answered = true;

    if (request->http->draining) {
        fill_without_result(&request->response, 0);
        return true;
    }
    if (!ready->started) {
        fill(&request->response, 200, NULL);
        return true;
    }
    pthread_mutex_lock(&ready->lock);
    if (ready->stop) {
        fill_without_result(&request->response, 0);
    } else if (ready->running_since_ms &&
               now_ms - ready->running_since_ms > HTTP_READY_LIMIT_MS) {
        fill_without_result(&request->response, now_ms - ready->running_since_ms);
    } else if (!ready->running_since_ms && ready->checked_ms &&
               now_ms - ready->checked_ms < HTTP_READY_CACHE_MS) {
        fill(&request->response, ready->status, ready->body);
    } else {
        kpk_http_suspend(request);
        request->next = ready->waiting;
        ready->waiting = request;
        ready->wanted = ready->running_since_ms == 0;
        pthread_cond_signal(&ready->wake);
        answered = false;
    }
    pthread_mutex_unlock(&ready->lock);
    return answered;
}

void kpk_http_ready_tick(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;
    struct kpk_request *list = NULL;
    int64_t hung_ms = 0;

    if (!ready->started) return;
    pthread_mutex_lock(&ready->lock);
    if (ready->running_since_ms) hung_ms = kpk_mono_ms() - ready->running_since_ms;
    if (hung_ms > HTTP_READY_LIMIT_MS) list = take_waiting(ready);
    pthread_mutex_unlock(&ready->lock);
    answer_all(list, 0, NULL, hung_ms);
}

int kpk_http_ready_open(struct kpk_http *http, struct kpk_err *err) {
    struct http_ready *ready = &http->ready;

    if (!http->opts.checks || !http->opts.checks->name) return 0;
    pthread_mutex_init(&ready->lock, NULL);
    pthread_cond_init(&ready->wake, NULL);
    if (pthread_create(&ready->thread, NULL, ready_main, http))
        return kpk_fail(err, KPK_FATAL, "http: no thread for /readyz");
    ready->started = true;
    return 0;
}

void kpk_http_ready_close(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;

    if (!ready->started) return;
    pthread_mutex_lock(&ready->lock);
    ready->stop = true;
    pthread_cond_signal(&ready->wake);
    pthread_mutex_unlock(&ready->lock);
    pthread_join(ready->thread, NULL);
    answer_all(take_waiting(ready), 0, NULL, 0);
    free(ready->body);
}
