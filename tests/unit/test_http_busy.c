/* Many at once: a full queue, slow clients, idle ones, readiness under a storm of polls,
 * answers that must not mix. Handlers wait at a gate that the test holds: nothing here depends
 * on how fast a machine is. */
#include "common/clock.h"
#include "common/http.h"
#include "common/json.h"

#include "tests/support/http_gate.h"
#include "tests/support/http_raw.h"

#include <curl/curl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 2, QUEUE = 3 };

/* ---- the service ---- */

static atomic_int checks_run, check_fails, check_waits;

static void gated(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    http_gate_pass();
    kpk_http_json_text(response, 200, "{\"passed\":true}");
}

static void echo(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    cJSON *seen = cJSON_CreateObject();
    size_t len;

    (void)ctx;
    cJSON_AddStringToObject(seen, "id", kpk_http_param(request, "id"));
    cJSON_AddStringToObject(seen, "body", kpk_http_body(request, &len));
    cJSON_AddBoolToObject(seen, "worker", kpk_http_worker(request) < WORKERS);
    kpk_http_json(response, 200, seen);
}

static const struct kpk_route routes[] = {{"GET", "/gated", gated, 0},
                                          {"POST", "/echo/{id}", echo, 1000},
                                          {"GET", "/echo/{id}", echo, 0},
                                          {0}};

static int check_first(void *ctx, struct kpk_err *err) {
    (void)ctx;
    checks_run++;
    if (check_waits) http_gate_pass();
    return check_fails ? kpk_fail(err, KPK_WAIT, "refused \"here\"") : 0;
}

static int check_second(void *ctx, struct kpk_err *err) {
    (void)ctx, (void)err;
    return 0;
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_first}, {"redis", check_second}, {0}};

static struct kpk_http *http;
static int port;

static void open_server(struct kpk_http_opts opts) {
    struct kpk_err err = {0};

    checks_run = check_fails = check_waits = 0;
    http_gate_set(false);
    opts.port = port = raw_free_port();
    opts.routes = routes;
    opts.workers = WORKERS;
    opts.queue = QUEUE;
    if (!opts.queue_wait_ms) opts.queue_wait_ms = RAW_DEADLINE_MS;
    if (kpk_http_open(&http, &opts, &err)) fail_msg("%s", err.msg);
}

static int ask(const char *target, struct raw_answer *answer) {
    char request[256];

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", target);
    raw_ask(port, request, answer);
    return answer->status;
}

static int send_gated(void) {
    int fd = raw_connect(port);

    raw_send(fd, "GET /gated HTTP/1.1\r\nHost: t\r\n\r\n");
    return fd;
}

/* ---- the queue ---- */

static void past_the_queue_is_503_and_nothing_else_stops(void **state) {
    enum { MANY = WORKERS + QUEUE + 5 };
    static struct raw_answer answer;
    int fds[MANY], refused = 0;
    int64_t until_ms = kpk_mono_ms() + RAW_DEADLINE_MS;

    (void)state;
    open_server((struct kpk_http_opts){0});
    for (int i = 0; i < MANY; i++) {
        fds[i] = send_gated();
        if (i < WORKERS) http_gate_wait(i + 1);
    }
    while (refused < MANY - WORKERS - QUEUE) { /* those who find the queue full hear at once */
        assert_true(kpk_mono_ms() < until_ms);
        for (int i = 0; i < MANY; i++) {
            if (fds[i] < 0 || !raw_readable(fds[i], 1)) continue;
            raw_read(fds[i], false, &answer);
            assert_int_equal(answer.status, 503);
            assert_non_null(strstr(answer.head, "\r\nRetry-After: 1\r\n"));
            close(fds[i]);
            fds[i] = -1;
            refused++;
        }
    }
    assert_int_equal(ask("/livez", &answer), 200);
    assert_int_equal(ask("/readyz", &answer), 200);
    assert_int_equal(ask("/metrics", &answer), 200);
    assert_int_equal(ask("/echo/x", &answer), 503); /* still full */
    http_gate_set(true);
    for (int i = 0; i < MANY; i++) {
        if (fds[i] < 0) continue;
        raw_read(fds[i], false, &answer);
        assert_int_equal(answer.status, 200);
        close(fds[i]);
    }
    assert_int_equal(ask("/echo/x", &answer), 200);
    kpk_http_close(http);
}

