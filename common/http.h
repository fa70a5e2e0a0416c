/* An HTTP server from a table of routes, over libmicrohttpd.
 *
 *   sockets --(2 epoll threads: read, limit, route)--> queue --('workers' threads)--> handler
 *
 * A handler may block (on PostgreSQL, say): it runs in a worker, so a slow handler or a
 * thousand idle connections never stop the sockets. The queue has a limit, and so has the wait in
 * it; past them the answer is 503 with Retry-After.
 *
 * Every server also answers, without a worker:
 *   GET /livez         200 while the process runs; asks nobody
 *   GET /readyz        200, or 503 naming what is missing: a check that fails, or draining
 *   GET /metrics       Prometheus text
 *   GET /openapi.json  the document given, if there is one
 *
 * What a handler sees was checked: path, query and header fields are UTF-8 without NUL, a body
 * is within the route's limit and declared as application/json (which a page of another origin
 * cannot send without asking first), or as a form where 'forms' allows it. Every error is
 * application/problem+json (RFC 9457): type, title, status, detail, and 'field' when an input is to
 * blame: a member of the body, a query field, a header field; else "path", "method" or "body". Only
 * what is no HTTP at all is answered by libmicrohttpd, in HTML, as it asks nobody before: a broken
 * request line, a header line without ':', 32 KB of them, a Content-Length that is no number, broken
 * chunks. (Three things it hides, so no proxy in front may let them through: it cuts a target and a
 * header line at a NUL byte, takes a folded header line for more of the name, and a line that begins
 * with ':' for the last.)
 *
 * Under abuse (tests/integration/test_http_abuse.c):
 *   connections  4,096 at once ('connections'); the next wait until one of these ends. Each has 30 s
 *                ('idle_timeout_s') as a whole for each step: to send a request, to take an answer, to
 *                come back; a byte now and then does not help. One that is half-closed in the middle
 *                of a request is kept as long, and may be closed before it is answered
 *   memory       a connection: 32 KB, while it sends a request its body (the route's limit), while it
 *                takes an answer that answer. 100 header fields, past that 431; with hundreds
 *                libmicrohttpd's 32 KB are full and it hangs up. Nothing was carried out then
 *   requests     one at a time for each connection, so a pipeline is no more in flight than one;
 *                'queue' + 'workers' at once, past that 503 with Retry-After, at once
 *   framing      two Content-Length, or one and Transfer-Encoding: 400, and the connection ends */
#ifndef KPK_COMMON_HTTP_H
#define KPK_COMMON_HTTP_H

#include "common/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct kpk_http;
struct kpk_request;  /* opaque: read it with the functions below */
struct kpk_response; /* opaque: fill it with kpk_http_json() or kpk_http_problem() */

/* Answers one request; runs in a worker. Fill 'response' once; nothing filled is a 500. It must
 * return: kpk_http_close() waits for it, so give statements and commands a time limit.
 * ctx  what the server was opened with */
typedef void (*kpk_http_handler)(struct kpk_request *request, struct kpk_response *response,
                                 void *ctx);

struct kpk_route {
    const char *method; /* "GET", which answers HEAD too; NULL ends the table */
    const char *path;   /* "/v1/users/{id}/following/{other}"; no trailing slash; the first row
                             * that fits a request is taken: "/users/me" before "/users/{id}" */
    kpk_http_handler handler;
    size_t max_body_bytes; /* 0: a body is refused */
};

/* One dependency, as /readyz sees it. Each check has a thread of its own, which runs it only when
 * /readyz is asked and at most every 300 ms. One that takes longer than 1.5 s is named as missing.
 * returns  0 when it is there; -1 with 'err', whose text /readyz shows */
struct kpk_http_check {
    const char *name; /* "postgresql"; NULL ends the table */
    int (*check)(void *ctx, struct kpk_err *err);
};

