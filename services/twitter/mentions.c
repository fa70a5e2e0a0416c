#include "services/twitter/mentions.h"

#include "common/json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MENTION "mention"
#define HANDLE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define WIDE_AT "\xef\xbc\xa0" /* U+FF20, as Japanese keyboards write it */

/* --- in a text --------------------------------------------------------------------------- */

/* The bytes of the @ at 'c'; 0: there is none */
static size_t at_sign(const char *c) {
    if (*c == '@') return 1;
    return strncmp(c, WIDE_AT, strlen(WIDE_AT)) == 0 ? strlen(WIDE_AT) : 0;
}

/* Is what stands before 'at', up to a space, the beginning of a web address: a slash, and before
 * it a dot or colon? */
static bool in_address(const char *text, const char *at) {
    bool slash = false;

    for (const char *c = at; c > text && !isspace((unsigned char)c[-1]); c--) {
        if (c[-1] == '/') slash = true;
        if (slash && (c[-1] == '.' || c[-1] == ':')) return true;
    }
    return false;
}

static bool may_begin(const char *text, const char *at) {
    if (at == text) return true;
    if (strchr(HANDLE_LETTERS "!#$%&*@", at[-1])) return false;
    if (at - text >= 3 && at_sign(at - 3) == 3) return false;
    return !in_address(text, at);
}

/* Latin letters with accents, and the accents themselves: the word goes on, the handle ended. */
static bool is_accented(uint32_t point) {
    return (point >= 0x00c0 && point <= 0x024f && point != 0x00d7 && point != 0x00f7) ||
           (point >= 0x0300 && point <= 0x036f) || (point >= 0x1e00 && point <= 0x1eff);
}

static bool may_end(const char *end) {
    if (at_sign(end) || strncmp(end, "://", 3) == 0) return false;
    return !is_accented(kpk_utf8_point(end, kpk_utf8_next(end, 4)));
}

static size_t add(const char *handle, size_t len, char (*handles)[TWITTER_HANDLE_BYTES],
                  size_t count) {
    char *added = handles[count];

    for (size_t i = 0; i < len; i++) added[i] = (char)tolower((unsigned char)handle[i]);
    added[len] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strcmp(handles[i], added) == 0) return count;
    return count + 1;
}

size_t twitter_mentions(const char *text, char (*handles)[TWITTER_HANDLE_BYTES]) {
    size_t count = 0;

    for (const char *c = text; *c && count < TWITTER_MENTIONS_MAX;) {
        size_t sign = at_sign(c), len = sign ? strspn(c + sign, HANDLE_LETTERS) : 0;
        const char *handle = c + sign;
        if (len > 0 && len < TWITTER_HANDLE_BYTES && may_begin(text, c) &&
            may_end(handle + len))
            count = add(handle, len, handles, count);
        c = sign ? handle + len : c + 1;
    }
    return count;
}

/* --- the event --------------------------------------------------------------------------- */

void twitter_mention_id(const char *tweet_id, const char *recipient_id,
                        char out[KPK_UUID_BYTES]) {
    char name[sizeof(MENTION) + TWITTER_ID_BYTES];

    snprintf(name, sizeof(name), MENTION "/%s", recipient_id);
    kpk_uuid5(tweet_id, name, out);
}

char *twitter_mention_encode(const struct twitter_mention *mention) {
    cJSON *object = cJSON_CreateObject(), *data;
    char *json;

    cJSON_AddStringToObject(object, "notification_id", mention->id);
    cJSON_AddStringToObject(object, "recipient_id", mention->recipient_id);
    cJSON_AddStringToObject(object, "category", MENTION);
    cJSON_AddStringToObject(object, "template", MENTION);
    data = cJSON_AddObjectToObject(object, "data");
    cJSON_AddStringToObject(data, "tweet_id", mention->tweet_id);
    cJSON_AddStringToObject(data, "author_id", mention->author_id);
    cJSON_AddStringToObject(data, "author_handle", mention->author_handle);
    cJSON_AddStringToObject(data, "text", mention->text);
    cJSON_AddStringToObject(object, "priority", "normal");
    kpk_json_add_int(object, "created_at", mention->created_at);
    json = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return json;
}

/* A member that must be there and fit. */
static int take(const cJSON *object, const char *field, char *out, size_t bytes,
                struct kpk_err *err) {
    const char *text;

    if (kpk_json_str(object, field, bytes - 1, &text, err)) return -1;
    strcpy(out, text);
    return 0;
}

static int take_user_id(const cJSON *object, const char *field, char *out,
                        struct kpk_err *err) {
    if (take(object, field, out, TWITTER_ID_BYTES, err)) return -1;
    return twitter_user_id_valid(out) ? 0
                                      : kpk_fail(err, KPK_REJECT, "%s: not a user id", field);
}

static int take_uuid(const cJSON *object, const char *field, char *out, struct kpk_err *err) {
    if (take(object, field, out, KPK_UUID_BYTES, err)) return -1;
    return kpk_uuid_valid(out) ? 0 : kpk_fail(err, KPK_REJECT, "%s: not a UUID", field);
}

static int take_fields(const cJSON *object, struct twitter_mention *mention,
                       struct kpk_err *err) {
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(object, "data");
    char category[sizeof(MENTION)];

    if (take(object, "category", category, sizeof(category), err)) return -1;
    if (strcmp(category, MENTION) != 0)
        return kpk_fail(err, KPK_REJECT, "category: not " MENTION);
    if (take_uuid(object, "notification_id", mention->id, err) ||
        take_user_id(object, "recipient_id", mention->recipient_id, err) ||
        kpk_json_int(object, "created_at", 0, (int64_t)1 << 53, &mention->created_at, err) ||
        take_uuid(data, "tweet_id", mention->tweet_id, err) ||
        take_user_id(data, "author_id", mention->author_id, err) ||
        take(data, "author_handle", mention->author_handle, sizeof(mention->author_handle),
             err) ||
        take(data, "text", mention->text, sizeof(mention->text), err))
        return -1;
    return 0;
}

int twitter_mention_decode(const struct kpk_event *event, struct twitter_mention *mention,
                           struct kpk_err *err) {
    cJSON *object;
    int failed;

    if (strcmp(event->type, TWITTER_NOTIFICATION_REQUESTED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
    object = kpk_json_parse(event->data, event->len, err);
    if (!object) return -1;
    failed = take_fields(object, mention, err);
    cJSON_Delete(object);
    return failed;
}
