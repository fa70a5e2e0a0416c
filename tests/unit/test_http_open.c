/* What a server refuses to start with: it says why. */
#include "common/http.h"
#include "tests/support/http_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void answer(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    kpk_http_empty(response, 204);
}

static void a_server_that_cannot_start_says_why(void **state) {
    static const struct kpk_route no_slash[] = {{"GET", "v1", answer, 0}, {0}};
    static const struct kpk_route trailing[] = {{"GET", "/v1/", answer, 0}, {0}};
    static const struct kpk_route no_handler[] = {{"GET", "/v1", NULL, 0}, {0}};
    static const struct kpk_route deep[] = {
        {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", answer, 0}, {0}};
    static const char undocumented[] = "{\"paths\":{}}";
    static const char unserved[] = "{\"paths\":{\"/v1\":{\"get\":{},\"put\":{}}}}";
    static const struct kpk_route one[] = {{"GET", "/v1", answer, 0}, {0}};
    struct kpk_http *first;
    int port = raw_free_port();
    char taken[64];
    const struct {
        struct kpk_http_opts opts;
        const char *why;
    } cases[] = {
        {{.port = port}, taken},
        {{.port = 70000}, "port 70000: not a port"},
        {{.routes = no_slash}, "route GET v1: malformed"},
        {{.routes = trailing}, "route GET /v1/: malformed"},
        {{.routes = no_handler}, "route GET /v1: no handler"},
        {{.routes = deep}, "route GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q: too deep"},
        {{.routes = one, .openapi = undocumented, .openapi_bytes = sizeof(undocumented) - 1},
         "openapi: route GET /v1 is not in the document"},
        {{.routes = one, .openapi = unserved, .openapi_bytes = sizeof(unserved) - 1},
         "openapi: put /v1 has no route"},
        {{.openapi = "[]", .openapi_bytes = 2}, "openapi: no JSON with paths"},
    };

    (void)state;
    assert_int_equal(
        kpk_http_open(&first, &(struct kpk_http_opts){.port = port}, &(struct kpk_err){0}), 0);
    snprintf(taken, sizeof(taken), "port %d: Address already in use", port);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_http *second = (struct kpk_http *)&cases;
        struct kpk_err err = {0};

        assert_int_equal(kpk_http_open(&second, &cases[i].opts, &err), -1);
        assert_null(second);
        assert_int_equal(err.verdict, KPK_FATAL);
        assert_string_equal(err.msg, cases[i].why);
    }
    kpk_http_close(first);
    kpk_http_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_cannot_start_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
