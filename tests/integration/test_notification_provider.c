/* Deliveries to the simulated providers and the mail sink, as the workers make them; without Kafka. */
#include "common/clock.h"
#include "common/metrics.h"
#include "common/uuid.h"
#include "services/notification/provider.h"
#include "tests/support/providers.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 200, BACK_MS = 30000 };

static struct providers providers;
static struct notification_provider *provider; /* of the test that runs */
static struct kpk_err error, *err = &error;

/* ---- deliveries ------------------------------------------------------------------------- */

/* The four ways out, and an address that each takes. */
static const struct way {
    const char *provider;
    enum notification_channel channel;
    const char *platform, *address;
    const char *refused_address, *refusal;
} ways[] = {
    {"email", NOTIFICATION_EMAIL, NULL, "ada@example.com", "unregistered@example.com",
     "email: 550 5.1.1"},
    {"sms", NOTIFICATION_SMS, NULL, "+491701234567", "+15005550001", "sms: 400 21211"},
    {"fcm", NOTIFICATION_PUSH, "fcm", "device:0123456789abcdef0123456789abcdef",
     "unregistered:0123456789abcdef0123456789", "fcm: 404 UNREGISTERED"},
    {"apns", NOTIFICATION_PUSH, "apns",
     "00000000000000000000000000000000000000000000000000000000000000ff", "not-a-token-of-apns",
     "apns: 400 BadDeviceToken"},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

struct letter {
    char id[KPK_UUID_BYTES], recipient[16], text[64];
};

static struct letter letters[MANY];
static struct notification_delivery deliveries[MANY];

/* New ones, to as many recipients. */
static void write_letters(const struct way *way, int count, int recipients) {
    for (int i = 0; i < count; i++) {
        kpk_uuid7(letters[i].id);
        snprintf(letters[i].recipient, sizeof(letters[i].recipient), "%d", i % recipients);
        snprintf(letters[i].text, sizeof(letters[i].text), "%d", i);
        deliveries[i] = (struct notification_delivery){.notification_id = letters[i].id,
                                                       .recipient_id = letters[i].recipient,
                                                       .address = way->address,
                                                       .platform = way->platform,
                                                       .subject = letters[i].recipient,
                                                       .text = letters[i].text};
    }
}

static const char *key_of(const struct way *way, int i) {
    static char key[KPK_UUID_BYTES + 16];

    snprintf(key, sizeof(key), "%.36s:%.8s", letters[i].id,
             notification_channel_name(way->channel));
    return key;
}

/* The one before is closed: breakers begin anew. */
static void open_with(const struct way *way, struct notification_provider_opts opts) {
    char url[64];

    notification_provider_close(provider);

    if (way->channel == NOTIFICATION_EMAIL)
        snprintf(url, sizeof(url), "smtp://127.0.0.1:%d", providers.smtp_port);
    else
        snprintf(url, sizeof(url), "http://127.0.0.1:%d", providers.simulator_port);
    opts.channel = way->channel;
    opts.url = url;
    assert_ok(notification_provider_open(&provider, &opts, err), err);
}

static int count_outcomes(int count, enum kpk_verdict verdict) {
    int found = 0;

    for (int i = 0; i < count; i++) found += deliveries[i].outcome.verdict == verdict;
    return found;
}

static void assert_outcomes(const struct way *way, int count, enum kpk_verdict verdict) {
    for (int i = 0; i < count; i++)
        if (deliveries[i].outcome.verdict != verdict)
            fail_msg("%s %d: %s %s", way->provider, i,
                     kpk_verdict_name(deliveries[i].outcome.verdict),
                     deliveries[i].outcome.msg);
}

static int number(const cJSON *delivery, const char *name) {
    const cJSON *item = cJSON_GetObjectItem(delivery, name);

    assert_non_null(item);
    return item->valueint;
}

static const char *text(const cJSON *delivery, const char *name) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(delivery, name));

    assert_non_null(value);
    return value;
}

