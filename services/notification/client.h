/* A small blocking client of the notification system and of what stands for its providers: what a caller
 * would ask, and how tests and the demo see what arrived.
 *
 *   notification_client_open(&client, err)
 *   notification_client_call(client, &(struct notification_call){.method = "PUT", .path = "/v1/users/1",
 *                                                                .body = "{...}"}, &reply, err)
 *   cJSON_Delete(reply.body)
 *
 * Addresses come from KPK_NOTIFICATION_SERVICE_URL, KPK_PROVIDER_SIMULATOR_URL and KPK_SMTP_SINK_URL, else
 * are those of a stack without a port offset. */
#ifndef KPK_SERVICES_NOTIFICATION_CLIENT_H
#define KPK_SERVICES_NOTIFICATION_CLIENT_H

#include "common/err.h"

#include <cjson/cJSON.h>

enum notification_host {
    NOTIFICATION_SERVICE,
    NOTIFICATION_SIMULATOR, /* of SMS and push */
    NOTIFICATION_SINK,      /* of mails */
    NOTIFICATION_HOSTS
};

struct notification_client; /* one thread uses it; connections are kept */

int notification_client_open(struct notification_client **client,
                             struct kpk_err *err) KPK_MUST_CHECK;
void notification_client_close(struct notification_client *client); /* NULL is fine */

struct notification_call {
    enum notification_host host;
    const char *method;          /* NULL: "GET" */
    const char *path;            /* "/v1/users/1" */
    const char *idempotency_key; /* NULL: no such header */
    const char *traceparent;     /* the same */
    const char *body;            /* NULL: none */
};

struct notification_reply {
    int status;
    cJSON *body; /* for cJSON_Delete(); NULL: the answer had none */
};

/* One request, one answer, whatever its status.
 * returns  0; -1 with 'err': WAIT no answer, FATAL an answer that is not JSON */
int notification_client_call(struct notification_client *client,
                             const struct notification_call *call,
                             struct notification_reply *reply,
                             struct kpk_err *err) KPK_MUST_CHECK;

#endif
