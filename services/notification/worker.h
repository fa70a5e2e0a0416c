/* The program of a channel's group: the options of its provider, and patterns/fanout/worker.h. */
#ifndef KPK_SERVICES_NOTIFICATION_WORKER_H
#define KPK_SERVICES_NOTIFICATION_WORKER_H

#include "services/notification/provider.h"

struct notification_worker {
    enum notification_channel channel;
    const char *name; /* of the program */
    const char *summary;
    const char *group;        /* base name */
    const char *port;         /* default of --port */
    const char *url_variable; /* environment of --url */
    const char *url;          /* default of --url */
    const char *sender;       /* default of --sender */
    const char *sender_is;    /* what it means here */
    const char *in_flight;    /* default of --in-flight */
};

/* The whole of main. returns  the exit code */
int notification_worker_main(const struct notification_worker *worker, int argc, char **argv);

#endif
