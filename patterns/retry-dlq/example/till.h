/* The world of the worked example: customers who pay, workers who charge them, and a provider that keeps
 * its own records.
 *
 *   till_open(&till, err)
 *   till_begin(&till, err)                     a run: its charges are judged by themselves
 *   till_worker(&till, i, ...)                 start a worker
 *   till_charge(&till, card, err)              a charge, acknowledged by Kafka
 *   till_judge(&till, ...)                     what became of them against what was acknowledged
 *
 * In the history a stream is a customer, or "refused" for the charges that never can succeed; an id is
 * a charge; "the provider" must have moved the money of every customer's charges, once, and "the dead
 * letters" must hold every refused one. A letter that was handed over twice is known again by where it
 * was read first. */
#ifndef KPK_PATTERNS_RETRY_DLQ_EXAMPLE_TILL_H
#define KPK_PATTERNS_RETRY_DLQ_EXAMPLE_TILL_H

#include "common/child.h"
#include "common/history.h"
#include "common/kafka.h"
#include "common/pg.h"
#include "common/tail.h"
#include "common/uuid.h"
#include "patterns/retry-dlq/example/provider.h"

enum { TILL_WORKERS = 2, TILL_CUSTOMERS = 12, TILL_CHARGES = 8000, TILL_PATIENCE_MS = 30000 };

struct charge {
    char id[KPK_UUID_BYTES];
    int customer;
    const struct card *card;
    bool acked;
};

struct letter {
    char id[KPK_UUID_BYTES];
    char from[300]; /* topic:partition:offset:group of the first reading */
    int tries;
};

struct till {
    struct kpk_pg *pg;
    struct kpk_producer *producer;
    struct kpk_tail *dlq; /* opened by the first judgement */
    struct kpk_child *workers[TILL_WORKERS];
    struct charge *charges; /* of this run */
    struct letter *letters; /* each once */
    int count, letter_count;
    size_t letters_again; /* those that lay there more than once */
};

int till_open(struct till *till, struct kpk_err *err) KPK_MUST_CHECK;
void till_close(struct till *till);

/* Forget the charges so far. */
void till_begin(struct till *till);

/* How a worker is to be played. */
struct till_part {
    const char *way;     /* "pattern", or one of worker_naive(), or "bench" */
    const char *fault;   /* KPK_FAULT; NULL: none */
    int max_poll_ms;     /* max.poll.interval.ms; 0: as always */
    const char *charges; /* of bench; NULL: 0 */
};

/* Start it, in place of the one that may run.
 * child  out; NULL: till->workers[i] */
int till_worker(struct till *till, int i, const struct till_part *part,
                struct kpk_child **child, struct kpk_err *err) KPK_MUST_CHECK;
void till_dismiss(struct till *till); /* all processes */

/* One charge of the next customer. */
int till_charge(struct till *till, const char *card, struct kpk_err *err) KPK_MUST_CHECK;

bool till_is_payable(const struct charge *charge); /* sooner or later */

/* The charges of this run: how many will succeed, and for how many the money has moved. */
int till_payable(const struct till *till);
int till_paid(struct till *till, int *paid, struct kpk_err *err) KPK_MUST_CHECK;

/* Charge and 'again' of this run's moves, in their order. returns for PQclear(), or NULL with 'err' */
PGresult *till_moves(struct till *till, struct kpk_err *err);

struct till_verdict {
    struct kpk_report report;
    size_t again;     /* asked again after the money had moved, or a dead letter once more */
    size_t reordered; /* money that moved after that of a later charge of the same customer */
};

/* Wait up to 'timeout_ms' until everything is done or refused. What is not by then is lost, and the
 * judgement says so. returns 0, or -1 with 'err' */
int till_await(struct till *till, int timeout_ms, struct kpk_err *err) KPK_MUST_CHECK;

/* Wait, and judge. returns 0 with 'verdict', or -1 with 'err' */
int till_judge(struct till *till, int timeout_ms, struct till_verdict *verdict,
               struct kpk_err *err) KPK_MUST_CHECK;

/* What main chooses from; each prints its story and returns the exit code. */
int story_pattern(struct till *till);
int story_naive(struct till *till);
int story_bench(struct till *till);
int story_matrix(struct till *till, unsigned kinds);
int story_naive_matrix(struct till *till, unsigned kinds);

#endif
