/* A request is taken apart here, and refused when two readers could understand it differently:
 * a header field that must be one and came twice, an escape that is none, a name given twice.
 */
#include "common/http_internal.h"

#include "common/clock.h"
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

static int refuse(struct kpk_request *request, int status, const char *field, const char *why) {
    kpk_http_problem(&request->response, status, field, "%s", why);
    return -1;
}

/* ---- the target ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Undo percent-encoding in place, and "+" for a space in queries (HTML forms write that).
 * returns  NULL, or what is wrong */
static const char *decode(char *text, bool plus) {
    char *out = text;

    for (const char *in = text; *in; in++, out++) {
        *out = plus && *in == '+' ? ' ' : *in;
        if (*in != '%') continue;
        if (hex(in[1]) < 0 || hex(in[2]) < 0)
            return "a '%' that two hexadecimal digits must follow";
        *out = (char)(hex(in[1]) * 16 + hex(in[2]));
        if (*out == '\0') return "a NUL byte";
        in += 2;
    }
    *out = '\0';
    return kpk_utf8_valid(text, strlen(text), NULL) ? NULL : "not UTF-8";
}

/* Split first, decode then: an encoded slash is data, not structure. */
static int parse_path(struct kpk_request *request, char *path) {
    const char *why;
    char *segment;

    if (*path != '/') return refuse(request, 400, NULL, "the target is not a path");
    path++;
    while ((segment = strsep(&path, "/"))) {
        if ((why = decode(segment, false))) return refuse(request, 400, "path", why);
        /* One more than any route has is enough to match none. */
        if (request->segment_count <= HTTP_SEGMENTS)
            request->segment[request->segment_count++] = segment;
    }
    return 0;
}

static int parse_query(struct kpk_request *request, char *query) {
    const char *why;
    char *name;

    while ((name = strsep(&query, "&"))) {
        char *value = name;

        strsep(&value, "=");
        if (!value) value = name + strlen(name); /* "?flag" is "?flag=" */
        if (*name == '\0' && *value == '\0') continue;
        if ((why = decode(name, true))) return refuse(request, 400, "query", why);
        if ((why = decode(value, true))) return refuse(request, 400, name, why);
        if (kpk_http_query(request, name))
            return refuse(request, 400, name, "given twice in the query");
        if (request->query_count == HTTP_QUERIES)
            return refuse(request, 400, "query", "too many fields");
        request->queries[request->query_count++] = (struct http_field){name, value};
    }
    return 0;
}

/* ---- the header fields ---- */

static const char *const once[] = {MHD_HTTP_HEADER_HOST, MHD_HTTP_HEADER_CONTENT_LENGTH,
                                   MHD_HTTP_HEADER_TRANSFER_ENCODING,
                                   MHD_HTTP_HEADER_CONTENT_TYPE, "Idempotency-Key"};

enum { ONCE = sizeof(once) / sizeof(once[0]) };

struct field_check {
    struct kpk_request *request;
    int seen[ONCE];
    int rc;
};

static enum MHD_Result check_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len) {
    struct field_check *check = cls;

    (void)kind;
    if (strlen(name) != name_len || (value && strlen(value) != value_len)) {
        check->rc = refuse(check->request, 400, name, "a NUL byte in a header field");
    } else if (!kpk_utf8_valid(name, name_len, NULL) ||
               (value && !kpk_utf8_valid(value, value_len, NULL))) {
        check->rc = refuse(check->request, 400, name, "a header field that is not UTF-8");
    }
    for (size_t i = 0; i < ONCE && check->rc == 0; i++)
        if (strcasecmp(name, once[i]) == 0 && ++check->seen[i] > 1)
            check->rc = refuse(check->request, 400, once[i], "a header field given twice");
    return check->rc == 0 ? MHD_YES : MHD_NO;
}

static int check_fields(struct kpk_request *request) {
    struct field_check check = {.request = request};
    const char *length, *coding;

    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, check_field, &check);
    if (check.rc) return -1;
    length = kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    coding = kpk_http_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    /* RFC 9112, 6.1: both together are how requests are smuggled past a proxy. */
    if (length && coding)
        return refuse(request, 400, MHD_HTTP_HEADER_TRANSFER_ENCODING,
                      "together with Content-Length");
    if (coding && strcasecmp(coding, "chunked") != 0)
        return refuse(request, 501, MHD_HTTP_HEADER_TRANSFER_ENCODING,
                      "only chunked is understood");
    request->has_body = coding || (length && strspn(length, "0") != strlen(length));
    return 0;
}

int kpk_http_request_check(struct kpk_request *request) {
    char *query;

    /* First the fields: they tell whether a body follows, even for a target that is refused. */
    if (check_fields(request)) {
        /* Nobody knows where this request ends: as if a body came, close after the answer. */
        request->has_body = true;
        return -1;
    }
    query = strchr(request->target, '?');
    if (query) *query++ = '\0';
    if (parse_path(request, request->target)) return -1;
    return query ? parse_query(request, query) : 0;
}

/* ---- the body ---- */

static bool is_json(const char *type) {
    static const char json[] = "application/json";

    if (!type || strncasecmp(type, json, sizeof(json) - 1) != 0) return false;
    type += sizeof(json) - 1;
    return type[strspn(type, " \t")] == '\0' || type[strspn(type, " \t")] == ';';
}

static int too_large(struct kpk_request *request) {
    kpk_http_problem(&request->response, 413, NULL, "the body is longer than %zu bytes",
                     request->route->row.max_body_bytes);
    return -1;
}

int kpk_http_body_check(struct kpk_request *request) {
    const char *length = kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t max_bytes = request->route->row.max_body_bytes;

    if (!request->has_body) return 0;
    if (max_bytes == 0) return refuse(request, 400, NULL, "no body is taken here");
    if (!is_json(kpk_http_header(request, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return refuse(request, 415, MHD_HTTP_HEADER_CONTENT_TYPE, "must be application/json");
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
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->queries[i].name, name) == 0) return request->queries[i].value;
    return NULL;
}

const char *kpk_http_header(const struct kpk_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *kpk_http_body(const struct kpk_request *request, size_t *len) {
    *len = request->body_len;
    return request->body ? request->body : "";
}

int kpk_http_worker(const struct kpk_request *request) { return request->worker; }
