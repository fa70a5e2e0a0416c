/* /readyz: the checks ask servers, so they may block. They run in one thread of their own, one
 * run at a time; whoever asks during a run gets that run's result, and for a short while after
 * it everybody does: a storm of polls costs the dependencies a few checks a second. When a check
 * hangs, whoever waits is told which, and what the others said when they were asked last. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ready_json[] = "{\"status\":\"ready\"}";

/* All reasons are told, not only the first. With the lock held. When a check hangs, it is named by
 * its silence, and those after it say what they said when they were asked last.
 * body     out, for free(); NULL: memory is short
 * returns  the status */
static int describe(const struct kpk_http *http, char **body) {
    const struct http_ready *ready = &http->ready;
    const struct kpk_http_check *check = http->opts.checks;
    int64_t silent_ms = ready->run_since_ms ? kpk_mono_ms() - ready->check_since_ms : 0;
    cJSON *checks = cJSON_CreateObject(), *problem;
    char detail[256] = "not ready:";
    int failed = 0;

    for (size_t i = 0; check[i].name; i++) {
        struct kpk_err err = ready->results[i];
        size_t len = strlen(detail);

        if (i == ready->running && silent_ms > HTTP_CHECK_SILENT_MS)
            kpk_fail(&err, KPK_WAIT, "no answer for %.1f s", (double)silent_ms / 1000);
        kpk_utf8_repair(err.msg);
        cJSON_AddStringToObject(checks, check[i].name, err.verdict == KPK_OK ? "ok" : err.msg);
        if (err.verdict == KPK_OK) continue;
        snprintf(detail + len, sizeof(detail) - len, "%s %s", failed++ ? "," : "",
                 check[i].name);
    }
    problem = failed ? kpk_http_problem_object(503, NULL, detail) : cJSON_CreateObject();
    if (!failed) cJSON_AddStringToObject(problem, "status", "ready");
    if (!cJSON_AddItemToObject(problem, "checks", checks)) cJSON_Delete(checks);
    *body = cJSON_PrintUnformatted(problem);
    cJSON_Delete(problem);
    return failed ? 503 : 200;
}

/* With the lock held, but not while a check is asked. */
static void run_checks(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;
    const struct kpk_http_check *check = http->opts.checks;

    ready->run_since_ms = kpk_mono_ms();
    for (size_t i = 0; check[i].name; i++) {
        struct kpk_err err = {.verdict = KPK_OK};

        ready->running = i;
        ready->check_since_ms = kpk_mono_ms();
        pthread_mutex_unlock(&ready->lock);
        if (check[i].check(http->opts.ctx, &err) == 0) err.verdict = KPK_OK;
        pthread_mutex_lock(&ready->lock);
        ready->results[i] = err;
    }
    ready->run_since_ms = 0;
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

/* Answer a list that was taken out of 'waiting', outside the lock. */
static void answer_all(struct kpk_request *list, int status, const char *body) {
    while (list) {
        struct kpk_request *request = list;

        list = request->next;
        fill(&request->response, status, body);
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
        run_checks(http);

        char *body, *old = ready->body;
        int status = describe(http, &body);
        if (status != ready->status)
            kpk_log("http_ready", "ready=%s result=%s", status == 200 ? "yes" : "no",
                    kpk_quote(&quoted, body ? body : ""));
        ready->body = body;
        ready->status = status;
        ready->checked_ms = kpk_mono_ms();
        struct kpk_request *list = take_waiting(ready);
        pthread_mutex_unlock(&ready->lock);
        answer_all(list, status, body); /* only this thread replaces 'body' */
        free(old);
        pthread_mutex_lock(&ready->lock);
    }
    pthread_mutex_unlock(&ready->lock);
    return NULL;
}

/* With the lock held. */
static bool hangs(const struct http_ready *ready, int64_t now_ms) {
    return ready->run_since_ms && now_ms - ready->run_since_ms > HTTP_READY_LIMIT_MS;
}

static void fill_hung(struct kpk_request *request) {
    char *body;
    int status = describe(request->http, &body);

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
    if (!ready->started) {
        fill(&request->response, 200, NULL);
        return true;
    }
    pthread_mutex_lock(&ready->lock);
    if (ready->stop) {
        fill_draining(&request->response);
    } else if (hangs(ready, now_ms)) {
        fill_hung(request);
    } else if (!ready->run_since_ms && ready->checked_ms &&
               now_ms - ready->checked_ms < HTTP_READY_CACHE_MS) {
        fill(&request->response, ready->status, ready->body);
    } else {
        kpk_http_suspend(request);
        request->next = ready->waiting;
        ready->waiting = request;
        ready->wanted = ready->run_since_ms == 0;
        pthread_cond_signal(&ready->wake);
        answered = false;
    }
    pthread_mutex_unlock(&ready->lock);
    return answered;
}

void kpk_http_ready_tick(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;
    struct kpk_request *list = NULL;
    char *body = NULL;
    int status = 0;

    if (!ready->started) return;
    pthread_mutex_lock(&ready->lock);
    if (ready->waiting && hangs(ready, kpk_mono_ms())) {
        list = take_waiting(ready);
        status = describe(http, &body);
    }
    pthread_mutex_unlock(&ready->lock);
    answer_all(list, status, body);
    free(body);
}

static int open_results(struct kpk_http *http, struct kpk_err *err) {
    struct http_ready *ready = &http->ready;
    size_t count = 0;

    while (http->opts.checks[count].name) count++;
    ready->results = calloc(count, sizeof(*ready->results));
    if (!ready->results) return kpk_fail(err, KPK_FATAL, "out of memory");
    for (size_t i = 0; i < count; i++) kpk_fail(&ready->results[i], KPK_WAIT, "not asked yet");
    return 0;
}

int kpk_http_ready_open(struct kpk_http *http, struct kpk_err *err) {
    struct http_ready *ready = &http->ready;

    if (!http->opts.checks || !http->opts.checks->name) return 0;
    if (open_results(http, err)) return -1;
    pthread_mutex_init(&ready->lock, NULL);
    pthread_cond_init(&ready->wake, NULL);
    if (pthread_create(&ready->thread, NULL, ready_main, http))
        return kpk_fail(err, KPK_FATAL, "http: no thread for /readyz");
    ready->started = true;
    return 0;
}

void kpk_http_ready_close(struct kpk_http *http) {
    struct http_ready *ready = &http->ready;

    if (ready->started) {
        pthread_mutex_lock(&ready->lock);
        ready->stop = true;
        pthread_cond_signal(&ready->wake);
        pthread_mutex_unlock(&ready->lock);
        pthread_join(ready->thread, NULL);
        for (struct kpk_request *list = take_waiting(ready), *next; list; list = next) {
            next = list->next;
            fill_draining(&list->response);
            kpk_http_resume(list);
        }
    }
    free(ready->body);
    free(ready->results);
}
