#include "services/twitter/client.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/stop.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_MS = 5000,
    REPEAT_AFTER_MS = 50, /* between two tries of one post */
    URL_BYTES = 8 * 1024,
    BASE_BYTES = 256,
    PATH_BYTES = URL_BYTES - BASE_BYTES,
    CURSOR_BYTES = 128,
    BODY_BYTES = 1 << 20, /* of an answer */
    MAX_PAGES = 10000,    /* a cursor that never ends is a fault, not a long timeline */
};

struct client {
    CURL *curl;
    char base[CLIENT_SERVICES][BASE_BYTES];
    int timeout_ms;
    char *body; /* of the answer being read; BODY_BYTES long */
    size_t len;
};

/* --- one request ------------------------------------------------------------------------- */

static void init_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static void set_base(char *base, size_t bytes, const char *given, const char *env,
                     const char *fallback) {
    if (!given) given = getenv(env);
    snprintf(base, bytes, "%s", given && *given ? given : fallback);
}

int client_open(struct client **out, const struct client_opts *opts, struct kpk_err *err) {
    static const struct client_opts defaults;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct client *client = calloc(1, sizeof(*client));

    *out = NULL;
    if (!opts) opts = &defaults;
    pthread_once(&once, init_curl);
    if (!client) goto no_memory;
    client->curl = curl_easy_init();
    client->body = malloc(BODY_BYTES);
    if (!client->curl || !client->body) goto no_memory;
    client->timeout_ms = opts->timeout_ms ? opts->timeout_ms : TIMEOUT_MS;
    set_base(client->base[CLIENT_TWEETS], sizeof(client->base[0]), opts->tweet_url,
             "KPK_TWEET_SERVICE_URL", "http://127.0.0.1:18080");
    set_base(client->base[CLIENT_TIMELINES], sizeof(client->base[0]), opts->timeline_url,
             "KPK_TIMELINE_SERVICE_URL", "http://127.0.0.1:18081");
    set_base(client->base[CLIENT_TRENDS], sizeof(client->base[0]), opts->trending_url,
             "KPK_TRENDING_SERVICE_URL", "http://127.0.0.1:18095");
    set_base(client->base[CLIENT_SEARCH], sizeof(client->base[0]), opts->search_url,
             "KPK_SEARCH_SERVICE_URL", "http://127.0.0.1:18086");
    *out = client;
    return 0;
no_memory:
    client_close(client);
    return kpk_fail(err, KPK_FATAL, "client: no memory");
}

void client_close(struct client *client) {
    if (!client) return;
    if (client->curl) curl_easy_cleanup(client->curl);
    free(client->body);
    free(client);
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx) {
    struct client *client = ctx;
    size_t len = size * count;

    if (len > BODY_BYTES - client->len) return 0; /* curl then fails the request */
    memcpy(client->body + client->len, data, len);
    client->len += len;
    return len;
}

static struct curl_slist *request_headers(const struct client_call *call) {
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    char line[512];

    if (call->idempotency_key) {
        snprintf(line, sizeof(line), "Idempotency-Key: %s", call->idempotency_key);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

int client_call(struct client *client, const struct client_call *call,
                struct client_reply *reply, struct kpk_err *err) {
    CURL *curl = client->curl;
    struct curl_slist *headers = request_headers(call);
    char url[URL_BYTES];
    long status = 0;

    *reply = (struct client_reply){0};
    client->len = 0;
    snprintf(url, sizeof(url), "%s%s", client->base[call->service], call->path);
    curl_easy_reset(curl); /* options only; connections stay */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says of proxies */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    if (call->body) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (code)
        return kpk_fail(err, KPK_WAIT, "%s %s: %s", call->method, url,
                        curl_easy_strerror(code));
    reply->status = (int)status;
    if (client->len == 0) return 0;
    struct kpk_err why;
    reply->body = kpk_json_parse(client->body, client->len, &why);
    if (!reply->body)
        return kpk_fail(err, KPK_FATAL, "%s %s: answer %ld is %.120s", call->method, url,
                        status, why.msg);
    return 0;
}

static const char *text_of(const struct client_reply *reply, const char *field) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(reply->body, field));
}

/* What the answer says went wrong, as a verdict. Ends the reply. returns -1 */
static int refused(const struct client_call *call, struct client_reply *reply,
                   struct kpk_err *err) {
    const char *detail = text_of(reply, "detail"), *field = text_of(reply, "field");
    /* The same key is being handled now, and may yet succeed. */
    bool handled = reply->status == 409 && field && strcmp(field, "Idempotency-Key") == 0;
    bool passes =
        reply->status >= 500 || reply->status == 408 || reply->status == 429 || handled;

    kpk_fail(err, passes ? KPK_WAIT : KPK_REJECT, "%s %s: %d %s", call->method, call->path,
             reply->status, detail ? detail : "");
    cJSON_Delete(reply->body);
    return -1;
}