/* All workers hang: who waits behind them is told, and who they have in hand is answered. */
static void nobody_waits_in_the_queue_for_long(void **state) {
    static struct raw_answer answer;
    int fds[WORKERS + QUEUE];

    (void)state;
    open_server((struct kpk_http_opts){.queue_wait_ms = 1});
    for (int i = 0; i < WORKERS + QUEUE; i++) {
        fds[i] = send_gated();
        if (i < WORKERS) http_gate_wait(i + 1);
    }
    for (int i = WORKERS; i < WORKERS + QUEUE; i++) {
        raw_read(fds[i], false, &answer);
        assert_int_equal(answer.status, 503);
        assert_non_null(strstr(answer.head, "\r\nRetry-After: 1\r\n"));
        assert_non_null(strstr(answer.body, "no worker was free for 1 ms"));
    }
    http_gate_set(true);
    for (int i = 0; i < WORKERS; i++) {
        raw_read(fds[i], false, &answer);
        assert_int_equal(answer.status, 200);
    }
    for (int i = 0; i < WORKERS + QUEUE; i++) close(fds[i]);
    assert_int_equal(ask("/echo/x", &answer), 200);
    kpk_http_close(http);
}

static void a_client_that_leaves_is_no_loss(void **state) {
    static struct raw_answer answer;

    (void)state;
    open_server((struct kpk_http_opts){0});
    for (int i = 0; i < WORKERS + QUEUE; i++) {
        int fd = send_gated();
        if (i < WORKERS) http_gate_wait(i + 1);
        http_wait_active(i + 1);
        close(fd);
    }
    http_gate_set(true);
    http_wait_active(0);
    assert_int_equal(ask("/livez", &answer), 200);
    kpk_http_close(http);
}

/* ---- slow and idle ---- */

