/* One request at a time: what each is answered, and which connections stay open after it. What
 * happens when many come at once is in test_http_busy.c, how a server begins and ends in
 * test_http_open.c and test_http_close.c. */
#include "common/http.h"
#include "common/utf8.h"

#include "tests/support/http_raw.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { BODY_BYTES = 64 };

/* ---- a small service ---- */

static void add(cJSON *object, const char *name, const char *value) {
    cJSON_AddStringToObject(object, name, value ? value : "(none)");
}

/* Tells what it saw. */
static void echo(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    cJSON *seen = cJSON_CreateObject();
    size_t len;

    add(seen, "id", kpk_http_param(request, "id"));
    add(seen, "other", kpk_http_param(request, "other"));
    add(seen, "q", kpk_http_query(request, "q"));
    add(seen, "x", kpk_http_header(request, "X-Test"));
    add(seen, "body", kpk_http_body(request, &len));
    add(seen, "ctx", ctx);
    kpk_http_json(response, 200, seen);
}

static void me(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    kpk_http_set_header(response, "X-Me", "yes");
    kpk_http_json_text(response, 201, "{\"me\":true}");
}

static void empty(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    kpk_http_empty(response, 204);
}

static void nothing(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)response, (void)ctx;
}

static void failing(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct kpk_err err = {.msg = "text: too \"long\""};

    (void)ctx;
    err.verdict = (enum kpk_verdict)atoi(kpk_http_param(request, "verdict"));
    if (err.verdict == 5) kpk_fail(&err, KPK_REJECT, "no member is to blame: all are");
    if (err.verdict == 6) kpk_fail(&err, KPK_REJECT, "data.text: too long");
    kpk_http_fail(response, &err);
}

/* What comes from a client may be quoted in a problem: bytes that are no UTF-8, and control
 * bytes; and the message may be cut anywhere. */
static void dirty(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    char detail[700];

    (void)request, (void)ctx;
    for (size_t i = 0; i + 2 < sizeof(detail); i += 2) memcpy(detail + i, "\xc3\xa9", 3);
    memcpy(detail, "\xff\"\\\n\x01", 5);
    kpk_http_problem(response, 409, "Idempotency-Key\xff", "%s", detail);
}

/* The last one counts, and nothing of the first leaks. */
static void twice(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    kpk_http_json_text(response, 200, "{}");
    kpk_http_problem(response, 404, NULL, "gone");
}

static const struct kpk_route routes[] = {{"GET", "/v1/echo/{id}", echo, 0},
                                          {"POST", "/v1/echo/{id}", echo, BODY_BYTES},
                                          {"PUT", "/v1/echo/{id}/with/{other}", echo, 0},
                                          {"GET", "/v1/users/me", me, 0},
                                          {"GET", "/v1/users/{id}", echo, 0},
                                          {"DELETE", "/v1/empty", empty, 0},
                                          {"GET", "/v1/nothing", nothing, 0},
                                          {"GET", "/v1/failing/{verdict}", failing, 0},
                                          {"GET", "/v1/dirty", dirty, 0},
                                          {"GET", "/v1/twice", twice, 0},
                                          {0}};

static const char openapi[] =
    "{\"openapi\":\"3.1.0\",\"paths\":{\"/v1/echo/{id}\":{\"get\":{},\"post\":{}},"
    "\"/v1/echo/{id}/with/{other}\":{\"put\":{}},\"/v1/users/me\":{\"get\":{}},"
    "\"/v1/users/{id}\":{\"get\":{}},\"/v1/empty\":{\"delete\":{}},\"/v1/"
    "nothing\":{\"get\":{}},"
    "\"/v1/failing/{verdict}\":{\"get\":{}},\"/v1/dirty\":{\"get\":{}},"
    "\"/v1/twice\":{\"get\":{}}}}";

static struct kpk_http *http;
static int port;

static int open_server(void **state) {
    struct kpk_err err;

    (void)state;
    port = raw_free_port();
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port,
                                              .routes = routes,
                                              .ctx = "the ctx",
                                              .openapi = openapi,
                                              .openapi_bytes = sizeof(openapi) - 1},
                      &err)) {
        print_error("%s\n", err.msg);
        return -1;
    }
    return 0;
}

static int close_server(void **state) {
    (void)state;
    kpk_http_close(http);
    return 0;
}

/* ---- the table ---- */

