/* What is not answered was not carried out: neither what lies in the kernel when its connection is cut,
 * and is read all the same, nor what leaves libmicrohttpd no room for the head of an answer. */
#include "common/clock.h"
#include "common/http.h"

#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SOCKET_THREADS_MAX = 16,
    FIELDS = 8,
    MANY_FIELDS = 400,
    TAKEN = 96,
    SHAPES = 8,
    LARGEST = 8000,
    BEHIND_BYTES = 64 << 10
};

/* Two or three of an answer are usual, and shorter. */
static const char long_value[] =
    "a value of a header field, as long as the longest cursor or location: "
    "0123456789 0123456789 0123456789 0123456789";

static struct kpk_http *http;
static int port;
static atomic_int carried_out;

static void carry_out(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)ctx;
    carried_out++;
    for (int i = 0; i < FIELDS; i++) kpk_http_set_header(response, "X-Field", long_value);
    kpk_http_empty(response, 204);
}

static const struct kpk_route routes[] = {{"POST", "/carry/out", carry_out, 1000}, {0}};

/* ---- the socket threads, held in a signal handler: they read nothing ---- */

static int gate[2];
static atomic_int held;

static void hold(int signal) {
    char byte;

    (void)signal;
    held++;
    while (read(gate[0], &byte, 1) < 0) continue; /* until the gate is closed for writing */
    held--;
}

static bool count_is(void *ctx) { return held == *(int *)ctx; }

/* Each thread whose name libmicrohttpd gave it. */
static void hold_socket_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int count = 0;

    assert_non_null(tasks);
    assert_int_equal(pipe(gate), 0);
    while ((task = readdir(tasks))) {
        char path[300], name[32] = "";

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        if (!fgets(name, sizeof(name), file)) name[0] = '\0';
        fclose(file);
        if (strncmp(name, "MHD-", 4) != 0) continue;
        assert_int_equal(syscall(SYS_tgkill, getpid(), atoi(task->d_name), SIGUSR1), 0);
        count++;
    }
    closedir(tasks);
    assert_in_range(count, 1, SOCKET_THREADS_MAX);
    assert_true(wait_until(RAW_DEADLINE_MS, count_is, &count));
}

static void release_socket_threads(void) {
    int none = 0;

    close(gate[1]);
    assert_true(wait_until(RAW_DEADLINE_MS, count_is, &none));
    close(gate[0]);
}

/* ---- the descriptors of this process, the server's included ---- */

static int descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

static bool descriptors_are(void *ctx) { return descriptors() == *(int *)ctx; }

/* ---- tests ---- */

#define HEAD                                                                                   \
    "POST /carry/out HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"                \
    "Content-Length: 2\r\n\r\n"

static const struct {
    const char *what, *before, *meanwhile;
} rows[] = {
    {"a whole request", "", HEAD "{}"},
    {"a body", HEAD, "{}"},
    {"the end of a body", HEAD "{", "}"},
};

static void what_came_before_the_cut_is_not_carried_out(void **state) {
    struct kpk_err err = {0};
    static struct raw_answer answer;

    (void)state;
    port = raw_free_port();
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){
                          .port = port, .routes = routes, .workers = 1, .idle_timeout_s = 1},
                      &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int before = descriptors(), fd = raw_connect(port), only_ours = before + 1;

        raw_send(fd, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n"); /* it is kept, and known */
        raw_read(fd, false, &answer);
        raw_send(fd, rows[i].before);
        hold_socket_threads();
        raw_send(fd, rows[i].meanwhile);
        assert_true(raw_closed(fd));
        release_socket_threads();
        if (!wait_until(RAW_DEADLINE_MS, descriptors_are, &only_ours))
            fail_msg("%s: the server keeps its connection", rows[i].what);
        close(fd);
        if (carried_out) fail_msg("%s is carried out, and not answered", rows[i].what);
    }
    /* The same in time has its answer. */
    raw_ask(port, HEAD "{}", &answer);
    assert_int_equal(answer.status, 204);
    assert_int_equal(carried_out, 1);
    carried_out = 0;
    kpk_http_close(http);
}

static const char *const frames[] = {"Content-Length: 2\r\n\r\n{}",
                                     "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"};

/* Each field takes room in libmicrohttpd beside its bytes, and so does what comes behind.
 * shape  which frame; with a large field, up to what all fields may take; with more behind */
static void ask_with_fields(int fields, int shape, struct raw_answer *answer) {
    static char bytes[16 << 10], behind[BEHIND_BYTES];
    char *end = bytes + sizeof(bytes);
    char *at = bytes + snprintf(bytes, sizeof(bytes),
                                "POST /carry/out HTTP/1.1\r\nHost: t\r\n"
                                "Content-Type: application/json\r\n");
    int fd = raw_connect(port), large;

    for (int i = 0; i < fields; i++) at += snprintf(at, (size_t)(end - at), "x: y\r\n");
    large = LARGEST - (int)(at - bytes);
    if ((shape & 2) && large > 0)
        at += snprintf(at, (size_t)(end - at), "z: %0*d\r\n", large, 0);
    snprintf(at, (size_t)(end - at), "%s", frames[shape & 1]);
    raw_send(fd, bytes);
    memset(behind, 'x', sizeof(behind));
    /* The other side may have hung up. */
    if (shape & 4) (void)!send(fd, behind, sizeof(behind), MSG_NOSIGNAL);
    raw_read(fd, false, answer);
    close(fd);
}

static void what_is_carried_out_is_answered(void **state) {
    struct kpk_err err = {0};
    static struct raw_answer answer;

    (void)state;
    port = raw_free_port();
    if (kpk_http_open(
            &http, &(struct kpk_http_opts){.port = port, .routes = routes, .workers = 1}, &err))
        fail_msg("%s", err.msg);
    for (int i = 0; i < MANY_FIELDS * SHAPES; i++) {
        int fields = i / SHAPES, before = carried_out;

        ask_with_fields(fields, i % SHAPES, &answer);
        if (carried_out - before != (answer.status == 204))
            fail_msg("%d fields: carried out %d times, answered %d", fields,
                     carried_out - before, answer.status);
        if (fields <= TAKEN) assert_int_equal(answer.status, 204);
        if (fields >= 100) assert_true(answer.status == 431 || answer.status == 0);
    }
    kpk_http_close(http);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_before_the_cut_is_not_carried_out),
        cmocka_unit_test(what_is_carried_out_is_answered),
    };

    signal(SIGUSR1, hold);
    return cmocka_run_group_tests_name("http: cut", tests, NULL, NULL);
}