static void assert_record(const struct way *way, int i, int attempts, int delivered) {
    cJSON *record = providers_find(&providers, way->provider, key_of(way, i));

    assert_non_null(record);
    assert_int_equal(number(record, "attempts"), attempts);
    assert_int_equal(number(record, "delivered"), delivered);
    cJSON_Delete(record);
}

static int64_t breaker_open(const char *name) {
    char line[80], *metrics = kpk_metrics_text();
    const char *at;

    snprintf(line, sizeof(line), "\nkpk_provider_breaker_open{provider=\"%s\"} ", name);
    assert_non_null(metrics);
    assert_non_null(at = strstr(metrics, line));
    int64_t open = atoi(at + strlen(line));
    free(metrics);
    return open;
}

static int start(void **state) {
    (void)state;
    providers_start(&providers);
    return 0;
}

static int stop(void **state) {
    (void)state;
    notification_provider_close(provider);
    providers_stop(&providers);
    return 0;
}

/* Each test begins with providers that work, and know of nothing. */
static int forget(void **state) {
    (void)state;
    for (int w = 0; w < WAYS; w++) {
        providers_faults(&providers, ways[w].provider, "{}");
        providers_forget(&providers, ways[w].provider);
    }
    return 0;
}

/* ---- one by one ------------------------------------------------------------------------- */

static void what_is_sent_arrives(void **state) {
    static const char hostile[] = "Gr\xc3\xbc\xc3\x9f"
                                  "e \xf0\x9f\x8e\x89 & 100 % \"+\\=\"\n"
                                  ".\n..dots\nQUIT\nBcc: all@example.com\n\nFrom <b>me</b>";

    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){0});
        write_letters(&ways[w], 1, 1);
        deliveries[0].subject = "\xf0\x9f\x8e\x89 Ada, said: \"hi\"";
        deliveries[0].text = hostile;
        assert_ok(notification_deliver(provider, deliveries, 1, err), err);
        assert_outcomes(&ways[w], 1, KPK_OK);
        cJSON *record = providers_find(&providers, ways[w].provider, key_of(&ways[w], 0));
        assert_non_null(record);
        assert_string_equal(text(record, "recipient"), ways[w].address);
        assert_string_equal(text(record, "text"), hostile);
        if (ways[w].channel != NOTIFICATION_SMS)
            assert_string_equal(text(record, "title"), deliveries[0].subject);
        assert_int_equal(number(record, "delivered"), 1);
        assert_non_null(strstr(deliveries[0].provider_id, text(record, "id")));
        assert_true(*text(record, "id"));
        cJSON_Delete(record);
    }
}

static void what_is_refused_says_why(void **state) {
    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){.breaker_failures = 1});
        write_letters(&ways[w], 2, 2);
        deliveries[0].address = ways[w].refused_address;
        assert_ok(notification_deliver(provider, deliveries, 2, err), err);
        assert_int_equal(deliveries[0].outcome.verdict, KPK_REJECT);
        if (!strstr(deliveries[0].outcome.msg, ways[w].refusal))
            fail_msg("%s", deliveries[0].outcome.msg);
        assert_int_equal(deliveries[1].outcome.verdict, KPK_OK);
        assert_int_equal(providers_count(&providers, ways[w].provider, "invalid"), 1);
        /* The same delivery to an address that is right: nothing stands in its way. */
        deliveries[0].address = ways[w].address;
        assert_ok(notification_deliver(provider, deliveries, 1, err), err);
        assert_outcomes(&ways[w], 1, KPK_OK);
    }
}

