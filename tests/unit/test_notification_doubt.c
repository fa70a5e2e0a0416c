/* Is it the message that fails, or its provider? */
#include "common/clock.h"
#include "common/uuid.h"
#include "services/notification/provider.h"
#include "tests/support/http_raw.h"
#include "tests/support/sms_gateway.h"
#include "tests/support/test.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { BACK_MS = 20000, FAILURES = 5 };

static struct kpk_err error, *err = &error;
static struct notification_provider *provider;
static char ids[2][KPK_UUID_BYTES];

static struct notification_delivery delivery_to(enum notification_channel channel,
                                                const char *phone, int waited_ms) {
    const char *const addresses[] = {"ada@example.com", phone, "token-0123456789"};
    char *id = ids[phone[strlen(phone) - 1] % 2];

    kpk_uuid7(id);
    return (struct notification_delivery){.notification_id = id,
                                          .recipient_id = phone,
                                          .address = addresses[channel],
                                          .platform = "fcm",
                                          .subject = "subject",
                                          .text = "text",
                                          .waited_ms = waited_ms};
}

static void open_provider(enum notification_channel channel, const char *url,
                          int breaker_failures, int breaker_ms) {
    const struct notification_provider_opts opts = {.channel = channel,
                                                    .url = url,
                                                    .breaker_failures = breaker_failures,
                                                    .breaker_ms = breaker_ms};

    assert_ok(notification_provider_open(&provider, &opts, err), err);
}

static void open_sms(int breaker_failures, int breaker_ms) {
    char url[64];

    sms_gateway_forget();
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", sms_gateway.port);
    open_provider(NOTIFICATION_SMS, url, breaker_failures, breaker_ms);
}

static struct kpk_err deliver(struct notification_delivery *delivery) {
    int waits = notification_deliver(provider, delivery, 1, err);

    assert_int_equal(waits, delivery->outcome.verdict == KPK_WAIT ? -1 : 0);
    return delivery->outcome;
}

static int close_provider(void **state) {
    (void)state;
    notification_provider_close(provider);
    provider = NULL;
    if (!sms_gateway.http) sms_gateway_open();
    return 0;
}

/* ---- no connection ---------------------------------------------------------------------- */

/* One delivery is enough to know it, though five would have to fail. */
static void no_connection_is_the_provider(void **state) {
    char refused[64], mail_refused[64], no_name[128];
    const struct {
        enum notification_channel channel;
        const char *url, *says;
    } cases[] = {
        {NOTIFICATION_SMS, refused, "sms: down for"},
        {NOTIFICATION_PUSH, refused, "fcm: down for"},
        {NOTIFICATION_EMAIL, mail_refused, "email: down for"},
        {NOTIFICATION_SMS, no_name, "resolve host"},
    };
    int port = raw_free_port();

    (void)state;
    snprintf(refused, sizeof(refused), "http://127.0.0.1:%d", port);
    snprintf(mail_refused, sizeof(mail_refused), "smtp://127.0.0.1:%d", port);
    snprintf(no_name, sizeof(no_name), "http://%064d.example", 0); /* no label is so long */
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notification_delivery delivery = delivery_to(cases[i].channel, "+4915500001", 0);
        open_provider(cases[i].channel, cases[i].url, FAILURES, 60000);
        struct kpk_err outcome = deliver(&delivery);
        if (outcome.verdict != KPK_WAIT || !strstr(outcome.msg, cases[i].says))
            fail_msg("%s: %s %s", cases[i].url, kpk_verdict_name(outcome.verdict), outcome.msg);
        close_provider(NULL);
    }
}

static bool waits_no_more(void *delivery) { return deliver(delivery).verdict != KPK_WAIT; }