/* A call that must succeed. returns 0 and the reply; -1 with 'err' and none */
static int ask(struct client *client, const struct client_call *call,
               struct client_reply *reply, struct kpk_err *err) {
    if (client_call(client, call, reply, err)) return -1;
    return reply->status >= 200 && reply->status < 300 ? 0 : refused(call, reply, err);
}

/* {"name":"value", ...} of text members, for free(). 'pairs' are name, value, ..., NULL. */
static char *json_text(const char *const *pairs) {
    cJSON *object = cJSON_CreateObject();
    char *text;

    for (; *pairs; pairs += 2) cJSON_AddStringToObject(object, pairs[0], pairs[1]);
    text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

/* Copy a text member. A service that breaks its contract is no outage: FATAL. */
static int take(const cJSON *object, const char *field, char *out, size_t bytes,
                struct kpk_err *err) {
    const char *value;

    if (kpk_json_str(object, field, bytes - 1, &value, err)) {
        err->verdict = KPK_FATAL;
        return -1;
    }
    snprintf(out, bytes, "%s", value);
    return 0;
}

/* --- users ------------------------------------------------------------------------------- */

int client_create_user(struct client *client, const char *key, const char *handle, char *id,
                       struct kpk_err *err) {
    char *body = json_text((const char *const[]){"handle", handle, NULL});
    struct client_call call = {
        .method = "POST", .path = "/v1/users", .idempotency_key = key, .body = body};
    struct client_reply reply;
    int failed = ask(client, &call, &reply, err);

    free(body);
    if (failed) return -1;
    failed = take(reply.body, "id", id, TWITTER_ID_BYTES, err);
    cJSON_Delete(reply.body);
    return failed;
}

static int set_following(struct client *client, const char *method, const char *follower_id,
                         const char *followee_id, struct kpk_err *err) {
    struct client_reply reply;
    char path[128];

    snprintf(path, sizeof(path), "/v1/users/%s/following/%s", follower_id, followee_id);
    if (ask(client, &(struct client_call){.method = method, .path = path}, &reply, err))
        return -1;
    cJSON_Delete(reply.body);
    return 0;
}

int client_follow(struct client *client, const char *follower_id, const char *followee_id,
                  struct kpk_err *err) {
    return set_following(client, "PUT", follower_id, followee_id, err);
}

int client_unfollow(struct client *client, const char *follower_id, const char *followee_id,
                    struct kpk_err *err) {
    return set_following(client, "DELETE", follower_id, followee_id, err);
}

/* --- tweets ------------------------------------------------------------------------------ */

static int take_tweet(const cJSON *object, struct twitter_tweet *tweet, struct kpk_err *err) {
    if (take(object, "id", tweet->id, sizeof(tweet->id), err) ||
        take(object, "author_id", tweet->author_id, sizeof(tweet->author_id), err) ||
        take(object, "text", tweet->text, sizeof(tweet->text), err))
        return -1;
    if (kpk_json_int(object, "created_at", 0, (int64_t)1 << 53, &tweet->created_at, err)) {
        err->verdict = KPK_FATAL;
        return -1;
    }
    const char *delivery =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "delivery"));
    tweet->delivery = delivery && strcmp(delivery, "pull") == 0 ? TWITTER_PULL : TWITTER_PUSH;
    tweet->followers = TWITTER_UNKNOWN;
    return 0;
}

enum kpk_write_outcome client_post(struct client *client, const char *author_id,
                                   const char *key, const char *text,
                                   struct twitter_tweet *tweet, struct kpk_err *err) {
    char *body = json_text((const char *const[]){"author_id", author_id, "text", text, NULL});
    struct client_call call = {
        .method = "POST", .path = "/v1/tweets", .idempotency_key = key, .body = body};
    struct twitter_tweet ignored;
    struct client_reply reply;
    int failed = client_call(client, &call, &reply, err);

    free(body);
    if (failed) return KPK_WRITE_UNKNOWN;
    if (reply.status != 201) {
        refused(&call, &reply, err);
        return err->verdict == KPK_REJECT ? KPK_WRITE_FAILED : KPK_WRITE_UNKNOWN;
    }
    failed = take_tweet(reply.body, tweet ? tweet : &ignored, err);
    cJSON_Delete(reply.body);
    return failed ? KPK_WRITE_UNKNOWN : KPK_WRITE_OK;
}

