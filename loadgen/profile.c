#include "loadgen/profile.h"

#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct load_profile load_profiles[] = {
    /* name, topic, partitions, key, keys, zipf, salted, sustained, peak, assumed, bytes, class, bare, linger, compression, groups, consumers, guarantee */
    {"twitter",      KPK_TOPIC_TWEETS,                 50, "author user_id",      10000, 1.0,  0,    6000, 60000, false, 500, KPK_CRITICAL, false,   2, "none", 5, 5, "at least once, idempotent effects"},
    {"whatsapp",     "messages.created",              100, "conversation_id",   1000000, 0.7,  0, 1150000,     0, false, 100, KPK_CRITICAL, true,   50, "lz4",  1, 2, "at least once"},
    {"notification", KPK_TOPIC_NOTIFICATIONS_PENDING,  20, "recipient user_id",   10000, 0.5,  0,    1000, 10000, true,  300, KPK_CRITICAL, false,   3, "none", 3, 2, "at least once, dead letters"},
    {"ads",          "ad-events",                     500, "campaign_id",         50000, 1.0, 20, 2300000,     0, false, 100, KPK_CRITICAL, true,  200, "lz4",  1, 2, "exactly once"},
    {"tickets",      "reservation-events",             20, "event_id",             1000, 1.0,  0,     200,  2000, false, 400, KPK_CRITICAL, false,   1, "none", 4, 1, "at least once, acks=all"},
    {"jobs",         "jobs-ready",                     20, "job_id",            1000000, 0.0,  0,    1000, 10000, true,  300, KPK_CRITICAL, false,   3, "none", 1, 4, "at least once, idempotent workers"},
    {"crawler",      "urls-to-crawl",                  50, "domain hash",        100000, 1.0,  0,    5000, 20000, true,  200, KPK_CRITICAL, false,   5, "none", 1, 4, "at least once"},
    {"banking",      "transactions",                   12, "account_id",         100000, 0.5,  0,    1000,  5000, true,  300, KPK_CRITICAL, false,   3, "none", 1, 2, "exactly once"},
    {"payments",     "payments",                       12, "payment_id",        1000000, 0.0,  0,     500,  5000, true,  400, KPK_CRITICAL, false,   3, "none", 1, 2, "exactly once"},
    /* No system: what tests/bench/peers compares other tools with. */
    {"peers",        "load",                           12, "a number",           100000, 0.0,  0,  100000,     0, true,  100, KPK_CRITICAL, true,   20, "none", 0, 1, "at least once"},
    {0},
};
/* clang-format on */

const struct load_profile *load_profile_find(const char *name, struct kpk_err *err) {
    char names[160] = "";
    size_t len = 0;

    for (const struct load_profile *row = load_profiles; row->name; row++) {
        if (strcmp(row->name, name) == 0) return row;
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
                                row->name);
    }
    kpk_fail(err, KPK_REJECT, "no system '%.40s'; there are: %s", name, names);
    return NULL;
}
