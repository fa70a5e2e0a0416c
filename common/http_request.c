/* A request's header fields and body, refused when two readers could understand them
 * differently: a name that is none, a field that must be one and came twice, two lengths. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BODY_BYTES = 4096 };

struct kpk_request *kpk_http_request_new(struct kpk_http *http,
                                         struct MHD_Connection *connection,
                                         const char *target) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct kpk_request *request = calloc(1, sizeof(*request));

    if (!request) return NULL;
    request->http = http;
    request->connection = connection;
    request->tracked = info ? info->socket_context : NULL;
    request->start_us = kpk_mono_us();
    request->target = strdup(target);
    if (request->target) return request;
    free(request);
    return NULL;
}

void kpk_http_request_free(struct kpk_request *request) {
    kpk_http_response_clear(&request->response);
    free(request->target);
    free(request->body);
    free(request);
}

int kpk_http_refuse(struct kpk_request *request, int status, const char *field,
                    const char *why) {
    kpk_http_problem(&request->response, status, field, "%s", why);
    return -1;
}

/* ---- the header fields ---- */

static const char *const once[] = {MHD_HTTP_HEADER_HOST, MHD_HTTP_HEADER_CONTENT_LENGTH,
                                   MHD_HTTP_HEADER_TRANSFER_ENCODING,
                                   MHD_HTTP_HEADER_CONTENT_TYPE, "Idempotency-Key"};

enum { ONCE = sizeof(once) / sizeof(once[0]) };

struct field_check {
    struct kpk_request *request;
    int seen[ONCE];
    int count;
    const char *largest; /* the name of the field that takes most room */
    size_t largest_bytes;
    int rc;
};