struct kpk_http_opts {
    int port;                       /* on 127.0.0.1 */
    const struct kpk_route *routes; /* may be NULL: a worker process has only the four above */
    const struct kpk_http_check *checks; /* may be NULL */
    void *ctx;                           /* for handlers and checks */
    const char *openapi; /* may be NULL; its paths and methods must be those of 'routes' */
    size_t openapi_bytes;
    bool forms;  /* a body may also be application/x-www-form-urlencoded, which a page of any
                 * origin can send without asking first: only for a server that changes nothing
                 * of worth; see kpk_http_form() */
    int workers; /* threads that run handlers; 0: 2 */
    int queue;   /* requests that may wait for one; 0: 256 */
    int queue_wait_ms;   /* how long each may; 0: 1000 */
    int connections;     /* at once; 0: 4096 */
    int idle_timeout_s;  /* 0: 30; each for: between requests, sending one, taking the answer */
    int close_timeout_s; /* 0: 5; see kpk_http_close() */
};

/* Start serving. returns 0, or -1 with 'err' (FATAL: a taken port is named). */
int kpk_http_open(struct kpk_http **http, const struct kpk_http_opts *opts,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* From here on /readyz answers 503 "draining", so that a load balancer looks elsewhere.
 * NULL is fine. */
void kpk_http_drain(struct kpk_http *http);

/* Refuse new connections, finish the requests in hand (after 'close_timeout_s' those still
 * queued get a 503), end the threads. 'ctx' may be freed when this returns. NULL is fine. */
void kpk_http_close(struct kpk_http *http);

/* The request. All strings are borrowed and live until the handler returns.
 * method   of the route: "GET" for a HEAD
 * segment  of the path, decoded; NULL: past the end
 * param    {name} of the route's path; never NULL
 * query    NULL: absent
 * header   NULL: absent
 * form     a field of a body that is a form ('forms'), decoded, at most 32 of them; NULL: absent, or
 *          the body is none
 * body     NUL-terminated too; nothing of use when it is a form
 * worker   0..workers-1: index of a per-worker connection */
const char *kpk_http_method(const struct kpk_request *request);
const char *kpk_http_segment(const struct kpk_request *request, size_t i);
const char *kpk_http_param(const struct kpk_request *request, const char *name);
const char *kpk_http_query(const struct kpk_request *request, const char *name);
const char *kpk_http_header(const struct kpk_request *request, const char *name);
const char *kpk_http_form(const struct kpk_request *request, const char *name);
const char *kpk_http_body(const struct kpk_request *request, size_t *len);
int kpk_http_worker(const struct kpk_request *request);

/* The response. 'body' is taken over. */
void kpk_http_json(struct kpk_response *response, int status, cJSON *body);
/* The bytes of a JSON document kept from an earlier answer; copied. */
void kpk_http_json_text(struct kpk_response *response, int status, const char *text);
void kpk_http_empty(struct kpk_response *response, int status);
/* field  the input to blame ("text", "Idempotency-Key"), or NULL
 * 503 and 429 get 'Retry-After: 1'. */
void kpk_http_problem(struct kpk_response *response, int status, const char *field,
                      const char *fmt, ...) KPK_PRINTF(4, 5);
/* 'err' as a problem: REJECT 422 with its text, blaming the field that it begins with ("text:
 * ..."), or else the body; WAIT and RETRY 503 and the rest 500, whose text is logged and stays
 * inside. */
void kpk_http_fail(struct kpk_response *response, const struct kpk_err *err);
/* The same for a REJECT that means another status: "id: no user 7" is a 404. */
void kpk_http_reject(struct kpk_response *response, int status, const struct kpk_err *err);
/* The query parameter 'name' as a number from 1 to 'max' (below 10000), digits and nothing else.
 * number   as it was when the parameter is absent
 * returns  0, or -1: 'response' is the problem that says so */
int kpk_http_query_number(const struct kpk_request *request, struct kpk_response *response,
                          const char *name, int max, int *number) KPK_MUST_CHECK;
/* A header field more, at most 8. 'name' and 'value' are copied. */
void kpk_http_set_header(struct kpk_response *response, const char *name, const char *value);

#endif
