/* Notifications, from the POST to what the providers took: each channel as its recipient allows, once; what
 * fails for a while is tried again and delivered once; what never will is a dead letter; and a provider that is
 * down is waited for, while the others do not care. */
#include "common/kafka.h"
#include "common/tail.h"
#include "tests/support/cli.h"
#include "tests/support/notify.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CROWD = 40,
    /* What each of a group's two processes may fail at before its breaker opens. */
    BEFORE_IT_OPENS = 2 * 4,
};

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct kpk_err error, *err = &error;

/* --- the topics of a group --------------------------------------------------------------- */

static int64_t end_of(enum notification_channel channel, int tier) {
    char name[KPK_NAME_BYTES];

    return offsets_end(notify_topic(channel, tier, name));
}

static struct kpk_tail *watch_letters(enum notification_channel channel) {
    char name[KPK_NAME_BYTES];
    struct kpk_tail *tail;

    assert_ok(kpk_tail_open(&tail, notify_topic(channel, NOTIFY_TIERS, name), true, err), err);
    return tail;
}

/* The dead letter of 'key' comes, its reason has 'reason' in it. */
static void await_letter(struct kpk_tail *tail, const char *key, const char *reason) {
    rd_kafka_message_t *msg;

    for (;;) {
        assert_ok(kpk_tail_next(tail, NOTIFY_ARRIVES_MS, &msg, err), err);
        if (!msg) fail_msg("no dead letter of %s", key);
        bool ours = msg->key_len == strlen(key) && memcmp(msg->key, key, msg->key_len) == 0;
        if (ours && !strstr(notify_header(msg, "__dlq.errors.message"), reason))
            fail_msg("%s is a dead letter by '%s', not '%s'", key,
                     notify_header(msg, "__dlq.errors.message"), reason);
        rd_kafka_message_destroy(msg);
        if (ours) return;
    }
}

/* --- three channels ---------------------------------------------------------------------- */

static void assert_received(const char *id, enum notification_channel channel,
                            const struct person *person, const char *title, const char *text) {
    cJSON *received = notify_received(id, channel);
    const char *is;

    if (!received) fail_msg("%s never came by %s", id, notification_channel_name(channel));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(received, "recipient")),
                        person->address[channel]);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(received, "title")), title);
    is = cJSON_GetStringValue(cJSON_GetObjectItem(received, "text"));
    if (!strstr(is, text)) fail_msg("'%s', without '%s'", is, text);
    assert_int_equal(cJSON_GetObjectItem(received, "delivered")->valueint, 1);
    cJSON_Delete(received);
}

static void one_event_three_channels(void **state) {
    struct person ada;
    char id[KPK_UUID_BYTES];

    (void)state;
    person_make(&ada);
    person_register(&ada, 0);
    notify_ship(&ada, "A-17", id);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        notify_await(id, channel, "delivered");
        assert_int_equal(notify_attempts(id, channel), 1);
        assert_int_equal(notify_received_once(id, channel), 1);
    }
    assert_received(id, NOTIFICATION_EMAIL, &ada, "Order A-17 is on its way",
                    "Your order A-17 left us with DHL.\n\nTracking number: JD0146\n");
    assert_received(id, NOTIFICATION_SMS, &ada, "",
                    "Order A-17 is on its way with DHL: JD0146");
    assert_received(id, NOTIFICATION_PUSH, &ada, "Order A-17 is on its way",
                    "With DHL, tracking number JD0146.");
}

static void as_the_recipient_allows(void **state) {
    static const char own[] = "{\"shipping\":{\"sms\":false}}";
    char path[128], id[KPK_UUID_BYTES];
    struct person ada;
    cJSON *body;

    (void)state;
    person_make(&ada);
    person_register(&ada, 1 << NOTIFICATION_PUSH);
    snprintf(path, sizeof(path), "/v1/users/%s/preferences", ada.id);
    assert_int_equal(
        notify_call(&(struct notification_call){.method = "PUT", .path = path, .body = own},
                    NULL),
        200);
    assert_int_equal(notify_call(&(struct notification_call){.path = path}, &body), 200);
    const cJSON *shipping = cJSON_GetObjectItem(body, "shipping");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(shipping, "sms")));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(shipping, "email")));
    cJSON_Delete(body);

    notify_ship(&ada, "A-18", id);
    notify_await(id, NOTIFICATION_EMAIL, "delivered");
    notify_await(id, NOTIFICATION_SMS, "skipped");
    assert_string_equal(notify_status(id, NOTIFICATION_SMS, "reason"),
                        "shipping by sms: not allowed");
    notify_await(id, NOTIFICATION_PUSH, "skipped");
    assert_string_equal(notify_status(id, NOTIFICATION_PUSH, "reason"), "no address");
    assert_null(notify_received(id, NOTIFICATION_SMS));
    assert_null(notify_received(id, NOTIFICATION_PUSH));
}