/* RFC 9110, 5.1: a token. "Content-Length : 5" has none, and is a length to some readers. */
static bool is_token(const char *name) {
    return *name && name[strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static const char *wrong_with(const char *name, size_t name_len, const char *value,
                              size_t value_len) {
    if (!is_token(name)) return "not the name of a header field";
    if (strlen(name) != name_len || strlen(value) != value_len)
        return "a NUL byte in a header field";
    if (!kpk_utf8_valid(value, value_len, NULL)) return "a header field that is not UTF-8";
    for (; *value; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return "a control character in a header field";
    return NULL;
}

static enum MHD_Result check_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len) {
    struct field_check *check = cls;
    const char *why = wrong_with(name, name_len, value ? value : "", value_len);

    (void)kind;
    check->count++;
    if (why) check->rc = kpk_http_refuse(check->request, 400, *name ? name : "header", why);
    for (size_t i = 0; i < ONCE && check->rc == 0; i++)
        if (strcasecmp(name, once[i]) == 0 && ++check->seen[i] > 1)
            check->rc =
                kpk_http_refuse(check->request, 400, once[i], "a header field given twice");
    if (name_len + value_len > check->largest_bytes) {
        check->largest = name;
        check->largest_bytes = name_len + value_len;
    }
    return check->rc == 0 ? MHD_YES : MHD_NO;
}

/* RFC 6585, 5: the answer says which field is too large. */
static int check_size(struct kpk_request *request, const struct field_check *check) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    if (!info || info->header_size <= HTTP_HEADER_BYTES) return 0;
    if (strlen(request->target) > check->largest_bytes)
        kpk_http_problem(&request->response, 414, "path",
                         "it and the header fields are %zu bytes, at most %d",
                         info->header_size, HTTP_HEADER_BYTES);
    else
        kpk_http_problem(&request->response, 431, check->largest,
                         "the header fields are %zu bytes, at most %d; this is the largest",
                         info->header_size, HTTP_HEADER_BYTES);
    return -1;
}

static int check_fields(struct kpk_request *request, const char *version) {
    struct field_check check = {.request = request};
    const char *length, *coding;

    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, check_field, &check);
    if (check.rc || check_size(request, &check)) return -1;
    if (check.count > HTTP_FIELDS) {
        kpk_http_problem(&request->response, 431, "header", "%d header fields, at most %d",
                         check.count, HTTP_FIELDS);
        return -1;
    }
    if (!kpk_http_header(request, MHD_HTTP_HEADER_HOST) &&
        strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
        return kpk_http_refuse(request, 400, MHD_HTTP_HEADER_HOST, "missing");
    length = kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    coding = kpk_http_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    /* RFC 9112, 6.1: both together, or a coding that a proxy of HTTP/1.0 does not know, are how
     * requests are smuggled past it. */
    if (length && coding)
        return kpk_http_refuse(request, 400, MHD_HTTP_HEADER_TRANSFER_ENCODING,
                               "together with Content-Length");
    if (coding && strcmp(version, MHD_HTTP_VERSION_1_0) == 0)
        return kpk_http_refuse(request, 400, MHD_HTTP_HEADER_TRANSFER_ENCODING,
                               "HTTP/1.0 does not have it");
    if (coding && strcasecmp(coding, "chunked") != 0)
        return kpk_http_refuse(request, 501, MHD_HTTP_HEADER_TRANSFER_ENCODING,
                               "only chunked is understood");
    request->has_body = coding || (length && strspn(length, "0") != strlen(length));
    return 0;
}

int kpk_http_request_check(struct kpk_request *request, const char *version) {
    /* First the fields: they tell whether a body follows, even for a target that is refused. */
    if (check_fields(request, version)) {
        /* Nobody knows where this request ends: as if a body came, close after the answer. */
        request->has_body = true;
        return -1;
    }
    return kpk_http_target_parse(request);
}

/* ---- the body ---- */

static int too_large(struct kpk_request *request) {
    kpk_http_problem(&request->response, 413, "body", "longer than %zu bytes",
                     request->route->row.max_body_bytes);
    return -1;
}

static bool is_form_type(const char *content_type) {
    static const char form[] = "application/x-www-form-urlencoded";
    size_t len = sizeof(form) - 1;

    return content_type && strncasecmp(content_type, form, len) == 0 &&
           (content_type[len] == '\0' || strchr("; \t", content_type[len]));
}

int kpk_http_body_check(struct kpk_request *request) {
    const char *length = kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t max_bytes = request->route->row.max_body_bytes;

    if (!request->has_body) return 0;
    if (max_bytes == 0) return kpk_http_refuse(request, 400, "body", "none is taken here");
    request->is_form = request->http->opts.forms &&
                       is_form_type(kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_TYPE));
    if (!request->is_form &&
        !kpk_json_type(kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return kpk_http_refuse(request, 415, MHD_HTTP_HEADER_CONTENT_TYPE,
                               "must be application/json");
    /* libmicrohttpd made sure that it is a number, and fits. */
    return length && strtoull(length, NULL, 10) > max_bytes ? too_large(request) : 0;
}

/* Room for 'len' bytes more and a NUL. returns 0 or -1 */
static int make_room(struct kpk_request *request, size_t len) {
    const char *length = kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t needed = request->body_len + len + 1, room = request->body_room;
    char *body;

    if (needed <= room) return 0;
    room = length ? strtoull(length, NULL, 10) + 1 : room ? room * 2 : FIRST_BODY_BYTES;
    if (room < needed) room = needed;
    if (!(body = realloc(request->body, room))) return -1;
    request->body = body;
    request->body_room = room;
    return 0;
}

/* libmicrohttpd cannot answer in the middle of a body. One that is chunked and grows too long
 * is read on, without being kept, until its end; or cut when it is not even near. */
int kpk_http_body_add(struct kpk_request *request, const char *data, size_t len) {
    if (request->discarded > 0 ||
        len > request->route->row.max_body_bytes - request->body_len) {
        if (request->discarded == 0) too_large(request);
        request->discarded += len;
        return request->discarded > HTTP_DISCARD_BYTES ? -1 : 0;
    }
    if (make_room(request, len)) return -1;
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    request->body[request->body_len] = '\0';
    return 0;
}

/* ---- what a handler reads ---- */

const char *kpk_http_method(const struct kpk_request *request) {
    return request->route->row.method;
}

const char *kpk_http_segment(const struct kpk_request *request, size_t i) {
    return i < request->segment_count ? request->segment[i] : NULL;
}

const char *kpk_http_param(const struct kpk_request *request, const char *name) {
    size_t len = strlen(name);

    for (size_t i = 0; i < request->route->segment_count; i++) {
        const char *segment = request->route->segment[i];

        if (*segment == '{' && strncmp(segment + 1, name, len) == 0 && segment[1 + len] == '}')
            return request->segment[i];
    }
    return "";
}

const char *kpk_http_query(const struct kpk_request *request, const char *name) {
    return kpk_http_pair(&request->query, name);
}

int kpk_http_query_number(const struct kpk_request *request, struct kpk_response *response,
                          const char *name, int max, int *number) {
    const char *text = kpk_http_query(request, name);
    size_t len = text ? strspn(text, "0123456789") : 0;

    if (!text) return 0;
    *number = len > 0 && len < 5 && text[len] == '\0' && *text != '0' ? atoi(text) : 0;
    if (*number >= 1 && *number <= max) return 0;
    kpk_http_problem(response, 400, name, "must be a number from 1 to %d", max);
    return -1;
}

const char *kpk_http_form(const struct kpk_request *request, const char *name) {
    return kpk_http_pair(&request->form, name);
}

const char *kpk_http_header(const struct kpk_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *kpk_http_body(const struct kpk_request *request, size_t *len) {
    *len = request->body_len;
    return request->body ? request->body : "";
}

int kpk_http_worker(const struct kpk_request *request) { return request->worker; }
