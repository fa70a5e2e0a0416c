/* A record of a stranger, from its headers to what an effect is given: what common/event and
 * services/twitter/events take is as the schemas say, and comes back when it is written again; what
 * they refuse has a reason that fits a header and a log. The input is written as in HTTP:
 *
 *   ce_id: 019ab000-0000-7000-8000-000000000000
 *   ce_subject                                      a header whose value is null
 *
 *   {"tweet_id": ...                                the value, up to the end */
#include "common/event.h"
#include "common/json.h"
#include "services/twitter/events.h"
#include "services/twitter/mentions.h"
#include "tests/fuzz/fuzz.h"

/* returns  the headers; 'at' is moved to the value */
static rd_kafka_headers_t *read_headers(const char **at, const char *end) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    const char *line = *at, *next;

    for (; line < end && *line != '\n'; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        next = stop < end ? stop + 1 : end;
        const char *colon = memchr(line, ':', (size_t)(stop - line));
        const char *value = colon ? colon + 1 : NULL;
        if (value && value < stop && *value == ' ') value++;
        rd_kafka_header_add(headers, line, (colon ? colon : stop) - line, value,
                            value ? stop - value : 0);
    }
    *at = line < end ? line + 1 : end;
    return headers;
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static void check_reason(const struct kpk_err *err) {
    must(err->verdict == KPK_REJECT && *err->msg && fuzz_is_line(err->msg));
}

static void check_event(const rd_kafka_headers_t *headers) {
    struct kpk_err err = {.msg = ""};
    struct kpk_event event, again;
    rd_kafka_headers_t *written;

    if (kpk_event_read_headers(headers, &event, &err)) {
        check_reason(&err);
        must(strncmp(err.msg, "not an event: ", 14) == 0);
        return;
    }
    must(*event.id && *event.source && *event.type);
    must(fuzz_is_line(event.id) && fuzz_is_line(event.source) && fuzz_is_line(event.type));
    must(!event.subject || (*event.subject && fuzz_is_line(event.subject)));
    must(!event.traceparent || kpk_traceparent_valid(event.traceparent));
    written = kpk_event_headers(&event);
    must(kpk_event_read_headers(written, &again, &err) == 0);
    must(same(again.id, event.id) && same(again.source, event.source) &&
         same(again.type, event.type) && same(again.subject, event.subject) &&
         same(again.traceparent, event.traceparent) && again.time_ms == event.time_ms);
    rd_kafka_headers_destroy(written);
}

/* topology/schemas/tweet.created.json */
static void check_tweet(const struct kpk_event *event) {
    struct twitter_tweet tweet, again;
    struct kpk_err err = {.msg = ""};
    size_t points = 0;
    char *json;

    memset(&tweet, 0x7f, sizeof(tweet));
    if (twitter_tweet_decode(event, &tweet, &err)) return check_reason(&err);
    must(kpk_uuid_valid(tweet.id) && twitter_user_id_valid(tweet.author_id));
    must(kpk_utf8_valid(tweet.text, strlen(tweet.text), &points));
    must(points >= 1 && points <= TWITTER_TEXT_POINTS);
    must(tweet.created_at >= 0 && tweet.created_at <= (int64_t)1 << 53);
    must(tweet.delivery == TWITTER_PUSH || tweet.delivery == TWITTER_PULL);
    json = twitter_tweet_encode(&tweet);
    must(json);
    must(!twitter_tweet_decode(&(struct kpk_event){.data = json, .len = strlen(json)}, &again,
                               &err));
    must(same(again.id, tweet.id) && same(again.author_id, tweet.author_id) &&
         same(again.text, tweet.text) && again.created_at == tweet.created_at &&
         again.delivery == tweet.delivery);
    free(json);
}

/* topology/schemas/user.followed.json */
static void check_follow(const struct kpk_event *event) {
    struct twitter_follow follow, again;
    struct kpk_err err = {.msg = ""};
    char *json;

    memset(&follow, 0x7f, sizeof(follow));
    if (twitter_follow_decode(event, &follow, &err)) return check_reason(&err);
    must(twitter_user_id_valid(follow.follower_id) &&
         twitter_user_id_valid(follow.followee_id));
    must(follow.created_at >= 0 && follow.created_at <= (int64_t)1 << 53);
    json = twitter_follow_encode(&follow);
    must(json);
    must(!twitter_follow_decode(&(struct kpk_event){.data = json, .len = strlen(json)}, &again,
                                &err));
    must(same(again.follower_id, follow.follower_id) &&
         same(again.followee_id, follow.followee_id) && again.created_at == follow.created_at);
    free(json);
}

/* topology/schemas/notification.requested.json, of a mention */
static void check_mention(const struct kpk_event *event) {
    struct twitter_mention mention, again;
    struct kpk_err err = {.msg = ""};
    char *json;

    memset(&mention, 0x7f, sizeof(mention));
    if (twitter_mention_decode(event, &mention, &err)) return check_reason(&err);
    must(kpk_uuid_valid(mention.id) && kpk_uuid_valid(mention.tweet_id));
    must(twitter_user_id_valid(mention.recipient_id) &&
         twitter_user_id_valid(mention.author_id));
    json = twitter_mention_encode(&mention);
    must(json);
    must(!twitter_mention_decode(
        &(struct kpk_event){.type = event->type, .data = json, .len = strlen(json)}, &again,
        &err));
    must(same(again.id, mention.id) && same(again.recipient_id, mention.recipient_id) &&
         same(again.tweet_id, mention.tweet_id) && same(again.author_id, mention.author_id) &&
         same(again.author_handle, mention.author_handle) && same(again.text, mention.text) &&
         again.created_at == mention.created_at);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_bytes(data, size);
    const char *at = bytes;
    rd_kafka_headers_t *headers = read_headers(&at, bytes + size);
    struct kpk_event event = {
        .type = TWITTER_NOTIFICATION_REQUESTED, .data = at, .len = (size_t)(bytes + size - at)};

    check_event(headers);
    check_tweet(&event);
    check_follow(&event);
    check_mention(&event);
    rd_kafka_headers_destroy(headers);
    free(bytes);
    return 0;
}
