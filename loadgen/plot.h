/* One page of what `loadgen run --csv` wrote: throughput, lag and latency over the seconds of a run,
 * several runs over each other.
 *
 *   loadgen plot run.csv                            writes run.html
 *   loadgen plot before.csv after.csv --out both.html
 *
 * The page holds all it needs: no script, no font, nothing from a network. */
#ifndef KPK_LOADGEN_PLOT_H
#define KPK_LOADGEN_PLOT_H

#include "common/err.h"

#include <stddef.h>
#include <stdio.h>

/* The subcommand, argv[0] being "plot". returns  the exit code */
int load_plot(int argc, char **argv);

enum {
    PLOT_FILES = 8,       /* one colour each */
    PLOT_ROWS = 100000,   /* of a file: more than a day */
    PLOT_PHASE_SPANS = 64 /* of a file: --find-max has up to 24 steps, each with a drain */
};

/* The cells of a row after second and phase, in the order of the file. */
enum plot_column {
    PLOT_INTENDED,
    PLOT_ACKED,
    PLOT_CONSUMED,
    PLOT_LAG,
    PLOT_NOT_SENT,
    PLOT_PUBLISH_P50,
    PLOT_PUBLISH_P99,
    PLOT_END_TO_END_P50,
    PLOT_END_TO_END_P99,
    PLOT_COLUMNS
};

struct plot_row {
    int second;
    double cells[PLOT_COLUMNS]; /* NaN: nothing in that second */
};

/* One phase, from its first second to its last. */
struct plot_span {
    const char *phase;
    int first, last;
};

struct plot_run {
    const char *path;
    struct plot_row *rows; /* at least one; by second, none twice */
    size_t count;
    struct plot_span spans[PLOT_PHASE_SPANS];
    size_t span_count;
};

/* Read and check a file.
 * run      out; plot_run_clear() frees it, after an error too
 * returns  0, or -1 with 'err': file, line, column, reason */
int plot_run_read(const char *path, struct plot_run *run, struct kpk_err *err) KPK_MUST_CHECK;
void plot_run_clear(struct plot_run *run);

/* What a chart draws of each run. */
struct plot_line {
    enum plot_column column;
    const char *name;
};

enum { PLOT_LINES = 4 };

struct plot_chart {
    const char *title, *unit;               /* unit: of the y axis, with its name */
    int log;                                /* y is logarithmic */
    struct plot_line lines[PLOT_LINES + 1]; /* a NULL name ends them */
};

/* Write the chart as an <svg> element. Colours and dashes are classes of the page's style: with one
 * run each line has a colour (c0, c1, ...); with several each run has one, and each line a dash (d0,
 * d1, ...). */
void plot_svg(const struct plot_chart *chart, const struct plot_run *runs, size_t count,
              FILE *out);

/* Write the whole page. */
void plot_page(const struct plot_run *runs, size_t count, FILE *out);

/* Text for HTML, between tags or in a quoted attribute; '?' for what is no UTF-8. */
void plot_escape(const char *text, FILE *out);

#endif
