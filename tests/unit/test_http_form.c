/* Bodies that are HTML forms: taken by a server that asks for them, checked as a query is. */
#include "common/http.h"

#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { BODY_BYTES = 128 };

static void tell(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    static const char *const names[] = {"To", "Body"};
    cJSON *seen = cJSON_CreateObject();

    (void)ctx;
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *value = kpk_http_form(request, names[i]);
        cJSON_AddStringToObject(seen, names[i], value ? value : "(none)");
    }
    kpk_http_json(response, 200, seen);
}

static const struct kpk_route routes[] = {{"POST", "/messages", tell, BODY_BYTES}, {0}};

#define FORM "application/x-www-form-urlencoded"

/* clang-format off */
static const struct {
    const char *type, *body;
    int status;
    const char *part;
} cases[] = {
    {FORM, "To=%2B49170&Body=a+b%26c%3D", 200, "{\"To\":\"+49170\",\"Body\":\"a b&c=\"}"},
    {FORM "; charset=utf-8", "Body=%C3%A9", 200, "{\"To\":\"(none)\",\"Body\":\"\xc3\xa9\"}"},
    {"Application/X-WWW-Form-URLencoded", "To", 200, "{\"To\":\"\",\"Body\":\"(none)\"}"},
    {FORM, "&&To=1&", 200, "{\"To\":\"1\""},
    {FORM, "", 200, "(none)"},
    {"application/json", "To=1", 200, "{\"To\":\"(none)\""},
    {FORM, "To=1&To=2", 400, "\"field\":\"To\""},
    {FORM, "To=%2", 400, "two hexadecimal digits"},
    {FORM, "Body=%00", 400, "a NUL byte"},
    {FORM, "Body=%ff", 400, "\"detail\":\"not UTF-8\",\"field\":\"Body\""},
    {FORM, "%zz=1", 400, "\"field\":\"body\""},
    {FORM, "1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r&s&t&u&v&w", 200, ""},
    {FORM, "1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r&s&t&u&v&w&x", 400, "too many"},
    {FORM "x", "To=1", 415, "Content-Type"},
    {"text/plain", "To=1", 415, "Content-Type"},
};
/* clang-format on */

static void forms(bool taken) {
    const int port = raw_free_port();
    static struct raw_answer answer;
    struct kpk_http *http;
    struct kpk_err err;
    char request[512];

    assert_ok(
        kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port, .routes = routes, .forms = taken},
                      &err),
        &err);
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool refused =
            !taken && *cases[i].body && strcmp(cases[i].type, "application/json") != 0;
        snprintf(request, sizeof(request),
                 "POST /messages HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\nContent-Length: "
                 "%zu\r\n\r\n%s",
                 cases[i].type, strlen(cases[i].body), cases[i].body);
        raw_ask(port, request, &answer);
        if (answer.status != (refused ? 415 : cases[i].status) ||
            !strstr(answer.body, refused ? "Content-Type" : cases[i].part))
            fail_msg("%s\n-> %s%s", request, answer.head, answer.body);
    }
    kpk_http_close(http);
}

static void a_form_is_read_as_a_query_is(void **state) {
    (void)state;
    forms(true);
}

static void others_take_none(void **state) {
    (void)state;
    forms(false);
}

static void a_nul_byte_is_refused(void **state) {
    static const char request[] = "POST /messages HTTP/1.1\r\nHost: t\r\nContent-Type: " FORM
                                  "\r\nContent-Length: 4\r\n\r\nTo\0x";
    const int port = raw_free_port();
    static struct raw_answer answer;
    struct kpk_http *http;
    struct kpk_err err;

    (void)state;
    assert_ok(kpk_http_open(
                  &http, &(struct kpk_http_opts){.port = port, .routes = routes, .forms = true},
                  &err),
              &err);
    raw_ask_bytes(port, request, sizeof(request) - 1, &answer);
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "a NUL byte"));
    kpk_http_close(http);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_read_as_a_query_is),
        cmocka_unit_test(others_take_none),
        cmocka_unit_test(a_nul_byte_is_refused),
    };

    return cmocka_run_group_tests_name("http: forms", tests, NULL, NULL);
}
