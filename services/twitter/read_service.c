#include "services/twitter/read_service.h"

#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "topology/topology.h"

enum { WORKERS_MAX = 64 };

struct pool {
    const struct read_service *service;
    struct read_stores stores[WORKERS_MAX + 1]; /* one per worker, and one for /readyz */
};

struct read_stores *read_stores(const struct kpk_request *request, void *ctx) {
    return &((struct pool *)ctx)->stores[kpk_http_worker(request)];
}

static int check_database(void *ctx, struct kpk_err *err) {
    const struct pool *pool = ctx;

    return pool->service->check_pg(pool->stores[WORKERS_MAX].pg, err);
}

static int check_redis(void *ctx, struct kpk_err *err) {
    struct kpk_redis *redis = ((struct pool *)ctx)->stores[WORKERS_MAX].redis;

    return redis ? kpk_redis_check(redis, err) : 0;
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_database}, {"redis", check_redis}, {0}};

static int open_stores(struct pool *pool, struct kpk_err *err) {
    for (int i = 0; i <= WORKERS_MAX; i++)
        if (pool->service->open_pg(&pool->stores[i].pg, err) ||
            (pool->service->uses_redis && kpk_redis_open(&pool->stores[i].redis, err)))
            return -1;
    return 0;
}

static void close_stores(struct pool *pool) {
    for (int i = 0; i <= WORKERS_MAX; i++) {
        kpk_pg_close(pool->stores[i].pg);
        kpk_redis_close(pool->stores[i].redis);
    }
}

/* Requests are served by other threads; this one waits to be asked to stop. */
static int serve(struct pool *pool, int port, int workers, struct kpk_err *err) {
    const struct read_service *service = pool->service;
    struct kpk_http *http = NULL;
    const struct kpk_http_opts opts = {
        .port = port,
        .routes = service->routes,
        .checks = checks,
        .ctx = pool,
        .openapi = service->openapi,
        .openapi_bytes = (size_t)(service->openapi_end - service->openapi),
        .workers = workers,
    };

    if (open_stores(pool, err) || kpk_http_open(&http, &opts, err)) return -1;
    kpk_log("started", "port=%d workers=%d", port, workers);
    while (!kpk_stopping()) kpk_stop_wait(1000);
    kpk_http_drain(http);
    kpk_http_close(http);
    return 0;
}

int read_service_main(const struct read_service *service, int argc, char **argv) {
    static struct pool pool;
    struct kpk_err error = {0}, *err = &error;
    int port, workers;
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, service->port, 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &workers, service->workers, 1, WORKERS_MAX,
         "threads that handle requests, each with its own connections"},
        {0}};
    const struct kpk_program program = {service->name, service->summary, NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err) || (service->init && service->init(err)))
        return kpk_exit_failed(err);
    kpk_stop_init();
    pool.service = service;
    int failed = serve(&pool, port, workers, err);
    close_stores(&pool);
    return failed ? kpk_exit_failed(err) : 0;
}
