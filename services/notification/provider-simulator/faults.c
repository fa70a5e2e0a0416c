#include "services/notification/provider-simulator/faults.h"

#include "common/json.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { ATTEMPTS_MAX = 100, RETRY_AFTER_MAX_S = 86400, SLOW_MAX_MS = 60000, KEY_BYTES = 512 };

const struct faults faults_none = {.seed = 1, .transient_attempts = 1, .retry_after_s = 1};

/* --- as JSON ----------------------------------------------------------------------------- */

static int read_share(const cJSON *object, const char *field, double *share,
                      struct kpk_err *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field);

    if (!item) return 0;
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 1)
        return kpk_fail(err, KPK_REJECT, "%s: must be a number from 0 to 1", field);
    *share = item->valuedouble;
    return 0;
}

static int read_number(const cJSON *object, const char *field, int64_t min, int64_t max,
                       int64_t *number, struct kpk_err *err) {
    if (!cJSON_HasObjectItem(object, field)) return 0;
    return kpk_json_int(object, field, min, max, number, err);
}

int faults_read(const cJSON *object, struct faults *faults, struct kpk_err *err) {
    static const char *const fields[] = {"seed",      "permanent",
                                         "transient", "transient_attempts",
                                         "throttled", "retry_after_s",
                                         "timeout",   "slow_ms",
                                         "down",      NULL};

    *faults = faults_none;
    if (kpk_json_only(object, fields, err) ||
        read_number(object, "seed", 0, INT64_C(1) << 53, &faults->seed, err) ||
        read_share(object, "permanent", &faults->permanent, err) ||
        read_share(object, "transient", &faults->transient, err) ||
        read_number(object, "transient_attempts", 1, ATTEMPTS_MAX, &faults->transient_attempts,
                    err) ||
        read_share(object, "throttled", &faults->throttled, err) ||
        read_number(object, "retry_after_s", 0, RETRY_AFTER_MAX_S, &faults->retry_after_s,
                    err) ||
        read_share(object, "timeout", &faults->timeout, err) ||
        read_number(object, "slow_ms", 0, SLOW_MAX_MS, &faults->slow_ms, err))
        return -1;
    if (cJSON_HasObjectItem(object, "down") &&
        kpk_json_bool(object, "down", &faults->down, err))
        return -1;
    /* A little more than 1: 0.1 and its like are not exact. */
    if (faults->permanent + faults->transient + faults->throttled + faults->timeout > 1 + 1e-9)
        return kpk_fail(
            err, KPK_REJECT,
            "timeout: permanent, transient, throttled and timeout are more than 1 together");
    return 0;
}

cJSON *faults_object(const struct faults *faults) {
    cJSON *object = cJSON_CreateObject();

    kpk_json_add_int(object, "seed", faults->seed);
    cJSON_AddNumberToObject(object, "permanent", faults->permanent);
    cJSON_AddNumberToObject(object, "transient", faults->transient);
    kpk_json_add_int(object, "transient_attempts", faults->transient_attempts);
    cJSON_AddNumberToObject(object, "throttled", faults->throttled);
    kpk_json_add_int(object, "retry_after_s", faults->retry_after_s);
    cJSON_AddNumberToObject(object, "timeout", faults->timeout);
    kpk_json_add_int(object, "slow_ms", faults->slow_ms);
    cJSON_AddBoolToObject(object, "down", faults->down);
    return object;
}

/* --- a delivery's fate ------------------------------------------------------------------- */

static uint64_t hash(int64_t seed, const char *key) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[KEY_BYTES + 32];
    uint64_t first = 0;

    snprintf(text, sizeof(text), "%" PRId64 ":%s", seed, key);
    SHA256((const unsigned char *)text, strlen(text), digest);
    for (int i = 0; i < 8; i++) first = first << 8 | digest[i];
    return first;
}

enum fault faults_decide(const struct faults *faults, const char *key, int64_t attempt) {
    uint64_t bits = hash(faults->seed, key);
    double at = (double)(bits >> 11) / 0x1p53;
    const struct {
        double share;
        enum fault fault;
    } parts[] = {{faults->transient, FAULT_TRANSIENT},
                 {faults->throttled, FAULT_THROTTLED},
                 {faults->timeout, bits & 1 ? FAULT_LATE_TIMEOUT : FAULT_TIMEOUT}};

    double bound = faults->permanent;

    if (at < bound) return FAULT_PERMANENT;
    if (attempt > faults->transient_attempts) return FAULT_NONE;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (at < (bound += parts[i].share)) return parts[i].fault;
    return FAULT_NONE;
}
