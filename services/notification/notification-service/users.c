/* Where a user is to be reached, and what he allows. Both are put whole, and may be put again at will. */
#include "services/notification/notification-service/service.h"

#include "common/json.h"
#include "services/notification/preferences.h"
#include "services/notification/request.h"

#include <string.h>

enum { EMAIL_BYTES = 254, PHONE_BYTES = 16, TOKEN_BYTES = 512, PLATFORM_BYTES = 8 };

enum member { EMAIL, PHONE, PUSH_TOKEN, PLATFORM, MEMBERS };

static const struct {
    const char *name;
    size_t max_bytes;
    int channel; /* whose addresses it is one of; -1: of none */
} members[MEMBERS] = {
    [EMAIL] = {"email", EMAIL_BYTES, NOTIFICATION_EMAIL},
    [PHONE] = {"phone", PHONE_BYTES, NOTIFICATION_SMS},
    [PUSH_TOKEN] = {"push_token", TOKEN_BYTES, NOTIFICATION_PUSH},
    [PLATFORM] = {"platform", PLATFORM_BYTES, -1},
};

/* The path's {id}, or NULL: 'response' says that there can be no such user. */
static const char *user_id(const struct kpk_request *request, struct kpk_response *response) {
    const char *id = kpk_http_param(request, "id");

    if (notification_user_id_valid(id)) return id;
    kpk_http_problem(response, 404, "id", "no such user: not a user id");
    return NULL;
}

/* --- contacts ---------------------------------------------------------------------------- */

static int read_member(const cJSON *object, enum member member, const char **value,
                       struct kpk_err *err) {
    const char *name = members[member].name;
    int channel = members[member].channel;

    *value = NULL;
    if (!cJSON_GetObjectItemCaseSensitive(object, name)) return 0;
    if (kpk_json_str(object, name, members[member].max_bytes, value, err)) return -1;
    return channel < 0 ? 0 : notification_address_check(channel, *value, err);
}

/* {"email": ..., "phone": ..., "push_token": ..., "platform": ...}: what is left out he has not. */
static int read_contact(const cJSON *object, const char **values, struct kpk_err *err) {
    static const char *const names[] = {"email", "phone", "push_token", "platform", NULL};

    if (kpk_json_only(object, names, err)) return -1;
    for (int member = 0; member < MEMBERS; member++)
        if (read_member(object, member, &values[member], err)) return -1;
    if (values[PUSH_TOKEN] && !values[PLATFORM])
        return kpk_fail(err, KPK_REJECT, "platform: missing, and a push_token is of one");
    if (!values[PLATFORM]) return 0;
    if (!values[PUSH_TOKEN])
        return kpk_fail(err, KPK_REJECT, "push_token: missing, and a platform is for one");
    if (strcmp(values[PLATFORM], "fcm") != 0 && strcmp(values[PLATFORM], "apns") != 0)
        return kpk_fail(err, KPK_REJECT, "platform: neither fcm nor apns");
    return 0;
}

static cJSON *contact_object(const char *id, const char *const *values) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "id", id);
    for (int member = 0; member < MEMBERS; member++)
        if (values[member])
            cJSON_AddStringToObject(object, members[member].name, values[member]);
    return object;
}

void users_get(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    static const struct kpk_pg_stmt get = {
        "contact_get",
        "SELECT email, phone, push_token, platform FROM contacts WHERE user_id = $1"};
    const char *id = user_id(request, response), *values[MEMBERS];
    struct kpk_err err;
    PGresult *rows;

    if (!id) return;
    rows = kpk_pg_exec(kpk_write_service_pg(ctx, request), &get, &id, 1, &err);
    if (!rows) {
        kpk_http_fail(response, &err);
    } else if (PQntuples(rows) == 0) {
        kpk_http_problem(response, 404, "id", "no user %s", id);
    } else {
        for (int member = 0; member < MEMBERS; member++)
            values[member] = PQgetisnull(rows, 0, member) ? NULL : PQgetvalue(rows, 0, member);
        kpk_http_json(response, 200, contact_object(id, values));
    }
    PQclear(rows);
}

/* returns  201 he is new, 200 he was there, -1 with 'err' */
static int store_contact(struct kpk_pg *pg, const char *id, const char *const *values,
                         struct kpk_err *err) {
    /* A row that was just inserted has no xmax. */
    static const struct kpk_pg_stmt put = {
        "contact_put", "INSERT INTO contacts (user_id, email, phone, push_token, platform) "
                       "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE "
                       "SET email = excluded.email, phone = excluded.phone, "
                       "    push_token = excluded.push_token, platform = excluded.platform, "
                       "    changed_at = now() "
                       "RETURNING xmax = 0"};
    const char *params[] = {id, values[EMAIL], values[PHONE], values[PUSH_TOKEN],
                            values[PLATFORM]};
    PGresult *rows = kpk_pg_exec(pg, &put, params, 5, err);
    int status;

    if (!rows) return -1;
    status = *PQgetvalue(rows, 0, 0) == 't' ? 201 : 200;
    PQclear(rows);
    return status;
}

void users_put(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *id = user_id(request, response), *values[MEMBERS], *body;
    struct kpk_err err;
    int status = -1;
    cJSON *object;
    size_t len;

    if (!id) return;
    body = kpk_http_body(request, &len);
    object = kpk_json_parse(body, len, &err);
    if (object && !read_contact(object, values, &err))
        status = store_contact(kpk_write_service_pg(ctx, request), id, values, &err);
    if (status < 0)
        kpk_http_fail(response, &err);
    else
        kpk_http_json(response, status, contact_object(id, values));
    cJSON_Delete(object);
}

/* --- preferences ------------------------------------------------------------------------- */

static void answer_preferences(struct kpk_response *response, int failed,
                               const struct notification_preferences *preferences,
                               const struct kpk_err *err) {
    if (!failed)
        kpk_http_json(response, 200, notification_preferences_json(preferences));
    else if (err->verdict == KPK_REJECT)
        kpk_http_reject(response, strncmp(err->msg, "id: ", 4) == 0 ? 404 : 422, err);
    else
        kpk_http_fail(response, err);
}

void preferences_get(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *id = user_id(request, response);
    struct notification_preferences preferences;
    struct kpk_err err;

    if (!id) return;
    answer_preferences(response,
                       notification_preferences_load(kpk_write_service_pg(ctx, request), id,
                                                     &preferences, &err),
                       &preferences, &err);
}

void preferences_put(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *id = user_id(request, response), *body;
    struct notification_preferences preferences;
    struct kpk_err err;
    cJSON *object;
    int failed;
    size_t len;

    if (!id) return;
    body = kpk_http_body(request, &len);
    object = kpk_json_parse(body, len, &err);
    failed = !object || notification_preferences_read(object, &preferences, &err) ||
             notification_preferences_store(kpk_write_service_pg(ctx, request), id,
                                            &preferences, &err);
    answer_preferences(response, failed, &preferences, &err);
    cJSON_Delete(object);
}
