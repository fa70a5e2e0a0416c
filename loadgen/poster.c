/* A sender that goes the way people do: over HTTP, to the service that takes such requests, by the same clock.
 *
 * A stream belongs to one connection, which has one request on its way at a time: so a stream's order is kept, and
 * what is due while its connection is busy waits, and is late by that. The answer that accepts it is the acknowledgement:
 * state and event are committed; the topic has it once the relay has been there. */
#include "common/stop.h"
#include "common/uuid.h"
#include "loadgen/load.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES = 32,          /* connections: a service has 16 workers */
    WAITING_MOST = 4096, /* due records of one lane; more are not sent */
    TICK_MS = 1,
    GRACE_US = 200000,
    LAST_MS = 30000,
    ANSWER_MS = 10000,
};

struct lane {
    CURL *easy;
    struct curl_slist *headers;
    bool busy;
    uint32_t stream; /* of the request on its way */
    int64_t due_us;
    struct {
        uint32_t stream;
        int64_t due_us;
    } waiting[WAITING_MOST];
    uint64_t in, out; /* of 'waiting', ever */
};

struct load_posting {
    pthread_t thread;
    CURLM *multi;
    struct lane lanes[LANES];
    int busy;
};

/* --- one request ------------------------------------------------------------------------- */

static size_t ignore(char *data, size_t size, size_t count, void *arg) {
    (void)data, (void)arg;
    return size * count;
}

static void post(struct load_sender *sender, struct lane *lane) {
    char id[KPK_UUID_BYTES], key[64], body[LOAD_EVENT_BYTES];

    lane->stream = lane->waiting[lane->out % WAITING_MOST].stream;
    lane->due_us = lane->waiting[lane->out++ % WAITING_MOST].due_us;
    load_world_body(sender->setup->world, body, lane->stream, sender->sent[lane->stream]++,
                    lane->due_us);
    kpk_uuid7(id);
    snprintf(key, sizeof(key), "Idempotency-Key: %s", id);
    curl_slist_free_all(lane->headers);
    lane->headers =
        curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), key);
    curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->headers);
    curl_easy_setopt(lane->easy, CURLOPT_COPYPOSTFIELDS, body);
    curl_multi_add_handle(sender->posting->multi, lane->easy);
    lane->busy = true;
    sender->posting->busy++;
    atomic_fetch_add(&sender->handed, 1);
}

static void ended(struct load_sender *sender, struct lane *lane, CURLcode code) {
    long status = 0;

    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(sender->posting->multi, lane->easy);
    lane->busy = false;
    sender->posting->busy--;
    if (!code && status == sender->setup->world->kind->post_status) {
        pthread_mutex_lock(&sender->publish.lock);
        kpk_histogram_add(&sender->publish.took_us, load_now_us() - lane->due_us);
        pthread_mutex_unlock(&sender->publish.lock);
        atomic_fetch_add(&sender->acked, 1);
        return;
    }
    sender->unacked[lane->stream]++;
    if (atomic_fetch_add(&sender->failed, 1) > 0) return;
    if (code)
        load_event(sender->setup->events, "the first %s without an answer: %s",
                   sender->setup->world->kind->noun, curl_easy_strerror(code));
    else
        load_event(sender->setup->events, "the first %s that was refused: status %ld",
                   sender->setup->world->kind->noun, status);
}

/* Let requests go on, and begin the next where one has ended. */
static void serve(struct load_sender *sender, int timeout_ms) {
    struct load_posting *own = sender->posting;
    CURLMsg *msg;
    int running, left;

    for (int i = 0; i < LANES; i++)
        if (!own->lanes[i].busy && own->lanes[i].in > own->lanes[i].out)
            post(sender, &own->lanes[i]);
    curl_multi_perform(own->multi, &running);
    while ((msg = curl_multi_info_read(own->multi, &left))) {
        struct lane *lane;
        if (msg->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &lane);
        ended(sender, lane, msg->data.result);
    }
    if (timeout_ms) curl_multi_poll(own->multi, NULL, 0, timeout_ms, NULL);
}

/* --- a phase ----------------------------------------------------------------------------- */

