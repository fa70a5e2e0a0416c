/* What a provider may answer, and what becomes of the delivery: from servers that say what the test wrote, good
 * manners or not. The breaker opens at the first failure here, so WAIT is what counts against the provider. */
#include "common/child.h"
#include "common/clock.h"
#include "common/uuid.h"
#include "services/notification/provider.h"
#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { REQUEST_BYTES = 64 * 1024, TIMEOUT_MS = 300, GONE_MS = 10000, LATE_MS = 1500 };

#define LATE "(late) "

/* ---- a server --------------------------------------------------------------------------- */

/* HTTP: one answer to each request, and then it hangs up; NULL: it says nothing until the client has gone.
 * SMTP: the replies to the connection and to each command, in order; "": it says nothing until the client has
 * gone; NULL: it hangs up. */
static struct {
    int listener, port;
    pthread_t thread;
    bool smtp;
    const char *http;
    const char *replies[8];      /* "(late) ..." is sent LATE_MS later */
    const char *later[8];        /* to the connections after the first; NULL: the same */
    char request[REQUEST_BYTES]; /* the last one */
} server;

static bool read_more(int fd, size_t *len) {
    ssize_t got;

    if (!raw_readable(fd, GONE_MS)) return false;
    got = recv(fd, server.request + *len, REQUEST_BYTES - 1 - *len, 0);
    if (got <= 0) return false;
    *len += (size_t)got;
    server.request[*len] = '\0';
    return true;
}

static bool is_whole(void) {
    const char *end = strstr(server.request, "\r\n\r\n"),
               *length = strcasestr(server.request, "\r\nContent-Length: ");

    return end && length && strlen(end + 4) >= strtoul(length + 18, NULL, 10);
}

static void serve_http(int fd) {
    size_t len = 0;

    while (read_more(fd, &len))
        if (is_whole()) {
            if (!server.http) continue;
            send(fd, server.http, strlen(server.http), MSG_NOSIGNAL);
            return;
        }
}

/* One line, or with 'data' all up to the point. */
static bool read_command(int fd, bool data) {
    size_t len = 0;

    server.request[0] = '\0';
    while (!strstr(server.request, data ? "\r\n.\r\n" : "\r\n"))
        if (!read_more(fd, &len)) return false;
    return true;
}

static void serve_smtp(int fd) {
    for (size_t i = 0; server.replies[i]; i++) {
        const char *reply = server.replies[i];
        while (!*reply)
            if (!read_command(fd, false)) return;
        if (strncmp(reply, LATE, strlen(LATE)) == 0) {
            usleep(LATE_MS * 1000);
            reply += strlen(LATE);
        }
        send(fd, reply, strlen(reply), MSG_NOSIGNAL);
        if (!read_command(fd, strncmp(reply, "354", 3) == 0)) break;
    }
    if (server.later[0]) memcpy(server.replies, server.later, sizeof(server.replies));
}

static void *serve(void *arg) {
    int fd;

    (void)arg;
    while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
        if (server.smtp)
            serve_smtp(fd);
        else
            serve_http(fd);
        close(fd);
    }
    return NULL;
}

static int open_server(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    (void)state;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.listener, (struct sockaddr *)&address, len) ||
        listen(server.listener, 64) ||
        getsockname(server.listener, (struct sockaddr *)&address, &len))
        return -1;
    server.port = ntohs(address.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int close_server(void **state) {
    (void)state;
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    return 0;
}

/* ---- a delivery ------------------------------------------------------------------------- */

static struct kpk_err error, *err = &error;
static char id[KPK_UUID_BYTES];

static struct notification_delivery delivery_to(enum notification_channel channel) {
    static const char *const addresses[] = {"ada@example.com", "+491701234567",
                                            "token-0123456789"};

    kpk_uuid7(id);
    return (struct notification_delivery){.notification_id = id,
                                          .recipient_id = "1",
                                          .address = addresses[channel],
                                          .platform = "fcm",
                                          .subject = "subject",
                                          .text = "text & more"};
}

static struct notification_provider *open_provider(enum notification_channel channel) {
    struct notification_provider *provider;
    char url[64];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%d",
             channel == NOTIFICATION_EMAIL ? "smtp" : "http", server.port);
    server.smtp = channel == NOTIFICATION_EMAIL;
    assert_ok(notification_provider_open(
                  &provider,
                  &(struct notification_provider_opts){.channel = channel,
                                                       .url = url,
                                                       .timeout_ms = TIMEOUT_MS,
                                                       .breaker_failures = 1,
                                                       .breaker_ms = 60000},
                  err),
              err);
    return provider;
}