static int post(const char *key, const char *traceparent, const char *body, cJSON **answer) {
    return notify_call(&(struct notification_call){.method = "POST",
                                                   .path = "/v1/notifications",
                                                   .idempotency_key = key,
                                                   .traceparent = traceparent,
                                                   .body = body},
                       answer);
}

static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return text ? text : "";
}

/* Repeated, it is answered the same and nothing more is sent; its event carries its id and its trace. */
static void asked_for_twice(void **state) {
    char key[KPK_UUID_BYTES], body[400], name[KPK_NAME_BYTES];
    cJSON *first, *second;
    struct kpk_tail *tail;
    rd_kafka_message_t *msg;
    struct person ada;
    int events = 0;

    (void)state;
    person_make(&ada);
    person_register(&ada, 0);
    kpk_uuid7(key);
    kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, name);
    assert_ok(kpk_tail_open(&tail, name, true, err), err);
    snprintf(
        body, sizeof(body),
        "{\"recipient_id\":\"%s\",\"category\":\"account\",\"template\":\"password_reset\","
        "\"priority\":\"high\",\"data\":{\"code\":\"123456\"}}",
        ada.id);
    assert_int_equal(post(key, TRACE, body, &first), 202);
    assert_int_equal(post(key, TRACE, body, &second), 202);
    assert_true(cJSON_Compare(first, second, true));
    cJSON_Delete(second);
    strcpy(strstr(body, "123456"), "654321\"}}");
    assert_int_equal(post(key, TRACE, body, &second), 422);
    assert_string_equal(text_of(second, "field"), "Idempotency-Key");
    cJSON_Delete(second);
    notify_await(text_of(first, "id"), NOTIFICATION_EMAIL, "delivered");
    notify_await(text_of(first, "id"), NOTIFICATION_SMS, "delivered");
    assert_int_equal(notify_received_once(text_of(first, "id"), NOTIFICATION_SMS), 1);

    /* All that is in the topic by now: what was repeated would be before it. */
    for (;;) {
        assert_ok(kpk_tail_next(tail, events ? 0 : NOTIFY_ARRIVES_MS, &msg, err), err);
        if (!msg) break;
        if (msg->key_len == strlen(ada.id) && memcmp(msg->key, ada.id, msg->key_len) == 0) {
            events++;
            assert_string_equal(notify_header(msg, "ce_id"), text_of(first, "id"));
            assert_string_equal(notify_header(msg, "ce_subject"), text_of(first, "id"));
            assert_string_equal(notify_header(msg, "ce_type"), "notification.requested");
            assert_string_equal(notify_header(msg, "traceparent"), TRACE);
        }
        rd_kafka_message_destroy(msg);
    }
    assert_int_equal(events, 1);
    kpk_tail_close(tail);
    cJSON_Delete(first);
}

/* --- what fails -------------------------------------------------------------------------- */

static const char *const providers[NOTIFICATION_CHANNELS] = {"email", "sms", "fcm"};

static void for_a_while(void **state) {
    struct person ada;
    char id[KPK_UUID_BYTES];

    (void)state;
    person_make(&ada);
    person_register(&ada, 0);
    int64_t letters[NOTIFICATION_CHANNELS];
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        letters[channel] = end_of(channel, NOTIFY_TIERS);
        notify_faults(providers[channel], "{\"transient\":1,\"transient_attempts\":1}");
    }
    notify_ship(&ada, "A-19", id);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        notify_await(id, channel, "delivered");
        assert_int_equal(notify_attempts(id, channel), 2);
        assert_int_equal(notify_received_once(id, channel), 2);
        assert_int_equal(end_of(channel, NOTIFY_TIERS), letters[channel]);
        assert_true(end_of(channel, 0) > 0); /* it waited in the first tier */
    }
}

