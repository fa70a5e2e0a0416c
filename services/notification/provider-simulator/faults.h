/* What goes wrong with a provider, set while it runs.
 *
 *   {"seed": 1, "permanent": 0.01, "transient": 0.2, "transient_attempts": 1, "throttled": 0, "retry_after_s": 1,
 *    "timeout": 0, "slow_ms": 0, "down": false}
 *
 * Chance is only in the seed: a delivery's fate is where its key falls between 0 and 1, so it can be told before,
 * and is the same in every run.
 *
 *   0 ---permanent---+---transient---+---throttled---+---timeout---+------- no fault -------- 1
 *                                    ^
 *   SHA-256 of "<seed>:<key>", its first 53 bits as a fraction
 *
 * A permanent one fails always; each of the others at its first 'transient_attempts', and then no more. */
#ifndef KPK_SERVICES_NOTIFICATION_PROVIDER_SIMULATOR_FAULTS_H
#define KPK_SERVICES_NOTIFICATION_PROVIDER_SIMULATOR_FAULTS_H

#include "common/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct faults {
    int64_t seed;
    double permanent, transient, throttled,
        timeout; /* shares of the keys, at most 1 together */
    int64_t transient_attempts;
    int64_t retry_after_s; /* what is said to those who are throttled; 0: nothing */
    int64_t slow_ms;       /* every answer takes so much longer */
    int down;
};

enum fault {
    FAULT_NONE,
    FAULT_PERMANENT,
    FAULT_TRANSIENT,
    FAULT_THROTTLED,
    FAULT_TIMEOUT,      /* hangs, and does nothing */
    FAULT_LATE_TIMEOUT, /* delivers, and then hangs: every other one */
};

/* No faults. */
extern const struct faults faults_none;

/* What is not given is as in faults_none. returns  0, or -1 with 'err' (REJECT) that names the field */
int faults_read(const cJSON *object, struct faults *faults, struct kpk_err *err) KPK_MUST_CHECK;
cJSON *faults_object(const struct faults *faults);

/* attempt  of this key, from 1 */
enum fault faults_decide(const struct faults *faults, const char *key, int64_t attempt);

#endif
