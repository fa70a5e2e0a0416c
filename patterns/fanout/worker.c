#include "patterns/fanout/worker.h"

#include "common/http.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/redis.h"
#include "common/stop.h"
#include "topology/topology.h"

enum { RETRY_MS = 500 };

/* /readyz asks from a thread of its own, so over connections of its own. */
struct dependencies {
    const struct kpk_worker_tables *tables;
    struct kpk_fanout *fanout;
    struct kpk_pg *pg;
    struct kpk_redis *redis; /* NULL: the worker does without */
};

static int check_database(void *ctx, struct kpk_err *err) {
    const struct dependencies *needs = ctx;

    return needs->tables->check(needs->pg, err);
}

static int check_redis(void *ctx, struct kpk_err *err) {
    const struct dependencies *needs = ctx;

    return needs->redis ? kpk_redis_check(needs->redis, err) : 0;
}

static int check_kafka(void *ctx, struct kpk_err *err) {
    return kpk_fanout_check(((struct dependencies *)ctx)->fanout, err);
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_database}, {"redis", check_redis}, {"kafka", check_kafka}, {0}};

/* Until it succeeds: the server may still be starting. */
static int migrate(const struct kpk_worker_tables *tables, struct kpk_err *err) {
    struct kpk_pg *pg = NULL;
    struct kpk_quoted quoted;
    int failed = 0;

    if (!tables->migrate) return 0;
    if (tables->open(&pg, err)) return -1;
    while (!kpk_stopping() && (failed = tables->migrate(pg, err))) {
        if (err->verdict == KPK_FATAL) break;
        kpk_warn("database", "reason=%s", kpk_quote(&quoted, err->msg));
        kpk_stop_wait(RETRY_MS);
    }
    kpk_pg_close(pg);
    return kpk_stopping() ? 0 : failed;
}

static int run(const struct kpk_worker *worker, const struct kpk_fanout_opts *opts, int port,
               struct kpk_err *err) {
    struct dependencies needs = {.tables = worker->tables};
    struct kpk_http *http = NULL;
    int failed = -1;

    if (needs.tables->open(&needs.pg, err)) goto out;
    if (worker->uses_redis && kpk_redis_open(&needs.redis, err)) goto out;
    if (kpk_fanout_open(&needs.fanout, opts, err)) goto out;
    if (kpk_http_open(
            &http, &(struct kpk_http_opts){.port = port, .checks = checks, .ctx = &needs}, err))
        goto out;
    kpk_log("started", "port=%d group=%s consumers=%d", port, opts->group, opts->consumers);
    if (migrate(needs.tables, err)) goto out;
    failed = kpk_fanout_run(needs.fanout, err);
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    kpk_fanout_close(needs.fanout);
    kpk_redis_close(needs.redis);
    kpk_pg_close(needs.pg);
    return failed;
}

int kpk_worker_main(const struct kpk_worker *worker, int argc, char **argv) {
    struct kpk_fanout_opts fanout = {.group = worker->group, .effect = worker->effect};
    struct kpk_err error = {0}, *err = &error;
    int port;
    struct kpk_opt opts[3 + KPK_WORKER_OPTIONS + 1] = {
        {"consumers", NULL, KPK_OPT_INT, &fanout.consumers, worker->consumers, 1,
         KPK_FANOUT_MEMBERS, "group members in this process, a thread each"},
        {"batch", NULL, KPK_OPT_INT, &fanout.batch, "200", 1, 1000, "events processed at once"},
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, worker->port, 1, 65535,
         "port on 127.0.0.1 of /readyz and /metrics"}};
    const struct kpk_program program = {worker->name, worker->summary, NULL, opts};

    for (size_t i = 0; worker->options && worker->options[i].name; i++)
        opts[3 + i] = worker->options[i];
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    return run(worker, &fanout, port, err) ? kpk_exit_failed(err) : 0;
}