#define END " HTTP/1.1\r\nHost: t\r\n\r\n"
#define HOST " HTTP/1.1\r\nHost: t\r\n"
#define JSON "Content-Type: application/json\r\n"

/* An error of ours is a problem whose members agree with the status line. */
static void check_problem(const struct raw_answer *answer) {
    cJSON *problem = cJSON_Parse(answer->body);

    assert_non_null(strstr(answer->head, "\r\nContent-Type: application/problem+json\r\n"));
    assert_non_null(problem);
    assert_string_equal(cJSON_GetObjectItem(problem, "type")->valuestring, "about:blank");
    assert_true(strlen(cJSON_GetObjectItem(problem, "title")->valuestring) > 0);
    assert_int_equal(cJSON_GetObjectItem(problem, "status")->valueint, answer->status);
    assert_true(strlen(cJSON_GetObjectItem(problem, "detail")->valuestring) > 0);
    assert_true(kpk_utf8_valid(answer->body, strlen(answer->body), NULL));
    cJSON_Delete(problem);
    if (answer->status == 503) assert_non_null(strstr(answer->head, "\r\nRetry-After: 1\r\n"));
}

/* clang-format off */
static const struct {
    const char *request;
    int status;
    const char *part; /* in the header or the body */
} answers[] = {
    {"GET /livez" END, 200, "{\"status\":\"alive\"}"},
    {"GET /readyz" END, 200, "{\"status\":\"ready\"}"},
    {"GET /openapi.json" END, 200, "{\"openapi\":\"3.1.0\","},
    {"GET /metrics" END, 200, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"},
    {"GET /metrics" END, 200, "# TYPE http_server_request_duration_seconds histogram"},

    /* paths */
    {"GET /v1/echo/a" END, 200, "\"id\":\"a\""},
    {"GET /v1/echo/a" END, 200, "\"ctx\":\"the ctx\""},
    {"GET /v1/echo/a%2Fb%20c" END, 200, "\"id\":\"a/b c\""},
    {"GET /v1/echo/a+b" END, 200, "\"id\":\"a+b\""},
    {"GET /v1/echo/%C3%A9" END, 200, "\"id\":\"\xc3\xa9\""},
    {"GET /v1/ech%6f/a" END, 200, "\"id\":\"a\""},
    {"PUT /v1/echo/a/with/b" END, 200, "\"id\":\"a\",\"other\":\"b\""},
    {"GET /v1/users/me" END, 201, "\r\nX-Me: yes\r\n"},
    {"GET /v1/users/you" END, 200, "\"id\":\"you\""},
    {"DELETE /v1/empty" END, 204, ""},
    {"HEAD /v1/users/me" END, 201, "\r\nContent-Length: 11\r\n"},
    {"HEAD /livez" END, 200, ""},
    {"GET /" END, 404, "no such path"},
    {"GET /v1" END, 404, ""},
    {"GET /v1/echo/" END, 404, ""},
    {"GET /v1/echo/a/" END, 404, ""},
    {"GET //v1/echo/a" END, 404, ""},
    {"GET /v1/echo/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v" END, 404, ""},
    {"POST /nowhere" END, 404, ""},
    {"GET /v1/echo/%" END, 400, "\"field\":\"path\""},
    {"GET /v1/echo/%zz" END, 400, "hexadecimal"},
    {"GET /v1/echo/%4" END, 400, "hexadecimal"},
    {"GET /v1/echo/a%00b" END, 400, "NUL"},
    {"GET /v1/echo/%ff" END, 400, "not UTF-8"},
    {"GET /nowhere/%ff" END, 400, "not UTF-8"},
    {"GET /v1/echo/\xc3\xa9" END, 200, "\"id\":\"\xc3\xa9\""},
    {"GET /v1/echo/\xff" END, 400, "not UTF-8"},
    {"GET /v1/echo/a b" END, 400, "a space"},
    {"GET /v1/echo/a\x01" END, 400, "control character"},
    {"GET http://t/livez" END, 400, "not a path"},
    {"OPTIONS *" END, 400, "not a path"},

    /* queries */
    {"GET /v1/echo/a?q=1%202+3%2B" END, 200, "\"q\":\"1 2 3+\""},
    {"GET /v1/echo/a?q" END, 200, "\"q\":\"\""},
    {"GET /v1/echo/a?q=a=b&&x=1&" END, 200, "\"q\":\"a=b\""},
    {"GET /v1/echo/a?%71=z" END, 200, "\"q\":\"z\""},
    {"GET /v1/echo/a?" END, 200, "\"q\":\"(none)\""},
    {"GET /v1/echo/a?q=1&q=2" END, 400, "given twice"},
    {"GET /v1/echo/a?q=%" END, 400, "\"field\":\"q\""},
    {"GET /v1/echo/a?%ff=1" END, 400, "\"field\":\"query\""},
    {"GET /v1/echo/a?q=%00" END, 400, "NUL"},
    {"GET /v1/echo/a?a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=&r=&s=&t=&u=&v=&w=&x=&y="
     "&z=&A=&B=&C=&D=&E=&F=&G=" END, 400, "too many fields"},

    /* methods */
    {"POST /livez" END, 405, "\r\nAllow: GET, HEAD\r\n"},
    {"DELETE /v1/echo/a" END, 405, "\r\nAllow: GET, HEAD, POST\r\n"},
    {"OPTIONS /v1/empty" END, 405, "\r\nAllow: DELETE\r\n"},
    {"HEAD /v1/empty" END, 405, ""},
    {"get /livez" END, 405, ""},
    {"BREW /livez" END, 405, ""},

    /* header fields */
    {"GET /v1/echo/a" HOST "x-TEST: yes\r\n\r\n", 200, "\"x\":\"yes\""},
    {"GET /livez HTTP/1.0\r\n\r\n", 200, ""},
    {"GET /livez HTTP/1.1\r\n\r\n", 400, "\"field\":\"Host\""},
    {"GET /livez" HOST "Host: u\r\n\r\n", 400, "\"field\":\"Host\""},
    {"GET /livez" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, "twice"},
    {"GET /livez" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "twice"},
    {"POST /v1/echo/a" HOST JSON JSON "Content-Length: 2\r\n\r\n{}", 400, "twice"},
    {"GET /livez" HOST "Idempotency-Key: a\r\nidempotency-key: b\r\n\r\n", 400, "twice"},
    {"GET /livez" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "together"},
    {"GET /livez" HOST "Transfer-Encoding: gzip\r\n\r\n", 501, "chunked"},
    {"POST /v1/echo/a HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"},
    {"GET /livez" HOST "X-Test: \xff\r\n\r\n", 400, "\"field\":\"X-Test\""},
    {"GET /livez" HOST "X-Test: a\x1b[2J\r\n\r\n", 400, "control character"},
    {"GET /v1/echo/a" HOST "X-Test: a\tb\r\n\r\n", 200, "\"x\":\"a\\tb\""},
    {"POST /v1/echo/a" HOST JSON "Content-Length : 2\r\n\r\n{}", 400, "\"field\":\"Content-Length \""},
    {"GET /livez" HOST "X(Test: a\r\n\r\n", 400, "not the name"},
    {"GET /livez" HOST "X-Test\xc3\xa9: a\r\n\r\n", 400, "not the name"},
    {"GET /livez" HOST "Content-Length: -1\r\n\r\n", 400, "html"},
    {"GET /livez" HOST "Content-Length: 1, 1\r\n\r\n", 400, "html"},
    {"GET /livez" HOST "Content-Length: 0x1\r\n\r\n", 400, "html"},
    {"GET /livez" HOST "Content-Length: 99999999999999999999\r\n\r\n", 413, "html"},

    /* bodies */
    {"POST /v1/echo/a" HOST JSON "Content-Length: 2\r\n\r\n{}", 200, "\"body\":\"{}\""},
    {"POST /v1/echo/a" HOST "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
     200, "\"body\":\"{}\""},
    {"POST /v1/echo/a" END, 200, "\"body\":\"\""},
    {"POST /v1/echo/a" HOST "Content-Length: 0\r\n\r\n", 200, "\"body\":\"\""},
    {"POST /v1/echo/a" HOST "Content-Length: 2\r\n\r\n{}", 415, "Content-Type"},
    {"POST /v1/echo/a" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415, ""},
    {"POST /v1/echo/a" HOST "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}", 415, ""},
    {"POST /v1/echo/a" HOST JSON "Content-Length: 65\r\n\r\n", 413, "\"longer than 64 bytes\",\"field\":\"body\""},
    {"POST /v1/echo/a" HOST JSON "Content-Length: 18446744073709551615\r\n\r\n", 413, ""},
    {"GET /v1/echo/a" HOST JSON "Content-Length: 2\r\n\r\n{}", 400, "\"field\":\"body\""},
    {"GET /livez" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "\"field\":\"body\""},
    {"POST /v1/echo/a" HOST JSON "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
     200, "\"body\":\"{}\""},
    {"POST /v1/echo/a" HOST JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "\"body\":\"\""},
    {"POST /v1/echo/a" HOST JSON "Transfer-Encoding: chunked\r\n\r\nz\r\n", 400, "html"},

    /* what handlers do */
    {"GET /v1/nothing" END, 500, ""},
    {"GET /v1/failing/1" END, 503, "try again"},
    {"GET /v1/failing/2" END, 503, "try again"},
    {"GET /v1/failing/3" END, 422, "\"field\":\"text\""},
    {"GET /v1/failing/3" END, 422, "text: too \\\"long\\\""},
    {"GET /v1/failing/5" END, 422, "\"field\":\"body\""},
    {"GET /v1/failing/6" END, 422, "\"field\":\"data.text\""},
    {"GET /v1/failing/4" END, 500, "the log"},
    {"GET /v1/dirty" END, 409, "\"field\":\"Idempotency-Key?\""},
    {"GET /v1/dirty" END, 409, "\"detail\":\"?\\\"\\\\\\n\\u0001"},
    {"GET /v1/twice" END, 404, "gone"},
};
/* clang-format on */

static void each_request_has_its_answer(void **state) {
    struct raw_answer answer;

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        raw_ask(port, answers[i].request, &answer);
        if (answer.status != answers[i].status ||
            (!strstr(answer.head, answers[i].part) && !strstr(answer.body, answers[i].part)))
            fail_msg("%s\n-> %s%s", answers[i].request, answer.head, answer.body);
        /* "html": libmicrohttpd refused it before we saw it. */
        if (answer.status >= 400 && strcmp(answers[i].part, "html") != 0 &&
            strncmp(answers[i].request, "HEAD", 4) != 0)
            check_problem(&answer);
    }
}

