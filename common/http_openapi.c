/* The OpenAPI document and the table of routes say the same, or the server does not start. */
#include "common/http_internal.h"

#include <string.h>
#include <strings.h>

static const char *const methods[] = {"get", "put", "post", "delete", "patch"};

static const struct kpk_route *find(const struct kpk_route *routes, const char *path,
                                    const char *method) {
    for (; routes && routes->method; routes++)
        if (strcmp(routes->path, path) == 0 && strcasecmp(routes->method, method) == 0)
            return routes;
    return NULL;
}

static int check_routes(const struct kpk_route *routes, const cJSON *paths,
                        struct kpk_err *err) {
    for (; routes && routes->method; routes++) {
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(paths, routes->path);
        if (!cJSON_GetObjectItem(path, routes->method)) /* "GET" finds "get" */
            return kpk_fail(err, KPK_FATAL, "openapi: route %s %s is not in the document",
                            routes->method, routes->path);
    }
    return 0;
}

static int check_paths(const struct kpk_route *routes, const cJSON *paths,
                       struct kpk_err *err) {
    const cJSON *path;

    cJSON_ArrayForEach(path, paths) {
        for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
            if (cJSON_GetObjectItemCaseSensitive(path, methods[i]) &&
                !find(routes, path->string, methods[i]))
                return kpk_fail(err, KPK_FATAL, "openapi: %s %s has no route", methods[i],
                                path->string);
    }
    return 0;
}

int kpk_http_openapi_check(const struct kpk_http_opts *opts, struct kpk_err *err) {
    cJSON *document;
    const cJSON *paths;
    int failed;

    if (!opts->openapi) return 0;
    document = cJSON_ParseWithLength(opts->openapi, opts->openapi_bytes);
    paths = cJSON_GetObjectItemCaseSensitive(document, "paths");
    failed = cJSON_IsObject(paths) ? check_routes(opts->routes, paths, err) ||
                                         check_paths(opts->routes, paths, err)
                                   : kpk_fail(err, KPK_FATAL, "openapi: no JSON with paths");
    cJSON_Delete(document);
    return failed ? -1 : 0;
}
