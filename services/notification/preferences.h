/* What a recipient allows: a yes or no for each category of message and each channel. A category has a
 * default; what a user says of his own stands above it.
 *
 *               email   sms   push
 *   mention       -      -     x      somebody named you
 *   order         x      -     x      what you bought
 *   shipping      x      x     x      where it is
 *   marketing     x      -     -
 *   account       x      x     -      who may be you */
#ifndef KPK_SERVICES_NOTIFICATION_PREFERENCES_H
#define KPK_SERVICES_NOTIFICATION_PREFERENCES_H

#include "common/err.h"
#include "common/json.h"
#include "common/pg.h"
#include "services/notification/provider.h"

#include <stdbool.h>

enum notification_category {
    NOTIFICATION_MENTION,
    NOTIFICATION_ORDER,
    NOTIFICATION_SHIPPING,
    NOTIFICATION_MARKETING,
    NOTIFICATION_ACCOUNT,
    NOTIFICATION_CATEGORIES
};

/* "mention", "order", ... */
const char *notification_category_name(enum notification_category category);

/* The default of the table above. */
bool notification_allowed_by_default(enum notification_category category,
                                     enum notification_channel channel);

struct notification_preferences {
    bool allowed[NOTIFICATION_CATEGORIES][NOTIFICATION_CHANNELS];
};

void notification_preferences_defaults(struct notification_preferences *preferences);

/* {"marketing": {"email": false}, ...}; what is not named is at its default. REJECT names the member that is
 * no category, no channel, or not true or false: "marketing.email: must be true or false" */
int notification_preferences_read(const cJSON *object,
                                  struct notification_preferences *preferences,
                                  struct kpk_err *err) KPK_MUST_CHECK;

/* All of them, as above. returns  for cJSON_Delete() */
cJSON *notification_preferences_json(const struct notification_preferences *preferences);

/* What the database has of a user: his own over the defaults.
 * returns  0, or -1 with 'err': REJECT "id: no user 7"; the rest as kpk_pg_exec() */
int notification_preferences_load(struct kpk_pg *pg, const char *user_id,
                                  struct notification_preferences *preferences,
                                  struct kpk_err *err) KPK_MUST_CHECK;
/* In place of what he had said. Its own transaction; errors as above. */
int notification_preferences_store(struct kpk_pg *pg, const char *user_id,
                                   const struct notification_preferences *preferences,
                                   struct kpk_err *err) KPK_MUST_CHECK;

#endif
