/* Servers that hang: they are connected to, and say nothing, or nothing more. Whoever asks them is told
 * in bounded time, as if they were down, and asks over a new connection the next time. */
#include "common/clock.h"
#include "common/pg.h"
#include "common/redis.h"
#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Above what the clients allow (3 s), below that twice. */
enum { BOUND_MS = 5500, QUIET_MS = 100, ACCEPTED_MOST = 16 };

static struct kpk_err error, *err = &error;

/* --- the server -------------------------------------------------------------------------- */

struct reply {
    const char *bytes; /* NULL: from here on silent */
    size_t len;
};
#define SAYS(literal)                                                                          \
    { literal, sizeof(literal) - 1 }

static struct {
    int fd;
    pthread_t thread;
    const struct reply *replies; /* on each connection: one to each message */
    int accepted[ACCEPTED_MOST];
    atomic_int n_accepted;
} server;

static void *serve(void *arg) {
    char bytes[1024];
    int fd;

    while ((fd = accept(server.fd, NULL, NULL)) >= 0 && server.n_accepted < ACCEPTED_MOST) {
        server.accepted[server.n_accepted++] = fd;
        for (const struct reply *reply = server.replies; reply->bytes; reply++)
            if (recv(fd, bytes, sizeof(bytes), 0) > 0)
                send(fd, reply->bytes, reply->len, MSG_NOSIGNAL);
    }
    return arg;
}

/* The kernel accepts connections for it, as it does for a process that is stopped. */
static void listen_only(void) {
    char port[16], url[64];
    int number = raw_free_port();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    server.n_accepted = 0;
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server.fd, ACCEPTED_MOST), 0);
    snprintf(port, sizeof(port), "%d", number);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", number);
    setenv("PGHOST", "127.0.0.1", 1);
    setenv("PGPORT", port, 1);
    setenv("PGUSER", "nobody", 1);
    setenv("PGSSLMODE", "disable", 1);
    setenv("PGGSSENCMODE", "disable", 1);
    setenv("KPK_REDIS_URL", url, 1);
}

static void start(const struct reply *replies) {
    listen_only();
    server.replies = replies;
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop(void) {
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    for (int i = 0; i < server.n_accepted; i++) close(server.accepted[i]);
    close(server.fd);
}

/* 'failed' is what a call returned that began at 'begin_ms'. */
static void assert_told(bool failed, int64_t begin_ms, const char *reason) {
    assert_true(failed);
    if (err->verdict != KPK_WAIT) fail_msg("%s", err->msg);
    if (!strstr(err->msg, reason)) fail_msg("%s", err->msg);
    assert_true(kpk_mono_ms() - begin_ms < BOUND_MS);
    err->msg[0] = '\0';
}

/* --- PostgreSQL -------------------------------------------------------------------------- */

static const struct kpk_pg_stmt look = {"look", "SELECT 1"};

static int ignore_row(const PGresult *result, void *arg, struct kpk_err *why) {
    (void)result, (void)arg, (void)why;
    return 0;
}

static void postgresql_that_never_answers(void **state) {
    int64_t begin_ms = kpk_mono_ms();
    struct kpk_pg *pg;

    (void)state;
    listen_only();
    assert_ok(kpk_pg_open(&pg, "public", err), err);
    assert_told(kpk_pg_run(pg, &look, NULL, 0, err), begin_ms, "connect");
    kpk_pg_close(pg);
    close(server.fd);
}

/* clang-format off */
#define WELCOME  "R\0\0\0\010\0\0\0\0" "Z\0\0\0\005I" /* AuthenticationOk, ReadyForQuery */
#define PREPARED "1\0\0\0\004"         "Z\0\0\0\005I"
#define BEGUN    "2\0\0\0\004" "n\0\0\0\004" "C\0\0\0\012BEGIN\0" "Z\0\0\0\005T"
/* clang-format on */

enum { WAYS = 6 };
static bool ask_in(int way, struct kpk_pg *pg) {
    switch (way) {
    case 0:
        return kpk_pg_exec(pg, &look, NULL, 0, err) == NULL;
    case 1:
        return kpk_pg_run(pg, &look, NULL, 0, err);
    case 2:
        return kpk_pg_each(pg, &look, NULL, 0, ignore_row, NULL, err);
    case 3:
        return kpk_pg_query(pg, "LISTEN x", "listen", err);
    case 4:
        return kpk_pg_begin(pg, err);
    default:
        return kpk_pg_migrate(pg, "public", "SELECT 1", err);
    }
}

static void postgresql_that_falls_silent(void **state) {
    static const struct reply replies[] = {SAYS(WELCOME), {0}};
    struct kpk_pg *pg;

    (void)state;
    start(replies);
    assert_ok(kpk_pg_open(&pg, "public", err), err);
    pg->limit_ms = QUIET_MS;
    for (int way = 0; way < WAYS; way++) {
        int64_t begin_ms = kpk_mono_ms();
        assert_ok(kpk_pg_ensure(pg, err), err);
        assert_told(ask_in(way, pg), begin_ms, "no answer for 100 ms");
        assert_null(pg->conn); /* what comes late must not answer the next question */
        kpk_pg_rollback(pg);
        assert_int_equal(server.n_accepted, way + 1); /* asked once */
    }
    kpk_pg_close(pg);
    stop();
}

/* Within a transaction too: what follows fails at once, and the rollback waits for nobody. */
static void postgresql_that_falls_silent_in_a_transaction(void **state) {
    static const struct reply replies[] = {SAYS(WELCOME), SAYS(PREPARED), SAYS(BEGUN), {0}};
    int64_t begin_ms = kpk_mono_ms();
    struct kpk_pg *pg;

    (void)state;
    start(replies);
    assert_ok(kpk_pg_open(&pg, "public", err), err);
    pg->limit_ms = QUIET_MS;
    assert_ok(kpk_pg_begin(pg, err), err);
    assert_told(kpk_pg_run(pg, &look, NULL, 0, err), begin_ms, "no answer for 100 ms");
    assert_told(kpk_pg_run(pg, &look, NULL, 0, err), begin_ms, "transaction lost");
    assert_told(kpk_pg_commit(pg, err), begin_ms, "transaction lost");
    kpk_pg_rollback(pg);
    assert_int_equal(server.n_accepted, 1);
    kpk_pg_close(pg);
    stop();
}

/* --- Redis ------------------------------------------------------------------------------- */

/* One PONG: the connection is kept, and then asked only once. */
static void redis_that_falls_silent(void **state) {
    static const struct reply replies[] = {SAYS("+PONG\r\n"), {0}};
    struct kpk_redis *redis;

    (void)state;
    start(replies);
    assert_ok(kpk_redis_open(&redis, err), err);
    assert_ok(kpk_redis_check(redis, err), err);
    int64_t begin_ms = kpk_mono_ms();
    assert_told(kpk_redis_check(redis, err), begin_ms, "no answer for 3 s");
    assert_int_equal(server.n_accepted, 1);
    kpk_redis_close(redis);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgresql_that_never_answers),
        cmocka_unit_test(postgresql_that_falls_silent),
        cmocka_unit_test(postgresql_that_falls_silent_in_a_transaction),
        cmocka_unit_test(redis_that_falls_silent),
    };

    return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