/* What each fault makes of a delivery at its first attempt, and at the next. */
static void faults_of_one_delivery(void **state) {
    static const struct {
        const char *faults;
        enum kpk_verdict first, second;
    } cases[] = {
        {"{\"transient\": 1}", KPK_RETRY, KPK_OK},
        {"{\"transient\": 1, \"transient_attempts\": 2}", KPK_RETRY, KPK_RETRY},
        {"{\"throttled\": 1, \"retry_after_s\": 7}", KPK_RETRY, KPK_OK},
        {"{\"permanent\": 1}", KPK_REJECT, KPK_REJECT},
        {"{\"slow_ms\": 50}", KPK_OK, KPK_OK},
    };

    (void)state;
    for (int w = 0; w < WAYS; w++)
        for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
            open_with(&ways[w], (struct notification_provider_opts){.breaker_failures = 9});
            providers_faults(&providers, ways[w].provider, cases[c].faults);
            write_letters(&ways[w], 1, 1);
            assert_ok(notification_deliver(provider, deliveries, 1, err), err);
            assert_outcomes(&ways[w], 1, cases[c].first);
            /* A mail server has no way to say when. */
            if (strstr(cases[c].faults, "retry_after") && ways[w].channel != NOTIFICATION_EMAIL)
                assert_int_equal(deliveries[0].outcome.retry_after_ms, 7000);
            assert_ok(notification_deliver(provider, deliveries, 1, err), err);
            assert_outcomes(&ways[w], 1, cases[c].second);
        }
}

static void throttling_opens_no_breaker(void **state) {
    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){.breaker_failures = 1});
        providers_faults(&providers, ways[w].provider, "{\"throttled\": 1}");
        write_letters(&ways[w], 40, 40);
        assert_ok(notification_deliver(provider, deliveries, 40, err), err);
        assert_outcomes(&ways[w], 40, KPK_RETRY);
        assert_int_equal(breaker_open(ways[w].provider), 0);
        assert_ok(notification_deliver(provider, deliveries, 40, err), err);
        assert_outcomes(&ways[w], 40, KPK_OK);
    }
}

/* ---- an answer that does not come ------------------------------------------------------- */

/* Half of them are delivered before they hang. Sent again with the same key, each is delivered once -- but
 * a mail, which is why its record says twice. */
static void a_timeout_is_sent_again(void **state) {
    enum { COUNT = 32 };

    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){.timeout_ms = 1000,
                                                                .breaker_failures = 100});
        providers_faults(&providers, ways[w].provider, "{\"timeout\": 1}");
        write_letters(&ways[w], COUNT, COUNT);
        assert_ok(notification_deliver(provider, deliveries, COUNT, err), err);
        assert_outcomes(&ways[w], COUNT, KPK_RETRY);
        assert_non_null(strstr(deliveries[0].outcome.msg, "no answer"));
        int64_t late = providers_count(&providers, ways[w].provider, "late_timeout");
        assert_in_range(late, 1, COUNT - 1);

        assert_ok(notification_deliver(provider, deliveries, COUNT, err), err);
        assert_outcomes(&ways[w], COUNT, KPK_OK);
        assert_int_equal(providers_count(&providers, ways[w].provider, "repeated"), late);
        assert_int_equal(providers_count(&providers, ways[w].provider, "delivered"),
                         ways[w].channel == NOTIFICATION_EMAIL ? COUNT + late : COUNT);
    }
}

/* ---- down, and back --------------------------------------------------------------------- */

static void assert_down(const struct way *way, int count) {
    assert_int_equal(notification_deliver(provider, deliveries, (size_t)count, err), -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    assert_outcomes(way, count, KPK_WAIT);
    assert_int_equal(breaker_open(way->provider), 1);
}

/* Asked again and again, as a member does that keeps its batch. */
static void await_back(const struct way *way, int count) {
    int64_t until_ms = kpk_mono_ms() + BACK_MS;

    while (notification_deliver(provider, deliveries, (size_t)count, err)) {
        assert_int_equal(err->verdict, KPK_WAIT);
        assert_true(kpk_mono_ms() < until_ms);
    }
    assert_outcomes(way, count, KPK_OK);
    assert_int_equal(breaker_open(way->provider), 0);
}

static void a_provider_that_is_down_is_waited_for(void **state) {
    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w],
                  (struct notification_provider_opts){.breaker_ms = 60000, .in_flight = 4});
        providers_faults(&providers, ways[w].provider, "{\"down\": true}");
        write_letters(&ways[w], 50, 50);
        assert_down(&ways[w], 50);
        /* It was asked by those that opened the breaker and those in flight beside them: no more. */
        int64_t asked = providers_count(&providers, ways[w].provider, "down");
        assert_in_range(asked, 5, 5 + 3);
        assert_down(&ways[w], 50);
        assert_int_equal(providers_count(&providers, ways[w].provider, "down"), asked);
        if (ways[w].channel != NOTIFICATION_PUSH) {
            assert_int_equal(notification_provider_check(provider, err), -1);
            assert_non_null(strstr(err->msg, ways[w].provider));
        }
    }
}

