#include "services/twitter/events.h"

#include "common/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *twitter_delivery_name(enum twitter_delivery delivery) {
    return delivery == TWITTER_PULL ? "pull" : "push";
}

bool twitter_user_id_valid(const char *text) {
    size_t len = strlen(text);

    if (len == 0 || len >= TWITTER_ID_BYTES || *text == '0') return false;
    if (strspn(text, "0123456789") != len) return false;
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return errno == 0;
}

int twitter_text_check(const char *text, struct kpk_err *err) {
    size_t points, len = strlen(text);
    bool blank = true;

    if (!kpk_utf8_valid(text, len, &points))
        return kpk_fail(err, KPK_REJECT, "text: not valid UTF-8");
    if (points > TWITTER_TEXT_POINTS)
        return kpk_fail(err, KPK_REJECT, "text: %zu code points, at most %d", points,
                        TWITTER_TEXT_POINTS);
    for (size_t at = 0, step; at < len; at += step) {
        step = kpk_utf8_next(text + at, len - at);
        uint32_t point = kpk_utf8_point(text + at, step);
        if (kpk_utf8_control(point) && point != '\n' && point != '\t')
            return kpk_fail(err, KPK_REJECT, "text: control character U+%04" PRIX32, point);
        blank = blank && kpk_utf8_space(point);
    }
    if (blank) return kpk_fail(err, KPK_REJECT, len ? "text: only white space" : "text: empty");
    return 0;
}

/* --- encode ------------------------------------------------------------------------------ */

static char *print(cJSON *object) {
    char *json = cJSON_PrintUnformatted(object);

    cJSON_Delete(object);
    return json;
}

char *twitter_tweet_encode(const struct twitter_tweet *tweet) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "tweet_id", tweet->id);
    cJSON_AddStringToObject(object, "author_id", tweet->author_id);
    cJSON_AddStringToObject(object, "text", tweet->text);
    kpk_json_add_int(object, "created_at", tweet->created_at);
    cJSON_AddStringToObject(object, "delivery", twitter_delivery_name(tweet->delivery));
    if (tweet->followers != TWITTER_UNKNOWN)
        cJSON_AddNumberToObject(object, "followers", (double)tweet->followers);
    return print(object);
}

char *twitter_follow_encode(const struct twitter_follow *follow) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "follower_id", follow->follower_id);
    cJSON_AddStringToObject(object, "followee_id", follow->followee_id);
    kpk_json_add_int(object, "created_at", follow->created_at);
    return print(object);
}

/* --- decode ------------------------------------------------------------------------------ */

/* 2^53: what a JSON number holds exactly, and more milliseconds than there will be. */
static const int64_t time_max = (int64_t)1 << 53;

static int user_id(const cJSON *object, const char *field, char *out, struct kpk_err *err) {
    const char *text;

    if (kpk_json_str(object, field, TWITTER_ID_BYTES - 1, &text, err)) return -1;
    if (!twitter_user_id_valid(text))
        return kpk_fail(err, KPK_REJECT, "%s: not a user id", field);
    strcpy(out, text);
    return 0;
}

/* The time and the order of a tweet are its id's. */
static bool tweet_id_valid(const char *id) { return kpk_uuid_valid(id) && id[14] == '7'; }

static int tweet_fields(const cJSON *object, struct twitter_tweet *tweet, struct kpk_err *err) {
    const char *id, *text, *delivery;

    if (kpk_json_str(object, "tweet_id", KPK_UUID_BYTES - 1, &id, err) ||
        user_id(object, "author_id", tweet->author_id, err) ||
        kpk_json_str(object, "text", SIZE_MAX, &text, err) ||
        kpk_json_int(object, "created_at", 0, time_max, &tweet->created_at, err) ||
        kpk_json_str(object, "delivery", 8, &delivery, err))
        return -1;
    tweet->followers = TWITTER_UNKNOWN;
    if (cJSON_GetObjectItemCaseSensitive(object, "followers") &&
        kpk_json_int(object, "followers", 0, INT32_MAX, &tweet->followers, err))
        return -1;
    if (!tweet_id_valid(id)) return kpk_fail(err, KPK_REJECT, "tweet_id: not a UUIDv7");
    if (twitter_text_check(text, err)) return -1;
    if (strcmp(delivery, "push") != 0 && strcmp(delivery, "pull") != 0)
        return kpk_fail(err, KPK_REJECT, "delivery: neither push nor pull");
    tweet->delivery = strcmp(delivery, "pull") == 0 ? TWITTER_PULL : TWITTER_PUSH;
    strcpy(tweet->id, id);
    strcpy(tweet->text, text);
    return 0;
}

int twitter_tweet_decode(const struct kpk_event *event, struct twitter_tweet *tweet,
                         struct kpk_err *err) {
    cJSON *object = kpk_json_parse(event->data, event->len, err);
    int failed;

    if (!object) return -1;
    failed = tweet_fields(object, tweet, err);
    cJSON_Delete(object);
    return failed;
}

int twitter_follow_decode(const struct kpk_event *event, struct twitter_follow *follow,
                          struct kpk_err *err) {
    cJSON *object = kpk_json_parse(event->data, event->len, err);
    int failed;

    if (!object) return -1;
    failed = user_id(object, "follower_id", follow->follower_id, err) ||
             user_id(object, "followee_id", follow->followee_id, err) ||
             kpk_json_int(object, "created_at", 0, time_max, &follow->created_at, err);
    cJSON_Delete(object);
    return failed ? -1 : 0;
}
