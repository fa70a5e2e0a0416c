#include "tools/kpk/dlq_write.h"

#include "common/clock.h"
#include "common/fault.h"
#include "patterns/retry-dlq/headers.h"
#include "tools/kpk/fetch.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINGER_MS = 5,
    INIT_MS = 30000, /* as long as a coordinator may take to finish what another began */
    PRODUCE_MS = 20000,
    COMMIT_MS = 20000,
    ABORT_MS = 5000,
};

#define TRANSACTIONAL_ID "kpk-dlq"

struct kpk_dlq_writer {
    struct kpk_producer *producer;
    struct kpk_fetcher fetcher;
    char ledger[KPK_NAME_BYTES];
    char by[KPK_LEDGER_BY];
};

/* --- opening ----------------------------------------------------------------------------- */

static bool is_fenced(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Was it another one that made this call fail? Then 'err' says so. returns -1 */
static int explain(const struct kpk_dlq_writer *writer, rd_kafka_resp_err_t code,
                   struct kpk_err *err) {
    char why[128];

    if (is_fenced(code) ||
        is_fenced(rd_kafka_fatal_error(writer->producer->rk, why, sizeof(why))))
        return kpk_fail(err, KPK_WAIT,
                        "another kpk dlq took over, or this one was stopped for too long: what "
                        "it had not committed was not done. Run it again when the other has "
                        "ended");
    return -1;
}

static int failed(const struct kpk_dlq_writer *writer, rd_kafka_error_t *error,
                  const char *what, struct kpk_err *err) {
    rd_kafka_resp_err_t code;

    if (!error) return 0;
    code = rd_kafka_error_code(error);
    (void)kpk_fail(err, KPK_WAIT, "kafka: %s: %s", what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return explain(writer, code, err);
}

static void tell_who(char *by) {
    const struct passwd *user = getpwuid(getuid());
    char host[64] = "";

    (void)gethostname(host, sizeof(host) - 1);
    snprintf(by, KPK_LEDGER_BY, "%.20s@%.20s", user ? user->pw_name : "?", host);
}

/* The largest there can be, of whatever group. */
static int largest_record(void) {
    int largest = 0;
    char name[KPK_NAME_BYTES];
    struct kpk_topic row;

    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        for (size_t i = 0; kpk_group_retries(group) && group->topics[i]; i++) {
            kpk_topic_retry(kpk_topic_find(group->topics[i]), group, 0, name, &row);
            if (row.max_message_bytes > largest) largest = row.max_message_bytes;
        }
    return largest;
}

int kpk_dlq_writer_open(struct kpk_dlq_writer **out, struct kpk_err *err) {
    struct kpk_dlq_writer *writer = calloc(1, sizeof(*writer));
    char id[KPK_NAME_BYTES];

    *out = NULL;
    if (!writer) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    kpk_full_name(KPK_TOPIC_DLQ_LEDGER, writer->ledger);
    tell_who(writer->by);
    if (kpk_producer_open(&writer->producer,
                          &(struct kpk_producer_opts){
                              .durability = KPK_CRITICAL,
                              .transactional_id = kpk_full_name(TRANSACTIONAL_ID, id),
                              .linger_ms = LINGER_MS,
                              .max_message_bytes = largest_record(),
                          },
                          err) ||
        failed(writer, rd_kafka_init_transactions(writer->producer->rk, INIT_MS),
               "init_transactions", err)) {
        kpk_dlq_writer_close(writer);
        return -1;
    }
    *out = writer;
    return 0;
}

void kpk_dlq_writer_close(struct kpk_dlq_writer *writer) {
    if (!writer) return;
    kpk_fetcher_close(&writer->fetcher);
    kpk_producer_close(writer->producer);
    free(writer);
}

/* --- batches ----------------------------------------------------------------------------- */

static int by_position(const struct kpk_dead_letter *x, const struct kpk_dead_letter *y) {
    int order = strcmp(x->topic, y->topic);

    if (order) return order;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

int kpk_deed_compare(const void *a, const void *b) {
    const struct kpk_deed *x = *(struct kpk_deed *const *)a, *y = *(struct kpk_deed *const *)b;

    return by_position(&x->letter->at, &y->letter->at);
}

size_t kpk_dlq_batch(struct kpk_deed *const *deeds, size_t count) {
    const struct kpk_dead_letter *first = &deeds[0]->letter->at;
    size_t n = 0, bytes = 0;

    for (; n < count && n < KPK_DLQ_BATCH; n++) {
        const struct kpk_dlq_letter *letter = deeds[n]->letter;
        if (letter->at.partition != first->partition ||
            strcmp(letter->at.topic, first->topic) != 0)
            break;
        bytes += deeds[n]->send ? letter->bytes : 0;
        if (n > 0 && bytes > KPK_DLQ_BATCH_BYTES) break;
    }
    return n;
}

/* (1) The records of those that go back.
 * msgs  out: beside 'deeds'; NULL: it does not go back, or is gone */
static int read_letters(struct kpk_dlq_writer *writer, struct kpk_deed *const *deeds,
                        size_t count, rd_kafka_message_t **msgs, struct kpk_err *err) {
    for (size_t i = 0; i < count; i++) {
        const struct kpk_dead_letter *letter = &deeds[i]->letter->at;
        struct kpk_position at = {.partition = letter->partition, .offset = letter->offset};
        if (!deeds[i]->send) continue;
        strcpy(at.topic, letter->topic);
        if (kpk_fetch(&writer->fetcher, &at, &msgs[i], err)) return -1;
        if (!msgs[i]) deeds[i]->outcome = KPK_DEED_GONE;
    }
    return 0;
}

/* --- (2) produce ------------------------------------------------------------------------- */

static void set_header(rd_kafka_headers_t *headers, const char *name, int64_t value) {
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    (void)rd_kafka_header_remove(headers, name); /* all of that name */
    rd_kafka_header_add(headers, name, -1, text, -1);
}

/* Key, value and headers as they are, but for two. */
static int send_back(struct kpk_dlq_writer *writer, const struct kpk_dlq_letter *letter,
                     const rd_kafka_message_t *msg, int64_t now_ms, struct kpk_err *err) {
    rd_kafka_headers_t *own = NULL, *headers;

    rd_kafka_message_headers(msg, &own);
    headers = own ? rd_kafka_headers_copy(own) : rd_kafka_headers_new(2);
    set_header(headers, KPK_NOT_BEFORE, now_ms);
    set_header(headers, KPK_REDRIVEN, letter->redriven + 1);
    return kpk_producer_send(writer->producer, letter->of->tier, msg->key, msg->key_len,
                             msg->payload, msg->len, headers, err);
}

static int send_entry(struct kpk_dlq_writer *writer, const struct kpk_deed *deed,
                      const struct kpk_dead_letter *letter, int64_t now_ms,
                      struct kpk_err *err) {
    struct kpk_ledger_entry entry = {
        .topic = letter->topic,
        .partition = letter->partition,
        .offset = letter->offset,
        .letter_ms = letter->ms,
        .state = deed->to,
        .at_ms = now_ms,
        .times = deed->letter->redriven + (deed->to == KPK_DLQ_REDRIVEN),
    };
    char key[KPK_LEDGER_KEY_BYTES], *value;
    int rc;

    strcpy(entry.by, writer->by);
    kpk_ledger_key(&entry, key);
    value = kpk_ledger_value(&entry);
    if (!value) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    rc = kpk_producer_send(writer->producer, writer->ledger, key, strlen(key), value,
                           strlen(value), NULL, err);
    free(value);
    return rc;
}

static int produce(struct kpk_dlq_writer *writer, struct kpk_deed *const *deeds, size_t count,
                   rd_kafka_message_t *const *msgs, struct kpk_err *err) {
    int64_t now_ms = kpk_now_ms();

    for (size_t i = 0; i < count; i++) {
        const struct kpk_deed *deed = deeds[i];
        if (deed->outcome != KPK_DEED_DUE) continue;
        if (msgs[i] && send_back(writer, deed->letter, msgs[i], now_ms, err)) return -1;
        for (struct kpk_dlq_letter *copy = deed->letter; copy; copy = copy->next)
            if (!(deed->late && copy->entry) &&
                send_entry(writer, deed, &copy->at, now_ms, err))
                return -1;
    }
    return 0;
}

/* --- (3) commit -------------------------------------------------------------------------- */

static void settle(struct kpk_deed *const *deeds, size_t count, enum kpk_deed_outcome outcome) {
    for (size_t i = 0; i < count; i++)
        if (deeds[i]->outcome == KPK_DEED_DUE) deeds[i]->outcome = outcome;
}

static int commit(struct kpk_dlq_writer *writer, struct kpk_deed *const *deeds, size_t count,
                  struct kpk_err *err) {
    rd_kafka_error_t *error = rd_kafka_commit_transaction(writer->producer->rk, COMMIT_MS);

    /* Whether it was committed before the answer was lost is not known, but when the client itself
     * knows that it must be aborted. */
    settle(deeds, count,
           !error                                     ? KPK_DEED_DONE
           : rd_kafka_error_txn_requires_abort(error) ? KPK_DEED_DUE
                                                      : KPK_DEED_UNKNOWN);
    return failed(writer, error, "commit_transaction", err);
}

/* Best effort, so that readers of the tiers need not wait until it times out. */
static void give_up(struct kpk_dlq_writer *writer) {
    rd_kafka_error_t *error = rd_kafka_abort_transaction(writer->producer->rk, ABORT_MS);

    if (error) rd_kafka_error_destroy(error);
}

static int transact(struct kpk_dlq_writer *writer, struct kpk_deed *const *deeds, size_t count,
                    rd_kafka_message_t *const *msgs, struct kpk_err *err) {
    if (failed(writer, rd_kafka_begin_transaction(writer->producer->rk), "begin_transaction",
               err))
        return -1;
    if (produce(writer, deeds, count, msgs, err)) goto abort; /* (2) */
    if (kpk_fault("dlq:after-produce", err)) goto abort;
    if (kpk_producer_wait(writer->producer, PRODUCE_MS, err)) goto abort;
    if (kpk_fault("dlq:before-commit", err)) goto abort;
    if (commit(writer, deeds, count, err)) goto abort; /* (3) */
    return kpk_fault("dlq:after-commit", err);
abort:
    give_up(writer);
    return explain(writer, RD_KAFKA_RESP_ERR_NO_ERROR, err);
}

int kpk_dlq_write(struct kpk_dlq_writer *writer, struct kpk_deed *const *deeds, size_t count,
                  struct kpk_err *err) {
    rd_kafka_message_t *msgs[KPK_DLQ_BATCH] = {NULL};
    int rc = -1;

    if (read_letters(writer, deeds, count, msgs, err)) goto out; /* (1) */
    if (kpk_fault("dlq:after-read", err)) goto out;
    rc = transact(writer, deeds, count, msgs, err);
out:
    for (size_t i = 0; i < count; i++)
        if (msgs[i]) rd_kafka_message_destroy(msgs[i]);
    return rc;
}
