/* The listening socket is ours, not libmicrohttpd's: a taken port can be named, new connections
 * can be refused while old ones finish (MHD_quiesce_daemon() of 0.9.75 races with its own
 * threads and aborts the process), and one thread may cut those who take too long.
 *
 * A time-out on silence alone would let a client hold a connection for ever with a byte every
 * few seconds; so each step (send a request, take the answer, come back) has a deadline as a
 * whole. */
#include "common/http_internal.h"

#include "common/clock.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    OTHER_DESCRIPTORS = 512,
    FULL_RETRY_MS = 20,
    HANG_UP_MS = 2000,
    HANG_UP_ROUND_MS = 20
};

enum { NO_DEADLINE = 0, CUT = -1 };

struct http_connection {
    struct http_connection *next, *prev;
    int fd;
    _Atomic int64_t deadline_ms; /* or NO_DEADLINE, or CUT, which it stays */
};

/* ---- connections ---- */

static int64_t deadline(const struct kpk_http *http) {
    return kpk_mono_ms() + (int64_t)http->opts.idle_timeout_s * 1000;
}

/* returns  false: it is cut */
static bool move_deadline(struct http_connection *tracked, int64_t to_ms) {
    int64_t at_ms = tracked->deadline_ms;

    while (at_ms != CUT)
        if (atomic_compare_exchange_weak(&tracked->deadline_ms, &at_ms, to_ms)) return true;
    return false;
}

void kpk_http_deadline_set(struct kpk_request *request) {
    if (request->tracked) move_deadline(request->tracked, deadline(request->http));
}

bool kpk_http_deadline_clear(struct kpk_request *request) {
    return !request->tracked || move_deadline(request->tracked, NO_DEADLINE);
}

static struct http_connection *track(struct kpk_http *http, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *tracked = calloc(1, sizeof(*tracked));

    if (!tracked) return NULL;
    tracked->fd = info->connect_fd;
    tracked->deadline_ms = deadline(http);
    pthread_mutex_lock(&http->connections_lock);
    tracked->next = http->connections;
    if (tracked->next) tracked->next->prev = tracked;
    http->connections = tracked;
    pthread_mutex_unlock(&http->connections_lock);
    return tracked;
}

/* Called before the descriptor is closed, so reap() never meets one that is somebody else's. */
static void untrack(struct kpk_http *http, struct http_connection *tracked) {
    pthread_mutex_lock(&http->connections_lock);
    if (tracked->next) tracked->next->prev = tracked->prev;
    if (tracked->prev)
        tracked->prev->next = tracked->next;
    else
        http->connections = tracked->next;
    pthread_mutex_unlock(&http->connections_lock);
    free(tracked);
}

void kpk_http_connection_changed(void *cls, struct MHD_Connection *connection,
                                 void **socket_context,
                                 enum MHD_ConnectionNotificationCode code) {
    struct kpk_http *http = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http->connection_count++;
        *socket_context = track(http, connection);
    } else {
        http->connection_count--;
        if (*socket_context) untrack(http, *socket_context);
        *socket_context = NULL;
        http->closed++;
        pthread_cond_signal(&http->connection_closed);
    }
}

static void reap(struct kpk_http *http) {
    int64_t now_ms = kpk_mono_ms();

    pthread_mutex_lock(&http->connections_lock);
    for (struct http_connection *c = http->connections; c; c = c->next) {
        int64_t at_ms = c->deadline_ms;

        if (at_ms == NO_DEADLINE || at_ms == CUT || now_ms < at_ms) continue;
        /* Not one that gets to its next step at this moment. */
        if (!atomic_compare_exchange_strong(&c->deadline_ms, &at_ms, CUT)) continue;
        shutdown(c->fd, SHUT_RDWR); /* its socket thread sees the end, and closes it */
    }
    pthread_mutex_unlock(&http->connections_lock);
}

/* MHD_stop_daemon() would close them too; but when a malformed request comes in meanwhile,
 * 0.9.75 answers it with a response that it has refused to make (MHD_queue_response() does
 * nothing during a shutdown) and crashes. So it is stopped when it has nothing left to read. */
