/* Many transfers at once: in this thread by libcurl's multi interface, or, where the protocol blocks, each in a
 * thread of its own, which wakes this one when it is done.
 *
 *   ready: the next delivery of each recipient --(breaker, rate, a free transfer)--> in flight --> outcome
 *     ^                                                                                            |
 *     '---------------------------- the recipient's next one --------------------------------------'
 *
 * What is not begun stays WAIT, which is what every delivery is at first. */
#include "services/notification/provider_internal.h"

#include "common/clock.h"
#include "common/stop.h"
#include "common/utf8.h"
#include "common/uuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    STOP_MS = 2000, /* for what is in flight, when the process is to end */
    LOOK_MS = 50,   /* whether it is */
};

enum { NONE = -1 };

struct item {
    int after;   /* the next delivery to the same recipient */
    int next;    /* in the list of those that are ready */
    bool failed; /* in a way that counts against its provider */
};

struct run {
    struct notification_provider *provider;
    struct notification_delivery *deliveries;
    struct item *items; /* one per delivery */
    int count;
    int ready; /* the first one */
    int flying;
    int64_t wait_us; /* until the rate lets the next one pass; 0: none waits for that */
    int64_t deadline_ms, stop_ms;
    struct kpk_err why; /* the rest waits; OK: nothing does */
};

static struct gateway *gateway_of(const struct run *run, int i) {
    const struct notification_provider *provider = run->provider;

    return provider->gateways[provider->channel->gateway(&run->deliveries[i]) == GATEWAY_APNS];
}

/* --- who is ready ------------------------------------------------------------------------ */

static bool is_text(const char *text) {
    return text && kpk_utf8_valid(text, strlen(text), NULL);
}

static int check(enum notification_channel channel,
                 const struct notification_delivery *delivery, struct kpk_err *err) {
    const char *platform = delivery->platform;

    if (!kpk_uuid_valid(delivery->notification_id))
        return kpk_fail(err, KPK_REJECT, "notification_id: not a UUID");
    if (notification_address_check(channel, delivery->address, err)) return -1;
    if (channel == NOTIFICATION_PUSH &&
        (!platform || (strcmp(platform, "fcm") != 0 && strcmp(platform, "apns") != 0)))
        return kpk_fail(err, KPK_REJECT, "platform: neither fcm nor apns");
    if (channel != NOTIFICATION_SMS && !is_text(delivery->subject))
        return kpk_fail(err, KPK_REJECT, "subject: not UTF-8");
    return is_text(delivery->text) ? 0 : kpk_fail(err, KPK_REJECT, "text: not UTF-8");
}

/* returns  false: it is refused */
static bool begin(struct run *run, int i) {
    struct notification_delivery *delivery = &run->deliveries[i];

    run->items[i] = (struct item){.after = NONE, .next = NONE};
    delivery->provider_id[0] = '\0';
    if (check(run->provider->opts.channel, delivery, &delivery->outcome)) return false;
    kpk_fail(&delivery->outcome, KPK_WAIT, "not tried");
    return true;
}

static int by_recipient(const void *a, const void *b, void *ctx) {
    const struct notification_delivery *deliveries = ctx;
    int x = *(const int *)a, y = *(const int *)b;
    int order = strcmp(deliveries[x].recipient_id, deliveries[y].recipient_id);

    return order ? order : x - y;
}

/* Chain the deliveries of each recipient; the first of each is ready.
 * order  room for all of them */
static void begin_all(struct run *run, int *order) {
    int valid = 0;

    run->ready = NONE;
    for (int i = 0; i < run->count; i++)
        if (begin(run, i)) order[valid++] = i;
    qsort_r(order, (size_t)valid, sizeof(*order), by_recipient, run->deliveries);
    for (int n = valid - 1; n >= 0; n--) {
        int i = order[n], before = n > 0 ? order[n - 1] : NONE;
        if (before != NONE && strcmp(run->deliveries[before].recipient_id,
                                     run->deliveries[i].recipient_id) == 0) {
            run->items[before].after = i;
        } else {
            run->items[i].next = run->ready;
            run->ready = i;
        }
    }
}

/* Who probes, while a provider is down: a message that fails for a reason of its own must not stand for the
 * provider for ever. By lot: a turn that goes on with each call keeps step with the breaker, which lets one pass at
 * each second call or each fourth. */
