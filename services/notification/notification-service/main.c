/* notification-service: the write side of the notification system over HTTP. */
#include "common/embed.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/notification/database.h"
#include "services/notification/notification-service/service.h"
#include "topology/topology.h"

enum { BODY_BYTES = 16 * 1024 };

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

static int prune(struct kpk_pg *pg, void *keep_days, struct kpk_err *err) {
    if (kpk_idempotency_prune(pg, err)) return -1;
    return notification_database_prune(pg, *(int *)keep_days, err);
}

int main(int argc, char **argv) {
    struct kpk_write_service *service = NULL;
    struct kpk_err error = {0}, *err = &error;
    int keep_days;
    struct kpk_write_service_opts service_opts = {
        .routes = routes,
        .openapi = openapi,
        .openapi_end = openapi_end,
        .ctx = &keep_days,
        .open = notification_database_open,
        .check = notification_database_check,
        .migrate = notification_database_migrate,
        .prune = prune,
    };
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &service_opts.port, "18100", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &service_opts.workers, "16", 1,
         KPK_WRITE_SERVICE_WORKERS,
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
    int failed = kpk_write_service_open(&service, &service_opts, err);
    if (!failed) {
        kpk_log("started", "port=%d workers=%d", service_opts.port, service_opts.workers);
        failed = kpk_write_service_run(service, err);
    }
    kpk_write_service_close(service);
    return failed ? kpk_exit_failed(err) : 0;
}