/* returns  false: its lane has too many already */
static bool put(struct load_sender *sender, uint32_t stream, int64_t due_us) {
    struct lane *lane = &sender->posting->lanes[stream % LANES];

    if (lane->in - lane->out == WAITING_MOST) return false;
    lane->waiting[lane->in % WAITING_MOST].stream = stream;
    lane->waiting[lane->in++ % WAITING_MOST].due_us = due_us;
    return true;
}

/* What still waits when the phase is over was due, and was not sent. */
static uint64_t drop_waiting(struct load_posting *own) {
    uint64_t dropped = 0;

    for (int i = 0; i < LANES; i++) {
        dropped += own->lanes[i].in - own->lanes[i].out;
        own->lanes[i].in = own->lanes[i].out;
    }
    return dropped;
}

static void post_phase(struct load_sender *sender, const struct load_phase *phase) {
    uint64_t n = 0, refused = 0, dropped;
    int64_t now_us;

    while (!kpk_stopping() &&
           (now_us = load_now_us()) < phase->end_us + (phase->rate > 0 ? GRACE_US : 0)) {
        while (phase->rate > 0) {
            int64_t due_us = phase->begin_us + (int64_t)((double)n * 1e6 / phase->rate);
            if (due_us > now_us || due_us >= phase->end_us) break;
            refused += !put(sender, sender->setup->keys->draws[n++ % LOAD_CYCLE], due_us);
        }
        /* As fast as it is answered: each connection has one request, and the next. */
        for (uint64_t i = 0; phase->rate == 0 && i < LANES; i++)
            if (sender->posting->lanes[i].in - sender->posting->lanes[i].out < 2)
                put(sender, (uint32_t)(n++ % LOAD_WORLD_PEOPLE / LANES * LANES + i), now_us);
        serve(sender, TICK_MS);
    }
    dropped = drop_waiting(sender->posting);
    if (phase->rate > 0) atomic_fetch_add(&sender->not_sent, refused + dropped);
}

static void *run(void *arg) {
    struct load_sender *sender = arg;
    struct load_phase *done = NULL;

    while (!atomic_load(&sender->quit)) {
        struct load_phase *phase = atomic_load(&sender->phase);
        if (phase && phase != done) {
            post_phase(sender, phase);
            done = phase;
            atomic_fetch_add(&phase->ended, 1);
        }
        serve(sender, TICK_MS);
    }
    for (int64_t until = kpk_mono_ms() + LAST_MS;
         sender->posting->busy > 0 && kpk_mono_ms() < until;)
        serve(sender, TICK_MS);
    return NULL;
}

/* --- opening and closing ----------------------------------------------------------------- */

int load_poster_start(struct load_sender *sender, struct kpk_err *err) {
    struct load_posting *own = calloc(1, sizeof(*own));
    char url[256];

    pthread_mutex_init(&sender->publish.lock, NULL);
    sender->posting = own;
    if (!own || !(own->multi = curl_multi_init()))
        return kpk_fail(err, KPK_FATAL, "poster: no memory");
    snprintf(url, sizeof(url), "%s%s", sender->setup->post_url,
             sender->setup->world->kind->post_path);
    for (int i = 0; i < LANES; i++) {
        CURL *easy = own->lanes[i].easy = curl_easy_init();
        if (!easy) return kpk_fail(err, KPK_FATAL, "poster: curl cannot be used");
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &own->lanes[i]);
    }
    if (pthread_create(&own->thread, NULL, run, sender)) {
        own->thread = 0;
        return kpk_fail(err, KPK_FATAL, "poster: no thread");
    }
    return 0;
}

void load_poster_end(struct load_sender *sender) {
    struct load_posting *own = sender->posting;

    if (!own) return;
    atomic_store(&sender->quit, true);
    if (own->thread) pthread_join(own->thread, NULL);
    for (int i = 0; i < LANES; i++) {
        if (own->lanes[i].busy) curl_multi_remove_handle(own->multi, own->lanes[i].easy);
        if (own->lanes[i].easy) curl_easy_cleanup(own->lanes[i].easy);
        curl_slist_free_all(own->lanes[i].headers);
    }
    if (own->multi) curl_multi_cleanup(own->multi);
    free(own);
    sender->posting = NULL;
}
