/* Users, and who follows whom. A new follow is an event: fanout-worker fills the follower's
 * timeline with the author's tweets. An unfollow is none: timelines are filtered when they are
 * read. */
#include "services/twitter/tweet-service/service.h"

#include "common/clock.h"
#include "common/idempotency.h"
#include "common/json.h"
#include "common/uuid.h"
#include "patterns/outbox/outbox.h"
#include "services/twitter/events.h"
#include "topology/topology.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HANDLE_MAX = TWITTER_HANDLE_BYTES - 1 };

/* --- users ------------------------------------------------------------------------------- */

static int read_handle(const cJSON *object, const char **handle, struct kpk_err *err) {
    static const char *const fields[] = {"handle", NULL};

    if (kpk_json_only(object, fields, err)) return -1;
    if (kpk_json_str(object, "handle", HANDLE_MAX, handle, err)) return -1;
    if (**handle == '\0' || (*handle)[strspn(*handle, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return kpk_fail(err, KPK_REJECT, "handle: 1 to %d of a-z, 0-9 and _", HANDLE_MAX);
    return 0;
}

static double number(const PGresult *result, int column) {
    return strtod(PQgetvalue(result, 0, column), NULL);
}

/* Columns: id, handle, created_at in ms, followers, following */
static cJSON *user_object(const PGresult *result) {
    cJSON *user = cJSON_CreateObject();

    cJSON_AddStringToObject(user, "id", PQgetvalue(result, 0, 0));
    cJSON_AddStringToObject(user, "handle", PQgetvalue(result, 0, 1));
    cJSON_AddNumberToObject(user, "created_at", number(result, 2));
    cJSON_AddNumberToObject(user, "followers", number(result, 3));
    cJSON_AddNumberToObject(user, "following", number(result, 4));
    return user;
}

#define USER_COLUMNS                                                                           \
    "id, handle, (extract(epoch FROM created_at) * 1000)::bigint, followers, following"

/* The user, and the answer that is kept for whoever repeats the request. */
static int keep_user(struct kpk_pg *pg, const struct kpk_idempotency *key,
                     const PGresult *result, struct kpk_response *response,
                     struct kpk_err *err) {
    cJSON *user = user_object(result);
    char *json = cJSON_PrintUnformatted(user);
    int failed = -1;

    cJSON_Delete(user);
    if (!json) return kpk_fail(err, KPK_FATAL, "user: no memory");
    if (key && kpk_idempotency_keep(pg, key, 201, json, err)) goto out;
    if (kpk_pg_commit(pg, err)) goto out;
    kpk_http_json_text(response, 201, json);
    failed = 0;
out:
    free(json);
    return failed;
}

/* Everything between BEGIN and COMMIT. Fills 'response' unless it returns -1.
 * key  NULL: the client gave none, and cannot tell its own user from another's of that handle */
static int create_in_transaction(struct kpk_pg *pg, const struct kpk_idempotency *key,
                                 const char *handle, struct kpk_response *response,
                                 struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "user_insert", "INSERT INTO users (handle) VALUES ($1) "
                       "ON CONFLICT (handle) DO NOTHING RETURNING " USER_COLUMNS};
    bool answered = false;
    PGresult *result;
    int failed = 0;

    if (key && kpk_idempotency_claim(pg, key, response, &answered, err)) return -1;
    if (answered) return 0;
    result = kpk_pg_exec(pg, &insert, &handle, 1, err);
    if (!result) return -1;
    if (PQntuples(result) == 0)
        kpk_http_problem(response, 409, "handle", "'%s' is taken", handle);
    else
        failed = keep_user(pg, key, result, response, err);
    PQclear(result);
    return failed;
}

void users_create(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    bool has_key = kpk_http_header(request, "Idempotency-Key") != NULL;
    struct kpk_pg *pg = kpk_write_service_pg(ctx, request);
    struct kpk_idempotency key;
    const char *handle, *body;
    struct kpk_err err;
    size_t len;
    cJSON *object;

    if (has_key && kpk_idempotency_read(request, response, &key)) return;
    body = kpk_http_body(request, &len);
    object = kpk_json_parse(body, len, &err);
    if (!object || read_handle(object, &handle, &err) || kpk_pg_begin(pg, &err) ||
        create_in_transaction(pg, has_key ? &key : NULL, handle, response, &err))
        kpk_http_fail(response, &err);
    kpk_pg_rollback(pg);
    cJSON_Delete(object);
}

void users_get(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    static const struct kpk_pg_stmt get = {"user_get",
                                           "SELECT " USER_COLUMNS " FROM users WHERE id = $1"};
    const char *id = kpk_http_param(request, "id");
    struct kpk_err err;
    PGresult *result;

    if (!twitter_user_id_valid(id)) {
        kpk_http_problem(response, 404, "id", "no such user: not a user id");
        return;
    }
    result = kpk_pg_exec(kpk_write_service_pg(ctx, request), &get, &id, 1, &err);
    if (!result)
        kpk_http_fail(response, &err);
    else if (PQntuples(result) == 0)
        kpk_http_problem(response, 404, "id", "no user %s", id);
    else
        kpk_http_json(response, 200, user_object(result));
    PQclear(result);
}

/* --- follows ----------------------------------------------------------------------------- */

/* Both rows, always in the same order, so that two users who follow each other at once do not
 * deadlock. returns 0, or -1 with 'err': REJECT names the parameter whose user is missing */
static int lock_both(struct kpk_pg *pg, const char *const ids[2], struct kpk_err *err) {
    static const struct kpk_pg_stmt lock = {
        "follow_lock",
        "SELECT id FROM users WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE"};
    PGresult *result = kpk_pg_exec(pg, &lock, ids, 2, err);
    int found, first_found;

    if (!result) return -1;
    found = PQntuples(result);
    first_found = found > 0 && strcmp(PQgetvalue(result, 0, 0), ids[0]) == 0;
    PQclear(result);
    if (found == 2) return 0;
    return kpk_fail(err, KPK_REJECT, "%s: no user %s", first_found ? "other" : "id",
                    ids[first_found]);
}

/* returns  1 the follow changed, 0 it was so already, -1 with 'err' */
static int change_follow(struct kpk_pg *pg, const struct kpk_pg_stmt *change, const char *by,
                         const char *const ids[2], struct kpk_err *err) {
    static const struct kpk_pg_stmt count = {
        "follow_count",
        "UPDATE users SET followers = followers + CASE WHEN id = $2 THEN $3::int ELSE 0 END, "
        "                 following = following + CASE WHEN id = $1 THEN $3::int ELSE 0 END "
        "WHERE id IN ($1, $2)"};
    PGresult *result = kpk_pg_exec(pg, change, ids, 2, err);
    int changed;

    if (!result) return -1;
    changed = atoi(PQcmdTuples(result));
    PQclear(result);
    if (!changed) return 0;
    return kpk_pg_run(pg, &count, (const char *[]){ids[0], ids[1], by}, 3, err) ? -1 : 1;
}

static int announce_follow(struct kpk_pg *pg, const char *const ids[2], struct kpk_err *err) {
    struct twitter_follow follow = {.created_at = kpk_now_ms()};
    char event_id[KPK_UUID_BYTES], *payload;
    int failed;

    strcpy(follow.follower_id, ids[0]);
    strcpy(follow.followee_id, ids[1]);
    payload = twitter_follow_encode(&follow);
    if (!payload) return kpk_fail(err, KPK_FATAL, "follow: no memory");
    kpk_uuid7(event_id);
    failed = kpk_outbox_add(pg,
                            &(struct kpk_outbox_event){.topic = KPK_TOPIC_FOLLOWS,
                                                       .key = follow.follower_id,
                                                       .id = event_id,
                                                       .type = TWITTER_USER_FOLLOWED,
                                                       .subject = follow.follower_id,
                                                       .payload = payload},
                            err);
    free(payload);
    return failed;
}

static int follow_in_transaction(struct kpk_pg *pg, const char *const ids[2],
                                 struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "follow_insert", "INSERT INTO follows (follower_id, followee_id) VALUES ($1, $2) "
                         "ON CONFLICT DO NOTHING"};
    int changed;

    if (lock_both(pg, ids, err)) return -1;
    changed = change_follow(pg, &insert, "1", ids, err);
    if (changed < 0 || (changed && announce_follow(pg, ids, err))) return -1;
    if (kpk_pg_commit(pg, err)) return -1;
    if (changed) kpk_outbox_wake(pg);
    return 0;
}

static int unfollow_in_transaction(struct kpk_pg *pg, const char *const ids[2],
                                   struct kpk_err *err) {
    static const struct kpk_pg_stmt delete = {
        "follow_delete", "DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2"};

    if (lock_both(pg, ids, err) || change_follow(pg, &delete, "-1", ids, err) < 0) return -1;
    return kpk_pg_commit(pg, err);
}

/* PUT and DELETE /v1/users/{id}/following/{other}: both may be repeated at will. */
static void handle_follow(struct kpk_request *request, struct kpk_response *response, void *ctx,
                          int (*change)(struct kpk_pg *, const char *const *,
                                        struct kpk_err *)) {
    const char *ids[2] = {kpk_http_param(request, "id"), kpk_http_param(request, "other")};
    struct kpk_pg *pg = kpk_write_service_pg(ctx, request);
    struct kpk_err err;

    if (!twitter_user_id_valid(ids[0]) || !twitter_user_id_valid(ids[1])) {
        kpk_http_problem(response, 404, twitter_user_id_valid(ids[0]) ? "other" : "id",
                         "no such user: not a user id");
        return;
    }
    if (strcmp(ids[0], ids[1]) == 0) {
        kpk_http_problem(response, 422, "other", "nobody follows themselves");
        return;
    }
    if (!kpk_pg_begin(pg, &err) && !change(pg, ids, &err))
        kpk_http_empty(response, 204);
    else if (err.verdict == KPK_REJECT)
        kpk_http_reject(response, 404, &err);
    else
        kpk_http_fail(response, &err);
    kpk_pg_rollback(pg);
}

void users_follow(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    handle_follow(request, response, ctx, follow_in_transaction);
}

void users_unfollow(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    handle_follow(request, response, ctx, unfollow_in_transaction);
}
