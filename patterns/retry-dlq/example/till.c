#include "patterns/retry-dlq/example/till.h"

#include "common/clock.h"
#include "common/embed.h"
#include "common/event.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/worker.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

KPK_EMBED(till_ddl, "patterns/retry-dlq/example/schema.sql");

enum { ACK_MS = 10000 };

int till_open(struct till *till, struct kpk_err *err) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL};

    *till = (struct till){.charges = calloc(TILL_CHARGES, sizeof(*till->charges)),
                          .letters = calloc(TILL_CHARGES, sizeof(*till->letters))};
    if (!till->charges || !till->letters) return kpk_fail(err, KPK_FATAL, "till: no memory");
    if (kpk_pg_open(&till->pg, provider_schema(), err)) return -1;
    if (kpk_pg_migrate(till->pg, provider_schema(), till_ddl, err)) return -1;
    return kpk_producer_open(&till->producer, &opts, err);
}

void till_close(struct till *till) {
    kpk_producer_close(till->producer);
    kpk_tail_close(till->dlq);
    kpk_pg_close(till->pg);
    free(till->charges);
    free(till->letters);
    *till = (struct till){0};
}

void till_begin(struct till *till) {
    till->count = till->letter_count = 0;
    till->letters_again = 0;
}

/* --- workers ----------------------------------------------------------------------------- */

int till_worker(struct till *till, int i, const struct till_part *part,
                struct kpk_child **child, struct kpk_err *err) {
    static const char *const names[TILL_WORKERS] = {"worker-1", "worker-2"};
    char fault[128], max_poll[64];
    const char *const argv[] = {kpk_child_self(),
                                "--role",
                                names[i],
                                "--way",
                                part->way,
                                "--charges",
                                part->charges ? part->charges : "0",
                                NULL};
    /* A member that died is missed sooner than in earnest, so that a take-over is soon seen. */
    const char *const env[] = {fault,
                               "KPK_LOG_LEVEL=info",
                               "KPK_LOG_FORMAT=logfmt",
                               "KPK_KAFKA_SESSION_TIMEOUT_MS=1500",
                               "KPK_KAFKA_HEARTBEAT_INTERVAL_MS=300",
                               part->max_poll_ms ? max_poll : NULL,
                               NULL};

    if (!child) child = &till->workers[i];
    snprintf(fault, sizeof(fault), "KPK_FAULT=%s", part->fault ? part->fault : "");
    snprintf(max_poll, sizeof(max_poll), "KPK_KAFKA_MAX_POLL_INTERVAL_MS=%d",
             part->max_poll_ms);
    kpk_child_close(*child);
    return kpk_child_start(child, &(struct kpk_child_opts){names[i], argv, env}, err);
}

void till_dismiss(struct till *till) {
    for (int i = 0; i < TILL_WORKERS; i++) {
        kpk_child_close(till->workers[i]);
        till->workers[i] = NULL;
    }
}

/* --- charges ----------------------------------------------------------------------------- */

int till_charge(struct till *till, const char *card, struct kpk_err *err) {
    struct charge *charge = &till->charges[till->count];
    char topic[KPK_NAME_BYTES], key[16], data[64];
    struct kpk_event event = {.id = charge->id,
                              .source = "/till",
                              .type = CHARGE_REQUESTED,
                              .time_ms = kpk_now_ms(),
                              .key = key,
                              .data = data};

    if (till->count == TILL_CHARGES)
        return kpk_fail(err, KPK_FATAL, "till: more than %d charges", TILL_CHARGES);
    *charge =
        (struct charge){.customer = till->count++ % TILL_CUSTOMERS, .card = card_find(card)};
    kpk_uuid7(charge->id);
    event.key_len = (size_t)snprintf(key, sizeof(key), "%d", charge->customer);
    event.len = (size_t)snprintf(data, sizeof(data), "{\"card\":\"%s\"}", card);
    if (kpk_event_send(till->producer, kpk_full_name(KPK_TOPIC_CHARGES, topic), &event, err) ||
        kpk_producer_wait(till->producer, ACK_MS, err))
        return -1;
    charge->acked = true;
    return 0;
}

bool till_is_payable(const struct charge *charge) { return charge->card->busy >= 0; }

int till_payable(const struct till *till) {
    int payable = 0;

    for (int i = 0; i < till->count; i++) payable += till_is_payable(&till->charges[i]);
    return payable;
}

PGresult *till_moves(struct till *till, struct kpk_err *err) {
    static const struct kpk_pg_stmt select = {
        "moves_read", "SELECT charge_id, again FROM provider WHERE moved IS NOT NULL AND "
                      "charge_id = ANY($1::uuid[]) ORDER BY moved"};
    char *ids = kpk_pg_array(till->charges[0].id, sizeof(*till->charges), (size_t)till->count);
    PGresult *result;

    if (!ids) return (void)kpk_fail(err, KPK_FATAL, "till: no memory"), NULL;
    result = kpk_pg_exec(till->pg, &select, (const char *[]){ids}, 1, err);
    free(ids);
    return result;
}

int till_paid(struct till *till, int *paid, struct kpk_err *err) {
    PGresult *result = till_moves(till, err);

    if (!result) return -1;
    *paid = PQntuples(result);
    PQclear(result);
    return 0;
}
