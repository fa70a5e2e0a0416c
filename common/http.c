/* The server: libmicrohttpd's callbacks on the socket threads, a bounded queue, the workers.
 *
 *   on_target -> on_request (header) -> on_request (body)... -> on_request (its end): dispatch
 *     -> suspend, queue -> worker: handler -> resume -> on_request: send -> on_completed
 *
 * "In hand" is a request from its dispatch until its answer is sent: kpk_http_close() waits for
 * these, and only for these, so a client that dawdles with its body holds nobody up. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SOCKET_THREADS = 2,
    /* A connection's header fields, both ways: HTTP_HEADER_BYTES, for each of HTTP_FIELDS less than
     * 100 bytes more, and the head of the answer. Without room for that, libmicrohttpd hangs up on
     * a request that was carried out. */
    CONNECTION_BYTES = 32 << 10,
    ACCEPT_SLACK = 64, /* libmicrohttpd's limit lies above ours, which can wait */
    CLOSE_SEND_S = 2,
};

static struct kpk_metric active = {.name = "http_server_active_requests",
                                   .help = "Requests that are complete and not answered yet",
                                   .type = KPK_GAUGE};

/* ---- in hand ---- */

static void count_in(struct kpk_request *request) {
    if (request->counted) return;
    request->counted = true;
    kpk_metric_add(&active, 1);
    pthread_mutex_lock(&request->http->lock);
    request->http->in_hand++;
    pthread_mutex_unlock(&request->http->lock);
}

static void count_out(struct kpk_request *request) {
    struct kpk_http *http = request->http;

    if (!request->counted) return;
    kpk_metric_add(&active, -1);
    pthread_mutex_lock(&http->lock);
    if (--http->in_hand == 0) pthread_cond_signal(&http->idle);
    pthread_mutex_unlock(&http->lock);
}

/* returns  how many are still in hand after at most 'seconds' */
static int wait_until_idle(struct kpk_http *http, int seconds) {
    struct timespec until;
    int in_hand, code = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&http->lock);
    while (http->in_hand > 0 && code == 0)
        code = pthread_cond_clockwait(&http->idle, &http->lock, CLOCK_MONOTONIC, &until);
    in_hand = http->in_hand;
    pthread_mutex_unlock(&http->lock);
    return in_hand;
}

void kpk_http_suspend(struct kpk_request *request) {
    request->stage = STAGE_IN_HAND;
    request->next = NULL;
    MHD_suspend_connection(request->connection);
}

void kpk_http_resume(struct kpk_request *request) {
    request->stage = STAGE_ANSWER;
    MHD_resume_connection(request->connection);
}

/* ---- the queue and its workers ---- */

/* returns  0, or -1 when the queue is full */
static int enqueue(struct kpk_request *request) {
    struct kpk_http *http = request->http;
    int rc = -1;

    pthread_mutex_lock(&http->lock);
    if (http->queued < http->opts.queue && !http->stop) {
        kpk_http_suspend(request); /* before a worker can resume it */
        request->queued_ms = kpk_mono_ms();
        if (http->last)
            http->last->next = request;
        else
            http->first = request;
        http->last = request;
        http->queued++;
        pthread_cond_signal(&http->work);
        rc = 0;
    }
    pthread_mutex_unlock(&http->lock);
    return rc;
}

/* With the lock held. returns  NULL: the queue is empty */
static struct kpk_request *take_first(struct kpk_http *http) {
    struct kpk_request *request = http->first;

    if (!request) return NULL;
    http->first = request->next;
    if (!http->first) http->last = NULL;
    http->queued--;
    return request;
}

/* The next request, or NULL when there is none and (waiting for one) the server stops. */
static struct kpk_request *dequeue(struct kpk_http *http, bool wait) {
    struct kpk_request *request;

    pthread_mutex_lock(&http->lock);
    while (wait && !http->first && !http->stop) pthread_cond_wait(&http->work, &http->lock);
    request = take_first(http);
    pthread_mutex_unlock(&http->lock);
    return request;
}

/* The next request that has waited for too long, or NULL. */
static struct kpk_request *dequeue_late(struct kpk_http *http) {
    struct kpk_request *request = NULL;
    int64_t before_ms = kpk_mono_ms() - http->opts.queue_wait_ms;

