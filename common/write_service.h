/* An HTTP service that writes to a database: a connection for each worker of its server, one for /readyz, and
 * one that keeps house: creates the tables, then forgets what is old, every ten minutes.
 *
 *   kpk_write_service_open()   serve from here on; a database that is down is what /readyz says, no error
 *   kpk_write_service_run()    keep house, until the process is asked to end
 *   kpk_write_service_close()  answer what is in hand, then let go of everything
 *
 * Routes, handlers and their transactions are the program's own. */
#ifndef KPK_COMMON_WRITE_SERVICE_H
#define KPK_COMMON_WRITE_SERVICE_H

#include "common/http.h"
#include "common/pg.h"

enum { KPK_WRITE_SERVICE_WORKERS = 64 }; /* at most */

struct kpk_write_service; /* what handlers get as their 'ctx' */

struct kpk_write_service_opts {
    int port; /* on 127.0.0.1 */
    int workers; /* threads that run handlers, each with a connection: 1 to KPK_WRITE_SERVICE_WORKERS */
    const struct kpk_route *routes;
    const char *openapi, *openapi_end; /* as KPK_EMBED names them */
    void *ctx;                         /* the program's own: kpk_write_service_ctx() */

    int (*open)(struct kpk_pg **pg, struct kpk_err *err); /* connects when it is used */
    int (*check)(struct kpk_pg *pg,
                 struct kpk_err *err); /* for /readyz: do the tables answer? */
    int (*migrate)(struct kpk_pg *pg, struct kpk_err *err); /* create the tables if need be */
    /* Forget what is old; each statement may take a minute. 'ctx' is the program's own. */
    int (*prune)(struct kpk_pg *pg, void *ctx, struct kpk_err *err);
    int prune_ms; /* from one time to the next; 0: ten minutes */
};

/* Open the connections and serve. 'opts' is kept, not copied.
 * service  out; for kpk_write_service_close() whatever is returned
 * returns  0, or -1 with 'err' (FATAL: a taken port, memory) */
int kpk_write_service_open(struct kpk_write_service **service,
                           const struct kpk_write_service_opts *opts,
                           struct kpk_err *err) KPK_MUST_CHECK;

/* 'migrate' until it succeeds, and only then 'prune', again and again; what fails is logged, and tried again
 * half a second later.
 * returns  0: the process is asked to end; -1 with 'err' (FATAL, of one of the two)
 * thread   main's, while others serve */
int kpk_write_service_run(struct kpk_write_service *service,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* /readyz says "draining", what is in hand is answered, then all is closed. NULL is fine. */
void kpk_write_service_close(struct kpk_write_service *service);

/* In a handler: the connection of the worker that runs it. */
struct kpk_pg *kpk_write_service_pg(const struct kpk_write_service *service,
                                    const struct kpk_request *request);

/* In a handler: what the program gave as 'ctx'. */
void *kpk_write_service_ctx(const struct kpk_write_service *service);

#endif
