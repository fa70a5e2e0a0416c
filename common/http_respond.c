/* Filling a response, and sending it. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DETAIL_BYTES = 512 };

static struct kpk_metric duration = {.name = "http_server_request_duration_seconds",
                                     .help = "From the request line to the answer",
                                     .type = KPK_HISTOGRAM};

/* ---- filling ---- */

void kpk_http_response_clear(struct kpk_response *response) {
    if (!response->borrowed) free(response->body);
    for (size_t i = 0; i < response->header_count; i++) {
        free(response->headers[i].name);
        free(response->headers[i].value);
    }
    memset(response, 0, sizeof(*response));
}

/* Headers that were set before stay: only status and body are replaced. */
void kpk_http_response_set(struct kpk_response *response, int status, const char *type,
                           char *body, size_t len) {
    if (!response->borrowed) free(response->body);
    response->status = status;
    response->type = type;
    response->body = body;
    response->len = len;
    response->borrowed = false;
}

void kpk_http_set_header(struct kpk_response *response, const char *name, const char *value) {
    struct http_response_header *header = &response->headers[response->header_count];

    if (response->header_count == HTTP_HEADERS) {
        kpk_error("http_header", "name=%s reason=%s", name, "too-many");
        return;
    }
    header->name = strdup(name);
    header->value = strdup(value);
    response->header_count++;
}

/* Even when memory is short there is an answer: the status alone. */
static void set_json(struct kpk_response *response, int status, const char *type, cJSON *body) {
    char *text = body ? cJSON_PrintUnformatted(body) : NULL;

    cJSON_Delete(body);
    if (text)
        kpk_http_response_set(response, status, type, text, strlen(text));
    else
        kpk_http_response_set(response, status < 400 ? 500 : status, NULL, NULL, 0);
}

void kpk_http_json(struct kpk_response *response, int status, cJSON *body) {
    set_json(response, status, "application/json", body);
}

void kpk_http_json_text(struct kpk_response *response, int status, const char *text) {
    char *copy = strdup(text);

    if (copy)
        kpk_http_response_set(response, status, "application/json", copy, strlen(copy));
    else
        kpk_http_response_set(response, 500, NULL, NULL, 0);
}

void kpk_http_empty(struct kpk_response *response, int status) {
    kpk_http_response_set(response, status, NULL, NULL, 0);
}

cJSON *kpk_http_problem_object(int status, const char *field, const char *detail) {
    cJSON *problem = cJSON_CreateObject();

    cJSON_AddStringToObject(problem, "type", "about:blank");
    cJSON_AddStringToObject(problem, "title", MHD_get_reason_phrase_for((unsigned)status));
    cJSON_AddNumberToObject(problem, "status", status);
    cJSON_AddStringToObject(problem, "detail", detail);
    if (field) cJSON_AddStringToObject(problem, "field", field);
    return problem;
}

void kpk_http_problem_set(struct kpk_response *response, int status, cJSON *problem) {
    set_json(response, status, "application/problem+json", problem);
    if (status == 503 || status == 429)
        kpk_http_set_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

void kpk_http_problem(struct kpk_response *response, int status, const char *field,
                      const char *fmt, ...) {
    char detail[DETAIL_BYTES], blamed[DETAIL_BYTES / 4];
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    /* It may quote what the client sent, or be cut within a character. */
    kpk_utf8_repair(detail);
    snprintf(blamed, sizeof(blamed), "%s", field ? field : "");
    kpk_utf8_repair(blamed);
    kpk_http_problem_set(response, status,
                         kpk_http_problem_object(status, field ? blamed : NULL, detail));
}

/* "author_id: not a user id" blames author_id, as common/json.h words it, and "data.text: ..." a member of
 * a member; "not JSON" none. */
static const char *blamed_field(const char *msg, char *out, size_t out_bytes) {
    size_t len =
        strspn(msg, "._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    if (len == 0 || len >= out_bytes || strncmp(msg + len, ": ", 2) != 0) return "body";
    snprintf(out, out_bytes, "%.*s", (int)len, msg);
    return out;
}

void kpk_http_reject(struct kpk_response *response, int status, const struct kpk_err *err) {
    char field[64];

    kpk_http_problem(response, status, blamed_field(err->msg, field, sizeof(field)), "%s",
                     err->msg);
}

void kpk_http_fail(struct kpk_response *response, const struct kpk_err *err) {
    struct kpk_quoted quoted;

    if (err->verdict == KPK_REJECT) {
        kpk_http_reject(response, 422, err);
    } else if (err->verdict == KPK_WAIT || err->verdict == KPK_RETRY) {
        kpk_warn("http_unavailable", "reason=%s", kpk_quote(&quoted, err->msg));
        kpk_http_problem(response, 503, NULL, "a dependency does not answer; try again");
    } else {
        kpk_error("http_failed", "verdict=%s reason=%s", kpk_verdict_name(err->verdict),
                  kpk_quote(&quoted, err->msg));
        kpk_http_problem(response, 500, NULL, "the log of the server says why");
    }
}

/* ---- sending ---- */

/* A few series per route: all its answers of one class are counted together, and all requests
 * that fit no route in one place, whatever their paths are. */
static void observe(struct kpk_request *request) {
    struct http_route *route = request->route ? request->route : &request->http->unmatched;
    int class = request->response.status / 100;
    struct kpk_metric *metric = route->durations[class];
    char labels[sizeof(duration.labels)];

    if (!metric) {
        snprintf(labels, sizeof(labels),
                 "http_request_method=\"%s\",http_route=\"%s\",status_class=\"%dxx\"",
                 route->row.method, route->row.path, class);
        metric = kpk_metric_with(&duration, labels);
        route->durations[class] = metric;
    }
    kpk_metric_observe_us(metric, kpk_mono_us() - request->start_us);
}

static void add_header(struct MHD_Response *answer, const char *name, const char *value) {
    if (name && value && MHD_add_response_header(answer, name, value) == MHD_NO)
        kpk_error("http_header", "name=%s reason=%s", name, "refused");
}

enum MHD_Result kpk_http_send(struct kpk_request *request) {
    struct kpk_response *response = &request->response;
    struct MHD_Response *answer;
    enum MHD_Result rc;

    if (response->status < 200 || response->status > 599) {
        kpk_error("http_status", "status=%d", response->status);
        kpk_http_problem(response, 500, NULL, "the log of the server says why");
    }
    answer = MHD_create_response_from_buffer(response->len, response->body,
                                             response->borrowed ? MHD_RESPMEM_PERSISTENT
                                                                : MHD_RESPMEM_MUST_FREE);
    if (!answer) return MHD_NO;
    if (!response->borrowed) response->body = NULL; /* it is the answer's now */
    add_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response->type);
    for (size_t i = 0; i < response->header_count; i++)
        add_header(answer, response->headers[i].name, response->headers[i].value);
    if (request->http->closing) add_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
    observe(request);
    kpk_http_deadline_set(request);
    rc = MHD_queue_response(request->connection, (unsigned)response->status, answer);
    MHD_destroy_response(answer);
    return rc;
}
