/* The notification system of the stack under test, as its callers and recipients see it: people with an
 * address on each channel whom nobody else has, what is asked for, what became of it, and what the providers
 * took. A call that is not answered as it should be fails the test. */
#ifndef KPK_TESTS_SUPPORT_NOTIFY_H
#define KPK_TESTS_SUPPORT_NOTIFY_H

#include "common/uuid.h"
#include "services/notification/client.h"
#include "services/notification/provider.h"
#include "services/notification/request.h"
#include "topology/topology.h"

#include <librdkafka/rdkafka.h>

struct person {
    char id[NOTIFICATION_USER_ID_BYTES];
    char address[NOTIFICATION_CHANNELS][80]; /* as provider.h has them */
    const char *platform;                    /* of the push token */
};

enum { NOTIFY_ARRIVES_MS = 30000 };

void notify_open(void);
void notify_close(void);

/* One call. returns  its status; 'body' as cJSON_Delete() wants it, or NULL: not wanted */
int notify_call(const struct notification_call *call, cJSON **body);

/* A new id and new addresses, with a token of FCM's; not registered. */
void person_make(struct person *person);
/* A token of APNS' instead. */
void person_change_platform(struct person *person);
/* With every address, but those of 'without' (added up as 1 << channel). */
void person_register(const struct person *person, int without);

/* {"order_id": ..., "carrier": ..., "tracking": ...}: template order_shipped, which all channels carry by
 * default. id  out */
void notify_ship(const struct person *person, const char *order_id, char id[KPK_UUID_BYTES]);

/* A member of what GET says of one channel; "" when it is not there. The text is good until the next call. */
const char *notify_status(const char *id, enum notification_channel channel,
                          const char *member);
int notify_attempts(const char *id, enum notification_channel channel);
/* Wait until the status on the channel is 'status'. */
void notify_await(const char *id, enum notification_channel channel, const char *status);

/* What the channel's provider (of push: FCM) has under this notification's key, for cJSON_Delete(). NULL: it
 * never came there. */
cJSON *notify_received(const char *id, enum notification_channel channel);
/* Delivered once, and in how many attempts? */
int notify_received_once(const char *id, enum notification_channel channel);

/* {"down": true}; "{}" ends all faults. provider  "fcm", "apns", "sms", "email" */
void notify_faults(const char *provider, const char *faults);

/* A channel's group, by its base name. */
extern const char *const notify_groups[NOTIFICATION_CHANNELS];

/* A topic of its own: a retry tier; or NOTIFY_TIERS: the dead letters. returns  its name on the cluster */
enum { NOTIFY_TIERS = 3 };
const char *notify_topic(enum notification_channel channel, int tier,
                         char name[KPK_NAME_BYTES]);

/* A header of text; "" when it is not there. Good as long as 'msg' is. */
const char *notify_header(const rd_kafka_message_t *msg, const char *name);

#endif
