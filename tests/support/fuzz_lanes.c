#include "tests/support/fuzz_lanes.h"

#include "common/clock.h"
#include "tests/support/http_raw.h"
#include "tests/support/http_stream.h"
#include "tests/support/openapi_fuzz.h"
#include "tests/support/test.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uthash.h>

struct lane {
    struct siege_service *service;
    struct fuzz *fuzz;
    int path;
    struct http_stream stream;
    struct fuzz_request request;
    uint64_t seed;
    int64_t used_ms; /* when it sent last */
    int sent;
};

enum { LANES = 24, KEEP_MS = 10000 };

static struct lane lanes[LANES];
static int n_lanes;

struct seen {
    char key[160];
    bool there; /* a follow: it is there now */
    UT_hash_handle hh;
};

static struct seen *rows, *follows;
static int by_class[6], ends;
static struct siege_wrote wrote; /* as the answers say */

static struct seen *see(struct seen **set, const char *key) {
    struct seen *seen;

    HASH_FIND_STR(*set, key, seen);
    if (seen) return seen;
    seen = calloc(1, sizeof(*seen));
    assert_non_null(seen);
    snprintf(seen->key, sizeof(seen->key), "%s", key);
    HASH_ADD_STR(*set, key, seen);
    return seen;
}

static void forget(struct seen **set) {
    struct seen *seen, *next;

    HASH_ITER(hh, *set, seen, next) {
        HASH_DEL(*set, seen);
        free(seen);
    }
}

static void lane_fails(const struct lane *lane, const char *why, const char *answer) {
    fail_msg(
        "%s: %s; spoilt: %s (lane seed %llu)\n--- %zu bytes sent\n%.600s\n--- answer\n%.600s",
        lane->service->name, why, lane->request.what, (unsigned long long)lane->seed,
        lane->request.len, lane->request.bytes, answer);
}

/* A 201 tells of a row, and of an id that may be asked for. The same id twice is one row. */
static void note_created(struct lane *lane, const struct stream_answer *answer) {
    cJSON *body = cJSON_Parse(answer->body);
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "id"));
    bool tweet = cJSON_HasObjectItem(body, "text");
    char key[64];

    if (!id) lane_fails(lane, "created, and no id", answer->body);
    snprintf(key, sizeof(key), "%s %s", tweet ? "tweet" : "user", id);
    struct seen *seen = see(&rows, key);
    if (!seen->there && tweet) wrote.tweets++;
    if (!seen->there && !tweet) wrote.users++;
    seen->there = true;
    if (tweet) fuzz_know(lane->fuzz, "uuid", id);
    cJSON_Delete(body);
}

/* PUT or DELETE /v1/users/{id}/following/{other}, as it was sent: escapes and a query included. */
static void note_follow(const struct lane *lane) {
    const char *target = strchr(lane->request.bytes, ' ') + 1;
    char pair[160];
    size_t len = 0;

    while (*target && !strchr(" ?", *target) && len < sizeof(pair) - 1) {
        unsigned c = (unsigned char)*target;

        if (c == '%') sscanf(target + 1, "%2x", &c);
        target += *target == '%' ? 3 : 1;
        pair[len++] = (char)c;
    }
    pair[len] = '\0';
    struct seen *seen = see(&follows, pair);
    bool there = lane->request.bytes[0] == 'P';

    wrote.follows += (int)there - (int)seen->there;
    seen->there = there;
}

static bool sent(const struct lane *lane, const char *text) {
    return memmem(lane->request.bytes, lane->request.len, text, strlen(text)) != NULL;
}

static void judge_answer(struct lane *lane, const struct stream_answer *answer) {
    int status = answer->status;

    by_class[status / 100 % 6]++;
    if (status >= 500 && !(status == 505 && !lane->request.whole) &&
        !(status == 501 && sent(lane, "Transfer-Encoding")))
        lane_fails(lane, "a 5xx", answer->head);
    if (status >= 400 && lane->request.unmodified && status != 404 && status != 422 &&
        status != 400)
        lane_fails(lane, "a request as it should be is refused", answer->head);
    if (status == 201) note_created(lane, answer);
    if (status == 204) note_follow(lane);
    const char *cursor = strstr(answer->body, "\"next_cursor\":\"");
    char value[128];
    if (cursor && sscanf(cursor + strlen("\"next_cursor\":\""), "%127[^\"]", value) == 1)
        fuzz_know(lane->fuzz, "cursor", value);
}

/* What is not whole is followed by a request that ends the connection, and by more than any request
 * may have, a body and header fields of 16 KB each: whatever the server waits for, it comes, makes
 * no sense, and ends the matter. (But a chunk that was spoilt may claim more: the server waits for it
 * until it cuts the connection, and all lanes wait with this one.) */
static char rest[64 << 10];

static void make_rest(void) {
    static const char last[] = "GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";

    memset(rest, 'x', sizeof(rest) - 1);
    memcpy(rest, last, sizeof(last) - 1);
}

static void lane_send(struct lane *lane) {
    /* The server hangs up on who comes back after 30 s; a request on its way then is lost. */
    if (kpk_mono_ms() - lane->used_ms > KEEP_MS) http_stream_close(&lane->stream);
    if (http_stream_open(&lane->stream, lane->service->port))
        fail_msg("%s takes no connection: %s", lane->service->name, strerror(errno));
    fuzz_make(lane->fuzz, lane->path, &lane->request);
    lane->sent++;
    http_stream_send(&lane->stream, lane->request.bytes, lane->request.len);
    if (!lane->request.whole) http_stream_send(&lane->stream, rest, strlen(rest));
    lane->used_ms = kpk_mono_ms();
}