static void draw_lots(struct run *run) {
    struct notification_provider *provider = run->provider;
    int heads = 0, last = NONE, turn;
    struct kpk_err down;
    bool closed = true;

    for (int i = 0; i < PROVIDER_GATEWAYS; i++)
        if (provider->gateways[i] && gateway_check(provider->gateways[i], &down))
            closed = false;
    for (int i = run->ready; i != NONE; last = i, i = run->items[i].next) heads++;
    if (closed || heads == 0) return;
    turn = rand_r(&provider->lot) % heads;
    run->items[last].next = run->ready; /* a ring, to be cut elsewhere */
    for (; turn > 0; turn--) last = run->items[last].next;
    run->ready = run->items[last].next;
    run->items[last].next = NONE;
}

/* --- one transfer ------------------------------------------------------------------------ */

static void clear(struct transfer *transfer) {
    free(transfer->body);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->recipients);
    curl_easy_reset(transfer->curl); /* options only */
    transfer->delivery = NULL;
    transfer->body = NULL;
    transfer->headers = transfer->recipients = NULL;
    transfer->body_bytes = transfer->body_sent = transfer->answer_bytes = 0;
    transfer->line[0] = transfer->error[0] = '\0';
}

static int send_off(struct run *run, struct transfer *transfer) {
    const struct transfer_channel *channel = run->provider->channel;
    const struct transfer_target *target = transfer->target;
    CURL *curl = transfer->curl;

    snprintf(transfer->key, sizeof(transfer->key), "%s:%s", transfer->delivery->notification_id,
             notification_channel_name(run->provider->opts.channel));
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, channel->schemes);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says of proxies */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, target->timeout_ms);
    if (target->user) curl_easy_setopt(curl, CURLOPT_USERNAME, target->user);
    if (target->password) curl_easy_setopt(curl, CURLOPT_PASSWORD, target->password);
    if (channel->prepare(transfer)) return -1;
    if (transfer->headers) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    if (!run->provider->performers)
        return curl_multi_add_handle(run->provider->multi, curl) ? -1 : 0;
    performers_start(run->provider->performers, transfer);
    return 0;
}

/* The transfer is over: what became of it is known to all. */
static void note(struct run *run, struct transfer *transfer, enum gateway_result result) {
    int i = (int)(transfer->delivery - run->deliveries);
    struct item *item = &run->items[i];
    struct notification_delivery *delivery = transfer->delivery;

    kpk_utf8_line(delivery->provider_id);
    item->failed = result == GATEWAY_FAILED || result == GATEWAY_NOT_CONNECTED;
    delivery->outcome.uncounted =
        item->failed && !gateway_answered_within(transfer->gateway, delivery->waited_ms);
    gateway_note(transfer->gateway, result, XXH3_64bits(transfer->key, strlen(transfer->key)),
                 transfer->probe, kpk_mono_us() - transfer->began_us, delivery->outcome.msg);
    clear(transfer);
    if (result == GATEWAY_GIVEN_UP || item->after == NONE) return;
    run->items[item->after].next = run->ready;
    run->ready = item->after;
}

static void launch(struct run *run, struct transfer *transfer, int i,
                   enum breaker_answer answer) {
    transfer->delivery = &run->deliveries[i];
    transfer->gateway = gateway_of(run, i);
    transfer->probe = answer == BREAKER_PROBE;
    transfer->began_us = kpk_mono_us();
    if (send_off(run, transfer) == 0) {
        run->flying++;
        return;
    }
    kpk_fail(&run->why, KPK_WAIT, "%s: no memory", gateway_name(transfer->gateway));
    note(run, transfer, GATEWAY_GIVEN_UP);
}

/* --- all of them ------------------------------------------------------------------------- */

static struct transfer *idle_transfer(const struct notification_provider *provider) {
    for (int i = 0; i < provider->opts.in_flight; i++)
        if (!provider->transfers[i].delivery) return &provider->transfers[i];
    return NULL;
}

/* Is it too late to begin something? */
static bool is_over(struct run *run) {
    const char *name = notification_channel_name(run->provider->opts.channel);
    int64_t now_ms = kpk_mono_ms();

    if (kpk_stopping()) {
        if (!run->stop_ms) run->stop_ms = now_ms + STOP_MS;
        kpk_fail(&run->why, KPK_WAIT, "%s: the process is to end", name);
        return true;
    }
    if (now_ms < run->deadline_ms) return false;
    kpk_fail(&run->why, KPK_WAIT, "%s: not all of %d deliveries were begun in %d ms", name,
             run->count, run->provider->opts.budget_ms);
    return true;
}

/* Who must wait for the breaker or the rate stays where it is; others may pass. */
static void launch_ready(struct run *run) {
    struct transfer *transfer;
    int64_t wait_us;
    int *link = &run->ready;

    run->wait_us = 0;
    if (*link == NONE || is_over(run)) return;
    while (*link != NONE && (transfer = idle_transfer(run->provider))) {
        int i = *link;
        enum breaker_answer answer = gateway_ask(gateway_of(run, i), &wait_us);
        if (answer == BREAKER_WAIT) {
            if (wait_us && (!run->wait_us || wait_us < run->wait_us)) run->wait_us = wait_us;
            link = &run->items[i].next;
            continue;
        }
        *link = run->items[i].next;
        launch(run, transfer, i, answer);
    }
}

