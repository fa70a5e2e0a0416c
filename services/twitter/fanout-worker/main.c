/* fanout-worker: options, open, run, close. The loop and its guarantee are in worker.c. */
#include "common/http.h"
#include "common/log.h"
#include "common/members.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "services/twitter/fanout-worker/worker.h"
#include "topology/topology.h"

static int check_database(void *ctx, struct kpk_err *err) {
    return twitter_database_check(((struct worker *)ctx)->check_pg, err);
}

static int check_redis(void *ctx, struct kpk_err *err) {
    return kpk_redis_check(((struct worker *)ctx)->check_redis, err);
}

static int check_kafka(void *ctx, struct kpk_err *err) {
    const struct worker *worker = ctx;

    for (int i = 0; i < worker->consumers; i++)
        if (!worker->members[i].consumer->joined)
            return kpk_fail(err, KPK_WAIT, "kafka: member %d has not joined its group yet", i);
    return kpk_kafka_check(worker->members[0].consumer->rk, err);
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_database}, {"redis", check_redis}, {"kafka", check_kafka}, {0}};

int main(int argc, char **argv) {
    static struct worker worker;
    struct kpk_http *http = NULL;
    struct kpk_err error = {0}, *err = &error;
    int port, failed = -1;
    const struct kpk_opt opts[] = {
        {"consumers", NULL, KPK_OPT_INT, &worker.consumers, "5", 1, MEMBERS_MAX,
         "group members in this process, a thread each"},
        {"batch", NULL, KPK_OPT_INT, &worker.batch, "200", 1, 1000, "events processed at once"},
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18084", 1, 65535,
         "port on 127.0.0.1 of /readyz and /metrics"},
        {0}};
    const struct kpk_program program = {
        "fanout-worker", "pushes tweets into the home timelines of the author's followers",
        NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    if (worker_open(&worker, err)) goto out;
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port, .checks = checks, .ctx = &worker},
                      err))
        goto out;
    kpk_log("started", "port=%d consumers=%d", port, worker.consumers);
    failed = kpk_members_run(worker.consumers, member_run, &worker, err);
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    worker_close(&worker);
    return failed ? kpk_exit_failed(err) : 0;
}
