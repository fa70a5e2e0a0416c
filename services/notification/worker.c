#include "services/notification/worker.h"

#include "patterns/fanout/worker.h"
#include "services/notification/channel.h"
#include "services/notification/database.h"

int notification_worker_main(const struct notification_worker *worker, int argc, char **argv) {
    struct notification_provider_opts provider = {.channel = worker->channel};
    const struct kpk_opt options[] = {
        {"url", worker->url_variable, KPK_OPT_STR, &provider.url, worker->url, 0, 0,
         "where the provider is"},
        {"sender", NULL, KPK_OPT_STR, &provider.sender, worker->sender, 0, 0,
         worker->sender_is},
        {"rate", NULL, KPK_OPT_INT, &provider.rate, "0", 0, 1000000,
         "deliveries a second at most, of this process; 0: as many as it takes"},
        {"in-flight", NULL, KPK_OPT_INT, &provider.in_flight, worker->in_flight, 1, 256,
         "deliveries at once, of each member"},
        {"timeout-ms", NULL, KPK_OPT_INT, &provider.timeout_ms, "5000", 10, 20000,
         "of one delivery"},
        {"breaker-failures", NULL, KPK_OPT_INT, &provider.breaker_failures, "5", 1, 100,
         "so many in a row, and the provider is down"},
        {"breaker-ms", NULL, KPK_OPT_INT, &provider.breaker_ms, "2000", 10, 600000,
         "how long nothing is sent then, before one tries"},
        {0}};
    const struct kpk_worker program = {
        .name = worker->name,
        .summary = worker->summary,
        .group = worker->group,
        .effect = &notify_by_channel,
        .consumers = "2",
        .port = worker->port,
        .tables = &notification_tables,
        .options = options,
    };

    notification_channel_use(&provider);
    return kpk_worker_main(&program, argc, argv);
}
