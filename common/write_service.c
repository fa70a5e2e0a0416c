#include "common/write_service.h"

#include "common/log.h"
#include "common/stop.h"

#include <stdlib.h>

enum {
    RETRY_MS = 500,
    PRUNE_MS = 10 * 60 * 1000,
    HOUSE_LIMIT_MS = 60 * 1000, /* a statement that keeps house takes longer than a request's */
};

struct kpk_write_service {
    const struct kpk_write_service_opts *opts;
    struct kpk_http *http;
    struct kpk_pg *pg[KPK_WRITE_SERVICE_WORKERS]; /* one per worker */
    struct kpk_pg *check_pg;                      /* of /readyz */
};

static int check_database(void *ctx, struct kpk_err *err) {
    const struct kpk_write_service *service = ctx;

    return service->opts->check(service->check_pg, err);
}

static const struct kpk_http_check checks[] = {{"postgresql", check_database}, {0}};

int kpk_write_service_open(struct kpk_write_service **out,
                           const struct kpk_write_service_opts *opts, struct kpk_err *err) {
    struct kpk_write_service *service = *out = calloc(1, sizeof(*service));

    if (!service) return kpk_fail(err, KPK_FATAL, "no memory");
    service->opts = opts;
    for (int i = 0; i < opts->workers; i++)
        if (opts->open(&service->pg[i], err)) return -1;
    if (opts->open(&service->check_pg, err)) return -1;
    return kpk_http_open(
        &service->http,
        &(struct kpk_http_opts){.port = opts->port,
                                .routes = opts->routes,
                                .checks = checks,
                                .ctx = service,
                                .openapi = opts->openapi,
                                .openapi_bytes = (size_t)(opts->openapi_end - opts->openapi),
                                .workers = opts->workers},
        err);
}

int kpk_write_service_run(struct kpk_write_service *service, struct kpk_err *err) {
    const struct kpk_write_service_opts *opts = service->opts;
    int prune_ms = opts->prune_ms ? opts->prune_ms : PRUNE_MS;
    struct kpk_pg *pg = NULL;
    struct kpk_quoted quoted;
    bool migrated = false;

    if (opts->open(&pg, err)) return -1;
    pg->limit_ms = HOUSE_LIMIT_MS;
    while (!kpk_stopping()) {
        int failed = migrated ? opts->prune(pg, opts->ctx, err) : opts->migrate(pg, err);
        if (failed && err->verdict == KPK_FATAL) break;
        if (failed) kpk_warn("database", "reason=%s", kpk_quote(&quoted, err->msg));
        if (!failed) migrated = true;
        kpk_stop_wait(failed ? RETRY_MS : prune_ms);
    }
    kpk_pg_close(pg);
    return kpk_stopping() ? 0 : -1;
}

void kpk_write_service_close(struct kpk_write_service *service) {
    if (!service) return;
    kpk_http_drain(service->http);
    kpk_http_close(service->http);
    for (int i = 0; i < KPK_WRITE_SERVICE_WORKERS; i++) kpk_pg_close(service->pg[i]);
    kpk_pg_close(service->check_pg);
    free(service);
}

struct kpk_pg *kpk_write_service_pg(const struct kpk_write_service *service,
                                    const struct kpk_request *request) {
    return service->pg[kpk_http_worker(request)];
}

void *kpk_write_service_ctx(const struct kpk_write_service *service) {
    return service->opts->ctx;
}