    pthread_mutex_lock(&http->lock);
    if (http->first && http->first->queued_ms < before_ms) request = take_first(http);
    pthread_mutex_unlock(&http->lock);
    return request;
}

/* All workers wait, for a dependency that hangs perhaps. Whoever stands behind them is told, in a
 * time that does not grow with the length of the queue. */
void kpk_http_queue_tick(struct kpk_http *http) {
    struct kpk_request *request;

    while ((request = dequeue_late(http))) {
        kpk_http_problem(&request->response, 503, NULL, "no worker was free for %d ms",
                         http->opts.queue_wait_ms);
        kpk_http_resume(request);
    }
}

static void *worker_main(void *arg) {
    struct http_worker *worker = arg;
    struct kpk_request *request;

    while ((request = dequeue(worker->http, true))) {
        const struct http_route *route = request->route;

        request->worker = worker->index;
        route->row.handler(request, &request->response, route->ctx);
        kpk_http_resume(request);
    }
    return NULL;
}

/* ---- libmicrohttpd's callbacks ---- */

/* The request line is there. What is returned comes back as '*req_cls'. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection) {
    struct kpk_request *request = kpk_http_request_new(cls, connection, target);

    if (request) kpk_http_deadline_set(request);
    return request;
}

static enum MHD_Result send_answer(struct kpk_request *request) {
    count_in(request);
    return kpk_http_send(request);
}

static enum MHD_Result on_header(struct kpk_request *request, const char *method,
                                 const char *version) {
    int refused = kpk_http_request_check(request, version) || kpk_http_route(request, method) ||
                  kpk_http_body_check(request);

    /* An answer at this point makes libmicrohttpd close the connection: right when a body comes
     * that nobody wants to read, a waste when there is none. */
    if (refused && request->has_body) return send_answer(request);
    request->stage = refused ? STAGE_ANSWER : STAGE_BODY;
    return MHD_YES;
}

/* The request is complete. */
static enum MHD_Result dispatch(struct kpk_request *request) {
    struct http_route *route = request->route;

    if (!kpk_http_deadline_clear(request)) return MHD_NO;
    count_in(request);
    request->stage = STAGE_ANSWER;
    if (request->response.status != 0) return send_answer(request); /* its body was too long */
    if (request->is_form && kpk_http_form_parse(request)) return send_answer(request);
    switch (route->place) {
    case ROUTE_INLINE:
        route->row.handler(request, &request->response, route->ctx);
        break;
    case ROUTE_READYZ:
        if (!kpk_http_ready_ask(request)) return MHD_YES;
        break;
    case ROUTE_WORKER:
        if (request->http->closing)
            kpk_http_problem(&request->response, 503, NULL, "shutting down");
        else if (enqueue(request) == 0)
            return MHD_YES;
        else
            kpk_http_problem(&request->response, 503, NULL, "too many requests are waiting");
    }
    return send_answer(request);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **req_cls) {
    struct kpk_request *request = *req_cls;

    (void)cls, (void)connection, (void)url;
    if (!request) return MHD_NO; /* out of memory */
    switch (request->stage) {
    case STAGE_HEADER:
        return on_header(request, method, version);
    case STAGE_BODY:
        if (*data_len == 0) return dispatch(request);
        if (kpk_http_body_add(request, data, *data_len)) return MHD_NO;
        *data_len = 0;
        return MHD_YES;
    case STAGE_ANSWER:
        return send_answer(request);
    case STAGE_IN_HAND:
        break;
    }
    return MHD_YES;
}

/* Sent, or the client is gone. */
static void on_completed(void *cls, struct MHD_Connection *connection, void **req_cls,
                         enum MHD_RequestTerminationCode why) {
    struct kpk_request *request = *req_cls;

    (void)cls, (void)connection, (void)why;
    if (!request) return;
    *req_cls = NULL;
    kpk_http_deadline_set(request);
    count_out(request);
    kpk_http_request_free(request);
}

static void on_log(void *cls, const char *fmt, va_list args) {
    struct kpk_quoted quoted;
    char text[256];

    (void)cls;
    vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    kpk_debug("http_library", "text=%s", kpk_quote(&quoted, text));
}

/* ---- open and close ---- */

