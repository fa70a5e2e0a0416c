#include "common/matrix.h"

#include "common/conclude.h"
#include "common/stop.h"

#include <stdio.h>
#include <string.h>

enum { POINT_WIDTH = 24, CELL_WIDTH = 15, CELL_BYTES = 64, POINTS_MAX = 64 };

int kpk_fault_kinds_parse(const char *text, unsigned *kinds, struct kpk_err *err) {
    char copy[64], *rest = copy, *word;

    *kinds = 0;
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
        return kpk_fail(err, KPK_FATAL, "kinds: too long");
    while ((word = strsep(&rest, ","))) {
        int kind = 0;
        while (kind < KPK_FAULT_KINDS && strcmp(word, kpk_fault_kind_name(kind)) != 0) kind++;
        if (kind == KPK_FAULT_KINDS)
            return kpk_fail(err, KPK_FATAL,
                            "kinds: '%.20s' is none of exit, stop, error, delay", word);
        *kinds |= 1u << kind;
    }
    return 0;
}

/* What stands in the table. returns whether the cell is green */
static bool cell_text(const struct kpk_cell *cell, char out[CELL_BYTES]) {
    const struct kpk_report *report = &cell->report;
    const struct {
        size_t count;
        const char *word;
    } faults[] = {{report->lost, "LOST"},
                  {report->duplicated, "TWICE"},
                  {report->reordered, "REORDERED"},
                  {report->invented, "INVENTED"}};

    if (!cell->met) {
        strcpy(out, "NOT MET");
        return false;
    }
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        if (faults[i].count == 0) continue;
        snprintf(out, CELL_BYTES, "%s %zu", faults[i].word, faults[i].count);
        return false;
    }
    if (cell->again)
        snprintf(out, CELL_BYTES, "ok, %zu again", cell->again);
    else
        strcpy(out, "ok");
    return true;
}

static void note(struct kpk_matrix_result *result, const char *point, enum kpk_fault_kind kind,
                 const struct kpk_cell *cell) {
    char text[256];

    result->red++;
    if (result->first[0]) return;
    snprintf(result->first, sizeof(result->first), "%s at %s: %s", kpk_fault_kind_name(kind),
             point,
             cell->met ? kpk_report_text(&cell->report, text, sizeof(text))
                       : "the fault was never met");
}

static int run_row(const struct kpk_matrix *matrix, const char *point,
                   struct kpk_matrix_result *result, struct kpk_err *err) {
    printf("  %-*s", POINT_WIDTH, point);
    for (int kind = 0; kind < KPK_FAULT_KINDS; kind++) {
        struct kpk_cell cell = {0};
        char text[CELL_BYTES];
        if (!(matrix->kinds & 1u << kind)) continue;
        fflush(stdout);
        if (matrix->run(matrix->ctx, point, kind, &cell, err)) return -1;
        result->cells++;
        if (!cell_text(&cell, text)) note(result, point, kind, &cell);
        printf(" %-*s", CELL_WIDTH, text);
    }
    printf("\n");
    return 0;
}

static bool is_listed(const struct kpk_matrix *matrix, const char *point) {
    for (const char *const *listed = matrix->points; *listed; listed++)
        if (strcmp(*listed, point) == 0) return true;
    return false;
}

static int check_points(const struct kpk_matrix *matrix, struct kpk_err *err) {
    const char *points[POINTS_MAX];
    size_t count = kpk_fault_points(points, POINTS_MAX);

    for (size_t i = 0; i < count; i++)
        for (const char *const *prefix = matrix->prefixes; *prefix; prefix++)
            if (strncmp(points[i], *prefix, strlen(*prefix)) == 0 &&
                !is_listed(matrix, points[i]))
                return kpk_fail(err, KPK_FATAL, "the matrix forgets %s", points[i]);
    return 0;
}

int kpk_matrix_run(const struct kpk_matrix *matrix, struct kpk_matrix_result *result,
                   struct kpk_err *err) {
    *result = (struct kpk_matrix_result){0};
    if (check_points(matrix, err)) return -1;
    printf("  %-*s", POINT_WIDTH, "");
    for (int kind = 0; kind < KPK_FAULT_KINDS; kind++)
        if (matrix->kinds & 1u << kind) printf(" %-*s", CELL_WIDTH, kpk_fault_kind_name(kind));
    printf("\n");
    for (const char *const *point = matrix->points; *point; point++) {
        if (matrix->only && strncmp(*point, matrix->only, strlen(matrix->only)) != 0) continue;
        if (run_row(matrix, *point, result, err)) {
            printf("\n");
            return -1;
        }
        if (kpk_stopping()) return kpk_fail(err, KPK_FATAL, "asked to stop");
    }
    if (result->cells == 0)
        return kpk_fail(err, KPK_FATAL, "no point begins with '%.40s'", matrix->only);
    return 0;
}

int kpk_matrix_conclude(const struct kpk_matrix_result *result, const char *promise) {
    if (result->red)
        return kpk_conclude(KPK_FAIL, "%d of %d cells: %s", result->red, result->cells,
                            result->first);
    return kpk_conclude(KPK_PASS, "%d cells: %s", result->cells, promise);
}