/* ---- connections ---- */

static void a_connection_is_kept_where_it_can_be(void **state) {
    static const struct {
        const char *request;
        int status;
        bool kept;
    } cases[] = {
        {"GET /livez" END, 200, true},
        {"GET /nowhere" END, 404, true},
        {"POST /livez" END, 405, true},
        {"GET /v1/echo/%ff" END, 400, true},
        {"GET /v1/echo/a" END, 200, true},
        {"POST /v1/echo/a" HOST JSON "Content-Length: 2\r\n\r\n{}", 200, true},
        /* Whether and where its body ends nobody will find out. */
        {"POST /nowhere" HOST JSON "Content-Length: 2\r\n\r\n", 404, false},
        {"POST /v1/echo/a" HOST JSON "Content-Length: 65\r\n\r\n", 413, false},
        {"GET /livez" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, false},
        {"POST /v1/echo/a" HOST JSON "Content-Length : 2\r\n\r\n{}", 400, false},
        {"GET /livez" HOST "Connection: close\r\n\r\n", 200, false},
    };
    struct raw_answer answer;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int fd = raw_connect(port);

        raw_send(fd, cases[i].request);
        raw_read(fd, false, &answer);
        assert_int_equal(answer.status, cases[i].status);
        if (cases[i].kept) {
            raw_send(fd, "GET /v1/echo/again" END);
            raw_read(fd, false, &answer);
            assert_non_null(strstr(answer.body, "\"id\":\"again\""));
        } else {
            assert_non_null(strcasestr(answer.head, "\r\nConnection: close\r\n"));
            assert_true(raw_closed(fd));
        }
        close(fd);
    }
}

