/* What became of a notification, channel by channel: the worker's rows, as they are now. One that came as
 * an event only (a mention) is known by its deliveries alone, once a worker has seen it. */
#include "services/notification/notification-service/service.h"

#include "common/json.h"
#include "common/uuid.h"
#include "services/notification/provider.h"

#include <stdlib.h>
#include <string.h>

/* A row for each channel. */
enum column {
    CHANNEL,
    STATUS,
    ATTEMPTS,
    REASON,
    PROVIDER_ID,
    CHANGED_AT,
    RECIPIENT_ID,
    CATEGORY,
    TEMPLATE,
    PRIORITY,
    CREATED_AT,
};

static PGresult *look(struct kpk_pg *pg, const char *id, struct kpk_err *err) {
    static const struct kpk_pg_stmt get = {
        "notification_get",
        "SELECT d.channel, d.status, d.attempts, d.reason, d.provider_id, "
        "       (extract(epoch FROM d.changed_at) * 1000)::bigint, "
        "       COALESCE(n.recipient_id, d.recipient_id), n.category, n.template, n.priority, "
        "       (extract(epoch FROM n.created_at) * 1000)::bigint "
        "FROM (SELECT * FROM notifications WHERE id = $1) AS n "
        "FULL JOIN (SELECT * FROM deliveries WHERE notification_id = $1) AS d "
        "     ON n.id = d.notification_id"};

    return kpk_pg_exec(pg, &get, &id, 1, err);
}

static void add_text(cJSON *object, const char *name, const PGresult *rows, int row,
                     enum column column) {
    if (!PQgetisnull(rows, row, column))
        cJSON_AddStringToObject(object, name, PQgetvalue(rows, row, column));
}

static void add_number(cJSON *object, const char *name, const PGresult *rows, int row,
                       enum column column) {
    if (!PQgetisnull(rows, row, column))
        kpk_json_add_int(object, name, strtoll(PQgetvalue(rows, row, column), NULL, 10));
}

/* Its row, or "pending": its worker has not seen it yet. */
static cJSON *delivery_object(const PGresult *rows, const char *channel) {
    cJSON *delivery = cJSON_CreateObject();
    int row = 0;

    cJSON_AddStringToObject(delivery, "channel", channel);
    while (row < PQntuples(rows) && strcmp(PQgetvalue(rows, row, CHANNEL), channel) != 0) row++;
    if (row == PQntuples(rows)) {
        cJSON_AddStringToObject(delivery, "status", "pending");
        cJSON_AddNumberToObject(delivery, "attempts", 0);
        return delivery;
    }
    add_text(delivery, "status", rows, row, STATUS);
    add_number(delivery, "attempts", rows, row, ATTEMPTS);
    add_text(delivery, "reason", rows, row, REASON);
    add_text(delivery, "provider_id", rows, row, PROVIDER_ID);
    add_number(delivery, "changed_at", rows, row, CHANGED_AT);
    return delivery;
}

static cJSON *notification_object(const PGresult *rows, const char *id) {
    cJSON *object = cJSON_CreateObject(), *deliveries;

    cJSON_AddStringToObject(object, "id", id);
    add_text(object, "recipient_id", rows, 0, RECIPIENT_ID);
    add_text(object, "category", rows, 0, CATEGORY);
    add_text(object, "template", rows, 0, TEMPLATE);
    add_text(object, "priority", rows, 0, PRIORITY);
    add_number(object, "created_at", rows, 0, CREATED_AT);
    deliveries = cJSON_AddArrayToObject(object, "deliveries");
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        cJSON_AddItemToArray(deliveries,
                             delivery_object(rows, notification_channel_name(channel)));
    return object;
}

void notifications_get(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *id = kpk_http_param(request, "id");
    struct kpk_err err;
    PGresult *rows;

    if (!kpk_uuid_valid(id)) {
        kpk_http_problem(response, 404, "id", "no such notification: not a UUID");
        return;
    }
    rows = look(kpk_write_service_pg(ctx, request), id, &err);
    if (!rows)
        kpk_http_fail(response, &err);
    else if (PQntuples(rows) == 0)
        kpk_http_problem(response, 404, "id", "no notification %s", id);
    else
        kpk_http_json(response, 200, notification_object(rows, id));
    PQclear(rows);
}