static void a_provider_comes_back(void **state) {
    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){.breaker_ms = 100});
        providers_faults(&providers, ways[w].provider, "{\"down\": true}");
        write_letters(&ways[w], 50, 50);
        assert_down(&ways[w], 50);
        providers_faults(&providers, ways[w].provider, "{}");
        await_back(&ways[w], 50);
        assert_ok(notification_provider_check(provider, err), err);
        assert_int_equal(providers_count(&providers, ways[w].provider, "delivered"), 50);
    }
}

static void a_provider_that_died_comes_back(void **state) {
    const struct way *way = &ways[1];
    open_with(way, (struct notification_provider_opts){.breaker_ms = 100});

    (void)state;
    write_letters(way, 50, 50);
    assert_ok(notification_deliver(provider, deliveries, 50, err),
              err); /* connections are kept */
    providers_kill_simulator(&providers);
    write_letters(way, 50, 50);
    assert_down(way, 50);
    providers_start_simulator(&providers);
    await_back(way, 50);
    assert_int_equal(providers_count(&providers, way->provider, "delivered"), 50);
}

/* FCM is down: what goes to APNS goes on. */
static void of_two_push_services_one_is_down(void **state) {
    open_with(&ways[2], (struct notification_provider_opts){.breaker_ms = 60000});

    (void)state;
    providers_faults(&providers, "fcm", "{\"down\": true}");
    write_letters(&ways[2], 100, 100);
    for (int i = 0; i < 100; i += 2) {
        deliveries[i].platform = ways[3].platform;
        deliveries[i].address = ways[3].address;
    }
    assert_int_equal(notification_deliver(provider, deliveries, 100, err), -1);
    assert_int_equal(count_outcomes(100, KPK_OK), 50);
    assert_int_equal(count_outcomes(100, KPK_WAIT), 50);
    assert_int_equal(providers_count(&providers, "apns", "delivered"), 50);
    assert_int_equal(breaker_open("fcm"), 1);
    assert_int_equal(breaker_open("apns"), 0);
    assert_ok(notification_provider_check(provider, err), err);
}

/* Messages that fail each time hold no place for the others: of those that may probe, each has its turn. */
static void one_that_always_fails_stands_for_nobody(void **state) {
    const struct way *way = &ways[1];
    open_with(way, (struct notification_provider_opts){
                       .breaker_failures = 2, .breaker_ms = 1, .in_flight = 1});
    int64_t until_ms = kpk_mono_ms() + BACK_MS;

    (void)state;
    write_letters(way, 20, 20);
    providers_faults(&providers, way->provider,
                     "{\"transient\": 1, \"transient_attempts\": 100}");
    assert_down(way, 3); /* the first three have failed once, or not at all */
    providers_faults(&providers, way->provider,
                     "{\"transient\": 0.3, \"transient_attempts\": 100}");
    while (notification_deliver(provider, deliveries, 20, err))
        assert_true(kpk_mono_ms() < until_ms);
    assert_in_range(count_outcomes(20, KPK_OK), 1, 19);
    assert_int_equal(count_outcomes(20, KPK_OK) + count_outcomes(20, KPK_RETRY), 20);
}

/* ---- many ------------------------------------------------------------------------------- */

/* In the order in which the provider took them: those of one recipient (their title, or the first word of an
 * SMS) are in the order in which they were sent. */