/* Only what is not whole may end without an answer, or in the middle of one: libmicrohttpd hangs up
 * on what it cannot read, and when more has come than it read, the kernel drops what the client did
 * not take yet. Nothing is added to 'wrote': what was not answered was not carried out. */
static void note_hang_up(struct lane *lane, enum stream_result result) {
    if (lane->request.whole)
        lane_fails(lane, result == STREAM_END ? "no answer" : "no HTTP", "");
    ends++;
    http_stream_close(&lane->stream);
}

static void lane_read(struct lane *lane) {
    static struct stream_answer answer;
    enum stream_result result = http_stream_read(&lane->stream, lane->request.head, &answer);

    if (result == STREAM_SILENCE) lane_fails(lane, "no answer, and no end", "");
    if (result) {
        note_hang_up(lane, result);
        return;
    }
    judge_answer(lane, &answer);
    if (lane->request.whole) {
        if (answer.closes) http_stream_close(&lane->stream);
        return;
    }
    while (http_stream_read(&lane->stream, false, &answer) == STREAM_ANSWER)
        judge_answer(lane, &answer);
    http_stream_close(&lane->stream);
}

/* returns  for free() */
static char *read_document(const struct siege_service *service) {
    enum { BYTES = 1 << 20 };
    static const char request[] = "GET /openapi.json HTTP/1.0\r\nHost: t\r\n\r\n";
    char *text = calloc(1, BYTES), *body;
    int fd = raw_connect(service->port);
    size_t len = 0;
    ssize_t n;

    assert_non_null(text);
    raw_send(fd, request);
    while ((n = recv(fd, text + len, BYTES - 1 - len, 0)) > 0) len += (size_t)n;
    close(fd);
    body = strstr(text, "\r\n\r\n");
    if (!body) fail_msg("%s has no /openapi.json", service->name);
    memmove(text, body + 4, strlen(body + 4) + 1);
    return text;
}

static void know(struct fuzz *fuzz) {
    static const char *const names[] = {"id", "other", "author_id"};

    for (size_t n = 0; n < 3; n++)
        for (int i = 0; i < 3; i++) fuzz_know(fuzz, names[n], siege_user(i));
    fuzz_know(fuzz, "q", "long");
    fuzz_know(fuzz, "q", "good -morning or \"a phrase\"");
    fuzz_know(fuzz, "window", "60m");
    fuzz_know(fuzz, "window", "24h");
}

static void open_lanes(uint64_t seed) {
    n_lanes = 0;
    for (int s = 0; s < SIEGE_SERVICES; s++) {
        char *document = read_document(&siege_services[s]);
        int paths = 1; /* until the first is open */

        for (int p = 0; p < paths; p++) {
            struct lane *lane = &lanes[n_lanes++];

            assert_true(n_lanes <= LANES);
            lane->service = &siege_services[s];
            lane->path = p;
            lane->stream.fd = -1;
            lane->seed = seed + (uint64_t)n_lanes;
            lane->fuzz = fuzz_open(document, lane->seed);
            if (!lane->fuzz) fail_msg("%s: its /openapi.json is none", lane->service->name);
            paths = fuzz_paths(lane->fuzz);
            know(lane->fuzz);
        }
        free(document);
    }
}

/* Whoever was answered sends the next. returns how many were */
static int lanes_step(void) {
    struct pollfd polled[LANES];
    int answered = 0;

    for (int i = 0; i < n_lanes; i++)
        polled[i] = (struct pollfd){.fd = lanes[i].stream.fd, .events = POLLIN};
    if (poll(polled, (nfds_t)n_lanes, STREAM_DEADLINE_MS) == 0)
        lane_fails(&lanes[0], "nobody is answered", "");
    for (int i = 0; i < n_lanes; i++) {
        if (!polled[i].revents) continue;
        lane_read(&lanes[i]);
        lane_send(&lanes[i]);
        answered++;
    }
    return answered;
}

static void close_lanes(void) {
    for (int i = 0; i < n_lanes; i++) {
        struct lane *lane = &lanes[i];

        lane_read(lane); /* the last that it sent */
        http_stream_close(&lane->stream);
        fuzz_close(lane->fuzz);
        printf("    %-16s path %d: %d requests\n", lane->service->name, lane->path, lane->sent);
        /* A path that is hardly asked for would prove little. */
        assert_true(lane->sent > 50);
    }
    forget(&rows);
    forget(&follows);
}

void fuzz_lanes_run(int requests, uint64_t seed, struct siege_wrote *out) {
    int answered = 0;

    make_rest();
    open_lanes(seed);
    for (int i = 0; i < n_lanes; i++) lane_send(&lanes[i]);
    while (answered < requests) answered += lanes_step();
    close_lanes();
    printf("    hung up on without an answer, none of them whole: %d\n", ends);
    printf("    answered 2xx %d, 4xx %d, 5xx %d (501, 505); wrote %d tweets, "
           "%d users\n",
           by_class[2], by_class[4], by_class[5], wrote.tweets, wrote.users);
    /* A generator that never gets through to a handler, or always, would prove little. */
    assert_true(by_class[2] > answered / 20 && by_class[4] > answered / 20);
    *out = wrote;
}
