/* The table of routes: the kit's own rows first, then the service's; the first that fits
 * answers. */
#include "common/http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METHOD_BYTES = 10, PATH_BYTES = 80 }; /* they become labels, see struct kpk_metric */

/* ---- the rows every server has; 'ctx' is the server ---- */

static void answer_livez(struct kpk_request *request, struct kpk_response *response,
                         void *ctx) {
    (void)request, (void)ctx;
    kpk_http_json_text(response, 200, "{\"status\":\"alive\"}");
}

static void answer_metrics(struct kpk_request *request, struct kpk_response *response,
                           void *ctx) {
    char *text = kpk_metrics_text();

    (void)request, (void)ctx;
    if (text)
        kpk_http_response_set(response, 200, "text/plain; version=0.0.4; charset=utf-8", text,
                              strlen(text));
    else
        kpk_http_problem(response, 503, NULL, "out of memory");
}

static void answer_openapi(struct kpk_request *request, struct kpk_response *response,
                           void *ctx) {
    const struct kpk_http *http = ctx;

    (void)request;
    kpk_http_response_set(response, 200, "application/json",
                          (char *)(uintptr_t)http->opts.openapi, http->opts.openapi_bytes);
    response->borrowed = true;
}

static const struct kpk_route own[] = {
    {"GET", "/livez", answer_livez, 0},
    {"GET", "/readyz", NULL, 0},
    {"GET", "/metrics", answer_metrics, 0},
    {"GET", "/openapi.json", answer_openapi, 0}, /* stays the last: it may be left out */
};

enum { OWN = sizeof(own) / sizeof(own[0]) };

/* ---- the table ---- */

static int add(struct kpk_http *http, const struct kpk_route *row, void *ctx,
               struct kpk_err *err) {
    struct http_route *route = &http->routes[http->route_count];
    char *rest, *segment;

    if (*row->path != '/' || !row->path[1] || row->path[strlen(row->path) - 1] == '/' ||
        strlen(row->path) > PATH_BYTES || strlen(row->method) > METHOD_BYTES)
        return kpk_fail(err, KPK_FATAL, "route %s %s: malformed", row->method, row->path);
    route->row = *row;
    route->ctx = ctx;
    route->segments = rest = strdup(row->path + 1);
    if (!route->segments) return kpk_fail(err, KPK_FATAL, "out of memory");
    http->route_count++;
    while ((segment = strsep(&rest, "/"))) {
        if (route->segment_count == HTTP_SEGMENTS)
            return kpk_fail(err, KPK_FATAL, "route %s %s: too deep", row->method, row->path);
        route->segment[route->segment_count++] = segment;
    }
    return 0;
}

int kpk_http_routes_open(struct kpk_http *http, struct kpk_err *err) {
    const struct kpk_route *rows = http->opts.routes;
    size_t own_count = http->opts.openapi ? OWN : OWN - 1, count = 0;

    while (rows && rows[count].method) count++;
    http->routes = calloc(own_count + count, sizeof(struct http_route));
    if (!http->routes) return kpk_fail(err, KPK_FATAL, "out of memory");
    for (size_t i = 0; i < own_count; i++) {
        if (add(http, &own[i], http, err)) return -1;
        http->routes[i].place = own[i].handler ? ROUTE_INLINE : ROUTE_READYZ;
    }
    for (size_t i = 0; i < count; i++) {
        if (add(http, &rows[i], http->opts.ctx, err)) return -1;
        if (!rows[i].handler)
            return kpk_fail(err, KPK_FATAL, "route %s %s: no handler", rows[i].method,
                            rows[i].path);
    }
    return 0;
}

void kpk_http_routes_close(struct kpk_http *http) {
    for (size_t i = 0; i < http->route_count; i++) free(http->routes[i].segments);
    free(http->routes);
}

/* ---- matching ---- */

static bool path_fits(const struct http_route *route, const struct kpk_request *request) {
    if (route->segment_count != request->segment_count) return false;
    for (size_t i = 0; i < route->segment_count; i++) {
        if (*route->segment[i] == '{' ? *request->segment[i] == '\0'
                                      : strcmp(route->segment[i], request->segment[i]) != 0)
            return false;
    }
    return true;
}

/* RFC 9110, 10.2.1: 405 must say what is allowed. */
static int refuse_method(struct kpk_request *request) {
    const struct kpk_http *http = request->http;
    char allow[128] = "";
    size_t len = 0;

    for (size_t i = 0; i < http->route_count && len < sizeof(allow); i++) {
        const char *method = http->routes[i].row.method;

        if (!path_fits(&http->routes[i], request)) continue;
        len += (size_t)snprintf(allow + len, sizeof(allow) - len, "%s%s%s", len ? ", " : "",
                                method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
    }
    kpk_http_problem(&request->response, 405, "method", "allowed: %s", allow);
    kpk_http_set_header(&request->response, MHD_HTTP_HEADER_ALLOW, allow);
    return -1;
}

int kpk_http_route(struct kpk_request *request, const char *method) {
    struct kpk_http *http = request->http;
    bool path_known = false;

    if (strcmp(method, "HEAD") == 0) method = "GET"; /* libmicrohttpd leaves the body out */
    for (size_t i = 0; i < http->route_count; i++) {
        struct http_route *route = &http->routes[i];

        if (!path_fits(route, request)) continue;
        path_known = true;
        if (strcmp(route->row.method, method) != 0) continue;
        request->route = route;
        return 0;
    }
    if (path_known) return refuse_method(request);
    kpk_http_problem(&request->response, 404, "path", "no such path");
    return -1;
}
