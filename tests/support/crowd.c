#include "tests/support/crowd_internal.h"

#include "common/clock.h"
#include "common/stop.h"
#include "services/notification/database.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES = 200,
    BODY_BYTES = 1024,
    STREAM_BYTES = 32,
    AGAIN_MS = 100,
    KNOWN_MS = 60000
};

static struct kpk_err error, *err = &error;

/* --- people ------------------------------------------------------------------------------ */

#define EMAIL NOTIFICATION_EMAIL
#define SMS NOTIFICATION_SMS
#define PUSH NOTIFICATION_PUSH

/* What is promised to who said nothing (README.md of the service), written down once more. */
static const bool by_default[NOTIFICATION_CATEGORIES][NOTIFICATION_CHANNELS] = {
    [NOTIFICATION_MENTION] = {[PUSH] = true},
    [NOTIFICATION_ORDER] = {[EMAIL] = true, [PUSH] = true},
    [NOTIFICATION_SHIPPING] = {[EMAIL] = true, [SMS] = true, [PUSH] = true},
    [NOTIFICATION_MARKETING] = {[EMAIL] = true},
    [NOTIFICATION_ACCOUNT] = {[EMAIL] = true, [SMS] = true},
};

/* clang-format off */
static const struct {
    int without;       /* addresses, as person_register() has it */
    const char *words; /* his own preferences; NULL: none */
} kinds[] = {
    {0,                        NULL},
    {0,                        "{\"marketing\":{\"email\":false,\"push\":true},\"mention\":{\"sms\":true}}"},
    {1 << SMS,                 NULL},
    {0,                        "{\"shipping\":{\"email\":false,\"sms\":false},\"order\":{\"sms\":true}}"},
    {1 << PUSH,                "{\"mention\":{\"push\":false,\"email\":true}}"},
    {1 << EMAIL,               NULL},
    {0,                        "{\"order\":{\"email\":false,\"push\":false},\"account\":{\"push\":true}}"},
    {1 << EMAIL | 1 << SMS,    "{\"account\":{\"sms\":true},\"marketing\":{\"push\":true}}"},
};
/* clang-format on */
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void put_preferences(struct crowd_person *person, const char *words) {
    char path[PATH_BYTES];
    cJSON *own = cJSON_Parse(words);

    snprintf(path, sizeof(path), "/v1/users/%s/preferences", person->who.id);
    int status = notify_call(
        &(struct notification_call){.method = "PUT", .path = path, .body = words}, NULL);
    if (status != 200) fail_msg("PUT %s %s: %d", path, words, status);
    for (int category = 0; category < NOTIFICATION_CATEGORIES; category++) {
        const cJSON *channels = cJSON_GetObjectItem(own, notification_category_name(category));
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
            const cJSON *word =
                cJSON_GetObjectItem(channels, notification_channel_name(channel));
            if (word) person->allows.allowed[category][channel] = cJSON_IsTrue(word);
        }
    }
    cJSON_Delete(own);
}

static void make_person(struct crowd_person *person, int i) {
    int without = kinds[i % KINDS].without;

    person_make(&person->who);
    if (i / KINDS % 2) person_change_platform(&person->who);
    person_register(&person->who, without);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        person->reachable[channel] = !(without & 1 << channel);
    memcpy(person->allows.allowed, by_default, sizeof(by_default));
    if (kinds[i % KINDS].words) put_preferences(person, kinds[i % KINDS].words);
}

/* --- notifications ----------------------------------------------------------------------- */

/* Templates of each category, with a member that all channels show: that is where the word goes. */
static const struct {
    const char *name;
    enum notification_category category;
    const char *data; /* with the word in place of %s */
} templates[] = {
    {"mention", NOTIFICATION_MENTION, "{\"author_handle\":\"ada\",\"text\":\"%s\"}"},
    {"order_confirmed", NOTIFICATION_ORDER, "{\"order_id\":\"A-17\",\"total\":\"%s\"}"},
    {"order_delivered", NOTIFICATION_SHIPPING, "{\"order_id\":\"A-17\",\"place\":\"%s\"}"},
    {"marketing_offer", NOTIFICATION_MARKETING, "{\"title\":\"Today\",\"text\":\"%s\"}"},
    {"password_reset", NOTIFICATION_ACCOUNT, "{\"code\":\"%s\"}"},
};
enum { TEMPLATES = sizeof(templates) / sizeof(*templates) };

