/* The end of a server: what is in hand is finished, what cannot be is told, and no moment of a
 * client is a bad one for it. */
#include "common/clock.h"
#include "common/http.h"

#include "tests/support/http_gate.h"
#include "tests/support/http_raw.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 2, QUEUE = 3 };

/* ---- the service ---- */

static void gated(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    http_gate_pass();
    kpk_http_json_text(response, 200, "{\"passed\":true}");
}

static void quick(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    kpk_http_empty(response, 204);
}

static int check_nothing(void *ctx, struct kpk_err *err) {
    (void)ctx, (void)err;
    return 0;
}

static const struct kpk_route routes[] = {
    {"GET", "/gated", gated, 0}, {"POST", "/quick/{id}", quick, 1000}, {0}};
static const struct kpk_http_check checks[] = {{"nothing", check_nothing}, {0}};

static struct kpk_http *http;
static int port;

static void open_server(int close_timeout_s) {
    struct kpk_http_opts opts = {.routes = routes,
                                 .checks = checks,
                                 .workers = WORKERS,
                                 .queue = QUEUE,
                                 .queue_wait_ms = RAW_DEADLINE_MS,
                                 .close_timeout_s = close_timeout_s};
    struct kpk_err err = {0};

    http_gate_set(false);
    opts.port = port = raw_free_port();
    if (kpk_http_open(&http, &opts, &err)) fail_msg("%s", err.msg);
}

static void *close_it(void *arg) {
    kpk_http_close(http);
    return arg;
}

/* Until nobody accepts connections any more: from then on the server is closing. */
static void wait_until_refused(void) {
    int64_t until_ms = kpk_mono_ms() + RAW_DEADLINE_MS;

    for (int fd; (fd = raw_try_connect(port)) >= 0; close(fd))
        assert_true(kpk_mono_ms() < until_ms);
}

/* Fill the workers and the queue with requests that wait at the gate. */
static void fill(int fds[WORKERS + QUEUE]) {
    for (int i = 0; i < WORKERS + QUEUE; i++) {
        fds[i] = raw_connect(port);
        raw_send(fds[i], "GET /gated HTTP/1.1\r\nHost: t\r\n\r\n");
        if (i < WORKERS) http_gate_wait(i + 1);
    }
    http_wait_active(WORKERS + QUEUE);
}

/* ---- requests in hand ---- */

static void close_finishes_what_is_in_hand(void **state) {
    enum { IN_HAND = WORKERS + QUEUE };
    static struct raw_answer answer;
    pthread_t closer;
    int fds[IN_HAND], idle, half;

    (void)state;
    open_server(0);
    idle = raw_connect(port);
    half = raw_connect(port);
    raw_send(half, "POST /quick/a HTTP/1.1\r\nHost: t\r\n");
    fill(fds);
    pthread_create(&closer, NULL, close_it, NULL);
    wait_until_refused();
    http_gate_set(true);
    for (int i = 0; i < IN_HAND; i++) {
        raw_read(fds[i], false, &answer);
        assert_int_equal(answer.status, 200);
        assert_non_null(strcasestr(answer.head, "\r\nConnection: close\r\n"));
        close(fds[i]);
    }
    pthread_join(closer, NULL);
    assert_true(raw_closed(idle));
    assert_true(raw_closed(half));
    close(idle);
    close(half);
}

/* Workers hang: what is queued behind them is answered with 503 when the time is up. */
static void close_gives_up_on_the_queue(void **state) {
    static struct raw_answer answer;
    pthread_t closer;
    int fds[WORKERS + QUEUE];

    (void)state;
    open_server(1);
    fill(fds);
    pthread_create(&closer, NULL, close_it, NULL);
    for (int i = WORKERS; i < WORKERS + QUEUE; i++) {
        raw_read(fds[i], false, &answer);
        assert_int_equal(answer.status, 503);
        assert_non_null(strstr(answer.body, "shutting down"));
    }
    http_gate_set(true);
    for (int i = 0; i < WORKERS; i++) {
        raw_read(fds[i], false, &answer);
        assert_int_equal(answer.status, 200);
    }
    pthread_join(closer, NULL);
    for (int i = 0; i < WORKERS + QUEUE; i++) close(fds[i]);
}