enum kpk_write_outcome client_post_until_known(struct client *client, const char *author_id,
                                               const char *key, const char *text,
                                               int timeout_ms, struct twitter_tweet *tweet,
                                               struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    enum kpk_write_outcome outcome;

    while ((outcome = client_post(client, author_id, key, text, tweet, err)) ==
               KPK_WRITE_UNKNOWN &&
           err->verdict == KPK_WAIT && kpk_mono_ms() < deadline && !kpk_stopping())
        kpk_stop_wait(REPEAT_AFTER_MS);
    return outcome;
}

/* --- pages of tweets --------------------------------------------------------------------- */

/* cursor  in: where the page begins, "" at the start; out: of the next page, "" at the end */
static int read_page(struct client *client, enum client_service service, const char *path,
                     char *cursor, client_tweet_fn on_tweet, void *ctx, struct kpk_err *err) {
    struct client_reply reply;
    struct twitter_tweet tweet;
    const cJSON *item;

    if (ask(client, &(struct client_call){service, "GET", path, NULL, NULL}, &reply, err))
        return -1;
    int failed = -1;
    const cJSON *tweets = cJSON_GetObjectItemCaseSensitive(reply.body, "tweets");
    const cJSON *next = cJSON_GetObjectItemCaseSensitive(reply.body, "next_cursor");
    if (!cJSON_IsArray(tweets) || !(cJSON_IsNull(next) || cJSON_IsString(next))) {
        kpk_fail(err, KPK_FATAL, "GET %s: no page of tweets", path);
        goto out;
    }
    cJSON_ArrayForEach(item, tweets) {
        if (take_tweet(item, &tweet, err)) goto out;
        on_tweet(&tweet, ctx);
    }
    cursor[0] = '\0';
    failed =
        cJSON_IsString(next) ? take(reply.body, "next_cursor", cursor, CURSOR_BYTES, err) : 0;
out:
    cJSON_Delete(reply.body);
    return failed;
}

/* first  path and query of the first page */
static int read_pages(struct client *client, enum client_service service, const char *first,
                      client_tweet_fn on_tweet, void *ctx, struct kpk_err *err) {
    char path[PATH_BYTES], cursor[CURSOR_BYTES] = "";

    for (int pages = 0; pages < MAX_PAGES; pages++) {
        char *escaped = curl_easy_escape(client->curl, cursor, 0);
        snprintf(path, sizeof(path), "%s%s%s", first, *cursor ? "&cursor=" : "", escaped);
        curl_free(escaped);
        if (read_page(client, service, path, cursor, on_tweet, ctx, err)) return -1;
        if (!*cursor) return 0;
    }
    return kpk_fail(err, KPK_FATAL, "GET %.100s has no end after %d pages", first, MAX_PAGES);
}

int client_read_timeline(struct client *client, enum client_timeline timeline,
                         const char *user_id, int page, client_tweet_fn on_tweet, void *ctx,
                         struct kpk_err *err) {
    char first[128];

    snprintf(first, sizeof(first), "/v1/users/%s/%s?limit=%d", user_id,
             timeline == CLIENT_HOME ? "home_timeline" : "tweets", page);
    return read_pages(client, CLIENT_TIMELINES, first, on_tweet, ctx, err);
}

int client_search(struct client *client, const char *q, int page, client_tweet_fn on_tweet,
                  void *ctx, struct kpk_err *err) {
    char first[PATH_BYTES - 4 * CURSOR_BYTES], *escaped = curl_easy_escape(client->curl, q, 0);

    snprintf(first, sizeof(first), "/v1/search?q=%s&limit=%d", escaped, page);
    curl_free(escaped);
    return read_pages(client, CLIENT_SEARCH, first, on_tweet, ctx, err);
}

/* --- trends ------------------------------------------------------------------------------ */

int client_count_tag(struct client *client, const char *tag, int minutes, int64_t *tweets,
                     struct kpk_err *err) {
    char path[URL_BYTES / 2], *escaped = curl_easy_escape(client->curl, tag, 0);
    struct client_reply reply;
    int failed;

    snprintf(path, sizeof(path), "/v1/trending/%s?window=%dm", escaped, minutes);
    curl_free(escaped);
    if (ask(client, &(struct client_call){CLIENT_TRENDS, "GET", path, NULL, NULL}, &reply, err))
        return -1;
    failed = kpk_json_int(reply.body, "count", 0, (int64_t)1 << 53, tweets, err);
    if (failed) err->verdict = KPK_FATAL;
    cJSON_Delete(reply.body);
    return failed;
}
