/* The crash matrix: every fault point x every kind of fault, and what the history says of each.
 *
 *                            exit         stop         error        delay
 *   outbox:after-select      ok           ok           ok           ok
 *   outbox:after-publish     ok, 4 again  ok, 4 again  ok, 4 again  ok
 *   naive:between            LOST 1       ok           LOST 1       ok
 *
 * A cell is one run, of its own writes, in which one process meets one fault (common/fault.h).
 * A cell whose fault was never met says nothing, and so fails. */
#ifndef KPK_COMMON_MATRIX_H
#define KPK_COMMON_MATRIX_H

#include "common/err.h"
#include "common/fault.h"
#include "common/history.h"

#include <stdbool.h>
#include <stddef.h>

struct kpk_cell {
    bool met;                 /* the process did pass the point */
    size_t again;             /* what came twice and is known as the same: told, no fault */
    struct kpk_report report; /* of the history */
};

/* Carry out one cell: start what is needed, with the fault in KPK_FAULT of one process; write; judge.
 * returns  0 with 'cell', or -1 with 'err': the run could not be carried through */
typedef int (*kpk_cell_run)(void *ctx, const char *point, enum kpk_fault_kind kind,
                            struct kpk_cell *cell, struct kpk_err *err);

struct kpk_matrix {
    const char *const *points; /* NULL-terminated */
    /* NULL-terminated: every point of this program that begins with one must be among 'points', so
     * that none is forgotten. */
    const char *const *prefixes;
    const char *only; /* run only the points that begin with this; NULL or "": all */
    unsigned kinds;   /* 1 << enum kpk_fault_kind, or-ed */
    kpk_cell_run run;
    void *ctx;
};

struct kpk_matrix_result {
    int cells, red;  /* red: lost, duplicated, reordered, invented, or not met */
    char first[400]; /* the first red cell in words; "" when there is none */
};

enum { KPK_FAULTS_ALL = (1 << KPK_FAULT_KINDS) - 1 };

/* "exit,stop" -> bits. returns 0, or -1 with 'err' (FATAL) naming the word that is no kind */
int kpk_fault_kinds_parse(const char *text, unsigned *kinds,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* Run every cell and print the table, each cell as soon as it is known.
 * returns  0 with 'result', or -1 with 'err': the first cell that could not be carried through */
int kpk_matrix_run(const struct kpk_matrix *matrix, struct kpk_matrix_result *result,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* The last line of a matrix that must be green. returns the exit code
 * promise  what every cell held: "nothing lost, reordered or invented" */
int kpk_matrix_conclude(const struct kpk_matrix_result *result, const char *promise);

#endif
