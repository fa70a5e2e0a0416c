/* Accepting a notification: state and event in one transaction, published later by the relay.
 *
 *   BEGIN
 *   claim the Idempotency-Key            a repeated request is answered, not repeated
 *   lock the recipient's row             order: the outbox's seq grows with the recipient's commits
 *   INSERT notification, INSERT outbox row, keep the answer
 *   COMMIT                               all of it, or nothing
 *   wake the relay                       a hint
 *
 * Crash before COMMIT: nothing happened, and the client repeats. Crash after it: it is accepted, the
 * relay will publish it, and the client that repeats gets the kept answer. */
#include "services/notification/notification-service/service.h"

#include "common/fault.h"
#include "common/idempotency.h"
#include "common/json.h"
#include "patterns/outbox/outbox.h"
#include "services/notification/database.h"
#include "services/notification/request.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCEPTED = 202 }; /* it is told later, or not: the answer cannot know */

/* Without a database: what is wrong with it now is wrong in each worker. */
static int read_notification(const cJSON *object, struct notification_request *asked,
                             struct kpk_err *err) {
    static const char *const fields[] = {"recipient_id", "category", "template",
                                         "data",         "priority", NULL};

    if (kpk_json_only(object, fields, err)) return -1;
    if (notification_request_read(object, asked, err)) return -1;
    return notification_request_check(asked, err);
}

static char *accepted_json(const struct notification_request *asked) {
    cJSON *object = cJSON_CreateObject();
    char *json;

    cJSON_AddStringToObject(object, "id", asked->id);
    cJSON_AddStringToObject(object, "recipient_id", asked->recipient_id);
    cJSON_AddStringToObject(object, "category",
                            notification_category_name(asked->template->category));
    cJSON_AddStringToObject(object, "template", asked->template->name);
    cJSON_AddStringToObject(object, "priority", notification_priority_name(asked->priority));
    kpk_json_add_int(object, "created_at", asked->created_at);
    json = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return json;
}

static int insert(struct kpk_pg *pg, const struct notification_request *asked,
                  struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "notification_insert",
        "INSERT INTO notifications "
        "       (id, recipient_id, category, template, priority, data, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::bigint / 1000.0))"};
    char created_at[24], *data = cJSON_PrintUnformatted(asked->data);
    const char *params[] = {asked->id,
                            asked->recipient_id,
                            notification_category_name(asked->template->category),
                            asked->template->name,
                            notification_priority_name(asked->priority),
                            data,
                            created_at};
    int failed;

    if (!data) return kpk_fail(err, KPK_FATAL, "notification: no memory");
    snprintf(created_at, sizeof(created_at), "%lld", (long long)asked->created_at);
    failed = kpk_pg_run(pg, &insert, params, 7, err);
    free(data);
    return failed;
}

/* Its id is the event's: whoever reads it again knows it again.
 * traceparent  as the client sent it, or NULL */
static int announce(struct kpk_pg *pg, const struct notification_request *asked,
                    const char *traceparent, struct kpk_err *err) {
    char *payload = notification_request_encode(asked);
    int failed;

    if (!payload) return kpk_fail(err, KPK_FATAL, "notification: no memory");
    if (traceparent && !kpk_traceparent_valid(traceparent)) traceparent = NULL;
    failed = kpk_outbox_add(pg,
                            &(struct kpk_outbox_event){.topic = KPK_TOPIC_NOTIFICATIONS_PENDING,
                                                       .key = asked->recipient_id,
                                                       .id = asked->id,
                                                       .type = NOTIFICATION_REQUESTED,
                                                       .subject = asked->id,
                                                       .payload = payload,
                                                       .traceparent = traceparent},
                            err);
    free(payload);
    return failed;
}

/* Everything between BEGIN and COMMIT. Fills 'response' unless it returns -1. */
static int accept_in_transaction(struct kpk_pg *pg, struct kpk_request *request,
                                 struct kpk_response *response,
                                 const struct kpk_idempotency *key,
                                 struct notification_request *asked, struct kpk_err *err) {
    bool answered;
    char *json = NULL;
    int failed = -1;

    if (kpk_idempotency_claim(pg, key, response, &answered, err)) return -1;
    if (answered) return 0;
    if (kpk_fault("accept:after-claim", err)) return -1;
    if (notification_user_lock(pg, asked->recipient_id, "recipient_id", err)) return -1;
    kpk_uuid7(asked->id); /* under the lock: a recipient's ids are in the order of his events */
    asked->created_at = kpk_uuid7_ms(asked->id);
    json = accepted_json(asked);
    if (!json) return kpk_fail(err, KPK_FATAL, "notification: no memory");
    if (insert(pg, asked, err)) goto out;
    if (kpk_fault("accept:after-insert", err)) goto out;
    if (announce(pg, asked, kpk_http_header(request, "traceparent"), err)) goto out;
    if (kpk_idempotency_keep(pg, key, ACCEPTED, json, err)) goto out;
    if (kpk_fault("accept:before-commit", err)) goto out;
    if (kpk_pg_commit(pg, err)) goto out;
    if (kpk_fault("accept:after-commit", err)) goto out;
    kpk_outbox_wake(pg);
    kpk_http_json_text(response, ACCEPTED, json);
    failed = 0;
out:
    free(json);
    return failed;
}

void notifications_post(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct kpk_pg *pg = kpk_write_service_pg(ctx, request);
    struct notification_request asked;
    struct kpk_idempotency key;
    struct kpk_err err;
    const char *body;
    cJSON *object;
    size_t len;

    if (kpk_idempotency_read(request, response, &key)) return;
    body = kpk_http_body(request, &len);
    object = kpk_json_parse(body, len, &err);
    if (!object || read_notification(object, &asked, &err) || kpk_pg_begin(pg, &err) ||
        accept_in_transaction(pg, request, response, &key, &asked, &err))
        kpk_http_fail(response, &err);
    kpk_pg_rollback(pg);
    cJSON_Delete(object);
}
