#include "services/notification/templates.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define CUT "..." /* an ellipsis of one character would make an SMS of two */

enum { NAME_BYTES = 32 };

/* clang-format off */
const struct notification_template notification_templates[] = {
    {"mention", NOTIFICATION_MENTION, {"author_handle", "text"},
     "@{author_handle} mentioned you",
     {[NOTIFICATION_EMAIL] = "@{author_handle} mentioned you:\n\n{text}\n",
      [NOTIFICATION_SMS]   = "@{author_handle} mentioned you: {text}",
      [NOTIFICATION_PUSH]  = "{text}"}},
    {"order_confirmed", NOTIFICATION_ORDER, {"order_id", "total"},
     "Order {order_id} is confirmed",
     {[NOTIFICATION_EMAIL] = "Thank you. Your order {order_id} over {total} is confirmed.\n\nYou hear from us "
                             "again when it is on its way.\n",
      [NOTIFICATION_SMS]   = "Order {order_id} over {total} is confirmed.",
      [NOTIFICATION_PUSH]  = "Your order over {total} is confirmed."}},
    {"order_cancelled", NOTIFICATION_ORDER, {"order_id", "reason"},
     "Order {order_id} is cancelled",
     {[NOTIFICATION_EMAIL] = "Your order {order_id} is cancelled: {reason}\n\nWhat you paid is on its way back "
                             "to you.\n",
      [NOTIFICATION_SMS]   = "Order {order_id} is cancelled: {reason}",
      [NOTIFICATION_PUSH]  = "It is cancelled: {reason}"}},
    {"order_shipped", NOTIFICATION_SHIPPING, {"order_id", "carrier", "tracking"},
     "Order {order_id} is on its way",
     {[NOTIFICATION_EMAIL] = "Your order {order_id} left us with {carrier}.\n\nTracking number: {tracking}\n",
      [NOTIFICATION_SMS]   = "Order {order_id} is on its way with {carrier}: {tracking}",
      [NOTIFICATION_PUSH]  = "With {carrier}, tracking number {tracking}."}},
    {"order_delivered", NOTIFICATION_SHIPPING, {"order_id", "place"},
     "Order {order_id} is delivered",
     {[NOTIFICATION_EMAIL] = "Your order {order_id} is delivered. You find it here: {place}\n",
      [NOTIFICATION_SMS]   = "Order {order_id} is delivered: {place}",
      [NOTIFICATION_PUSH]  = "You find it here: {place}"}},
    {"marketing_offer", NOTIFICATION_MARKETING, {"title", "text"},
     "{title}",
     {[NOTIFICATION_EMAIL] = "{text}\n\nYou get offers because you allow them; you can forbid them at any "
                             "time.\n",
      [NOTIFICATION_SMS]   = "{title}: {text}",
      [NOTIFICATION_PUSH]  = "{text}"}},
    {"password_reset", NOTIFICATION_ACCOUNT, {"code"},
     "Your code to set a new password",
     {[NOTIFICATION_EMAIL] = "{code} is your code to set a new password.\n\nIf you did not ask for one, do "
                             "nothing: your password is what it was.\n",
      [NOTIFICATION_SMS]   = "{code} is your code to set a new password. Give it to nobody.",
      [NOTIFICATION_PUSH]  = "{code} is your code. Give it to nobody."}},
    {0},
};
/* clang-format on */

const struct notification_template *notification_template_find(const char *name) {
    for (const struct notification_template *row = notification_templates; row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

/* --- filling ----------------------------------------------------------------------------- */

/* A text that grows up to its buffer; what is more is left out, which is remembered. */
struct sink {
    char *text;
    size_t room, len; /* of the buffer, without its NUL */
    bool full;
};

static void put(struct sink *sink, const char *bytes, size_t len) {
    if (len > sink->room - sink->len) {
        len = sink->room - sink->len;
        sink->full = true;
    }
    memcpy(sink->text + sink->len, bytes, len);
    sink->len += len;
    sink->text[sink->len] = '\0';
}

/* A header's value is one line: what could begin another is refused, not changed. */
static int check_line(const char *name, const char *value, struct kpk_err *err) {
    size_t len = strlen(value);

    for (size_t at = 0, step; at < len; at += step) {
        step = kpk_utf8_next(value + at, len - at);
        if (step == 0) return kpk_fail(err, KPK_REJECT, "data.%s: not valid UTF-8", name);
        uint32_t point = kpk_utf8_point(value + at, step);
        if (kpk_utf8_control(point))
            return kpk_fail(err, KPK_REJECT,
                            "data.%s: control character U+%04" PRIX32
                            ", and it goes into a subject",
                            name, point);
    }
    return 0;
}

/* The value of the placeholder that begins at 'open'. */
static int put_value(struct sink *sink, const char *open, size_t len, const cJSON *data,
                     bool one_line, struct kpk_err *err) {
    const cJSON *item;
    char name[NAME_BYTES];

    if (len >= sizeof(name)) return kpk_fail(err, KPK_FATAL, "template: {%.40s", open);
    memcpy(name, open, len);
    name[len] = '\0';
    item = cJSON_GetObjectItemCaseSensitive(data, name);
    if (!item) return kpk_fail(err, KPK_REJECT, "data.%s: missing", name);
    if (!cJSON_IsString(item))
        return kpk_fail(err, KPK_REJECT, "data.%s: must be a string", name);
    if (one_line && check_line(name, item->valuestring, err)) return -1;
    put(sink, item->valuestring, strlen(item->valuestring));
    return 0;
}

/* At most 'points' characters, the dots included, and nothing but whole ones. */
static void shorten(struct sink *sink, size_t points) {
    size_t at = 0, cut = 0, step;

    for (size_t count = 0; at < sink->len; at += step, count++) {
        step = kpk_utf8_next(sink->text + at, sink->len - at);
        if (step == 0 || count == points) break;
        if (count + strlen(CUT) <= points && at + sizeof(CUT) <= sink->room) cut = at;
    }
    if (at < sink->len || sink->full) strcpy(sink->text + cut, CUT);
}

static int fill(const char *pattern, const cJSON *data, bool one_line, size_t points, char *out,
                size_t bytes, struct kpk_err *err) {
    struct sink sink = {.text = out, .room = bytes - 1};
    const char *open, *close;

    *out = '\0';
    for (const char *at = pattern; *at; at = close + 1) {
        open = strchrnul(at, '{');
        put(&sink, at, (size_t)(open - at));
        if (!*open) break;
        close = strchr(open, '}');
        if (!close) return kpk_fail(err, KPK_FATAL, "template: '%.40s' is not closed", open);
        if (put_value(&sink, open + 1, (size_t)(close - open - 1), data, one_line, err))
            return -1;
    }
    shorten(&sink, points);
    return 0;
}

int notification_render(const struct notification_template *template,
                        enum notification_channel channel, const cJSON *data,
                        struct notification_message *message, struct kpk_err *err) {
    static const size_t points[NOTIFICATION_CHANNELS] = {
        [NOTIFICATION_EMAIL] = NOTIFICATION_TEXT_BYTES,
        [NOTIFICATION_SMS] = NOTIFICATION_SMS_POINTS,
        [NOTIFICATION_PUSH] = NOTIFICATION_PUSH_POINTS,
    };

    message->subject[0] = '\0';
    if (channel != NOTIFICATION_SMS &&
        fill(template->subject, data, true, NOTIFICATION_SUBJECT_POINTS, message->subject,
             sizeof(message->subject), err))
        return -1;
    return fill(template->text[channel], data, false, points[channel], message->text,
                sizeof(message->text), err);
}