static void pipelined_requests_are_answered_in_order(void **state) {
    struct raw_answer answer;
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, "GET /v1/echo/1" END "GET /nowhere" END "POST /v1/echo/2" HOST JSON
                 "Content-Length: 2\r\n\r\n{}"
                 "GET /livez" END);
    raw_read(fd, false, &answer);
    assert_non_null(strstr(answer.body, "\"id\":\"1\""));
    raw_read(fd, false, &answer);
    assert_int_equal(answer.status, 404);
    raw_read(fd, false, &answer);
    assert_non_null(strstr(answer.body, "\"id\":\"2\""));
    raw_read(fd, false, &answer);
    assert_non_null(strstr(answer.body, "alive"));
    close(fd);
}

static void a_request_may_come_in_pieces(void **state) {
    static const char request[] =
        "POST /v1/echo/a%20b?q=1" HOST JSON "Content-Length: 7\r\n\r\n"
        "{\"a\":1}";
    struct raw_answer answer;
    char byte[2] = "";
    int fd = raw_connect(port);

    (void)state;
    for (size_t i = 0; request[i]; i++) {
        byte[0] = request[i];
        raw_send(fd, byte);
    }
    raw_read(fd, false, &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"id\":\"a b\""));
    assert_non_null(strstr(answer.body, "\"body\":\"{\\\"a\\\":1}\""));
    close(fd);
}