static void a_token_that_is_none(void **state) {
    struct kpk_tail *tail = watch_letters(NOTIFICATION_PUSH);
    int64_t tier = end_of(NOTIFICATION_PUSH, 0);
    struct person ada, correct;
    char id[KPK_UUID_BYTES];

    (void)state;
    person_make(&ada);
    snprintf(ada.address[NOTIFICATION_PUSH], sizeof(ada.address[0]),
             "unregistered:0123456789-0123456789-0123456789");
    person_register(&ada, 0);
    notify_ship(&ada, "A-20", id);
    await_letter(tail, ada.id, "UNREGISTERED");
    notify_await(id, NOTIFICATION_PUSH, "rejected");
    assert_non_null(strstr(notify_status(id, NOTIFICATION_PUSH, "reason"), "UNREGISTERED"));
    notify_await(id, NOTIFICATION_EMAIL, "delivered");
    notify_await(id, NOTIFICATION_SMS, "delivered");
    assert_int_equal(end_of(NOTIFICATION_PUSH, 0), tier); /* at once, by no tier */
    kpk_tail_close(tail);

    /* Corrected and redriven, it is delivered; and nobody else is told again. */
    person_make(&correct);
    strcpy(ada.address[NOTIFICATION_PUSH], correct.address[NOTIFICATION_PUSH]);
    person_register(&ada, 0);
    cli_assert_status(cli_run("", "dlq redrive --group %s --key %s",
                              notify_groups[NOTIFICATION_PUSH], ada.id),
                      0);
    notify_await(id, NOTIFICATION_PUSH, "delivered");
    assert_int_equal(notify_attempts(id, NOTIFICATION_PUSH), 2);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        notify_received_once(id, channel);
}

/* --- a provider that is down ------------------------------------------------------------- */

static struct {
    struct person person;
    char id[KPK_UUID_BYTES];
} crowd[CROWD];

static int64_t in_tiers(enum notification_channel channel) {
    return end_of(channel, 0) + end_of(channel, 1) + end_of(channel, 2);
}

static int count(enum notification_channel channel, const char *status) {
    int n = 0;

    for (int i = 0; i < CROWD; i++)
        n += strcmp(notify_status(crowd[i].id, channel, "status"), status) == 0;
    return n;
}

static bool breaker_has_opened(void *ctx) {
    (void)ctx;
    return count(NOTIFICATION_SMS, "waiting") > 0;
}

static void a_provider_goes_down_and_comes_back(void **state) {
    int64_t before = in_tiers(NOTIFICATION_SMS),
            letters = end_of(NOTIFICATION_SMS, NOTIFY_TIERS);

    (void)state;
    for (int i = 0; i < CROWD; i++) {
        person_make(&crowd[i].person);
        person_register(&crowd[i].person, 0);
    }
    notify_faults("sms", "{\"down\":true}");
    for (int i = 0; i < CROWD; i++) notify_ship(&crowd[i].person, "A-21", crowd[i].id);
    for (int i = 0; i < CROWD; i++) {
        notify_await(crowd[i].id, NOTIFICATION_EMAIL, "delivered");
        notify_await(crowd[i].id, NOTIFICATION_PUSH, "delivered");
    }
    assert_true(wait_until(NOTIFY_ARRIVES_MS, breaker_has_opened, NULL));
    assert_int_equal(count(NOTIFICATION_SMS, "delivered"), 0);
    if (in_tiers(NOTIFICATION_SMS) - before > (int64_t)NOTIFY_TIERS * BEFORE_IT_OPENS)
        fail_msg("%d records went to the tiers while the provider was down",
                 (int)(in_tiers(NOTIFICATION_SMS) - before));

    notify_faults("sms", "{}");
    for (int i = 0; i < CROWD; i++) {
        notify_await(crowd[i].id, NOTIFICATION_SMS, "delivered");
        notify_received_once(crowd[i].id, NOTIFICATION_SMS);
        notify_received_once(crowd[i].id, NOTIFICATION_EMAIL);
        notify_received_once(crowd[i].id, NOTIFICATION_PUSH);
    }
    assert_int_equal(end_of(NOTIFICATION_SMS, NOTIFY_TIERS), letters);
}

/* --- begin and end ----------------------------------------------------------------------- */

static int no_faults(void **state) {
    static const char *const all[] = {"email", "sms", "fcm", "apns"};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) notify_faults(all[i], "{}");
    return 0;
}

static int open_all(void **state) {
    (void)state;
    assert_ok(kpk_topology_init(err), err);
    notify_open();
    return no_faults(state);
}

static int close_all(void **state) {
    (void)state;
    notify_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_three_channels),
        cmocka_unit_test(as_the_recipient_allows),
        cmocka_unit_test(asked_for_twice),
        cmocka_unit_test_teardown(for_a_while, no_faults),
        cmocka_unit_test(a_token_that_is_none),
        cmocka_unit_test_teardown(a_provider_goes_down_and_comes_back, no_faults),
    };

    return cmocka_run_group_tests_name("notifications, from POST to provider", tests, open_all,
                                       close_all);
}
