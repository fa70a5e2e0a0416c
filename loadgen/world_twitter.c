/* Twitter's people and their tweets: one in three has a hashtag, one in twenty mentions somebody. */
#include "loadgen/world.h"

#include "common/embed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HASHTAG_EVERY = 3, MENTION_EVERY = 20, WORDS_BYTES = 190 };

KPK_EMBED(twitter_sql, "loadgen/world_twitter.sql");

static void text(char out[LOAD_TEXT_BYTES], uint32_t variant) {
    static const char *const tags[] = {"#rain", "#tea",  "#music", "#kafka", "#news",
                                       "#goal", "#cats", "#work",  "#train", "#sale"};
    char tail[64] = "";

    load_record_words(out, WORDS_BYTES, variant);
    if (variant % HASHTAG_EVERY == 0)
        snprintf(tail, sizeof(tail), " %s", tags[variant * 7 % 10]);
    if (variant % MENTION_EVERY == 0)
        snprintf(tail + strlen(tail), sizeof(tail) - strlen(tail), " @load_%" PRIu32,
                 variant * 97 % LOAD_WORLD_PEOPLE);
    strcat(out, tail);
}

static double weight(const struct load_world *world, uint32_t stream, uint32_t variant) {
    (void)variant;
    return world->weights[stream];
}

static size_t value(const struct load_world *world, char *out, uint32_t stream,
                    uint32_t variant, const char *id, const char *marked) {
    (void)variant;
    return (size_t)snprintf(
        out, LOAD_EVENT_BYTES,
        "{\"tweet_id\":\"%s\",\"author_id\":\"%s\",\"text\":\"%s\",\"created_at\":%" PRId64
        ",\"delivery\":\"push\",\"followers\":%d}",
        id, world->ids[stream], marked, kpk_uuid7_ms(id), world->weights[stream]);
}

static size_t body(const struct load_world *world, char *out, uint32_t stream, uint32_t variant,
                   const char *marked) {
    (void)variant;
    return (size_t)snprintf(out, LOAD_EVENT_BYTES, "{\"author_id\":\"%s\",\"text\":\"%s\"}",
                            world->ids[stream], marked);
}

const struct load_world_kind load_world_twitter = {
    .system = "twitter",
    .sql = twitter_sql,
    .find = {"world", "SELECT id, followers FROM users WHERE handle ~ '^load_[0-9]+$' "
                      "ORDER BY substr(handle, 6)::integer"},
    .event = "tweet.created",
    .noun = "tweet",
    .means = "%.1f followers in the mean",
    .post_variable = "KPK_TWEET_SERVICE_URL",
    .post_url = "http://127.0.0.1:18080",
    .post_path = "/v1/tweets",
    .post_status = 201,
    .text = text,
    .weight = weight,
    .value = value,
    .body = body,
};