/* A delivery by a provider that is new. returns its outcome */
static struct kpk_err deliver(enum notification_channel channel, const char *platform,
                              char *provider_id) {
    struct notification_provider *provider = open_provider(channel);
    struct notification_delivery delivery = delivery_to(channel);
    int waits;

    delivery.platform = platform;
    waits = notification_deliver(provider, &delivery, 1, err);
    assert_int_equal(waits, delivery.outcome.verdict == KPK_WAIT ? -1 : 0);
    if (waits) {
        assert_int_equal(err->verdict, KPK_WAIT);
        assert_non_null(strstr(err->msg, "(1 of 1 wait)"));
    }
    notification_provider_close(provider);
    strcpy(provider_id, delivery.provider_id);
    return delivery.outcome;
}

static void assert_outcome(const char *what, const struct kpk_err *outcome,
                           enum kpk_verdict verdict, const char *says) {
    if (outcome->verdict != verdict || (says && !strstr(outcome->msg, says)))
        fail_msg("%s\n-> %s %s", what, kpk_verdict_name(outcome->verdict), outcome->msg);
}

/* ---- HTTP ------------------------------------------------------------------------------- */

#define H(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"
#define BODY "Content-Type: application/json\r\n\r\n"

/* clang-format off */
static const struct {
    const char *answer; /* NULL: none */
    enum kpk_verdict verdict;
    const char *says;
    int retry_after_ms; /* -1: some, up to a minute */
} http[] = {
    {H("201 Created") BODY "{\"sid\":\"SM1\"}", KPK_OK, NULL, 0},
    {H("200 OK") "\r\n", KPK_OK, NULL, 0},
    {H("200 OK") BODY "this is no JSON", KPK_OK, NULL, 0},
    {H("200 OK") BODY "{\"sid\":17}", KPK_OK, NULL, 0},
    {H("204 No Content") "\r\n", KPK_OK, NULL, 0},

    {H("400 Bad Request") BODY "{\"code\":21211,\"message\":\"Invalid 'To'\"}", KPK_REJECT, "sms: 400 21211 Invalid 'To'", 0},
    {H("400 Bad Request") BODY "<html>", KPK_REJECT, "sms: 400", 0},
    {H("400 Bad Request") BODY "{\"message\":\"line\\r\\nline \\u001b[31m\"}", KPK_REJECT, "line??line ?[31m", 0},
    {H("403 Forbidden") "\r\n", KPK_REJECT, "sms: 403", 0},
    {H("404 Not Found") "\r\n", KPK_REJECT, "sms: 404", 0},
    {H("410 Gone") "Retry-After: 5\r\n\r\n", KPK_REJECT, "sms: 410", 0},

    {H("429 Too Many Requests") "\r\n", KPK_RETRY, "sms: 429", 0},
    {H("429 Too Many Requests") "Retry-After: 7\r\n\r\n", KPK_RETRY, "sms: 429", 7000},
    {H("429 Too Many Requests") "retry-after:    120\r\n\r\n", KPK_RETRY, "sms: 429", 120000},
    {H("429 Too Many Requests") "Retry-After: 0\r\n\r\n", KPK_RETRY, "sms: 429", 0},
    {H("429 Too Many Requests") "Retry-After: -5\r\n\r\n", KPK_RETRY, "sms: 429", 0},
    {H("429 Too Many Requests") "Retry-After: soon\r\n\r\n", KPK_RETRY, "sms: 429", 0},
    {H("429 Too Many Requests") "Retry-After: 99999999999\r\n\r\n", KPK_RETRY, "sms: 429", INT_MAX},
    {H("429 Too Many Requests") "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n", KPK_RETRY, "sms: 429", 0},
    {H("429 Too Many Requests") "Retry-After: @DATE@\r\n\r\n", KPK_RETRY, "sms: 429", -1},
    {H("408 Request Timeout") "\r\n", KPK_RETRY, "sms: 408", 0},

    {H("500 Internal Server Error") "\r\n", KPK_WAIT, "sms: 500", 0},
    {H("503 Service Unavailable") "Retry-After: 7\r\n\r\n", KPK_WAIT, "sms: 503", 0},
    {H("401 Unauthorized") "\r\n", KPK_WAIT, "sms: 401", 0},
    {H("302 Found") "Location: http://127.0.0.1:1/\r\n\r\n", KPK_WAIT, "sms: 302", 0},
    {H("600 What") "\r\n", KPK_WAIT, "sms:", 0},
    {"", KPK_WAIT, "sms: no answer", 0},
    {"HTTP/1.1 200", KPK_WAIT, "sms: no answer", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", KPK_WAIT, "sms: no answer", 0},
    {"220 smtp.example.com ESMTP\r\n", KPK_WAIT, "sms: no answer", 0},
    {NULL, KPK_WAIT, "sms: no answer: Operation timed out", 0},
};
/* clang-format on */

/* '@DATE@' becomes half a minute from now. */
static void set_answer(const char *answer, char *text, size_t bytes) {
    const char *at = answer ? strstr(answer, "@DATE@") : NULL;
    time_t soon = time(NULL) + 30;
    char date[64];
    struct tm utc;

    server.http = answer;
    if (!at) return;
    gmtime_r(&soon, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    snprintf(text, bytes, "%.*s%s%s", (int)(at - answer), answer, date, at + strlen("@DATE@"));
    server.http = text;
}

static void test_http(void **state) {
    char text[512], provider_id[NOTIFICATION_PROVIDER_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(http); i++) {
        const char *what = http[i].answer ? http[i].answer : "(silence)";
        set_answer(http[i].answer, text, sizeof(text));
        struct kpk_err outcome = deliver(NOTIFICATION_SMS, NULL, provider_id);
        assert_outcome(what, &outcome, http[i].verdict, http[i].says);
        assert_string_equal(provider_id, i == 0 ? "SM1" : "");
        if (http[i].retry_after_ms < 0)
            assert_in_range(outcome.retry_after_ms, 20000, 30000);
        else if (outcome.retry_after_ms != http[i].retry_after_ms)
            fail_msg("%s: %d ms", what, outcome.retry_after_ms);
    }
}

/* More than is looked at. */
static void test_a_long_answer(void **state) {
    enum { LONG = 1 << 20 };
    static char answer[LONG + 1]; /* the server may still be at it when we have seen enough */
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES];

    (void)state;
    memset(answer, 'x', LONG);
    memcpy(answer, H("400 Bad Request") BODY, strlen(H("400 Bad Request") BODY));
    answer[LONG] = '\0';
    server.http = answer;
    struct kpk_err outcome = deliver(NOTIFICATION_SMS, NULL, provider_id);
    assert_outcome("a long one", &outcome, KPK_REJECT, "sms: 400");
}

/* ---- what is sent ----------------------------------------------------------------------- */

static void assert_sent(const char *part) {
    if (!strstr(server.request, part)) fail_msg("no %s in\n%s", part, server.request);
}

static void test_requests(void **state) {
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES], key[128];

    (void)state;
    server.http = H("200 OK") "\r\n";
    deliver(NOTIFICATION_SMS, NULL, provider_id);
    assert_sent("POST /2010-04-01/Accounts/kpk/Messages.json HTTP/1.1\r\n");
    assert_sent("\r\n\r\nTo=%2B491701234567&From=%2B15550100100&Body=text%20%26%20more");
    snprintf(key, sizeof(key), "\r\nIdempotency-Key: %s:sms\r\n", id);
    assert_sent(key);

    deliver(NOTIFICATION_PUSH, "fcm", provider_id);
    assert_sent("POST /v1/projects/kafka-pattern-kit/messages:send HTTP/1.1\r\n");
    assert_sent("\r\n\r\n{\"message\":{\"android\":{\"priority\":\"normal\"},"
                "\"token\":\"token-0123456789\",\"notification\":{\"title\":\"subject\","
                "\"body\":\"text & more\"}}}");
    snprintf(key, sizeof(key), "\r\nIdempotency-Key: %s:push\r\n", id);
    assert_sent(key);

    deliver(NOTIFICATION_PUSH, "apns", provider_id);
    assert_sent("POST /3/device/token-0123456789 HTTP/1.1\r\n");
    assert_sent("\r\napns-topic: kafka-pattern-kit\r\n");
    assert_sent("\r\napns-priority: 5\r\n");
    assert_sent(
        "\r\n\r\n{\"aps\":{\"alert\":{\"title\":\"subject\",\"body\":\"text & more\"}}}");
    assert_string_equal(provider_id, id);
}

