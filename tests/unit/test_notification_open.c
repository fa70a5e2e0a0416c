/* With what a provider is opened; and when the process is to end, nobody waits for one that does not answer. */
#include "common/clock.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "services/notification/provider.h"
#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHANNELS = 2, LETTERS = 2, LONG_MS = 20000, SOON_MS = 10000 };

static void test_options(void **state) {
    static const struct notification_provider_opts bad[] = {
        {.channel = NOTIFICATION_SMS, .url = NULL},
        {.channel = NOTIFICATION_SMS, .url = ""},
        {.channel = NOTIFICATION_SMS, .url = "smtp://127.0.0.1"},
        {.channel = NOTIFICATION_SMS, .url = "file:///etc/passwd"},
        {.channel = NOTIFICATION_SMS, .url = "127.0.0.1:80"},
        {.channel = NOTIFICATION_EMAIL, .url = "http://127.0.0.1"},
        {.channel = NOTIFICATION_EMAIL, .url = "smtp://127.0.0.1", .sender = "nobody"},
        {.channel = NOTIFICATION_EMAIL,
         .url = "smtp://127.0.0.1",
         .sender = "a@b.c\r\nBcc: d@e.f"},
        {.channel = NOTIFICATION_PUSH, .url = "http://127.0.0.1", .sender = "../x"},
        {.channel = NOTIFICATION_PUSH, .url = "http://127.0.0.1", .sender = ""},
        {.channel = NOTIFICATION_SMS, .url = "http://127.0.0.1", .rate = -1},
        {.channel = NOTIFICATION_SMS, .url = "http://127.0.0.1", .in_flight = 257},
        {.channel = NOTIFICATION_SMS, .url = "http://127.0.0.1", .timeout_ms = 20001},
        {.channel = NOTIFICATION_SMS, .url = "http://127.0.0.1", .budget_ms = 20001},
        {.channel = NOTIFICATION_SMS, .url = "http://127.0.0.1", .breaker_failures = 101},
    };
    struct notification_provider *provider;
    struct kpk_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (!notification_provider_open(&provider, &bad[i], &err)) fail_msg("case %zu", i);
        assert_int_equal(err.verdict, KPK_FATAL);
        assert_null(provider);
    }
}

/* ---- the end ---------------------------------------------------------------------------- */

/* It takes connections, and says nothing. */
static int silent, port;

static void open_silent(void) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_false(bind(silent, (struct sockaddr *)&address, len));
    assert_false(listen(silent, 8));
    assert_false(getsockname(silent, (struct sockaddr *)&address, &len));
    port = ntohs(address.sin_port);
}

/* A member and what it sends, to one recipient: the second is not begun before the first is done. */
struct member {
    struct notification_provider *provider;
    struct notification_delivery letters[LETTERS];
    char id[KPK_UUID_BYTES];
    pthread_t thread;
    int returned;
    struct kpk_err err;
};

static void open_member(struct member *member, enum notification_channel channel) {
    bool mail = channel == NOTIFICATION_EMAIL;
    char url[64];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%d", mail ? "smtp" : "http", port);
    assert_ok(
        notification_provider_open(&member->provider,
                                   &(struct notification_provider_opts){
                                       .channel = channel, .url = url, .timeout_ms = LONG_MS},
                                   &member->err),
        &member->err);
    kpk_uuid7(member->id);
    for (int i = 0; i < LETTERS; i++)
        member->letters[i] = (struct notification_delivery){.notification_id = member->id,
                                                            .recipient_id = "1",
                                                            .address = mail ? "ada@example.com"
                                                                            : "+491701234567",
                                                            .subject = "subject",
                                                            .text = "text"};
}

static void *deliver(void *arg) {
    struct member *member = arg;

    member->returned =
        notification_deliver(member->provider, member->letters, LETTERS, &member->err);
    return NULL;
}

static void test_stop(void **state) {
    static const enum notification_channel channels[CHANNELS] = {NOTIFICATION_EMAIL,
                                                                 NOTIFICATION_SMS};
    static struct member members[CHANNELS];
    int fds[CHANNELS];

    (void)state;
    open_silent();
    for (int c = 0; c < CHANNELS; c++) {
        open_member(&members[c], channels[c]);
        pthread_create(&members[c].thread, NULL, deliver, &members[c]);
        assert_true(raw_readable(silent, SOON_MS)); /* it has connected */
        assert_true((fds[c] = accept(silent, NULL, NULL)) >= 0);
    }
    int64_t began_ms = kpk_mono_ms();
    kpk_stop();
    for (int c = 0; c < CHANNELS; c++) pthread_join(members[c].thread, NULL);
    for (int c = 0; c < CHANNELS; c++) {
        assert_int_equal(members[c].returned, -1);
        assert_int_equal(members[c].err.verdict, KPK_WAIT);
        assert_non_null(strstr(members[c].err.msg, "the process is to end (2 of 2 wait)"));
        for (int i = 0; i < LETTERS; i++)
            assert_int_equal(members[c].letters[i].outcome.verdict, KPK_WAIT);
        notification_provider_close(members[c].provider);
        close(fds[c]);
    }
    assert_true(kpk_mono_ms() - began_ms < SOON_MS);
    close(silent);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_options),
                                       cmocka_unit_test(test_stop)}; /* there is no way back */

    return cmocka_run_group_tests_name("notification: open and stop", tests, NULL, NULL);
}
