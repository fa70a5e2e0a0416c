#include "patterns/outbox/program.h"

#include "common/http.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "patterns/outbox/outbox.h"
#include "topology/topology.h"

struct service {
    const struct kpk_relay_program *program;
    struct kpk_relay *relay;
    struct kpk_pg *check_pg; /* of /readyz */
};

static int check_database(void *ctx, struct kpk_err *err) {
    const struct service *service = ctx;

    return service->program->check(service->check_pg, err);
}

static int check_kafka(void *ctx, struct kpk_err *err) {
    return kpk_relay_check_kafka(((struct service *)ctx)->relay, err);
}

static int check_relay(void *ctx, struct kpk_err *err) {
    return kpk_relay_check(((struct service *)ctx)->relay, err);
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_database}, {"kafka", check_kafka}, {"relay", check_relay}, {0}};

int kpk_relay_main(const struct kpk_relay_program *relay, int argc, char **argv) {
    struct kpk_relay_opts relay_opts = {.source = relay->source, .name = relay->lease};
    struct service service = {.program = relay};
    struct kpk_http *http = NULL;
    struct kpk_err error = {0}, *err = &error;
    int port, failed = -1;
    const struct kpk_opt opts[] = {
        {"batch", NULL, KPK_OPT_INT, &relay_opts.batch, "500", 1, 10000,
         "rows per Kafka transaction"},
        {"poll-ms", NULL, KPK_OPT_INT, &relay_opts.poll_ms, "500", 10, 60000,
         "how often to look for rows that no NOTIFY told of"},
        {"lease-ms", NULL, KPK_OPT_INT, &relay_opts.lease_ms, "4000", 1000, 60000,
         "a relay that hangs is replaced after this time"},
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, relay->port, 1, 65535,
         "port on 127.0.0.1 of /readyz and /metrics"},
        {0}};
    const struct kpk_program program = {relay->name, relay->summary, NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    relay_opts.schema = relay->schema();
    if (kpk_relay_open(&service.relay, &relay_opts, err) || relay->open(&service.check_pg, err))
        goto out;
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port, .checks = checks, .ctx = &service},
                      err))
        goto out;
    kpk_log("started", "port=%d", port);
    failed = kpk_relay_run(service.relay, err);
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    kpk_relay_close(service.relay);
    kpk_pg_close(service.check_pg);
    return failed ? kpk_exit_failed(err) : 0;
}