/* What always fails, and was the one that found no connection, must not stand for a provider that is back. */
static void a_connection_is_the_end_of_it(void **state) {
    struct notification_delivery bad = delivery_to(NOTIFICATION_SMS, "+4915500001", 0),
                                 good = delivery_to(NOTIFICATION_SMS, "+4915500002", 0);

    (void)state;
    open_sms(FAILURES, 10);
    sms_gateway_shut();
    assert_int_equal(deliver(&bad).verdict, KPK_WAIT);
    assert_int_equal(deliver(&bad).verdict, KPK_WAIT);
    sms_gateway.status[1] = 500;
    sms_gateway_open();
    assert_true(wait_until(BACK_MS, waits_no_more, &bad));
    assert_int_equal(bad.outcome.verdict, KPK_RETRY);
    assert_int_equal(deliver(&good).verdict, KPK_OK);
}

static void pass(int ms) {
    int64_t until_ms = kpk_mono_ms() + ms;

    while (kpk_mono_ms() < until_ms) usleep(100);
}

/* Of two, the one whose number ends with 'bad' always fails. Before each probe there is a call that sends nothing, as
 * the breaker is not due: it takes nobody's turn. */
static void check_turns(int bad) {
    enum { BREAKER_MS = 20, PROBES = 50 };
    struct notification_delivery both[] = {delivery_to(NOTIFICATION_SMS, "+4915500001", 0),
                                           delivery_to(NOTIFICATION_SMS, "+4915500002", 0)};

    open_sms(1, BREAKER_MS);
    sms_gateway.status[1] = sms_gateway.status[2] = 503;
    assert_int_equal(notification_deliver(provider, both, 2, err), -1);
    sms_gateway.status[3 - bad] = 0;
    for (int probes = 0; sms_gateway.accepted == 0; probes++) {
        if (probes == PROBES) fail_msg("%d is bad, and it alone has probed", bad);
        assert_int_equal(notification_deliver(provider, both, 2, err), -1);
        pass(BREAKER_MS);
        (void)!notification_deliver(provider, both, 2, err);
    }
    close_provider(NULL);
}

static void each_may_try_whether_it_is_back(void **state) {
    (void)state;
    check_turns(1);
    check_turns(2);
}

/* ---- a failure -------------------------------------------------------------------------- */

/* The answer before is to another one, 0 being none; 201 an accepted one. */
static void a_failure_counts_if_others_are_answered(void **state) {
    static const struct {
        int before, status, waited_ms;
        enum kpk_verdict verdict;
        bool uncounted;
    } cases[] = {
        {0, 503, INT_MAX, KPK_RETRY, true},
        {503, 503, INT_MAX, KPK_RETRY, true},
        {201, 503, INT_MAX, KPK_RETRY, false},
        {400, 503, INT_MAX, KPK_RETRY, false},
        {429, 503, INT_MAX, KPK_RETRY, false},
        {201, 503, 1, KPK_RETRY, true}, /* that was before it failed the last time */
        {0, 429, INT_MAX, KPK_RETRY, false},
        {0, 400, INT_MAX, KPK_REJECT, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notification_delivery other = delivery_to(NOTIFICATION_SMS, "+4915500001", 0);
        struct notification_delivery delivery =
            delivery_to(NOTIFICATION_SMS, "+4915500002", cases[i].waited_ms);
        open_sms(FAILURES, 60000);
        sms_gateway.status[1] = cases[i].before == 201 ? 0 : cases[i].before;
        sms_gateway.status[2] = cases[i].status;
        if (cases[i].before) deliver(&other);
        pass(2);
        struct kpk_err outcome = deliver(&delivery);
        if (outcome.verdict != cases[i].verdict || outcome.uncounted != cases[i].uncounted)
            fail_msg("case %zu: %s %d", i, kpk_verdict_name(outcome.verdict),
                     outcome.uncounted);
        close_provider(NULL);
    }
}

static int open_gateway(void **state) {
    (void)state;
    sms_gateway_open();
    return 0;
}

static int shut_gateway(void **state) {
    (void)state;
    sms_gateway_shut();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_connection_is_the_provider, close_provider),
        cmocka_unit_test_teardown(a_connection_is_the_end_of_it, close_provider),
        cmocka_unit_test_teardown(each_may_try_whether_it_is_back, close_provider),
        cmocka_unit_test_teardown(a_failure_counts_if_others_are_answered, close_provider),
    };

    return cmocka_run_group_tests_name("notification: the message, or its provider", tests,
                                       open_gateway, shut_gateway);
}
