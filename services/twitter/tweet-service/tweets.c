/* Posting a tweet: state change and event in one transaction, published later by the relay.
 *
 *   BEGIN
 *   claim the Idempotency-Key            a repeated request is answered, not repeated
 *   lock the author's row                order: the outbox's seq grows with the author's commits
 *   INSERT tweet, INSERT outbox row, keep the answer
 *   COMMIT                               all of it, or nothing
 *   wake the relay                       a hint
 *
 * Crash before COMMIT: nothing happened, and the client repeats. Crash after it: the tweet is
 * posted, the relay will publish it, and the client that repeats gets the kept answer. */
#include "services/twitter/tweet-service/service.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/idempotency.h"
#include "common/json.h"
#include "patterns/outbox/outbox.h"
#include "services/twitter/events.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a client sees of a tweet: the event's fields, under the names of an API. */
static char *tweet_json(const struct twitter_tweet *tweet) {
    cJSON *object = cJSON_CreateObject();
    char *json;

    cJSON_AddStringToObject(object, "id", tweet->id);
    cJSON_AddStringToObject(object, "author_id", tweet->author_id);
    cJSON_AddStringToObject(object, "text", tweet->text);
    kpk_json_add_int(object, "created_at", tweet->created_at);
    cJSON_AddStringToObject(object, "delivery", twitter_delivery_name(tweet->delivery));
    json = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return json;
}

/* {"author_id": "1", "text": "..."} */
static int read_tweet(const struct kpk_request *request, struct twitter_tweet *tweet,
                      struct kpk_err *err) {
    static const char *const fields[] = {"author_id", "text", NULL};
    const char *author_id, *text, *body;
    size_t len;
    cJSON *object;
    int failed = -1;

    body = kpk_http_body(request, &len);
    object = kpk_json_parse(body, len, err);
    if (!object) return -1;
    if (kpk_json_only(object, fields, err)) goto out;
    if (kpk_json_str(object, "author_id", TWITTER_ID_BYTES - 1, &author_id, err)) goto out;
    if (!twitter_user_id_valid(author_id)) {
        kpk_fail(err, KPK_REJECT, "author_id: not a user id");
        goto out;
    }
    if (kpk_json_str(object, "text", SIZE_MAX, &text, err)) goto out;
    if (twitter_text_check(text, err)) goto out;
    strcpy(tweet->author_id, author_id);
    strcpy(tweet->text, text);
    failed = 0;
out:
    cJSON_Delete(object);
    return failed;
}

/* Lock the author's row, and let its number of followers decide how the tweet is delivered. */
static int lock_author(struct kpk_pg *pg, const struct settings *settings,
                       struct twitter_tweet *tweet, struct kpk_err *err) {
    static const struct kpk_pg_stmt lock = {
        "author_lock", "SELECT followers FROM users WHERE id = $1 FOR NO KEY UPDATE"};
    PGresult *result = kpk_pg_exec(pg, &lock, (const char *[]){tweet->author_id}, 1, err);
    int found;

    if (!result) return -1;
    found = PQntuples(result);
    if (found) {
        tweet->followers = atoi(PQgetvalue(result, 0, 0));
        tweet->delivery = tweet->followers > settings->push_limit ? TWITTER_PULL : TWITTER_PUSH;
    }
    PQclear(result);
    if (!found) return kpk_fail(err, KPK_REJECT, "author_id: no user %s", tweet->author_id);
    return 0;
}

static int insert_tweet(struct kpk_pg *pg, const struct twitter_tweet *tweet,
                        struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "tweet_insert", "INSERT INTO tweets (id, author_id, text, delivery, created_at) "
                        "VALUES ($1, $2, $3, $4, to_timestamp($5::bigint / 1000.0))"};
    char created_at[24];
    const char *params[] = {tweet->id, tweet->author_id, tweet->text,
                            twitter_delivery_name(tweet->delivery), created_at};

    snprintf(created_at, sizeof(created_at), "%lld", (long long)tweet->created_at);
    return kpk_pg_run(pg, &insert, params, 5, err);
}

