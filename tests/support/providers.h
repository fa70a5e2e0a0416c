/* The providers that notifications leave by, as a test plays with them: it says what goes wrong, and asks what was
 * delivered. A failure to ask is a failed assertion. */
#ifndef KPK_TESTS_SUPPORT_PROVIDERS_H
#define KPK_TESTS_SUPPORT_PROVIDERS_H

#include "common/child.h"

#include <cjson/cJSON.h>
#include <stdint.h>

/* Processes of the test's own, on ports that were free. */
struct providers {
    struct kpk_child *simulator, *sink; /* NULL: it does not run */
    int simulator_port;                 /* fcm, apns, sms */
    int sink_port, smtp_port;           /* email: its control, and where it takes mails */
};

void providers_start(struct providers *providers);
void providers_stop(struct providers *providers); /* as a person would; they must end well */
/* kill -9; then start it anew on its port: it has forgotten everything. */
void providers_kill_simulator(struct providers *providers);
void providers_start_simulator(struct providers *providers);

/* "fcm", "apns", "sms", "email"; 'faults' as JSON, "{}" for none. */
void providers_faults(const struct providers *providers, const char *provider,
                      const char *faults);
/* One delivery, for cJSON_Delete(). NULL: nothing came with that key */
cJSON *providers_find(const struct providers *providers, const char *provider, const char *key);
/* All of them, as one array for cJSON_Delete(). */
cJSON *providers_list(const struct providers *providers, const char *provider);
/* A number of the summary, "delivered"; or how many were answered so, "accepted". */
int64_t providers_count(const struct providers *providers, const char *provider,
                        const char *what);
void providers_forget(const struct providers *providers, const char *provider);

#endif
