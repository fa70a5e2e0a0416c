/* What lies on notifications-pending that nobody asked for over HTTP: Twitter's mentions, which are told like
 * anything else; and records by strangers, which are dead letters of each of the three groups at once, with
 * the reason, and hold up nobody. */
#include "common/event.h"
#include "common/kafka.h"
#include "common/tail.h"
#include "tests/support/notify.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 64 };

static struct kpk_err error, *err = &error;

#define ID "\"notification_id\":\"019ab000-0000-7000-8000-00000000000"
#define WHO "\",\"recipient_id\":\"4\","
#define MENTION "\"category\":\"mention\",\"template\":\"mention\","
#define SAYS "\"data\":{\"author_handle\":\"ada\",\"text\":\"hi\"},"
#define REST "\"priority\":\"normal\",\"created_at\":1}"
#define EVENT NOTIFICATION_REQUESTED

/* User 4 is registered by nobody: ids of people begin above a million. */
/* clang-format off */
static const struct {
    const char *what, *value;
    const char *type;   /* ce_type; NULL: no headers at all */
    const char *reason; /* part of what each dead letter says */
} strangers[] = {
    {"no headers",         "{" ID "0" WHO MENTION SAYS REST, NULL,            "header"},
    {"null",               NULL,                             EVENT,           "null"},
    {"not JSON",           "good morning",                   EVENT,           "JSON"},
    {"cut short",          "{" ID "1" WHO MENTION,           EVENT,           "JSON"},
    {"an array",           "[]",                             EVENT,           "object"},
    {"for a terminal",     "\x1b[2J\x1b]0;x\x07\xff\xfe",    EVENT,           "UTF-8"},
    {"nothing in it",      "{}",                             EVENT,           "notification_id: missing"},
    {"another type",       "{" ID "2" WHO MENTION SAYS REST, "tweet.created", "ce_type"},
    {"no such template",   "{" ID "3" WHO "\"category\":\"mention\",\"template\":\"shout\"," SAYS REST, EVENT, "template: there is no 'shout'"},
    {"another category",   "{" ID "4" WHO "\"category\":\"account\",\"template\":\"mention\"," SAYS REST, EVENT, "category:"},
    {"data is missing",    "{" ID "5" WHO MENTION "\"data\":{\"author_handle\":\"ada\"}," REST, EVENT, "data.text: missing"},
    {"a control character", "{" ID "6" WHO MENTION "\"data\":{\"author_handle\":\"a\\u001b\",\"text\":\"hi\"}," REST, EVENT, "data.author_handle: control"},
    {"a recipient of no id", "{" ID "7\",\"recipient_id\":\"x\"," MENTION SAYS REST, EVENT, "recipient_id: not a user id"},
    {"nobody we know",     "{" ID "8" WHO MENTION SAYS REST, EVENT,           "recipient_id: no user 4"},
};
/* clang-format on */
enum { STRANGERS = sizeof(strangers) / sizeof(*strangers) };

static void publish(struct kpk_producer *producer, const char *id, const char *type,
                    const char *key, const char *value) {
    const struct kpk_event event = {
        .id = id, .source = "/stranger", .type = type, .subject = id, .time_ms = 1};
    char topic[KPK_NAME_BYTES];

    assert_ok(kpk_producer_send(producer, kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic),
                                key, strlen(key), value, value ? strlen(value) : 0,
                                type ? kpk_event_headers(&event) : NULL, err),
              err);
}

static struct kpk_producer *open_producer(void) {
    struct kpk_producer *producer;

    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    return producer;
}

/* --- dead letters ------------------------------------------------------------------------ */

static int64_t end_of(int group, int tier) {
    char name[KPK_NAME_BYTES];

    return offsets_end(notify_topic(group, tier, name));
}

static void check_letter(int group, const rd_kafka_message_t *letter, int i) {
    const char *value = strangers[i].value,
               *reason = notify_header(letter, "__dlq.errors.message");
    char full_name[KPK_NAME_BYTES];

    if (!strstr(reason, strangers[i].reason))
        fail_msg("%s: %s says '%s', without '%s'", notify_groups[group], strangers[i].what,
                 reason, strangers[i].reason);
    assert_string_equal(notify_header(letter, "__dlq.errors.group"),
                        kpk_full_name(notify_groups[group], full_name));
    assert_string_equal(notify_header(letter, "__dlq.errors.delivery.count"), "1");
    assert_int_equal(letter->len, value ? strlen(value) : 0);
    if (value) assert_memory_equal(letter->payload, value, letter->len);
}

