/* notification-service: the write side of the notification system over HTTP. */
#include "common/embed.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/notification/database.h"
#include "services/notification/notification-service/service.h"
#include "topology/topology.h"

enum {
    BODY_BYTES = 16 * 1024,
    RETRY_MS = 500,
    PRUNE_MS = 10 * 60 * 1000,
    HOUSE_LIMIT_MS = 60 * 1000, /* a statement that keeps house takes longer than a request's */
};

KPK_EMBED(openapi, "services/notification/notification-service/openapi.json");

static const struct kpk_route routes[] = {
    {"POST", "/v1/notifications", notifications_post, BODY_BYTES},
    {"GET", "/v1/notifications/{id}", notifications_get, 0},
    {"GET", "/v1/users/{id}", users_get, 0},
    {"PUT", "/v1/users/{id}", users_put, BODY_BYTES},
    {"GET", "/v1/users/{id}/preferences", preferences_get, 0},
    {"PUT", "/v1/users/{id}/preferences", preferences_put, BODY_BYTES},
    {0},
};

static int check_database(void *ctx, struct kpk_err *err) {
    return notification_database_check(((struct service *)ctx)->check_pg, err);
}

static const struct kpk_http_check checks[] = {{"postgresql", check_database}, {0}};

static int open_connections(struct service *service, int workers, struct kpk_err *err) {
    for (int i = 0; i < workers; i++)
        if (notification_database_open(&service->pg[i], err)) return -1;
    return notification_database_open(&service->check_pg, err);
}

static void close_connections(struct service *service) {
    for (int i = 0; i < SERVICE_WORKERS_MAX; i++) kpk_pg_close(service->pg[i]);
    kpk_pg_close(service->check_pg);
}

/* Requests are served by other threads; this one creates the tables, then forgets what is old. */
static int keep_house(int keep_days, struct kpk_err *err) {
    struct kpk_pg *pg = NULL;
    struct kpk_quoted quoted;
    bool migrated = false;

    if (notification_database_open(&pg, err)) return -1;
    pg->limit_ms = HOUSE_LIMIT_MS;
    while (!kpk_stopping()) {
        int failed = migrated ? kpk_idempotency_prune(pg, err) ||
                                    notification_database_prune(pg, keep_days, err)
                              : notification_database_migrate(pg, err);
        if (failed && err->verdict == KPK_FATAL) break;
        if (failed) kpk_warn("database", "reason=%s", kpk_quote(&quoted, err->msg));
        if (!failed) migrated = true;
        kpk_stop_wait(failed ? RETRY_MS : PRUNE_MS);
    }
    kpk_pg_close(pg);
    return kpk_stopping() ? 0 : -1;
}

int main(int argc, char **argv) {
    struct service service = {0};
    struct kpk_http *http = NULL;
    struct kpk_err error = {0}, *err = &error;
    int port, workers, keep_days, failed = -1;
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18100", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &workers, "16", 1, SERVICE_WORKERS_MAX,
         "threads that handle requests, each with a database connection"},
        {"keep-days", NULL, KPK_OPT_INT, &keep_days, "30", 4, 3650,
         "notifications and what became of them are forgotten after so many days"},
        {0}};
    const struct kpk_program program = {
        "notification-service",
        "notifications, whom they are for, and what became of them over HTTP", NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    if (open_connections(&service, workers, err)) goto out;
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port,
                                              .routes = routes,
                                              .checks = checks,
                                              .ctx = &service,
                                              .openapi = openapi,
                                              .openapi_bytes = (size_t)(openapi_end - openapi),
                                              .workers = workers},
                      err))
        goto out;
    kpk_log("started", "port=%d workers=%d", port, workers);
    failed = keep_house(keep_days, err);
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    close_connections(&service);
    return failed ? kpk_exit_failed(err) : 0;
}