static void the_order_of_a_recipient_is_kept(void **state) {
    enum { RECIPIENTS = 20 };

    (void)state;
    for (int w = 0; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){.in_flight = 16});
        int last[RECIPIENTS];
        bool mixed = false;

        providers_faults(&providers, ways[w].provider, "{\"slow_ms\": 2}");
        write_letters(&ways[w], MANY, RECIPIENTS);
        assert_ok(notification_deliver(provider, deliveries, MANY, err), err);
        assert_outcomes(&ways[w], MANY, KPK_OK);
        cJSON *all = providers_list(&providers, ways[w].provider), *record;
        assert_int_equal(cJSON_GetArraySize(all), MANY);
        memset(last, -1, sizeof(last));
        int before = -1;
        cJSON_ArrayForEach(record, all) {
            int i = atoi(text(record, "text"));
            if (i < before) mixed = true;
            if (i <= last[i % RECIPIENTS]) fail_msg("%d after %d", i, last[i % RECIPIENTS]);
            last[i % RECIPIENTS] = before = i;
        }
        assert_true(mixed); /* or nothing was at the same time */
        cJSON_Delete(all);
    }
}

static void what_is_repeated_is_not_delivered_twice(void **state) {
    (void)state;
    for (int w = 1; w < WAYS; w++) {
        open_with(&ways[w], (struct notification_provider_opts){0});
        char first[NOTIFICATION_PROVIDER_ID_BYTES];

        write_letters(&ways[w], 100, 10);
        assert_ok(notification_deliver(provider, deliveries, 100, err), err);
        assert_outcomes(&ways[w], 100, KPK_OK);
        strcpy(first, deliveries[99].provider_id);
        assert_ok(notification_deliver(provider, deliveries, 100, err), err);
        assert_outcomes(&ways[w], 100, KPK_OK);
        assert_string_equal(deliveries[99].provider_id, first); /* answered as the first time */
        for (int i = 0; i < 100; i++) assert_record(&ways[w], i, 2, 1);
        assert_int_equal(providers_count(&providers, ways[w].provider, "delivered"), 100);
        assert_int_equal(providers_count(&providers, ways[w].provider, "repeated"), 100);
    }
}

/* A low rate takes its time; when the call's is up, what was done is known, and the next call goes on. */
static void a_low_rate_leaves_the_rest(void **state) {
    const struct way *way = &ways[1];
    open_with(way, (struct notification_provider_opts){.rate = 20, .budget_ms = 1000});
    int64_t began_ms = kpk_mono_ms();
    int left = 60, calls = 0;

    (void)state;
    write_letters(way, left, left);
    while (notification_deliver(provider, deliveries, (size_t)left, err)) {
        int waiting = 0;
        assert_int_equal(err->verdict, KPK_WAIT);
        assert_non_null(strstr(err->msg, "not all of"));
        for (int i = 0; i < left; i++)
            if (deliveries[i].outcome.verdict == KPK_WAIT)
                deliveries[waiting++] = deliveries[i];
        assert_true(waiting < left);
        left = waiting;
        calls++;
    }
    assert_outcomes(way, left, KPK_OK);
    assert_true(kpk_mono_ms() - began_ms >=
                2800); /* 60 at 20 a second, but for a tenth of a second's */
    assert_in_range(calls, 1, 59);
    assert_int_equal(providers_count(&providers, way->provider, "delivered"), 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_sent_arrives, forget),
        cmocka_unit_test_setup(what_is_refused_says_why, forget),
        cmocka_unit_test_setup(faults_of_one_delivery, forget),
        cmocka_unit_test_setup(throttling_opens_no_breaker, forget),
        cmocka_unit_test_setup(a_timeout_is_sent_again, forget),
        cmocka_unit_test_setup(a_provider_that_is_down_is_waited_for, forget),
        cmocka_unit_test_setup(a_provider_comes_back, forget),
        cmocka_unit_test_setup(a_provider_that_died_comes_back, forget),
        cmocka_unit_test_setup(of_two_push_services_one_is_down, forget),
        cmocka_unit_test_setup(one_that_always_fails_stands_for_nobody, forget),
        cmocka_unit_test_setup(the_order_of_a_recipient_is_kept, forget),
        cmocka_unit_test_setup(what_is_repeated_is_not_delivered_twice, forget),
        cmocka_unit_test_setup(a_low_rate_leaves_the_rest, forget),
    };

    return cmocka_run_group_tests_name("notification: providers", tests, start, stop);
}
