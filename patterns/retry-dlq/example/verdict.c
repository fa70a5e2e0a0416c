/* The judgement: the provider's records and the dead letters against what was acknowledged. */
#include "common/clock.h"
#include "common/stop.h"
#include "patterns/retry-dlq/example/till.h"
#include "patterns/retry-dlq/headers.h"
#include "topology/topology.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 50, LINGER_MS = 300 };

#define PROVIDER "the provider"
#define LETTERS "the dead letters"
#define REFUSED "refused"

/* --- dead letters ------------------------------------------------------------------------ */

static const char *header(const rd_kafka_message_t *msg, const char *name) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(msg, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &len) || !value)
        return "";
    return value;
}

static bool is_of_this_run(const struct till *till, const char *id) {
    for (int i = 0; i < till->count; i++)
        if (strcmp(till->charges[i].id, id) == 0) return true;
    return false;
}

/* Handed over twice, a record is the same one: it was read first at one place. */
static void take_letter(struct till *till, const rd_kafka_message_t *msg) {
    struct letter letter = {.tries = atoi(header(msg, KPK_ERRORS_DELIVERY_COUNT))};

    snprintf(letter.id, sizeof(letter.id), "%s", header(msg, "ce_id"));
    snprintf(letter.from, sizeof(letter.from), "%s:%s:%s:%s", header(msg, KPK_ERRORS_TOPIC),
             header(msg, KPK_ERRORS_PARTITION), header(msg, KPK_ERRORS_OFFSET),
             header(msg, KPK_ERRORS_GROUP));
    if (!is_of_this_run(till, letter.id)) return;
    for (int i = 0; i < till->letter_count; i++)
        if (strcmp(till->letters[i].from, letter.from) == 0) {
            till->letters_again++;
            return;
        }
    assert(till->letter_count < TILL_CHARGES); /* each charge is at one place */
    till->letters[till->letter_count++] = letter;
}

static int open_dlq(struct till *till, struct kpk_err *err) {
    char name[KPK_NAME_BYTES], full_name[KPK_NAME_BYTES];
    struct kpk_topic row;

    if (till->dlq) return 0;
    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_CHARGES), kpk_group_find(KPK_GROUP_CHARGE_WORKERS),
                  name, &row);
    return kpk_tail_open(&till->dlq, kpk_full_name(name, full_name), false, err);
}

static int take_letters(struct till *till, struct kpk_err *err) {
    rd_kafka_message_t *msg;

    if (open_dlq(till, err)) return -1;
    for (;;) {
        if (kpk_tail_next(till->dlq, LOOK_MS, &msg, err)) return -1;
        if (!msg) return 0;
        take_letter(till, msg);
        rd_kafka_message_destroy(msg);
    }
}

/* --- the history ------------------------------------------------------------------------- */

int till_await(struct till *till, int timeout_ms, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    int payable = till_payable(till), paid;

    do {
        if (take_letters(till, err) || till_paid(till, &paid, err)) return -1;
        if (paid == payable && till->letter_count == till->count - payable) break;
    } while (kpk_mono_ms() < deadline && !kpk_stopping());
    kpk_stop_wait(LINGER_MS); /* what comes too much comes last */
    return take_letters(till, err);
}

static void write_history(const struct till *till, struct kpk_history *history) {
    char customer[24];

    for (int i = 0; i < till->count; i++) {
        const struct charge *charge = &till->charges[i];
        snprintf(customer, sizeof(customer), "customer %d", charge->customer);
        kpk_history_write(history, till_is_payable(charge) ? customer : REFUSED, charge->id,
                          charge->acked ? KPK_WRITE_OK : KPK_WRITE_UNKNOWN);
        kpk_history_expect(history, PROVIDER, customer);
    }
    kpk_history_expect(history, LETTERS, REFUSED);
}

static int judge(struct till *till, enum kpk_order order, struct kpk_report *report,
                 size_t *again, struct kpk_err *err) {
    struct kpk_history *history = kpk_history_new();
    PGresult *moves = till_moves(till, err);

    if (!history || !moves) {
        kpk_history_free(history);
        PQclear(moves);
        return history ? -1 : kpk_fail(err, KPK_FATAL, "till: no memory");
    }
    write_history(till, history);
    kpk_history_order(history, PROVIDER, order);
    *again = till->letters_again;
    for (int row = 0; row < PQntuples(moves); row++) {
        kpk_history_see(history, PROVIDER, PQgetvalue(moves, row, 0));
        *again += (size_t)atoi(PQgetvalue(moves, row, 1));
    }
    for (int i = 0; i < till->letter_count; i++)
        kpk_history_see(history, LETTERS, till->letters[i].id);
    kpk_history_check(history, report);
    kpk_history_free(history);
    PQclear(moves);
    return 0;
}

int till_judge(struct till *till, int timeout_ms, struct till_verdict *verdict,
               struct kpk_err *err) {
    struct kpk_report in_order = {0};

    if (till_await(till, timeout_ms, err)) return -1;
    if (judge(till, KPK_ORDER_OLDEST_FIRST, &in_order, &verdict->again, err)) return -1;
    verdict->reordered = in_order.reordered;
    return judge(till, KPK_ORDER_NONE, &verdict->report, &verdict->again, err);
}