/* traceparent  as the client sent it, or NULL */
static int announce_tweet(struct kpk_pg *pg, const struct twitter_tweet *tweet,
                          const char *traceparent, struct kpk_err *err) {
    char *payload = twitter_tweet_encode(tweet), event_id[KPK_UUID_BYTES];
    int failed;

    if (!payload) return kpk_fail(err, KPK_FATAL, "tweet: no memory");
    if (traceparent && !kpk_traceparent_valid(traceparent)) traceparent = NULL;
    kpk_uuid7(event_id);
    failed = kpk_outbox_add(pg,
                            &(struct kpk_outbox_event){.topic = KPK_TOPIC_TWEETS,
                                                       .key = tweet->author_id,
                                                       .id = event_id,
                                                       .type = TWITTER_TWEET_CREATED,
                                                       .subject = tweet->id,
                                                       .payload = payload,
                                                       .traceparent = traceparent},
                            err);
    free(payload);
    return failed;
}

/* Everything between BEGIN and COMMIT. Fills 'response' unless it returns -1. */
static int post_in_transaction(const struct kpk_write_service *service,
                               struct kpk_request *request, struct kpk_response *response,
                               const struct kpk_idempotency *key, struct twitter_tweet *tweet,
                               struct kpk_err *err) {
    struct kpk_pg *pg = kpk_write_service_pg(service, request);
    bool answered;
    char *json = NULL;
    int failed = -1;

    if (kpk_idempotency_claim(pg, key, response, &answered, err)) return -1;
    if (answered) return 0;
    if (kpk_fault("tweet:after-claim", err)) return -1;
    if (lock_author(pg, kpk_write_service_ctx(service), tweet, err)) return -1;
    kpk_uuid7(tweet->id); /* under the lock: an author's ids are in the order of its events */
    tweet->created_at = kpk_uuid7_ms(tweet->id);
    json = tweet_json(tweet);
    if (!json) return kpk_fail(err, KPK_FATAL, "tweet: no memory");
    if (insert_tweet(pg, tweet, err)) goto out;
    if (kpk_fault("tweet:after-insert", err)) goto out;
    if (announce_tweet(pg, tweet, kpk_http_header(request, "traceparent"), err)) goto out;
    if (kpk_idempotency_keep(pg, key, 201, json, err)) goto out;
    if (kpk_fault("tweet:before-commit", err)) goto out;
    if (kpk_pg_commit(pg, err)) goto out;
    if (kpk_fault("tweet:after-commit", err)) goto out;
    kpk_outbox_wake(pg);
    kpk_http_json_text(response, 201, json);
    failed = 0;
out:
    free(json);
    return failed;
}

void tweets_post(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const struct kpk_write_service *service = ctx;
    struct kpk_pg *pg = kpk_write_service_pg(service, request);
    struct kpk_idempotency key;
    struct twitter_tweet tweet;
    struct kpk_err err;

    if (kpk_idempotency_read(request, response, &key)) return;
    if (read_tweet(request, &tweet, &err) || kpk_pg_begin(pg, &err) ||
        post_in_transaction(service, request, response, &key, &tweet, &err))
        kpk_http_fail(response, &err);
    kpk_pg_rollback(pg);
}

void tweets_get(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    static const struct kpk_pg_stmt get = {
        "tweet_get", "SELECT author_id, text, delivery FROM tweets WHERE id = $1"};
    const char *id = kpk_http_param(request, "id");
    struct twitter_tweet tweet = {0};
    struct kpk_err err;
    PGresult *result;
    char *json;

    if (!kpk_uuid_valid(id)) {
        kpk_http_problem(response, 404, "id", "no such tweet: not a UUID");
        return;
    }
    result = kpk_pg_exec(kpk_write_service_pg(ctx, request), &get, &id, 1, &err);
    if (!result) {
        kpk_http_fail(response, &err);
        return;
    }
    if (PQntuples(result) == 0) {
        kpk_http_problem(response, 404, "id", "no tweet %s", id);
    } else {
        strcpy(tweet.id, id);
        snprintf(tweet.author_id, sizeof(tweet.author_id), "%s", PQgetvalue(result, 0, 0));
        snprintf(tweet.text, sizeof(tweet.text), "%s", PQgetvalue(result, 0, 1));
        tweet.delivery =
            strcmp(PQgetvalue(result, 0, 2), "pull") == 0 ? TWITTER_PULL : TWITTER_PUSH;
        tweet.created_at = kpk_uuid7_ms(id);
        json = tweet_json(&tweet);
        if (json) kpk_http_json_text(response, 200, json);
        free(json);
    }
    PQclear(result);
}
