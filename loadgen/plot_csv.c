/* The rows of `loadgen run --csv`. Nothing is guessed: a file that was cut, edited or made by another
 * version is refused at the first cell that shows it. */
#include "loadgen/plot.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char header[] =
    "second,phase,intended_per_s,acked_per_s,consumed_per_s,lag,not_sent,publish_p50_ms,"
    "publish_p99_ms,end_to_end_p50_ms,end_to_end_p99_ms";

static const char *const phases[] = {"warm-up", "step", "sustained", "peak", "drain", NULL};

enum { MAX_SECOND = 10000000, FIELDS = 2 + PLOT_COLUMNS, ROWS_AT_ONCE = 1024, SHOWN = 40 };

static const double MAX_CELL = 1e15;

/* Where in the file an error is. */
struct place {
    const char *path;
    size_t line;
};

static int fail_line(const struct place *at, const char *why, struct kpk_err *err) {
    return kpk_fail(err, KPK_REJECT, "%.100s: line %zu: %s", at->path, at->line, why);
}

/* field: from 0 */
static int fail_cell(const struct place *at, int field, const char *text, const char *why,
                     struct kpk_err *err) {
    const char *name = header;

    for (int i = 0; i < field; i++) name = strchr(name, ',') + 1;
    return kpk_fail(err, KPK_REJECT, "%.100s: line %zu, column %d (%.*s): '%.*s' %s", at->path,
                    at->line, field + 1, (int)strcspn(name, ","), name, SHOWN, text, why);
}

/* Digits, with a fraction or without: no sign, no exponent, no "nan". */
static bool is_plain_number(const char *text) {
    size_t whole = strspn(text, "0123456789"), fraction;

    if (whole == 0 || text[whole] == '\0') return whole > 0;
    if (text[whole] != '.') return false;
    fraction = strspn(text + whole + 1, "0123456789");
    return fraction > 0 && text[whole + 1 + fraction] == '\0';
}

static int take_second(const struct place *at, const char *text, const struct plot_run *run,
                       int *second, struct kpk_err *err) {
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10); /* what does not fit is out of bounds too */

    if (digits == 0 || text[digits] != '\0')
        return fail_cell(at, 0, text, "is not a whole number", err);
    if (number > MAX_SECOND) return fail_cell(at, 0, text, "is above 10000000", err);
    if (run->count && number <= run->rows[run->count - 1].second)
        return fail_cell(at, 0, text, "does not come after the second of the row before", err);
    *second = (int)number;
    return 0;
}

static int take_cell(const struct place *at, int field, const char *text, double *cell,
                     struct kpk_err *err) {
    *cell = NAN;
    if (*text == '\0') return 0;
    if (!is_plain_number(text))
        return fail_cell(at, field, text, "is not a number from 0, as 12 or 0.5", err);
    *cell = strtod(text, NULL);
    if (*cell > MAX_CELL) return fail_cell(at, field, text, "is absurdly large", err);
    return 0;
}

static int take_phase(const struct place *at, const char *text, int second,
                      struct plot_run *run, struct kpk_err *err) {
    struct plot_span *span = &run->spans[run->span_count ? run->span_count - 1 : 0];
    const char *const *phase = phases;

    while (*phase && strcmp(*phase, text) != 0) phase++;
    if (!*phase)
        return fail_cell(at, 1, text, "is none of warm-up, step, sustained, peak, drain", err);
    if (run->span_count && span->phase == *phase) return span->last = second, 0;
    if (run->span_count == PLOT_PHASE_SPANS)
        return fail_cell(at, 1, text, "is one change of phase too many: 63 at most", err);
    run->spans[run->span_count++] = (struct plot_span){*phase, second, second};
    return 0;
}

static int add_row(struct plot_run *run, const struct plot_row *row, struct kpk_err *err) {
    if (run->count % ROWS_AT_ONCE == 0) {
        size_t room = run->count + ROWS_AT_ONCE;
        struct plot_row *rows = realloc(run->rows, room * sizeof(*rows));
        if (!rows) return kpk_fail(err, KPK_FATAL, "%.100s: out of memory", run->path);
        run->rows = rows;
    }
    run->rows[run->count++] = *row;
    return 0;
}

/* 'line' is cut into its fields. */
static int take_row(const struct place *at, char *line, struct plot_run *run,
                    struct kpk_err *err) {
    struct plot_row row;
    char *fields[FIELDS], *rest = line;
    int count = 0;

    while (rest && count < FIELDS) fields[count++] = strsep(&rest, ",");
    if (rest || count < FIELDS)
        return kpk_fail(err, KPK_REJECT, "%.100s: line %zu, column %d: %s %d columns", at->path,
                        at->line, count + 1, rest ? "there are more than" : "missing, of",
                        FIELDS);
    if (run->count == PLOT_ROWS) return fail_line(at, "there are more than 100000 rows", err);
    if (take_second(at, fields[0], run, &row.second, err) ||
        take_phase(at, fields[1], row.second, run, err))
        return -1;
    for (int i = 0; i < PLOT_COLUMNS; i++)
        if (take_cell(at, i + 2, fields[i + 2], &row.cells[i], err)) return -1;
    return add_row(run, &row, err);
}

/* The next line with its newline, NUL-terminated; what does not fit in 'size' is left for the next.
 * returns  its bytes, 0 at the end */
static size_t next_line(FILE *file, char *line, size_t size) {
    size_t len = 0;
    int c = 0;

    while (len + 1 < size && c != '\n' && (c = getc(file)) != EOF) line[len++] = (char)c;
    line[len] = '\0';
    return len;
}

static int take_line(const struct place *at, char *line, size_t len, struct plot_run *run,
                     struct kpk_err *err) {
    if (strlen(line) != len) return fail_line(at, "a NUL byte", err);
    if (line[len - 1] != '\n')
        return fail_line(
            at, "no newline at its end, or too long: the file was cut, or is none of a run",
            err);
    line[len - 1] = '\0';
    if (at->line > 1) return take_row(at, line, run, err);
    if (strcmp(line, header) == 0) return 0;
    for (size_t i = 0; i < sizeof(header); i++)
        if (line[i] != header[i])
            return kpk_fail(
                err, KPK_REJECT,
                "%.100s: line 1, byte %zu: '%.*s' is not the header of a run's CSV, "
                "which goes on '%.*s' there",
                at->path, i + 1, SHOWN, line + i, SHOWN, header + i);
    return 0;
}

int plot_run_read(const char *path, struct plot_run *run, struct kpk_err *err) {
    struct place at = {path, 0};
    FILE *file = fopen(path, "re");
    char line[512]; /* more than eleven numbers take */
    size_t len;
    int rc = 0;

    *run = (struct plot_run){.path = path};
    if (!file) return kpk_fail(err, KPK_FATAL, "%.100s: %m", path);
    while (rc == 0 && (len = next_line(file, line, sizeof(line)))) {
        at.line++;
        rc = take_line(&at, line, len, run, err);
    }
    if (rc == 0 && ferror(file)) rc = kpk_fail(err, KPK_FATAL, "%.100s: %m", path);
    if (rc == 0 && run->count == 0)
        rc = kpk_fail(err, KPK_REJECT, "%.100s: line %zu: %s", path, at.line + 1,
                      at.line ? "no row: nothing was measured" : "the file is empty");
    fclose(file);
    return rc;
}

void plot_run_clear(struct plot_run *run) {
    free(run->rows);
    *run = (struct plot_run){0};
}
