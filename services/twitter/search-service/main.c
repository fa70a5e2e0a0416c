/* search-service: full-text search over HTTP. It writes nothing. */
#include "common/embed.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "services/twitter/search-service/service.h"
#include "topology/topology.h"

KPK_EMBED(openapi, "services/twitter/search-service/openapi.json");

static const struct kpk_route routes[] = {{"GET", "/v1/search", get_search, 0}, {0}};

static int check_index(void *ctx, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"check", "SELECT FROM search_index LIMIT 1"};

    return kpk_pg_run(((struct service *)ctx)->pg[SERVICE_WORKERS_MAX], &look, NULL, 0, err);
}

static const struct kpk_http_check checks[] = {{"postgresql", check_index}, {0}};

static int open_connections(struct service *service, struct kpk_err *err) {
    for (int i = 0; i <= SERVICE_WORKERS_MAX; i++) /* they connect when they are used */
        if (twitter_database_open(&service->pg[i], err)) return -1;
    return 0;
}

static void close_connections(struct service *service) {
    for (int i = 0; i <= SERVICE_WORKERS_MAX; i++) kpk_pg_close(service->pg[i]);
}

int main(int argc, char **argv) {
    static struct service service;
    struct kpk_http *http = NULL;
    struct kpk_err error = {0}, *err = &error;
    int port, workers, failed = -1;
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18086", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &workers, "8", 1, SERVICE_WORKERS_MAX,
         "threads that handle requests, each with a database connection"},
        {0}};
    const struct kpk_program program = {"search-service", "full-text search over HTTP", NULL,
                                        opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    if (open_connections(&service, err)) goto out;
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
    while (!kpk_stopping()) kpk_stop_wait(1000);
    failed = 0;
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    close_connections(&service);
    return failed ? kpk_exit_failed(err) : 0;
}