/* What a client sends at first, and then again and again. */
/* clang-format off */
static const struct {
    const char *start, *more;
} slow[] = {
    {"", ""},                                       /* says nothing */
    {"G", "E"},                                     /* a request line without end */
    {"GET /livez HTTP/1.1\r\nHost: t\r\nX: ", "x"}, /* a header field without end */
    {"GET /livez HTTP/1.1\r\nHost: t\r\nX: ", ""},  /* falls silent */
    {"POST /echo/a HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
     "Content-Length: 999\r\n\r\n", "x"},           /* a body, byte by byte */
    {"POST /echo/a HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
     "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
    {"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n", ""}, /* never comes back after its answer */
};
/* clang-format on */

enum { SLOW = sizeof(slow) / sizeof(slow[0]) };

static void slow_clients_are_cut(void **state) {
    int64_t start_ms = kpk_mono_ms();
    int fds[SLOW], open = SLOW;
    static struct raw_answer answer;

    (void)state;
    open_server((struct kpk_http_opts){.idle_timeout_s = 1});
    for (int i = 0; i < SLOW; i++) {
        fds[i] = raw_connect(port);
        raw_send(fds[i], slow[i].start);
    }
    raw_read(fds[SLOW - 1], false, &answer);
    while (open > 0) {
        assert_true(kpk_mono_ms() - start_ms < RAW_DEADLINE_MS);
        for (int i = 0; i < SLOW; i++) {
            if (fds[i] < 0) continue;
            if (!raw_readable(fds[i], 10)) {
                send(fds[i], slow[i].more, strlen(slow[i].more), MSG_NOSIGNAL);
                continue;
            }
            assert_true(raw_closed(fds[i]));
            assert_true(kpk_mono_ms() - start_ms >= 900); /* not before its time either */
            close(fds[i]);
            fds[i] = -1;
            open--;
        }
    }
    kpk_http_close(http);
}

/* The time-out is for clients: a handler may take longer. */
static void a_slow_handler_is_not_cut(void **state) {
    static struct raw_answer answer;
    int fd, idle;

    (void)state;
    open_server((struct kpk_http_opts){.idle_timeout_s = 1});
    fd = send_gated();
    http_gate_wait(1);
    idle = raw_connect(port);
    assert_true(raw_closed(idle)); /* a time-out has passed since the request was sent */
    close(idle);
    http_gate_set(true);
    raw_read(fd, false, &answer);
    assert_int_equal(answer.status, 200);
    close(fd);
    kpk_http_close(http);
}

static void idle_connections_block_nobody(void **state) {
    enum { IDLE = 200 };
    static struct raw_answer answer;
    int fds[IDLE];

    (void)state;
    open_server((struct kpk_http_opts){0});
    for (int i = 0; i < IDLE; i++) {
        fds[i] = raw_connect(port);
        if (i % 2) raw_send(fds[i], "POST /echo/a HTTP/1.1\r\nHost: t\r\nContent-Le");
    }
    for (int i = 0; i < 20; i++) assert_int_equal(ask("/echo/x", &answer), 200);
    for (int i = 0; i < IDLE; i++) close(fds[i]);
    kpk_http_close(http);
}

static void past_the_connection_limit_one_waits(void **state) {
    static struct raw_answer answer;
    int fds[4], fd;

    (void)state;
    open_server((struct kpk_http_opts){.connections = 4});
    for (int i = 0; i < 4; i++) {
        fds[i] = raw_connect(port);
        raw_send(fds[i], "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(fds[i], false, &answer);
    }
    fd = raw_connect(port); /* the kernel takes it, the server does not */
    raw_send(fd, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_false(raw_readable(fd, 300));
    close(fds[0]);
    raw_read(fd, false, &answer);
    assert_int_equal(answer.status, 200);
    for (int i = 1; i < 4; i++) close(fds[i]);
    close(fd);
    kpk_http_close(http);
}

/* ---- /readyz ---- */

/* Ask until the answer has 'status': a result may be cached for a moment. */
static void ready_becomes(int status, struct raw_answer *answer) {
    int64_t until_ms = kpk_mono_ms() + RAW_DEADLINE_MS;

    while (ask("/readyz", answer) != status) assert_true(kpk_mono_ms() < until_ms);
}

static void readyz_names_what_is_missing(void **state) {
    static struct raw_answer answer;
    cJSON *body;

    (void)state;
    open_server((struct kpk_http_opts){.checks = checks});
    assert_int_equal(checks_run, 0); /* only when asked */
    assert_int_equal(ask("/readyz", &answer), 200);
    assert_string_equal(
        answer.body,
        "{\"status\":\"ready\",\"checks\":{\"postgresql\":\"ok\",\"redis\":\"ok\"}}");
    check_fails = 1;
    ready_becomes(503, &answer);
    assert_non_null(strstr(answer.head, "application/problem+json"));
    assert_non_null(strstr(answer.head, "\r\nRetry-After: 1\r\n"));
    body = cJSON_Parse(answer.body);
    assert_string_equal(cJSON_GetObjectItem(body, "detail")->valuestring,
                        "not ready: postgresql");
    cJSON_Delete(body);
    assert_non_null(
        strstr(answer.body, "\"postgresql\":\"refused \\\"here\\\"\",\"redis\":\"ok\""));
    check_fails = 0;
    ready_becomes(200, &answer);

    kpk_http_drain(http);
    assert_int_equal(ask("/readyz", &answer), 503);
    assert_non_null(strstr(answer.body, "draining"));
    assert_int_equal(ask("/echo/x", &answer), 200); /* drained is not closed */
    kpk_http_close(http);
}

static void a_storm_of_polls_is_one_check(void **state) {
    enum { STORM = 100 };
    static struct raw_answer answer;
    int64_t start_ms;
    int fds[STORM];

    (void)state;
    open_server((struct kpk_http_opts){.checks = checks});
    check_waits = 1;
    start_ms = kpk_mono_ms();
    for (int i = 0; i < STORM; i++) {
        fds[i] = raw_connect(port);
        raw_send(fds[i], "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    http_gate_wait(1);
    assert_int_equal(ask("/echo/x", &answer), 200); /* no worker waits with them */
    http_gate_set(true);
    for (int i = 0; i < STORM; i++) {
        raw_read(fds[i], false, &answer);
        /* On a machine so slow that the check seems to hang, saying so is right. */
        assert_true(answer.status == 200 || kpk_mono_ms() - start_ms > 1500);
        close(fds[i]);
    }
    assert_true(checks_run <= 3); /* those who came late may have started another */
    kpk_http_close(http);
}

/* Which one; it hides no other. */
static void a_check_that_hangs_is_told(void **state) {
    static struct raw_answer answer;

    (void)state;
    open_server((struct kpk_http_opts){.checks = checks});
    check_waits = 1;
    assert_int_equal(ask("/readyz", &answer), 503); /* waits for a moment, not longer */
    assert_non_null(strstr(answer.head, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(answer.body, "\"not ready: postgresql\""));
    assert_non_null(strstr(answer.body, "\"postgresql\":\"no answer for "));
    assert_non_null(strstr(answer.body, "\"redis\":\"ok\""));
    assert_int_equal(ask("/readyz", &answer), 503); /* at once */
    assert_int_equal(checks_run, 1);
    http_gate_set(true);
    ready_becomes(200, &answer);
    kpk_http_close(http);
}

/* ---- many threads ---- */

enum { THREADS = 8, ROUNDS = 100 };

struct reply {
    char text[512];
    size_t len;
};

static size_t keep(char *data, size_t size, size_t count, void *arg) {
    struct reply *reply = arg;
    size_t len = size * count;

    if (len >= sizeof(reply->text) - reply->len) return 0;
    memcpy(reply->text + reply->len, data, len);
    reply->len += len;
    reply->text[reply->len] = '\0';
    return len;
}

/* POSTs on one connection, each with a body of its own. returns how many came back right */
static void *post_many(void *arg) {
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();
    intptr_t thread = (intptr_t)arg, right = 0;

    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)RAW_DEADLINE_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    for (int round = 0; round < ROUNDS; round++) {
        struct reply reply = {.len = 0};
        char url[100], body[32], expected[128];
        long status = 0;

        snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo/%d-%d", port, (int)thread, round);
        snprintf(body, sizeof(body), "[%d,%d]", (int)thread, round);
        snprintf(expected, sizeof(expected),
                 "{\"id\":\"%d-%d\",\"body\":\"%s\",\"worker\":true}", (int)thread, round,
                 body);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
        if (curl_easy_perform(curl) == CURLE_OK) {
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
            /* With more threads than places, 503 is an honest answer: ask again. */
            if (status == 503) round--;
            if (status == 200 && strcmp(reply.text, expected) == 0) right++;
        }
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return (void *)right;
}

static void answers_do_not_mix(void **state) {
    static const char posts[] =
        "http_server_request_duration_seconds_count{http_request_method="
        "\"POST\",http_route=\"/echo/{id}\",status_class=\"2xx\"}";
    pthread_t threads[THREADS];
    long long before = http_metric(posts);

    (void)state;
    open_server((struct kpk_http_opts){0});
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, post_many, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        void *right;

        pthread_join(threads[i], &right);
        assert_int_equal((intptr_t)right, ROUNDS);
    }
    assert_int_equal(http_metric(posts) - before, THREADS * ROUNDS);
    kpk_http_close(http);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_the_queue_is_503_and_nothing_else_stops),
        cmocka_unit_test(nobody_waits_in_the_queue_for_long),
        cmocka_unit_test(a_client_that_leaves_is_no_loss),
        cmocka_unit_test(slow_clients_are_cut),
        cmocka_unit_test(a_slow_handler_is_not_cut),
        cmocka_unit_test(idle_connections_block_nobody),
        cmocka_unit_test(past_the_connection_limit_one_waits),
        cmocka_unit_test(readyz_names_what_is_missing),
        cmocka_unit_test(a_storm_of_polls_is_one_check),
        cmocka_unit_test(a_check_that_hangs_is_told),
        cmocka_unit_test(answers_do_not_mix),
    };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