/* One that is done. returns  NULL: there is none now */
static struct transfer *take(const struct notification_provider *provider, CURLcode *code) {
    struct transfer *transfer = NULL;
    CURLMsg *msg;
    int left;

    if (provider->performers) return performers_take(provider->performers, code);
    while (!transfer && (msg = curl_multi_info_read(provider->multi, &left))) {
        if (msg->msg != CURLMSG_DONE) continue;
        *code = msg->data.result; /* 'msg' is gone when its handle is */
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(provider->multi, transfer->curl);
    }
    return transfer;
}

static enum gateway_result judge(const struct run *run, struct transfer *transfer,
                                 CURLcode code) {
    enum gateway_result result;

    if (code == CURLE_ABORTED_BY_CALLBACK) return GATEWAY_GIVEN_UP; /* by us */
    result = run->provider->channel->judge(transfer, code);
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST
               ? GATEWAY_NOT_CONNECTED
               : result;
}

/* returns  how many answers came */
static int collect(struct run *run) {
    const struct notification_provider *provider = run->provider;
    struct transfer *transfer;
    int came = 0, running;
    CURLcode code;

    if (!provider->performers) curl_multi_perform(provider->multi, &running);
    for (; (transfer = take(provider, &code)); came++) {
        note(run, transfer, judge(run, transfer, code));
        run->flying--;
    }
    return came;
}

/* Whether they were delivered nobody knows: they are sent again, with the same keys. What was done in the last
 * moment counts. */
static void give_up(struct run *run) {
    const struct notification_provider *provider = run->provider;

    if (provider->performers) performers_abort(provider->performers);
    collect(run);
    for (int i = 0; i < provider->opts.in_flight; i++) {
        struct transfer *transfer = &provider->transfers[i];
        if (!transfer->delivery) continue;
        curl_multi_remove_handle(provider->multi, transfer->curl);
        note(run, transfer, GATEWAY_GIVEN_UP);
    }
    run->flying = 0;
}

static void fly(struct run *run) {
    for (;;) {
        launch_ready(run);
        if (run->flying == 0 && run->wait_us == 0) return;
        if (collect(run) > 0) continue;
        if (kpk_stopping() && is_over(run) && kpk_mono_ms() > run->stop_ms) give_up(run);
        int timeout_ms = LOOK_MS;
        if (run->wait_us && run->wait_us / 1000 < LOOK_MS)
            timeout_ms = (int)(run->wait_us / 1000) + 1;
        curl_multi_poll(run->provider->multi, NULL, 0, timeout_ms, NULL);
    }
}

/* What failed because its provider is down, and what was not tried, waits. */
static int conclude(struct run *run, struct kpk_err *err) {
    int waiting = 0;

    for (int i = 0; i < run->count; i++) {
        struct notification_delivery *delivery = &run->deliveries[i];
        struct kpk_err down;
        bool untried = delivery->outcome.verdict == KPK_WAIT;

        if (!untried && !run->items[i].failed) continue;
        if (gateway_check(gateway_of(run, i), &down)) {
            delivery->outcome = down;
            run->why = down;
        } else if (untried && run->why.verdict != KPK_OK) {
            delivery->outcome = run->why;
        }
        waiting += delivery->outcome.verdict == KPK_WAIT;
    }
    if (waiting == 0) return 0;
    if (run->why.verdict == KPK_OK) kpk_fail(&run->why, KPK_WAIT, "a provider was down");
    return kpk_fail(err, KPK_WAIT, "%s (%d of %d wait)", run->why.msg, waiting, run->count);
}

int notification_deliver(struct notification_provider *provider,
                         struct notification_delivery *deliveries, size_t count,
                         struct kpk_err *err) {
    struct run run = {.provider = provider, .deliveries = deliveries, .count = (int)count};
    struct item *items = calloc(count ? count : 1, sizeof(*items));
    int *order = calloc(count ? count : 1, sizeof(*order));
    int failed = -1;

    if (!items || !order) {
        kpk_fail(err, KPK_WAIT, "provider: no memory");
        for (size_t i = 0; i < count; i++) deliveries[i].outcome = *err;
        goto out;
    }
    run.items = items;
    run.deadline_ms = kpk_mono_ms() + provider->opts.budget_ms;
    begin_all(&run, order);
    draw_lots(&run);
    fly(&run);
    failed = conclude(&run, err);
out:
    free(items);
    free(order);
    return failed;
}
