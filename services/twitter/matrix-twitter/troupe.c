#include "services/twitter/matrix-twitter/troupe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const programs[TROUPE_ROLES] = {
    [TWEETS] = "tweet-service",
    [TIMELINES] = "timeline-service",
    [TRENDS] = "trending-service",
    [RELAY] = "outbox-relay",
    [FANOUT_WORKER] = "fanout-worker",
    [TRENDING_WORKER] = "trending-worker",
    [ANALYTICS_WORKER] = "analytics-worker",
};

static void say_where(const char *variable, int port) {
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
    setenv(variable, url, 1);
}

int troupe_open(struct troupe *troupe, struct kpk_err *err) {
    *troupe = (struct troupe){0};
    for (int role = 0; role < TROUPE_ROLES; role++)
        for (int i = 0; i < 2; i++) {
            troupe->ports[role][i] = kpk_child_free_port();
            if (!troupe->ports[role][i]) return kpk_fail(err, KPK_FATAL, "no port is free");
        }
    say_where("KPK_TWEET_SERVICE_URL", troupe->ports[TWEETS][0]);
    say_where("KPK_TIMELINE_SERVICE_URL", troupe->ports[TIMELINES][0]);
    say_where("KPK_TRENDING_SERVICE_URL", troupe->ports[TRENDS][0]);
    for (int role = 0; role < TROUPE_ROLES; role++)
        if (troupe_start(troupe, role, false, NULL, err)) return -1;
    return 0;
}

void troupe_close(struct troupe *troupe) {
    for (int role = 0; role < TROUPE_ROLES; role++) {
        troupe_end(troupe, role, false);
        troupe_end(troupe, role, true);
    }
}

/* The programs lie beside this one. */
static void path_of(enum troupe_role role, char *out, size_t out_bytes) {
    const char *self = kpk_child_self(), *slash = strrchr(self, '/');

    snprintf(out, out_bytes, "%.*s%s", slash ? (int)(slash - self + 1) : 0, self,
             programs[role]);
}

int troupe_start(struct troupe *troupe, enum troupe_role role, bool second, const char *fault,
                 struct kpk_err *err) {
    struct kpk_child **child = second ? &troupe->second[role] : &troupe->first[role];
    char path[600], with_fault[128], port[32];
    /* A lease and a session that end sooner than in earnest: so a take-over is soon seen. */
    const char *const argv[] = {path, role == RELAY ? "--lease-ms" : NULL, "1000", NULL};
    const char *const env[] = {with_fault,
                               port,
                               "KPK_LOG_LEVEL=info",
                               "KPK_LOG_FORMAT=logfmt",
                               "KPK_KAFKA_SESSION_TIMEOUT_MS=1500",
                               "KPK_KAFKA_HEARTBEAT_INTERVAL_MS=300",
                               NULL};

    path_of(role, path, sizeof(path));
    snprintf(with_fault, sizeof(with_fault), "KPK_FAULT=%s", fault ? fault : "");
    snprintf(port, sizeof(port), "KPK_HTTP_PORT=%d", troupe->ports[role][second]);
    kpk_child_close(*child);
    return kpk_child_start(child, &(struct kpk_child_opts){programs[role], argv, env}, err);
}

void troupe_end(struct troupe *troupe, enum troupe_role role, bool second) {
    struct kpk_child **child = second ? &troupe->second[role] : &troupe->first[role];

    kpk_child_close(*child);
    *child = NULL;
}
