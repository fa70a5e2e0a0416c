/* tweet-service: the write side of Twitter over HTTP. */
#include "common/embed.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "services/twitter/tweet-service/service.h"
#include "topology/topology.h"

enum { BODY_BYTES = 16 * 1024 };

KPK_EMBED(openapi, "services/twitter/tweet-service/openapi.json");

static const struct kpk_route routes[] = {
    {"POST", "/v1/users", users_create, BODY_BYTES},
    {"GET", "/v1/users/{id}", users_get, 0},
    {"PUT", "/v1/users/{id}/following/{other}", users_follow, 0},
    {"DELETE", "/v1/users/{id}/following/{other}", users_unfollow, 0},
    {"POST", "/v1/tweets", tweets_post, BODY_BYTES},
    {"GET", "/v1/tweets/{id}", tweets_get, 0},
    {0},
};

static int prune(struct kpk_pg *pg, void *settings, struct kpk_err *err) {
    (void)settings;
    return kpk_idempotency_prune(pg, err);
}

int main(int argc, char **argv) {
    struct kpk_write_service *service = NULL;
    struct kpk_err error = {0}, *err = &error;
    struct settings settings;
    struct kpk_write_service_opts service_opts = {
        .routes = routes,
        .openapi = openapi,
        .openapi_end = openapi_end,
        .ctx = &settings,
        .open = twitter_database_open,
        .check = twitter_database_check,
        .migrate = twitter_database_migrate,
        .prune = prune,
    };
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &service_opts.port, "18080", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &service_opts.workers, "16", 1,
         KPK_WRITE_SERVICE_WORKERS,
         "threads that handle requests, each with a database connection"},
        {"push-limit", "KPK_PUSH_LIMIT", KPK_OPT_INT, &settings.push_limit, "5000", 0, 1000000,
         "an author with more followers is pulled at read time instead of pushed"},
        {0}};
    const struct kpk_program program = {
        "tweet-service", "users, follows and tweets over HTTP; events through the outbox", NULL,
        opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    int failed = kpk_write_service_open(&service, &service_opts, err);
    if (!failed) {
        kpk_log("started", "port=%d workers=%d push_limit=%d", service_opts.port,
                service_opts.workers, settings.push_limit);
        failed = kpk_write_service_run(service, err);
    }
    kpk_write_service_close(service);
    return failed ? kpk_exit_failed(err) : 0;
}
