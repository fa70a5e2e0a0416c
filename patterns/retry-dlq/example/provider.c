#include "patterns/retry-dlq/example/provider.h"

#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct card cards[] = {
    {CARD_GOOD, 0, 0, NULL},
    {CARD_BUSY_ONCE, 1, 0, NULL},
    {CARD_BUSY_TWICE, 2, 0, NULL},
    {CARD_TOLD_TO_WAIT, 1, 2000, NULL},
    {CARD_ALWAYS_BUSY, -1, 0, NULL},
    {CARD_EXPIRED, -1, 0, "card expired"},
    {0},
};

const char *provider_schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("retry_dlq", name);
}

const struct card *card_find(const char *name) {
    for (const struct card *card = cards; card->name; card++)
        if (strcmp(card->name, name) == 0) return card;
    return NULL;
}

int provider_charge(struct kpk_pg *pg, const char *charge_id, const struct card *card,
                    struct kpk_err *err) {
    static const struct kpk_pg_stmt ask = {
        "provider_ask",
        "INSERT INTO provider AS asked (charge_id) VALUES ($1) ON CONFLICT (charge_id) "
        "DO UPDATE SET calls = asked.calls + 1, again = asked.again + (asked.moved IS NOT "
        "NULL)::int "
        "RETURNING calls, moved IS NOT NULL"};
    static const struct kpk_pg_stmt move = {
        "provider_move",
        "UPDATE provider SET moved = nextval('moves'), moved_at = clock_timestamp() "
        "WHERE charge_id = $1 AND moved IS NULL"};
    PGresult *row = kpk_pg_exec(pg, &ask, &charge_id, 1, err);
    int calls;
    bool moved;

    if (!row) return -1;
    calls = atoi(PQgetvalue(row, 0, 0));
    moved = *PQgetvalue(row, 0, 1) == 't';
    PQclear(row);
    if (moved) return 0;
    if (card->refused) return kpk_fail(err, KPK_REJECT, "provider: 402: %s", card->refused);
    if (card->busy < 0 || calls <= card->busy) {
        kpk_fail(err, KPK_RETRY, "provider: %s",
                 card->retry_after_ms ? "429: too many requests" : "503: busy");
        err->retry_after_ms = card->retry_after_ms;
        return -1;
    }
    return kpk_pg_run(pg, &move, &charge_id, 1, err);
}