/* ---- what is too long ---- */

/* Just under 8 KB of header fields are read; above it the answer names the largest. */
static void header_fields_are_limited(void **state) {
    static const struct {
        size_t bytes;
        const char *before, *after;
        int status;
        const char *field;
    } cases[] = {
        {8100, "GET /livez" HOST "X-Small: a\r\nX-Large: ", "\r\n\r\n", 200, "alive"},
        {8200, "GET /livez" HOST "X-Small: a\r\nX-Large: ", "\r\n\r\n", 431,
         "\"field\":\"X-Large\""},
        {8200, "GET /", END, 414, "\"field\":\"path\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[9000], filler[8201];
        struct raw_answer answer;

        memset(filler, 'x', cases[i].bytes);
        filler[cases[i].bytes] = '\0';
        snprintf(text, sizeof(text), "%s%s%s", cases[i].before, filler, cases[i].after);
        raw_ask(port, text, &answer);
        if (answer.status != cases[i].status || !strstr(answer.body, cases[i].field))
            fail_msg("%zu: %s%s", i, answer.head, answer.body);
    }
}

/* A chunked body of 'bytes' bytes. returns what was answered: 0 when the connection was cut */
static int post_chunked(size_t bytes) {
    enum { CHUNK = 4096 };
    static char chunk[CHUNK + 16];
    struct raw_answer answer;
    int fd = raw_connect(port);
    bool sent = true;

    raw_send(fd, "POST /v1/echo/a" HOST JSON "Transfer-Encoding: chunked\r\n\r\n");
    while (bytes > 0 && sent) {
        size_t now = bytes < CHUNK ? bytes : CHUNK;
        int len = sprintf(chunk, "%zx\r\n", now);

        memset(chunk + len, 'x', now);
        memcpy(chunk + (size_t)len + now, "\r\n", 2);
        len += (int)now + 2;
        sent = send(fd, chunk, (size_t)len, MSG_NOSIGNAL) == len;
        bytes -= now;
    }
    if (sent) send(fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
    raw_read(fd, false, &answer);
    close(fd);
    return answer.status;
}

static void a_chunked_body_is_limited_too(void **state) {
    (void)state;
    assert_int_equal(post_chunked(BODY_BYTES), 200);
    assert_int_equal(post_chunked(BODY_BYTES + 1), 413);
    assert_int_equal(post_chunked(100000), 413);
    assert_int_equal(post_chunked(4 << 20), 0); /* nobody reads on for ever */
    assert_int_equal(post_chunked(1), 200);
}

/* ---- a client that is not ours ---- */

static size_t ignore(char *data, size_t size, size_t count, void *arg) {
    (void)data, (void)arg;
    return size * count;
}

static void libcurl_agrees(void **state) {
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    char url[100];
    long status;

    (void)state;
    assert_non_null(curl);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/echo/a", port);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect: 100-continue");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)RAW_DEADLINE_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    for (int round = 0; round < 3; round++) { /* on one connection */
        static const char *const bodies[] = {"{\"a\":1}", NULL, "[1,2,3]"};

        if (bodies[round])
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bodies[round]);
        else
            curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        assert_int_equal(curl_easy_perform(curl), CURLE_OK);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        assert_int_equal(status, 200);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_has_its_answer),
        cmocka_unit_test(a_connection_is_kept_where_it_can_be),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_in_pieces),
        cmocka_unit_test(header_fields_are_limited),
        cmocka_unit_test(a_chunked_body_is_limited_too),
        cmocka_unit_test(libcurl_agrees),
    };

    return cmocka_run_group_tests(tests, open_server, close_server);
}
