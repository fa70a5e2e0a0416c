#include "services/notification/deliveries.h"

#include <stdlib.h>

enum { COLUMNS_MAX = 6 };

const char *notification_status_name(enum notification_status status) {
    static const char *const names[NOTIFICATION_STATUSES] = {
        [NOTIFICATION_SENDING] = "sending",   [NOTIFICATION_WAITING] = "waiting",
        [NOTIFICATION_RETRYING] = "retrying", [NOTIFICATION_DELIVERED] = "delivered",
        [NOTIFICATION_SKIPPED] = "skipped",   [NOTIFICATION_REJECTED] = "rejected",
    };

    return names[status];
}

/* Run 'stmt' with the channel as $1 and an array of each column from $2 on.
 * columns  where they are in the first row */
static PGresult *run(struct kpk_pg *pg, const struct kpk_pg_stmt *stmt,
                     enum notification_channel channel, const char *const *columns,
                     int n_columns, size_t count, struct kpk_err *err) {
    const char *params[1 + COLUMNS_MAX] = {notification_channel_name(channel)};
    char *arrays[COLUMNS_MAX];
    PGresult *result = NULL;
    bool short_of_memory = false;

    for (int i = 0; i < n_columns; i++) {
        arrays[i] = kpk_pg_array(columns[i], sizeof(struct notification_row), count);
        short_of_memory = short_of_memory || !arrays[i];
        params[1 + i] = arrays[i];
    }
    if (short_of_memory)
        kpk_fail(err, KPK_FATAL, "deliveries: no memory");
    else
        result = kpk_pg_exec(pg, stmt, params, 1 + n_columns, err);
    for (int i = 0; i < n_columns; i++) free(arrays[i]);
    return result;
}

PGresult *notification_deliveries_look(struct kpk_pg *pg, enum notification_channel channel,
                                       const struct notification_row *rows, size_t count,
                                       struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {
        "deliveries_look",
        "SELECT c.user_id IS NOT NULL, "
        "       CASE $1 WHEN 'email' THEN c.email WHEN 'sms' THEN c.phone ELSE c.push_token "
        "END, "
        "       CASE $1 WHEN 'push' THEN c.platform END, p.allowed, "
        "       COALESCE(d.status IN ('delivered', 'skipped'), false) "
        "FROM unnest($2::uuid[], $3::bigint[], $4::text[]) WITH ORDINALITY "
        "     AS n(id, recipient_id, category, place) "
        "LEFT JOIN contacts c ON c.user_id = n.recipient_id "
        "LEFT JOIN preferences p ON p.user_id = n.recipient_id AND p.channel = $1 "
        "                       AND p.category = n.category "
        "LEFT JOIN deliveries d ON d.notification_id = n.id AND d.channel = $1 "
        "ORDER BY n.place"};
    const char *columns[] = {rows->id, rows->recipient_id, rows->word};

    return run(pg, &look, channel, columns, 3, count, err);
}

PGresult *notification_deliveries_claim(struct kpk_pg *pg, enum notification_channel channel,
                                        const struct notification_row *rows, size_t count,
                                        struct kpk_err *err) {
    /* In the order of their ids: two members with the same ones do not deadlock. */
    static const struct kpk_pg_stmt claim = {
        "deliveries_claim",
        "INSERT INTO deliveries AS d (notification_id, channel, recipient_id, status, "
        "attempts) "
        "SELECT id, $1, recipient_id, 'sending', 1 "
        "FROM unnest($2::uuid[], $3::bigint[]) AS n(id, recipient_id) ORDER BY id "
        "ON CONFLICT (notification_id, channel) DO UPDATE "
        "SET status = 'sending', attempts = d.attempts + 1, changed_at = now() "
        "WHERE d.status NOT IN ('delivered', 'skipped') "
        "RETURNING notification_id"};
    const char *columns[] = {rows->id, rows->recipient_id};

    return run(pg, &claim, channel, columns, 2, count, err);
}

int notification_deliveries_record(struct kpk_pg *pg, enum notification_channel channel,
                                   const struct notification_row *rows, size_t count,
                                   struct kpk_err *err) {
    static const struct kpk_pg_stmt record = {
        "deliveries_record",
        "INSERT INTO deliveries AS d "
        "       (notification_id, channel, recipient_id, status, reason, provider_id) "
        "SELECT id, $1, recipient_id, status, NULLIF(reason, ''), NULLIF(provider_id, '') "
        "FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[]) "
        "     AS n(id, recipient_id, status, reason, provider_id) ORDER BY id "
        "ON CONFLICT (notification_id, channel) DO UPDATE "
        "SET status = excluded.status, reason = excluded.reason, "
        "    provider_id = excluded.provider_id, changed_at = now(), "
        "    attempts = d.attempts - "
        "        (excluded.status = 'waiting' AND d.status = 'sending')::int "
        "WHERE d.status <> 'delivered'"};
    const char *columns[] = {rows->id, rows->recipient_id, rows->word, rows->reason,
                             rows->provider_id};
    PGresult *result = run(pg, &record, channel, columns, 5, count, err);

    PQclear(result);
    return result ? 0 : -1;
}
