/* provider-simulator: FCM, APNS and an SMS gateway that fail as they are told to, and remember what they delivered.
 * It keeps nothing on disk. */
#include "common/embed.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/notification/provider-simulator/service.h"

KPK_EMBED(openapi, "services/notification/provider-simulator/openapi.json");

/* Whoever is slow or hangs holds a worker: there are as many as senders may have in flight. */
enum { WORKERS_MAX = 1024, QUEUE = 2048, QUEUE_WAIT_MS = 10000, BODY_BYTES = 16 * 1024 };

static const struct kpk_route routes[] = {
    {"POST", "/v1/projects/{project}/messages:send", post_fcm, BODY_BYTES},
    {"POST", "/3/device/{token}", post_apns, BODY_BYTES},
    {"POST", "/2010-04-01/Accounts/{account}/Messages.json", post_sms, BODY_BYTES},
    {"GET", "/v1/faults/{provider}", get_faults, 0},
    {"PUT", "/v1/faults/{provider}", put_faults, 1024},
    {"GET", "/v1/deliveries/{provider}", list_deliveries, 0},
    {"GET", "/v1/deliveries/{provider}/{key}", get_delivery, 0},
    {"DELETE", "/v1/deliveries/{provider}", forget_deliveries, 0},
    {"GET", "/v1/summary", get_summary, 0},
    {0}};

static int serve(struct simulator *simulator, int port, int workers, struct kpk_err *err) {
    struct kpk_http *http = NULL;
    const struct kpk_http_opts opts = {
        .port = port,
        .routes = routes,
        .ctx = simulator,
        .openapi = openapi,
        .openapi_bytes = (size_t)(openapi_end - openapi),
        .forms = true,
        .workers = workers,
        .queue = QUEUE,
        .queue_wait_ms = QUEUE_WAIT_MS,
    };

    if (kpk_http_open(&http, &opts, err)) return -1;
    kpk_log("started", "port=%d workers=%d", port, workers);
    while (!kpk_stopping()) kpk_stop_wait(1000);
    kpk_http_drain(http);
    kpk_http_close(http);
    return 0;
}

int main(int argc, char **argv) {
    static struct simulator simulator = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct kpk_err error = {0}, *err = &error;
    int port, workers, failed = 0;
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18110", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &workers, "256", 1, WORKERS_MAX,
         "requests that may be slow, or hang, at the same time"},
        {"hang-ms", NULL, KPK_OPT_INT, &simulator.hang_ms, "10000", 1, 60000,
         "how long a request whose fault is a time-out hangs"},
        {0}};
    const struct kpk_program program = {"provider-simulator",
                                        "FCM, APNS and an SMS gateway that fail as they are "
                                        "told to, and remember what they delivered",
                                        NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0) return kpk_exit_failed(err);
    kpk_stop_init();
    for (int i = 0; i < SIMULATOR_PROVIDERS && !failed; i++) {
        simulator.faults[i] = faults_none;
        if (!(simulator.stores[i] = store_open()))
            failed = kpk_fail(err, KPK_FATAL, "no memory");
    }
    if (!failed) failed = serve(&simulator, port, workers, err);
    for (int i = 0; i < SIMULATOR_PROVIDERS; i++) store_close(simulator.stores[i]);
    return failed ? kpk_exit_failed(err) : 0;
}
