/* provider-simulator: what the real ones would answer, and a memory of it.
 *
 *   fcm   POST /v1/projects/{project}/messages:send
 *   apns  POST /3/device/{token}
 *   sms   POST /2010-04-01/Accounts/{account}/Messages.json
 *
 * Each checks what it is given, as far as a sender can get it wrong; then receive.c says what becomes of it, in
 * the words of each. */
#ifndef KPK_SERVICES_NOTIFICATION_PROVIDER_SIMULATOR_SERVICE_H
#define KPK_SERVICES_NOTIFICATION_PROVIDER_SIMULATOR_SERVICE_H

#include "common/http.h"
#include "services/notification/provider-simulator/faults.h"
#include "services/notification/provider-simulator/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum simulator_provider { SIMULATOR_FCM, SIMULATOR_APNS, SIMULATOR_SMS, SIMULATOR_PROVIDERS };

/* "fcm", "apns", "sms" */
extern const char *const simulator_names[SIMULATOR_PROVIDERS];

struct simulator {
    struct store *stores[SIMULATOR_PROVIDERS];
    int hang_ms;          /* how long a time-out is */
    pthread_mutex_t lock; /* of the faults */
    struct faults faults[SIMULATOR_PROVIDERS];
    atomic_uint changes; /* of the faults: who hangs for one that is gone, hangs no longer */
};

/* Why one may be refused by any of them. Each adds reasons of its own, and words them all in a table. */
enum simulator_refusal {
    SIMULATOR_NOT_REFUSED,
    SIMULATOR_GONE, /* the recipient is no longer there */
    SIMULATOR_THROTTLED,
    SIMULATOR_BROKEN,
    SIMULATOR_DOWN,
    SIMULATOR_REFUSALS /* the first of a provider's own */
};

/* How a provider answers. */
struct simulator_voice {
    enum simulator_provider provider;
    void (*accept)(struct kpk_request *request, struct kpk_response *response, const char *id);
    void (*refuse)(struct kpk_response *response, int why);
};

/* What the real ones are given, checked; strings are borrowed. */
struct simulator_message {
    const char *recipient, *title, *text;
    int wrong; /* why it will be refused; SIMULATOR_NOT_REFUSED: by itself it will not */
};

/* Keep the attempt, decide what becomes of it, and answer so; slow or hanging where that is its fate.
 * id  in: what it would be called; out: what it is, when delivered. At least STORE_ID_BYTES */
void simulator_receive(struct simulator *simulator, const struct simulator_voice *voice,
                       struct kpk_request *request, struct kpk_response *response,
                       const struct simulator_message *message, char *id);

/* fcm.c, apns.c, sms.c */
void post_fcm(struct kpk_request *request, struct kpk_response *response, void *ctx);
void post_apns(struct kpk_request *request, struct kpk_response *response, void *ctx);
void post_sms(struct kpk_request *request, struct kpk_response *response, void *ctx);

/* control.c */
void get_faults(struct kpk_request *request, struct kpk_response *response, void *ctx);
void put_faults(struct kpk_request *request, struct kpk_response *response, void *ctx);
void list_deliveries(struct kpk_request *request, struct kpk_response *response, void *ctx);
void get_delivery(struct kpk_request *request, struct kpk_response *response, void *ctx);
void forget_deliveries(struct kpk_request *request, struct kpk_response *response, void *ctx);
void get_summary(struct kpk_request *request, struct kpk_response *response, void *ctx);

#endif
