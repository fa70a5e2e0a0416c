/* Notifications for people who have all three kinds of address and forbid nothing: by the defaults of its category a
 * message goes over one channel (offers, mentions), two (orders, accounts), or all three (shipping). */
#include "loadgen/world.h"

#include "common/embed.h"

#include <inttypes.h>
#include <stdio.h>

enum { WORDS_BYTES = 90 };

KPK_EMBED(notification_sql, "loadgen/world_notification.sql");

/* Used in turn. */
static const struct message {
    const char *template, *category;
    const char *data; /* members, the last one open for the text that is marked */
    int channels;     /* that its category allows by default */
} messages[] = {
    {"order_confirmed", "order", "\"order_id\":\"A-17\",\"total\":", 2},
    {"order_shipped", "shipping", "\"order_id\":\"A-17\",\"carrier\":\"DHL\",\"tracking\":", 3},
    {"order_delivered", "shipping", "\"order_id\":\"A-17\",\"place\":", 3},
    {"mention", "mention", "\"author_handle\":\"ada\",\"text\":", 1},
    {"marketing_offer", "marketing", "\"title\":\"For you\",\"text\":", 1},
};

static const struct message *message_of(uint32_t variant) {
    return &messages[variant % (sizeof(messages) / sizeof(*messages))];
}

static void text(char out[LOAD_TEXT_BYTES], uint32_t variant) {
    load_record_words(out, WORDS_BYTES, variant);
}

static double weight(const struct load_world *world, uint32_t stream, uint32_t variant) {
    (void)world, (void)stream;
    return message_of(variant)->channels;
}

static size_t value(const struct load_world *world, char *out, uint32_t stream,
                    uint32_t variant, const char *id, const char *marked) {
    const struct message *message = message_of(variant);

    return (size_t)snprintf(out, LOAD_EVENT_BYTES,
                            "{\"notification_id\":\"%s\",\"recipient_id\":\"%s\","
                            "\"category\":\"%s\",\"template\":\"%s\",\"data\":{%s\"%s\"},"
                            "\"priority\":\"normal\",\"created_at\":%" PRId64 "}",
                            id, world->ids[stream], message->category, message->template,
                            message->data, marked, kpk_uuid7_ms(id));
}

static size_t body(const struct load_world *world, char *out, uint32_t stream, uint32_t variant,
                   const char *marked) {
    const struct message *message = message_of(variant);

    return (size_t)snprintf(out, LOAD_EVENT_BYTES,
                            "{\"recipient_id\":\"%s\",\"template\":\"%s\",\"data\":{%s\"%s\"}}",
                            world->ids[stream], message->template, message->data, marked);
}

const struct load_world_kind load_world_notification = {
    .system = "notification",
    .sql = notification_sql,
    .find = {"world",
             "SELECT user_id, 1 FROM contacts WHERE email ~ '^load_[0-9]+@example[.]com$' "
             "ORDER BY substring(email FROM '[0-9]+')::integer"},
    .event = "notification.requested",
    .noun = "notification",
    .means = "over %.1f channels in the mean",
    .post_variable = "KPK_NOTIFICATION_SERVICE_URL",
    .post_url = "http://127.0.0.1:18100",
    .post_path = "/v1/notifications",
    .post_status = 202,
    .text = text,
    .weight = weight,
    .value = value,
    .body = body,
};
