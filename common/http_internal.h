/* What the files of the HTTP server share; nobody else includes it, but for a fuzzer.
 *
 *   http.c          open and close; libmicrohttpd's callbacks; the queue and its workers
 *   http_accept.c   the listening socket; connections and their deadlines
 *   http_request.c  is this request sound? its header fields and body, and their readers
 *   http_target.c   its path and query
 *   http_route.c    which row of the table answers it
 *   http_respond.c  the answer, on its way out
 *   http_ready.c    /readyz
 *
 * A request belongs to one thread at a time: to its socket thread while it is read, to the
 * queue, a worker or /readyz while its connection is suspended, to the socket thread again once
 * kpk_http_resume() was called. */
#ifndef KPK_COMMON_HTTP_INTERNAL_H
#define KPK_COMMON_HTTP_INTERNAL_H

#include "common/http.h"
#include "common/metrics.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_SEGMENTS = 16,          /* of a path */
    HTTP_QUERIES = 32,           /* fields of a query, and of a form */
    HTTP_HEADERS = 8,            /* of a response, beside those every response has */
    HTTP_HEADER_BYTES = 8 << 10, /* request line and header fields of a request */
    HTTP_FIELDS = 100,           /* of a request */
    HTTP_STATUS_CLASSES = 6,
    HTTP_DISCARD_BYTES = 1 << 20,
    HTTP_TICK_MS = 250,
    HTTP_READY_CACHE_MS = 300,
    HTTP_READY_LIMIT_MS = 1500, /* those who ask wait for two seconds */
};

struct http_response_header {
    char *name, *value;
};

struct kpk_response {
    int status;       /* 0: not filled yet */
    const char *type; /* content type; NULL: no body */
    char *body;       /* from the heap, unless 'borrowed' */
    size_t len;
    bool borrowed;
    struct http_response_header headers[HTTP_HEADERS];
    size_t header_count;
};

/* A row of the table, ready for matching. */
struct http_route {
    struct kpk_route row;
    enum { ROUTE_WORKER, ROUTE_INLINE, ROUTE_READYZ } place;
    void *ctx;      /* for the row's handler */
    char *segments; /* owns what the next array points into */
    const char *segment[HTTP_SEGMENTS];
    size_t segment_count;
    struct kpk_metric *_Atomic durations[HTTP_STATUS_CLASSES]; /* made at first use */
};

enum http_stage {
    STAGE_HEADER, /* the first call of libmicrohttpd: header fields are there, the body is not
                   */
    STAGE_BODY,
    STAGE_IN_HAND, /* suspended: a worker or /readyz has it */
    STAGE_ANSWER,  /* 'response' is filled, to be sent when it is complete or resumed */
};

struct http_field {
    const char *name, *value;
};

/* Names, each once, and their values. */
struct http_pairs {
    struct http_field field[HTTP_QUERIES];
    size_t count;
};

struct http_connection;

struct kpk_request {
    struct kpk_http *http;
    struct MHD_Connection *connection;
    struct http_connection *tracked; /* may be NULL */
    struct kpk_request *next;        /* in the queue or among those that wait for /readyz */
    int64_t start_us;
    int64_t queued_ms;
    enum http_stage stage;
    bool counted; /* in http->in_hand */
    bool has_body;
    bool is_form; /* it is declared as one */
    char *target; /* as sent, then decoded in place; the fields below point into it */
    const char *segment[HTTP_SEGMENTS + 1];
    size_t segment_count;
    struct http_pairs query, form; /* 'form' points into the body */
    struct http_route *route;      /* NULL: none matched */
    char *body;
    size_t body_len, body_room, discarded;
    int worker;
    struct kpk_response response;
};

struct http_check {
    struct kpk_http *http;
    const struct kpk_http_check *row;
    pthread_t thread;
    bool wanted;           /* its thread is to ask */
    int64_t since_ms;      /* it asks since then; 0: it does not */
    int64_t checked_ms;    /* when it was answered last; 0: never */
    struct kpk_err result; /* then */
};

struct http_ready {
    size_t count; /* of those whose thread runs */
    struct http_check *checks;
    pthread_mutex_t lock; /* of all that is in the checks, and of what follows */
    pthread_cond_t wake;
    bool stop;
    size_t asked; /* checks that are wanted or asked now */
    int status;   /* that the log knows of */
    struct kpk_request *waiting;
};

struct http_worker {
    struct kpk_http *http;
    pthread_t thread;
    int index;
};

struct kpk_http {
    struct kpk_http_opts opts; /* with the defaults filled in */
    struct MHD_Daemon *daemon;
    struct http_route *routes;
    size_t route_count;
    struct http_route unmatched; /* the metrics of requests that no row answers */
    atomic_bool draining, closing;

