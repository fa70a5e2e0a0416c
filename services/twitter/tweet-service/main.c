/* tweet-service: the write side of Twitter over HTTP. */
#include "common/embed.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "services/twitter/tweet-service/service.h"
#include "topology/topology.h"

#include <stdio.h>

enum {
    BODY_BYTES = 16 * 1024,
    RETRY_MS = 500,
    PRUNE_MS = 10 * 60 * 1000,
    HOUSE_LIMIT_MS = 60 * 1000, /* a statement that keeps house takes longer than a request's */
};

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

static int check_database(void *ctx, struct kpk_err *err) {
    return twitter_database_check(((struct service *)ctx)->check_pg, err);
}

static const struct kpk_http_check checks[] = {{"postgresql", check_database}, {0}};

static int open_connections(struct service *service, int workers, struct kpk_err *err) {
    for (int i = 0; i < workers; i++)
        if (twitter_database_open(&service->pg[i], err)) return -1;
    return twitter_database_open(&service->check_pg, err);
}

static void close_connections(struct service *service) {
    for (int i = 0; i < SERVICE_WORKERS_MAX; i++) kpk_pg_close(service->pg[i]);
    kpk_pg_close(service->check_pg);
}

/* Requests are served by other threads; this one creates the tables, then forgets old answers.
 */
static int keep_house(struct kpk_err *err) {
    struct kpk_pg *pg = NULL;
    struct kpk_quoted quoted;
    bool migrated = false;

    if (twitter_database_open(&pg, err)) return -1;
    pg->limit_ms = HOUSE_LIMIT_MS;
    while (!kpk_stopping()) {
        int failed =
            migrated ? kpk_idempotency_prune(pg, err) : twitter_database_migrate(pg, err);
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
    int port, workers, failed = -1;
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18080", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &workers, "16", 1, SERVICE_WORKERS_MAX,
         "threads that handle requests, each with a database connection"},
        {"push-limit", "KPK_PUSH_LIMIT", KPK_OPT_INT, &service.push_limit, "5000", 0, 1000000,
         "an author with more followers is pulled at read time instead of pushed"},
        {0}};
    const struct kpk_program program = {
        "tweet-service", "users, follows and tweets over HTTP; events through the outbox", NULL,
        opts};

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
    kpk_log("started", "port=%d workers=%d push_limit=%d", port, workers, service.push_limit);
    failed = keep_house(err);
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    close_connections(&service);
    return failed ? kpk_exit_failed(err) : 0;
}