/* ---- bad moments ---- */

static atomic_int hammered;
static atomic_bool stop_hammering;

/* Sound requests, and malformed ones that libmicrohttpd answers by itself. */
static void *hammer(void *arg) {
    static const char *const requests[] = {"POST /quick/a HTTP/1.1\r\nHost: t\r\n\r\n"
                                           "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n",
                                           "GET /livez HTTP/1.1\r\n\r\n"};
    char buffer[4096];

    for (int round = 0; !stop_hammering; round++) {
        const char *request = requests[round % 2];
        int fd = raw_try_connect(port);

        if (fd < 0) continue;
        if (send(fd, request, strlen(request), MSG_NOSIGNAL) > 0 && raw_readable(fd, 100) &&
            recv(fd, buffer, sizeof(buffer), 0) > 0)
            hammered++;
        close(fd);
    }
    return arg;
}

/* Again and again: what goes wrong between threads goes wrong at the ends. */
static void closing_under_load_is_clean(void **state) {
    enum { HAMMERS = 4, ANSWERS = 50 };
    pthread_t threads[HAMMERS];

    (void)state;
    for (int round = 0; round < 20; round++) {
        int64_t until_ms = kpk_mono_ms() + RAW_DEADLINE_MS;

        open_server(0);
        hammered = 0;
        stop_hammering = false;
        for (int i = 0; i < HAMMERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
        while (hammered < ANSWERS && kpk_mono_ms() < until_ms) sched_yield();
        kpk_http_close(http);
        stop_hammering = true;
        for (int i = 0; i < HAMMERS; i++) pthread_join(threads[i], NULL);
        assert_true(hammered >= ANSWERS);
    }
}

/* ---- rubbish ---- */

static const char *const sound[] = {
    "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /quick/%C3%A9?a=1&b=%20 HTTP/1.1\r\nHost: t\r\nX: y\r\n\r\n",
    "POST /quick/a HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
    "Content-Length: 2\r\n\r\n{}",
    "POST /quick/a HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"};

/* 'text' of 'len' bytes with one byte changed, dropped or doubled. returns its new length */
static size_t spoil(char *text, size_t len, size_t room) {
    size_t at = (size_t)rand() % len;
    int how = rand() % 3;

    if (how == 0) {
        text[at] = (char)rand();
    } else if (how == 1 && len > 1) {
        memmove(text + at, text + at + 1, --len - at);
    } else if (len < room) {
        memmove(text + at + 1, text + at, len - at);
        len++;
    }
    return len;
}

/* Whatever the answers, the server is there afterwards (and ASan is content); the last ones are
 * still being read when it closes. */
static void rubbish_does_no_harm(void **state) {
    static struct raw_answer answer;

    (void)state;
    open_server(0);
    srand(17);
    for (int round = 0; round < 2000; round++) {
        char text[512];
        const char *from = sound[(size_t)rand() % (sizeof(sound) / sizeof(sound[0]))];
        size_t len = strlen(from);
        int fd = raw_connect(port);

        memcpy(text, from, len);
        for (int i = 0; i < 3; i++) len = spoil(text, len, sizeof(text));
        assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
        if (round % 2) shutdown(fd, SHUT_WR);
        close(fd);
        if (round % 50) continue;
        raw_ask(port, sound[0], &answer);
        assert_int_equal(answer.status, 200);
    }
    kpk_http_close(http);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_finishes_what_is_in_hand),
        cmocka_unit_test(close_gives_up_on_the_queue),
        cmocka_unit_test(closing_under_load_is_clean),
        cmocka_unit_test(rubbish_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