    /* http_accept.c */
    int listen_fd, wake_fd; /* -1: none */
    pthread_t acceptor;
    bool acceptor_started;
    pthread_mutex_t connections_lock;
    struct http_connection *connections;
    pthread_cond_t connection_closed;
    atomic_int connection_count;
    atomic_ullong accepted, closed; /* connections, ever */

    /* http.c */
    pthread_mutex_t lock; /* of the queue and 'in_hand' */
    pthread_cond_t work, idle;
    struct kpk_request *first, *last;
    int queued, in_hand;
    bool stop;
    struct http_worker *workers;
    int workers_started;

    struct http_ready ready;
};

/* http.c: the socket thread hands 'request' over; libmicrohttpd leaves its connection alone. */
void kpk_http_suspend(struct kpk_request *request);
/* The response is filled: the request is the socket thread's again, not to be touched any more.
 */
void kpk_http_resume(struct kpk_request *request);
void kpk_http_queue_tick(struct kpk_http *http); /* every HTTP_TICK_MS */

/* http_accept.c */
int kpk_http_listen(struct kpk_http *http, struct kpk_err *err) KPK_MUST_CHECK;
int kpk_http_accept_start(struct kpk_http *http, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_http_accept_stop(struct kpk_http *http); /* refuses connections from here on */
void kpk_http_hang_up(struct kpk_http *http);     /* closes those there are */
/* MHD_OPTION_NOTIFY_CONNECTION */
void kpk_http_connection_changed(void *cls, struct MHD_Connection *connection,
                                 void **socket_context,
                                 enum MHD_ConnectionNotificationCode code);
/* Close the connection unless it gets to its next step within the idle time-out... */
void kpk_http_deadline_set(struct kpk_request *request);
/* ... or not at all: the request is complete, and now the server is the one who takes time.
 * returns  false: it is cut already. What the kernel had received before can still be read, but the
 *          answer would reach nobody: the request must not be carried out */
bool kpk_http_deadline_clear(struct kpk_request *request) KPK_MUST_CHECK;

/* http_request.c: each returns 0, or -1 with the response filled. */
struct kpk_request *kpk_http_request_new(struct kpk_http *http,
                                         struct MHD_Connection *connection, const char *target);
void kpk_http_request_free(struct kpk_request *request);
/* version  "HTTP/1.1" */
int kpk_http_request_check(struct kpk_request *request, const char *version) KPK_MUST_CHECK;
int kpk_http_body_check(struct kpk_request *request) KPK_MUST_CHECK;
/* returns  0, or -1 when the connection must be cut */
int kpk_http_body_add(struct kpk_request *request, const char *data, size_t len) KPK_MUST_CHECK;
/* Fill the response with a problem. returns -1 */
int kpk_http_refuse(struct kpk_request *request, int status, const char *field,
                    const char *why);

/* http_target.c: each returns 0, or -1 with the response filled. */
/* Take request->target apart. */
int kpk_http_target_parse(struct kpk_request *request) KPK_MUST_CHECK;
/* The same for a body that is a form; it is complete. */
int kpk_http_form_parse(struct kpk_request *request) KPK_MUST_CHECK;
/* returns  NULL: there is none of that name */
const char *kpk_http_pair(const struct http_pairs *pairs, const char *name);

/* http_route.c */
/* Do 'openapi' and 'routes' name the same paths and methods? FATAL names the first that
 * differs. */
int kpk_http_openapi_check(const struct kpk_http_opts *opts,
                           struct kpk_err *err) KPK_MUST_CHECK;

int kpk_http_routes_open(struct kpk_http *http, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_http_routes_close(struct kpk_http *http);
/* returns  0 with request->route, or -1 with the response filled: 404, 405 */
int kpk_http_route(struct kpk_request *request, const char *method) KPK_MUST_CHECK;

/* http_respond.c */
enum MHD_Result kpk_http_send(struct kpk_request *request);
void kpk_http_response_clear(struct kpk_response *response);
void kpk_http_response_set(struct kpk_response *response, int status, const char *type,
                           char *body, size_t len);
/* A problem's object, to be extended and then given to kpk_http_problem_set(). May be NULL. */
cJSON *kpk_http_problem_object(int status, const char *field, const char *detail);
void kpk_http_problem_set(struct kpk_response *response, int status, cJSON *problem);

/* http_ready.c */
int kpk_http_ready_open(struct kpk_http *http, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_http_ready_close(struct kpk_http *http);
/* Answer 'request' now (the response is filled, true) or later (its connection is suspended).
 */
bool kpk_http_ready_ask(struct kpk_request *request);
void kpk_http_ready_tick(struct kpk_http *http); /* every HTTP_TICK_MS */

#endif