const char *crowd_word(const struct crowd *crowd, int n, char word[CROWD_WORD_BYTES]) {
    snprintf(word, CROWD_WORD_BYTES, "%s-%d", crowd->tag, n);
    return word;
}

bool crowd_is_due(const struct crowd *crowd, int n, enum notification_channel channel) {
    const struct crowd_notice *notice = &crowd->notices[n];
    const struct crowd_person *person = &crowd->people[notice->person];

    return person->reachable[channel] &&
           person->allows.allowed[templates[notice->template].category][channel];
}

static const char *stream_name(int person, enum notification_category category,
                               char name[STREAM_BYTES]) {
    snprintf(name, STREAM_BYTES, "person %d's %s", person,
             notification_category_name(category));
    return name;
}

static void expect_all(struct crowd *crowd) {
    char stream[STREAM_BYTES];

    for (int i = 0; i < crowd->opts.people; i++)
        for (int category = 0; category < NOTIFICATION_CATEGORIES; category++)
            for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
                if (crowd->people[i].reachable[channel] &&
                    crowd->people[i].allows.allowed[category][channel])
                    kpk_history_expect(crowd->history, notification_channel_name(channel),
                                       stream_name(i, category, stream));
}

static void make_body(const struct crowd *crowd, int n, char body[BODY_BYTES]) {
    const struct crowd_notice *notice = &crowd->notices[n];
    char word[CROWD_WORD_BYTES], data[BODY_BYTES / 2];

    snprintf(data, sizeof(data), templates[notice->template].data, crowd_word(crowd, n, word));
    snprintf(body, BODY_BYTES,
             "{\"recipient_id\":\"%s\",\"template\":\"%s\",\"priority\":\"%s\",\"data\":%s}",
             crowd->people[notice->person].who.id, templates[notice->template].name,
             notice->wrong ? "at once" : "normal", data);
}

/* One POST. returns  whether it is known what became of it: 'notice' has it then */
static bool ask(struct crowd *crowd, struct crowd_notice *notice, const char *key,
                const char *body) {
    struct notification_reply reply;
    struct kpk_err why;

    if (notification_client_call(crowd->client,
                                 &(struct notification_call){.method = "POST",
                                                             .path = "/v1/notifications",
                                                             .idempotency_key = key,
                                                             .body = body},
                                 &reply, &why))
        return false;
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(reply.body, "id"));
    bool accepted = reply.status == 202 && id;
    /* 409: the one before, whose answer never came, is still at work. */
    bool refused = reply.status / 100 == 4 && reply.status != 409;

    if (accepted) snprintf(notice->id, sizeof(notice->id), "%s", id);
    if (accepted) notice->outcome = KPK_WRITE_OK;
    if (refused) notice->outcome = KPK_WRITE_FAILED;
    cJSON_Delete(reply.body);
    return accepted || refused;
}

static void ask_until_known(struct crowd *crowd, int n) {
    int64_t deadline = kpk_mono_ms() + KNOWN_MS;
    char key[KPK_UUID_BYTES], body[BODY_BYTES];

    make_body(crowd, n, body);
    kpk_uuid7(key);
    while (!ask(crowd, &crowd->notices[n], key, body) && kpk_mono_ms() < deadline &&
           !kpk_stopping())
        kpk_stop_wait(AGAIN_MS);
}

