/* The table 'deliveries' as a worker uses it: look whom a batch is for and what was done already, claim
 * what is to be sent, record what became of it. One statement each, whatever the batch. */
#ifndef KPK_SERVICES_NOTIFICATION_DELIVERIES_H
#define KPK_SERVICES_NOTIFICATION_DELIVERIES_H

#include "common/err.h"
#include "common/pg.h"
#include "common/uuid.h"
#include "services/notification/provider.h"
#include "services/notification/request.h"

/* As 'status' has it, see schema.sql. */
enum notification_status {
    NOTIFICATION_SENDING,
    NOTIFICATION_WAITING,
    NOTIFICATION_RETRYING,
    NOTIFICATION_DELIVERED,
    NOTIFICATION_SKIPPED,
    NOTIFICATION_REJECTED,
    NOTIFICATION_STATUSES
};
const char *notification_status_name(enum notification_status status);

enum { NOTIFICATION_STATUS_BYTES = 12, NOTIFICATION_WORD_BYTES = 12 };

/* One row by column, so that each column of many becomes an array. */
struct notification_row {
    char id[KPK_UUID_BYTES];
    char recipient_id[NOTIFICATION_USER_ID_BYTES];
    char word[NOTIFICATION_WORD_BYTES]; /* look: the category; record: the status */
    char reason[sizeof(((struct kpk_err *)0)->msg)];
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES];
};

/* A row for each of 'rows', in their order, with these columns; for PQclear(). NULL with 'err'. */
enum {
    NOTIFICATION_KNOWN,    /* t: there is such a user */
    NOTIFICATION_ADDRESS,  /* of his, on 'channel'; NULL: none */
    NOTIFICATION_PLATFORM, /* of it; NULL: none */
    NOTIFICATION_ALLOWED,  /* what he said of the category on 'channel'; NULL: nothing */
    NOTIFICATION_DONE,     /* t: delivered or skipped already */
};
PGresult *notification_deliveries_look(struct kpk_pg *pg, enum notification_channel channel,
                                       const struct notification_row *rows, size_t count,
                                       struct kpk_err *err);

/* Begin one more try of each: a row, new or taken over, with the attempt counted. Of one that somebody
 * has done meanwhile nothing is changed.
 * rows     ids and recipients; no id twice
 * returns  the ids that were claimed (column 0), for PQclear(); NULL with 'err' */
PGresult *notification_deliveries_claim(struct kpk_pg *pg, enum notification_channel channel,
                                        const struct notification_row *rows, size_t count,
                                        struct kpk_err *err);

/* Write down what became of each. What is delivered stays so. One that is WAITING was no attempt.
 * Again, it changes nothing. rows as above, with all columns. */
int notification_deliveries_record(struct kpk_pg *pg, enum notification_channel channel,
                                   const struct notification_row *rows, size_t count,
                                   struct kpk_err *err) KPK_MUST_CHECK;

#endif