void kpk_http_hang_up(struct kpk_http *http) {
    int64_t until_ms = kpk_mono_ms() + HANG_UP_MS;
    struct timespec round;

    pthread_mutex_lock(&http->connections_lock);
    while (http->closed < http->accepted && kpk_mono_ms() < until_ms) {
        /* Again in each round: one that was accepted last may turn up late. */
        for (struct http_connection *c = http->connections; c; c = c->next)
            shutdown(c->fd, SHUT_RDWR);
        clock_gettime(CLOCK_MONOTONIC, &round);
        round.tv_nsec += HANG_UP_ROUND_MS * 1000000L;
        round.tv_sec += round.tv_nsec / 1000000000L;
        round.tv_nsec %= 1000000000L;
        pthread_cond_clockwait(&http->connection_closed, &http->connections_lock,
                               CLOCK_MONOTONIC, &round);
    }
    pthread_mutex_unlock(&http->connections_lock);
}

/* ---- the listening socket ---- */

/* A connection is a file descriptor: raise the soft limit, else serve fewer. */
static void fit_descriptors(struct kpk_http_opts *opts) {
    rlim_t wanted = (rlim_t)opts->connections + OTHER_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted) return;
    opts->connections = (int)(limit.rlim_cur / 2) + 1;
    kpk_warn("http_connections", "limit=%d open_files=%llu", opts->connections,
             (unsigned long long)limit.rlim_cur);
}

int kpk_http_listen(struct kpk_http *http, struct kpk_err *err) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http->opts.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    if (http->opts.port < 0 || http->opts.port > 65535)
        return kpk_fail(err, KPK_FATAL, "port %d: not a port", http->opts.port);
    fit_descriptors(&http->opts);
    http->wake_fd = eventfd(0, EFD_CLOEXEC);
    http->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (http->wake_fd < 0 || http->listen_fd < 0 ||
        setsockopt(http->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(http->listen_fd, (struct sockaddr *)&address, sizeof(address)) ||
        listen(http->listen_fd, BACKLOG))
        return kpk_fail(err, KPK_FATAL, "port %d: %m", http->opts.port);
    return 0;
}

/* Hand all who wait to libmicrohttpd. returns false when the process is out of something. */
static bool accept_waiting(struct kpk_http *http) {
    while (http->connection_count < http->opts.connections) {
        struct sockaddr_in address;
        socklen_t len = sizeof(address);
        int fd = accept4(http->listen_fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 &&
            (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            return false;
        if (fd < 0 && errno == EAGAIN) return true;
        /* Whatever else accept(2) says is about one client that left already. */
        if (fd < 0) continue;
        if (MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address, len) == MHD_YES)
            http->accepted++;
    }
    return true;
}

static void *acceptor_main(void *arg) {
    struct kpk_http *http = arg;
    struct pollfd polled[2] = {{.fd = http->wake_fd, .events = POLLIN}, {.events = POLLIN}};
    int64_t ticked_ms = kpk_mono_ms();
    bool starved = false;

    for (;;) {
        bool wait = starved || http->connection_count >= http->opts.connections;

        polled[1].fd = wait ? -1 : http->listen_fd; /* poll(2) skips a negative one */
        polled[1].revents = 0;
        poll(polled, 2, wait ? FULL_RETRY_MS : HTTP_TICK_MS);
        if (polled[0].revents) return NULL;
        if (polled[1].revents || starved) {
            bool was = starved;

            starved = !accept_waiting(http);
            if (starved && !was)
                kpk_warn("http_accept", "reason=%s", "out-of-descriptors-or-memory");
        }
        if (kpk_mono_ms() - ticked_ms < HTTP_TICK_MS) continue;
        ticked_ms = kpk_mono_ms();
        reap(http);
        kpk_http_queue_tick(http);
        kpk_http_ready_tick(http);
    }
}

int kpk_http_accept_start(struct kpk_http *http, struct kpk_err *err) {
    int code = pthread_create(&http->acceptor, NULL, acceptor_main, http);

    if (code) return kpk_fail(err, KPK_FATAL, "http: no thread (error %d)", code);
    http->acceptor_started = true;
    return 0;
}

void kpk_http_accept_stop(struct kpk_http *http) {
    if (http->acceptor_started) {
        eventfd_write(http->wake_fd, 1);
        pthread_join(http->acceptor, NULL);
        http->acceptor_started = false;
    }
    if (http->listen_fd >= 0) close(http->listen_fd);
    if (http->wake_fd >= 0) close(http->wake_fd);
    http->listen_fd = http->wake_fd = -1;
}