/* Everyone in turn, and everyone is told of everything. */
static void *ask_by_the_clock(void *arg) {
    struct crowd *crowd = arg;
    const struct crowd_opts *opts = &crowd->opts;
    int64_t next_us = kpk_mono_us();

    while (!crowd->stop && crowd->count < opts->notices && !kpk_stopping()) {
        int n = crowd->count;
        crowd->notices[n] = (struct crowd_notice){
            .person = n % opts->people,
            .template = (n + n / opts->people) % TEMPLATES,
            .wrong = opts->refuse_each && n % opts->refuse_each == opts->refuse_each - 1,
            .outcome = KPK_WRITE_UNKNOWN,
        };
        ask_until_known(crowd, n);
        crowd->count++;
        next_us += 1000000 / opts->per_second;
        int64_t ahead_us = next_us - kpk_mono_us();
        if (ahead_us > 0)
            kpk_stop_wait((int)(ahead_us / 1000));
        else
            next_us -= ahead_us; /* a stall is not made up for by a burst */
    }
    crowd->finished = true;
    return NULL;
}

/* --- begin and end ----------------------------------------------------------------------- */

struct crowd *crowd_open(const struct crowd_opts *opts) {
    struct crowd *crowd = calloc(1, sizeof(*crowd));

    assert_non_null(crowd);
    crowd->opts = *opts;
    kpk_uuid7(crowd->tag);
    crowd->people = calloc((size_t)opts->people, sizeof(*crowd->people));
    crowd->notices = calloc((size_t)opts->notices, sizeof(*crowd->notices));
    crowd->fates = calloc((size_t)opts->notices, sizeof(*crowd->fates));
    crowd->history = kpk_history_new();
    if (!crowd->people || !crowd->notices || !crowd->fates || !crowd->history)
        fail_msg("crowd: no memory");
    assert_ok(notification_client_open(&crowd->client, err), err);
    for (int i = 0; i < opts->people; i++) make_person(&crowd->people[i], i);
    expect_all(crowd);
    crowd_count_known(crowd->begin_at);
    return crowd;
}

void crowd_close(struct crowd *crowd) {
    if (!crowd) return;
    notification_client_close(crowd->client);
    kpk_history_free(crowd->history);
    free(crowd->people);
    free(crowd->notices);
    free(crowd->fates);
    free(crowd);
}

void crowd_start(struct crowd *crowd) {
    if (pthread_create(&crowd->thread, NULL, ask_by_the_clock, crowd))
        fail_msg("crowd: no thread");
}

bool crowd_finished(const struct crowd *crowd) { return crowd->finished; }

void crowd_stop(struct crowd *crowd) {
    char word[CROWD_WORD_BYTES], stream[STREAM_BYTES];

    crowd->stop = true;
    pthread_join(crowd->thread, NULL);
    for (int n = 0; n < crowd->count; n++) {
        const struct crowd_notice *notice = &crowd->notices[n];
        kpk_history_write(
            crowd->history,
            stream_name(notice->person, templates[notice->template].category, stream),
            crowd_word(crowd, n, word), notice->outcome);
    }
}

/* --- settling ---------------------------------------------------------------------------- */

static bool outbox_is_empty(void *ctx) {
    static const struct kpk_pg_stmt look = {"crowd_outbox",
                                            "SELECT NOT EXISTS (SELECT FROM outbox)"};
    PGresult *rows = kpk_pg_exec(ctx, &look, NULL, 0, err);
    bool empty = rows && *PQgetvalue(rows, 0, 0) == 't';

    PQclear(rows);
    return empty;
}

void crowd_settle(int timeout_ms) {
    char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];
    struct kpk_pg *pg;

    assert_ok(notification_database_open(&pg, err), err);
    if (!wait_until(timeout_ms, outbox_is_empty, pg)) fail_msg("the outbox is never empty");
    kpk_pg_close(pg);
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        kpk_full_name(notify_groups[channel], group);
        offsets_await_all(group, kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic),
                          timeout_ms);
        for (int tier = 0; tier < NOTIFY_TIERS; tier++)
            offsets_await_all(group, notify_topic(channel, tier, topic), timeout_ms);
    }
}

/* --- what is known ----------------------------------------------------------------------- */

int crowd_notices(const struct crowd *crowd) { return crowd->count; }

const struct crowd_notice *crowd_notice(const struct crowd *crowd, int notice) {
    return &crowd->notices[notice];
}

const struct crowd_fate *crowd_fate(const struct crowd *crowd, int notice,
                                    enum notification_channel channel) {
    return &crowd->fates[notice][channel];
}
