#include "services/notification/performer.h"

#include "common/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

struct performer {
    struct performers *all;
    struct transfer *transfer;
    pthread_t thread;
    enum { IDLE, STARTED, DONE } state;
    CURLcode code;
};

struct performers {
    CURLM *multi;
    struct transfer *transfers;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a state, or 'stop' */
    bool stop;
    atomic_bool abort;
    int count; /* of threads that run */
    struct performer performer[];
};

/* For two reasons. To close a connection libcurl says QUIT and waits for the reply, two minutes if need be. And it
 * keeps one whose last reply did not come in time (7.88): the next mail would take that reply, when it comes, for
 * its own. */
static void hang_up(CURL *curl) {
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd) || fd == CURL_SOCKET_BAD) return;
    shutdown(fd, SHUT_RDWR);
}

static void *perform(void *arg) {
    struct performer *performer = arg;
    struct performers *all = performer->all;

    pthread_mutex_lock(&all->lock);
    for (;;) {
        while (performer->state != STARTED && !all->stop)
            pthread_cond_wait(&all->changed, &all->lock);
        if (all->stop) break;
        pthread_mutex_unlock(&all->lock);
        CURLcode code = curl_easy_perform(performer->transfer->curl);
        if (code) hang_up(performer->transfer->curl);
        pthread_mutex_lock(&all->lock);
        if (code == CURLE_ABORTED_BY_CALLBACK && !all->abort) code = CURLE_OPERATION_TIMEDOUT;
        performer->code = code;
        performer->state = DONE;
        pthread_cond_broadcast(&all->changed);
        curl_multi_wakeup(all->multi);
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

struct performers *performers_open(struct transfer *transfers, int count, CURLM *multi) {
    struct performers *all =
        calloc(1, sizeof(*all) + (size_t)count * sizeof(all->performer[0]));

    if (!all) return NULL;
    all->multi = multi;
    all->transfers = transfers;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->changed, NULL);
    for (int i = 0; i < count; i++) {
        struct performer *performer = &all->performer[i];
        *performer = (struct performer){.all = all, .transfer = &transfers[i]};
        if (pthread_create(&performer->thread, NULL, perform, performer)) {
            performers_close(all);
            return NULL;
        }
        all->count++;
    }
    return all;
}

void performers_close(struct performers *performers) {
    if (!performers) return;
    pthread_mutex_lock(&performers->lock);
    performers->stop = true;
    pthread_cond_broadcast(&performers->changed);
    pthread_mutex_unlock(&performers->lock);
    for (int i = 0; i < performers->count; i++) {
        pthread_join(performers->performer[i].thread, NULL);
        hang_up(performers->performer[i].transfer->curl);
    }
    free(performers);
}

/* Called by libcurl about once a second, at least. Its own time-out ends the transfer, but not the QUIT that
 * follows it. */
static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
    const struct performer *performer = ctx;
    const struct transfer *transfer = performer->transfer;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return performer->all->abort ||
           kpk_mono_us() > transfer->began_us + transfer->target->timeout_ms * 1000;
}

void performers_start(struct performers *performers, struct transfer *transfer) {
    struct performer *performer = &performers->performer[transfer - performers->transfers];

    curl_easy_setopt(transfer->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(transfer->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(transfer->curl, CURLOPT_XFERINFODATA, performer);
    pthread_mutex_lock(&performers->lock);
    performer->state = STARTED;
    pthread_cond_broadcast(&performers->changed);
    pthread_mutex_unlock(&performers->lock);
}

struct transfer *performers_take(struct performers *performers, CURLcode *code) {
    struct transfer *transfer = NULL;

    pthread_mutex_lock(&performers->lock);
    for (int i = 0; i < performers->count && !transfer; i++) {
        struct performer *performer = &performers->performer[i];
        if (performer->state != DONE) continue;
        performer->state = IDLE;
        *code = performer->code;
        transfer = performer->transfer;
    }
    pthread_mutex_unlock(&performers->lock);
    return transfer;
}

static bool is_under_way(const struct performers *performers) {
    for (int i = 0; i < performers->count; i++)
        if (performers->performer[i].state == STARTED) return true;
    return false;
}

void performers_abort(struct performers *performers) {
    performers->abort = true;
    pthread_mutex_lock(&performers->lock);
    while (is_under_way(performers)) pthread_cond_wait(&performers->changed, &performers->lock);
    pthread_mutex_unlock(&performers->lock);
    performers->abort = false;
}