/* A user in the URL: sent as the scheme has it, and the account of the gateway; never in a message. */
static void test_user(void **state) {
    struct notification_delivery delivery = delivery_to(NOTIFICATION_SMS);
    struct notification_provider *provider;
    char url[96];

    (void)state;
    server.smtp = false;
    server.http = H("400 Bad Request") "\r\n";
    snprintf(url, sizeof(url), "http://AC%%31:se%%40cret@127.0.0.1:%d/base/", server.port);
    assert_ok(notification_provider_open(
                  &provider,
                  &(struct notification_provider_opts){
                      .channel = NOTIFICATION_SMS, .url = url, .sender = "+1555"},
                  err),
              err);
    assert_ok(notification_deliver(provider, &delivery, 1, err), err);
    assert_sent("POST /base/2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n");
    assert_sent("\r\nAuthorization: Basic QUMxOnNlQGNyZXQ=\r\n"); /* AC1:se@cret */
    assert_sent("From=%2B1555&");
    assert_null(strstr(delivery.outcome.msg, "cret"));
    notification_provider_close(provider);
}

/* ---- SMTP ------------------------------------------------------------------------------- */

#define HELLO "220 hello\r\n", "250 hello\r\n"

/* clang-format off */
static const struct {
    const char *name;
    const char *replies[8]; /* to the connection, EHLO, MAIL, RCPT, DATA, the mail */
    enum kpk_verdict verdict;
    const char *says;
} smtp[] = {
    {"taken", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 2.0.0 queued as 17\r\n"}, KPK_OK, NULL},
    {"taken in two lines", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250-well\r\n250 2.0.0 queued as 17\r\n"}, KPK_OK, NULL},
    {"no such mailbox", {HELLO, "250 ok\r\n", "550 5.1.1 who?\r\n"}, KPK_REJECT, "email: 550 5.1.1 who?"},
    {"a mail it does not want", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "554 5.7.1 spam\r\n"}, KPK_REJECT, "email: 554 5.7.1 spam"},
    {"a sender it does not want", {HELLO, "550 5.7.1 you?\r\n"}, KPK_REJECT, "email: 550 5.7.1 you?"},
    {"no room for it", {HELLO, "250 ok\r\n", "250 ok\r\n", "552 5.3.4 too big\r\n"}, KPK_REJECT, "email: 552"},
    {"greylisted", {HELLO, "250 ok\r\n", "450 4.7.1 later\r\n"}, KPK_RETRY, "email: 450 4.7.1 later"},
    {"an error in its store", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "451 4.3.0 oh\r\n"}, KPK_RETRY, "email: 451 4.3.0 oh"},
    {"a sender it wants later", {HELLO, "451 4.7.1 later\r\n"}, KPK_RETRY, "email: 451"},
    {"closing", {"421 4.3.2 closing\r\n"}, KPK_WAIT, "email: 421 4.3.2 closing"},
    {"closing in the middle", {HELLO, "250 ok\r\n", "421 4.3.2 closing\r\n"}, KPK_WAIT, "email: 421"},
    {"closing at the end", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "421 4.3.2 closing\r\n"}, KPK_WAIT, "email: 421"},
    {"no service for us", {"554 5.7.1 no\r\n"}, KPK_WAIT, "email: 554 5.7.1 no"},
    {"no EHLO, no HELO", {"220 hello\r\n", "502 no\r\n", "550 no\r\n"}, KPK_WAIT, "email: 550 no"},
    {"hangs up", {NULL}, KPK_WAIT, "email: no answer"},
    {"hangs up at the end", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", NULL}, KPK_WAIT, "email: no answer"},
    {"no SMTP at all", {"HTTP/1.1 400 Bad Request\r\n\r\n"}, KPK_WAIT, "email: "},
    {"says nothing", {""}, KPK_WAIT, "email: no answer"},
    {"says nothing more", {"220-hello\r\n"}, KPK_WAIT, "email: no answer"},
    {"says nothing at the end", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", ""}, KPK_WAIT, "email: no answer"},
    {"takes it, and not our leave", {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 2.0.0 queued as 17\r\n", ""}, KPK_OK, NULL},
    {"refuses it, and not our leave", {HELLO, "250 ok\r\n", "550 5.1.1 who?\r\n", ""}, KPK_REJECT, "email: 550"},
};
/* clang-format on */

static void test_smtp(void **state) {
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(smtp); i++) {
        int64_t began_ms = kpk_mono_ms();
        memcpy(server.replies, smtp[i].replies, sizeof(server.replies));
        struct kpk_err outcome = deliver(NOTIFICATION_EMAIL, NULL, provider_id);
        if (kpk_mono_ms() - began_ms > GONE_MS / 2)
            fail_msg("%s: waits for long", smtp[i].name);
        assert_outcome(smtp[i].name, &outcome, smtp[i].verdict, smtp[i].says);
        assert_string_equal(provider_id, smtp[i].verdict == KPK_OK ? "2.0.0 queued as 17" : "");
    }
}

/* The reply to one mail is not taken for the reply to the next: that one would be thought sent, and is not. */
static void test_a_late_reply(void **state) {
    static const char *const first[8] = {HELLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n",
                                         LATE "250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"},
                             *const later[8] = {HELLO, "250 ok\r\n", "550 5.1.1 who?\r\n"};
    struct notification_delivery deliveries[2] = {delivery_to(NOTIFICATION_EMAIL)};
    struct notification_provider *provider;
    char url[64];

    (void)state;
    deliveries[1] = deliveries[0];
    server.smtp = true;
    memcpy(server.replies, first, sizeof(first));
    memcpy(server.later, later, sizeof(later));
    snprintf(url, sizeof(url), "smtp://127.0.0.1:%d", server.port);
    assert_ok(notification_provider_open(
                  &provider,
                  &(struct notification_provider_opts){.channel = NOTIFICATION_EMAIL,
                                                       .url = url,
                                                       .in_flight = 1,
                                                       .timeout_ms = LATE_MS - 500},
                  err),
              err);
    assert_ok(notification_deliver(provider, deliveries, 2, err), err);
    assert_outcome("late", &deliveries[0].outcome, KPK_RETRY, "email: no answer");
    assert_outcome("the next", &deliveries[1].outcome, KPK_REJECT, "email: 550 5.1.1 who?");
    notification_provider_close(provider);
    server.later[0] = NULL;
}

/* ---- what is not sent ------------------------------------------------------------------- */

static void test_refused_here(void **state) {
    static const struct {
        enum notification_channel channel;
        struct notification_delivery delivery;
        const char *says;
    } cases[] = {
        {NOTIFICATION_SMS, {.notification_id = "1"}, "notification_id"},
        {NOTIFICATION_SMS, {.notification_id = "1\r\nX: y"}, "notification_id"},
        {NOTIFICATION_SMS, {.address = "+49170123\r\nX: y"}, "phone: "},
        {NOTIFICATION_EMAIL, {.address = "a@b.c\r\nRCPT TO:<all@b.c>"}, "email: "},
        {NOTIFICATION_PUSH, {.address = "../../3/device"}, "push_token: "},
        {NOTIFICATION_PUSH, {.platform = "wns"}, "platform"},
        {NOTIFICATION_SMS, {.text = "\xff"}, "text"},
        {NOTIFICATION_EMAIL, {.text = "\xff"}, "text"},
        {NOTIFICATION_EMAIL, {.subject = "\xff"}, "subject"},
    };

    (void)state;
    server.http = H("200 OK") "\r\n";
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notification_delivery delivery = delivery_to(cases[i].channel);
        const struct notification_delivery *bad = &cases[i].delivery;
        struct notification_provider *provider = open_provider(cases[i].channel);

        if (bad->notification_id) delivery.notification_id = bad->notification_id;
        if (bad->address) delivery.address = bad->address;
        if (bad->platform) delivery.platform = bad->platform;
        if (bad->subject) delivery.subject = bad->subject;
        if (bad->text) delivery.text = bad->text;
        server.request[0] = '\0';
        assert_ok(notification_deliver(provider, &delivery, 1, err), err);
        assert_outcome(cases[i].says, &delivery.outcome, KPK_REJECT, cases[i].says);
        assert_string_equal(server.request, "");
        notification_provider_close(provider);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),         cmocka_unit_test(test_a_long_answer),
        cmocka_unit_test(test_requests),     cmocka_unit_test(test_user),
        cmocka_unit_test(test_smtp),         cmocka_unit_test(test_a_late_reply),
        cmocka_unit_test(test_refused_here),
    };

    return cmocka_run_group_tests_name("notification: answers", tests, open_server,
                                       close_server);
}