/* No limit per address: every client here is 127.0.0.1. */
static int start_daemon(struct kpk_http *http, struct kpk_err *err) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;

    /* clang-format off */
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, /* the first option must be the logger */
        MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)SOCKET_THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)http->opts.connections + ACCEPT_SLACK,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, kpk_http_connection_changed, http,
        MHD_OPTION_END);
    /* clang-format on */
    if (!http->daemon) return kpk_fail(err, KPK_FATAL, "libmicrohttpd does not start: %m");
    return 0;
}

static int start_workers(struct kpk_http *http, struct kpk_err *err) {
    http->workers = calloc((size_t)http->opts.workers, sizeof(struct http_worker));
    if (!http->workers) return kpk_fail(err, KPK_FATAL, "out of memory");
    for (int i = 0; i < http->opts.workers; i++) {
        struct http_worker *worker = &http->workers[i];

        worker->http = http;
        worker->index = i;
        if (pthread_create(&worker->thread, NULL, worker_main, worker))
            return kpk_fail(err, KPK_FATAL, "http: no thread for worker %d", i);
        http->workers_started++;
    }
    return 0;
}

static void stop_workers(struct kpk_http *http) {
    pthread_mutex_lock(&http->lock);
    http->stop = true;
    pthread_cond_broadcast(&http->work);
    pthread_mutex_unlock(&http->lock);
    for (int i = 0; i < http->workers_started; i++) pthread_join(http->workers[i].thread, NULL);
    free(http->workers);
}

static void set_defaults(struct kpk_http_opts *opts) {
    if (opts->workers <= 0) opts->workers = 2;
    if (opts->queue <= 0) opts->queue = 256;
    if (opts->queue_wait_ms <= 0) opts->queue_wait_ms = 1000;
    if (opts->connections <= 0) opts->connections = 4096;
    if (opts->idle_timeout_s <= 0) opts->idle_timeout_s = 30;
    if (opts->close_timeout_s <= 0) opts->close_timeout_s = 5;
}

int kpk_http_open(struct kpk_http **out, const struct kpk_http_opts *opts,
                  struct kpk_err *err) {
    struct kpk_http *http = calloc(1, sizeof(*http));

    *out = NULL;
    if (!http) return kpk_fail(err, KPK_FATAL, "out of memory");
    http->opts = *opts;
    set_defaults(&http->opts);
    http->listen_fd = http->wake_fd = -1;
    http->unmatched.row = (struct kpk_route){.method = "_OTHER", .path = ""};
    pthread_mutex_init(&http->lock, NULL);
    pthread_mutex_init(&http->connections_lock, NULL);
    pthread_cond_init(&http->work, NULL);
    pthread_cond_init(&http->idle, NULL);
    pthread_cond_init(&http->connection_closed, NULL);
    if (kpk_http_openapi_check(opts, err) || kpk_http_routes_open(http, err) ||
        kpk_http_listen(http, err) || start_daemon(http, err) || start_workers(http, err) ||
        kpk_http_ready_open(http, err) || kpk_http_accept_start(http, err)) {
        kpk_http_close(http);
        return -1;
    }
    *out = http;
    return 0;
}

void kpk_http_drain(struct kpk_http *http) {
    if (http) http->draining = true;
}

void kpk_http_close(struct kpk_http *http) {
    struct kpk_request *request;

    if (!http) return;
    http->draining = http->closing = true;
    kpk_http_accept_stop(http);
    if (wait_until_idle(http, http->opts.close_timeout_s) > 0)
        while ((request = dequeue(http, false))) {
            kpk_http_problem(&request->response, 503, NULL, "shutting down");
            kpk_http_resume(request);
        }
    stop_workers(http);
    kpk_http_ready_close(http);
    /* What the workers finished last is on its way; nothing is suspended any more. */
    int cut = wait_until_idle(http, CLOSE_SEND_S);
    if (cut > 0) kpk_warn("http_close", "cut=%d", cut);
    kpk_http_hang_up(http);
    if (http->daemon) MHD_stop_daemon(http->daemon);
    kpk_http_routes_close(http);
    pthread_mutex_destroy(&http->lock);
    pthread_mutex_destroy(&http->connections_lock);
    pthread_cond_destroy(&http->work);
    pthread_cond_destroy(&http->idle);
    pthread_cond_destroy(&http->connection_closed);
    free(http);
}