/* Each of them once; they are known by their keys, "<tag>-<number>". */
static void read_letters(int group, struct kpk_tail *tail, const char *tag) {
    bool seen[STRANGERS] = {false};
    char key[KEY_BYTES];

    for (int found = 0; found < STRANGERS;) {
        rd_kafka_message_t *letter;
        assert_ok(kpk_tail_next(tail, NOTIFY_ARRIVES_MS, &letter, err), err);
        if (!letter)
            fail_msg("%s: %d of %d dead letters, and no more come", notify_groups[group], found,
                     STRANGERS);
        snprintf(key, sizeof(key), "%.*s", (int)letter->key_len, (char *)letter->key);
        if (strncmp(key, tag, strlen(tag)) == 0) {
            int i = atoi(key + strlen(tag) + 1);
            if (seen[i])
                fail_msg("%s: %s is there twice", notify_groups[group], strangers[i].what);
            check_letter(group, letter, i);
            seen[i] = true;
            found++;
        }
        rd_kafka_message_destroy(letter);
    }
}

static void records_by_strangers(void **state) {
    struct kpk_producer *producer = open_producer();
    struct kpk_tail *tails[NOTIFICATION_CHANNELS];
    char tag[KPK_UUID_BYTES], key[KEY_BYTES], name[KPK_NAME_BYTES], id[KPK_UUID_BYTES];
    int64_t tiers = 0, letters = 0;
    struct person ada;

    (void)state;
    kpk_uuid7(tag);
    for (int group = 0; group < NOTIFICATION_CHANNELS; group++) {
        assert_ok(
            kpk_tail_open(&tails[group], notify_topic(group, NOTIFY_TIERS, name), true, err),
            err);
        for (int tier = 0; tier < NOTIFY_TIERS; tier++) tiers += end_of(group, tier);
        letters += end_of(group, NOTIFY_TIERS);
    }
    for (int i = 0; i < STRANGERS; i++) {
        snprintf(key, sizeof(key), "%s-%d", tag, i);
        kpk_uuid7(id);
        publish(producer, id, strangers[i].type, key, strangers[i].value);
    }
    assert_ok(kpk_producer_wait(producer, NOTIFY_ARRIVES_MS, err), err);
    kpk_producer_close(producer);
    for (int group = 0; group < NOTIFICATION_CHANNELS; group++)
        read_letters(group, tails[group], tag);

    /* The groups go on, and none of them tried again what never can be. */
    person_make(&ada);
    person_register(&ada, 0);
    notify_ship(&ada, "A-1", id);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        notify_await(id, channel, "delivered");
    for (int group = 0; group < NOTIFICATION_CHANNELS; group++) {
        for (int tier = 0; tier < NOTIFY_TIERS; tier++) tiers -= end_of(group, tier);
        letters -= end_of(group, NOTIFY_TIERS);
        kpk_tail_close(tails[group]);
    }
    assert_int_equal(tiers, 0);
    assert_int_equal(letters, -STRANGERS * NOTIFICATION_CHANNELS);
}

/* --- mentions ---------------------------------------------------------------------------- */

/* As Twitter's worker writes it; and a second time, as after its death, and once more under another key and so
 * from another partition. */
static void a_mention_is_told_once(void **state) {
    struct kpk_producer *producer = open_producer();
    char id[KPK_UUID_BYTES], json[512];
    struct person ada;
    cJSON *push;

    (void)state;
    person_make(&ada);
    person_register(&ada, 0);
    kpk_uuid5("019ab000-0000-7000-8000-000000000001", ada.id, id);
    snprintf(json, sizeof(json),
             "{\"notification_id\":\"%s\",\"recipient_id\":\"%s\"," MENTION
             "\"data\":{\"tweet_id\":\"019ab000-0000-7000-8000-000000000001\","
             "\"author_id\":\"7\",\"author_handle\":\"ben\",\"text\":\"hello\\n@ada\"}," REST,
             id, ada.id);
    publish(producer, id, EVENT, ada.id, json);
    publish(producer, id, EVENT, ada.id, json);
    for (char key[] = "a"; *key <= 'h'; ++*key) publish(producer, id, EVENT, key, json);
    assert_ok(kpk_producer_wait(producer, NOTIFY_ARRIVES_MS, err), err);
    kpk_producer_close(producer);

    notify_await(id, NOTIFICATION_PUSH, "delivered");
    notify_await(id, NOTIFICATION_EMAIL, "skipped");
    notify_await(id, NOTIFICATION_SMS, "skipped");
    assert_string_equal(notify_status(id, NOTIFICATION_EMAIL, "reason"),
                        "mention by email: not allowed by default");
    for (int group = 0; group < NOTIFICATION_CHANNELS; group++) {
        char full_name[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];
        offsets_await_all(kpk_full_name(notify_groups[group], full_name),
                          kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic),
                          NOTIFY_ARRIVES_MS);
    }
    notify_received_once(id, NOTIFICATION_PUSH); /* two members at once: one key */
    push = notify_received(id, NOTIFICATION_PUSH);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(push, "title")),
                        "@ben mentioned you");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(push, "text")), "hello\n@ada");
    cJSON_Delete(push);
}

static int open_all(void **state) {
    (void)state;
    assert_ok(kpk_topology_init(err), err);
    notify_open();
    return 0;
}

static int close_all(void **state) {
    (void)state;
    notify_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_by_strangers),
        cmocka_unit_test(a_mention_is_told_once),
    };

    return cmocka_run_group_tests_name("notifications: what came as an event", tests, open_all,
                                       close_all);
}
