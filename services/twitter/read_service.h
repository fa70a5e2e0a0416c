/* What the services that only read share: options, connections for each worker, /readyz, and the order
 * of opening and closing. Routes and handlers are the program's own. */
#ifndef KPK_SERVICES_TWITTER_READ_SERVICE_H
#define KPK_SERVICES_TWITTER_READ_SERVICE_H

#include "common/http.h"
#include "common/pg.h"
#include "common/redis.h"

#include <stdbool.h>

/* One thread uses them. */
struct read_stores {
    struct kpk_pg *pg;
    struct kpk_redis *redis; /* NULL: the service does without */
};

struct read_service {
    const char *name; /* of the program */
    const char *summary;
    const char *port;    /* default of --port */
    const char *workers; /* default of --workers */
    const struct kpk_route *routes;
    const char *openapi, *openapi_end; /* as KPK_EMBED names them */
    int (*init)(struct kpk_err *err);  /* before anything is opened; NULL: nothing to do */
    int (*open_pg)(struct kpk_pg **pg, struct kpk_err *err); /* connects when it is used */
    int (*check_pg)(struct kpk_pg *pg, struct kpk_err *err); /* for /readyz */
    bool uses_redis;
};

/* The whole of main. returns  the exit code */
int read_service_main(const struct read_service *service, int argc, char **argv);

/* In a handler, with its 'ctx': the connections of the worker that runs it. */
struct read_stores *read_stores(const struct kpk_request *request, void *ctx);

#endif
