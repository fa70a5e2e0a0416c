/* A line chart as SVG: axes, phases, lines. Coordinates are written to a tenth of a pixel. */
#include "loadgen/plot.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH = 960,
    LEFT = 72,
    RIGHT = 16,
    TOP = 8,
    BOTTOM = 44,
    PLOT_HEIGHT = 240,
    PHASE_LANE = 15, /* height of a line of phase names */
    PHASE_LANES = PLOT_FILES,
    LETTER = 7,  /* about the width of one */
    TICKS_Y = 6, /* so many on an axis, at most */
    TICKS_X = 12,
};

struct axes {
    double last_second;
    double low, high; /* of y */
    int log;
    int top; /* where the plot begins, under the names of the phases */
};

static double x_of(const struct axes *axes, double second) {
    return LEFT + second / axes->last_second * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct axes *axes, double value) {
    double low = axes->low, high = axes->high;

    if (axes->log) { /* what took no time that could be measured lies on the floor */
        value = log10(fmax(value, low));
        low = log10(low), high = log10(high);
    }
    return axes->top + PLOT_HEIGHT * (1 - (value - low) / (high - low));
}

/* 1, 2 or 5 times a power of ten, so that no more than 'most' of them make up 'range'. */
static double step_of(double range, int most) {
    double ten = pow(10, floor(log10(range / most)));

    for (int i = 1; i < 10; i = i == 2 ? 5 : 2 * i)
        if (range / (i * ten) <= most) return i * ten;
    return 10 * ten;
}

/* 0.5, 20, 1.5k, 2M */
static void print_number(double value, FILE *out) {
    static const char letters[] = " kMGTP";
    size_t thousands = 0;

    while (value >= 1000 && letters[thousands + 1]) value /= 1000, thousands++;
    fprintf(out, "%.6g%.*s", value, thousands > 0, &letters[thousands]);
}

/* ---- what there is to draw ---- */

/* The least above 0 and the greatest of all cells of the chart. returns  0 when there is none */
static int range_of(const struct plot_chart *chart, const struct plot_run *runs, size_t count,
                    double *least, double *greatest) {
    int found = 0;

    *least = INFINITY, *greatest = 0;
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < runs[r].count; i++)
            for (const struct plot_line *line = chart->lines; line->name; line++) {
                double cell = runs[r].rows[i].cells[line->column];
                if (isnan(cell)) continue;
                found = 1;
                if (cell > 0) *least = fmin(*least, cell);
                *greatest = fmax(*greatest, cell);
            }
    return found;
}

static void scale(struct axes *axes, double least, double greatest) {
    if (!axes->log) {
        double step = step_of(greatest > 0 ? greatest : 1, TICKS_Y);
        axes->low = 0;
        axes->high = greatest > 0 ? ceil(greatest / step - 1e-9) * step : 1;
        return;
    }
    if (greatest <= 0) least = greatest = 1;
    axes->low = pow(10, floor(log10(least) + 1e-9));
    axes->high = pow(10, ceil(log10(greatest) - 1e-9));
    if (axes->high <= axes->low) axes->high = axes->low * 10;
}

/* ---- axes ---- */

static void print_y_tick(const struct axes *axes, double value, int named, FILE *out) {
    double y = y_of(axes, value);

    fprintf(out, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
            named ? "grid" : "grid minor", LEFT, WIDTH - RIGHT, y, y);
    if (!named) return;
    fprintf(out, "<text class=\"y\" x=\"%d\" y=\"%.1f\">", LEFT - 6, y + 4);
    print_number(value, out);
    fprintf(out, "</text>\n");
}

static void print_y_axis(const struct axes *axes, FILE *out) {
    double step = step_of(axes->high, TICKS_Y);

    if (!axes->log) {
        for (int i = 0; i * step <= axes->high * (1 + 1e-9); i++)
            print_y_tick(axes, i * step, 1, out);
        return;
    }
    for (int d = 0; d <= lround(log10(axes->high / axes->low)); d++)
        for (int i = 1; i < 10; i++) {
            double value = axes->low * pow(10, d) * i;
            if (value <= axes->high * (1 + 1e-9)) print_y_tick(axes, value, i == 1, out);
        }
}

static void print_axes(const struct axes *axes, const char *unit, FILE *out) {
    double step = fmax(step_of(axes->last_second, TICKS_X), 1);
    int bottom = axes->top + PLOT_HEIGHT, middle = axes->top + PLOT_HEIGHT / 2;

    print_y_axis(axes, out);
    for (int i = 0; i * step <= axes->last_second * (1 + 1e-9); i++) {
        double x = x_of(axes, i * step);
        fprintf(out,
                "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n"
                "<text class=\"x\" x=\"%.1f\" y=\"%d\">%.0f</text>\n",
                x, x, bottom, bottom + 4, x, bottom + 18, i * step);
    }
    fprintf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", LEFT,
            WIDTH - RIGHT, bottom, bottom);
    fprintf(out, "<text class=\"x\" x=\"%d\" y=\"%d\">time, seconds</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, bottom + 36);
    fprintf(out, "<text class=\"x\" transform=\"translate(14,%d) rotate(-90)\">", middle);
    plot_escape(unit, out);
    fprintf(out, "</text>\n");
}

/* ---- phases ---- */

struct phase_mark {
    const struct plot_span *span;
    size_t run;  /* the number of runs: several of them changed at that second */
    double left; /* of its name */
    int lane;
};

struct phase_marks {
    struct phase_mark marks[PLOT_FILES * PLOT_PHASE_SPANS];
    size_t count;
    int lanes;
};

static struct phase_mark *find_mark(struct phase_marks *marks, const struct plot_span *span) {
    for (size_t i = 0; i < marks->count; i++)
        if (marks->marks[i].span->first == span->first &&
            strcmp(marks->marks[i].span->phase, span->phase) == 0)
            return &marks->marks[i];
    return NULL;
}

/* Names that would run into each other go to different lanes: the first where there is room. */
static void place_phases(const struct axes *axes, const struct plot_run *runs, size_t count,
                         struct phase_marks *marks) {
    double ends[PHASE_LANES] = {0}; /* of the last name in each */

    marks->count = 0, marks->lanes = 1;
    for (size_t r = 0; r < count; r++)
        for (size_t s = 0; s < runs[r].span_count; s++) {
            const struct plot_span *span = &runs[r].spans[s];
            double width = LETTER * (double)strlen(span->phase);
            double left = fmin(x_of(axes, span->first) + 4, WIDTH - width);
            struct phase_mark *shared = find_mark(marks, span);
            int lane = 0;

            if (shared) {
                shared->run = count;
                continue;
            }
            while (lane + 1 < PHASE_LANES && ends[lane] > left) lane++;
            ends[lane] = left + width + LETTER;
            marks->marks[marks->count++] = (struct phase_mark){span, r, left, lane};
            if (lane >= marks->lanes) marks->lanes = lane + 1;
        }
}

/* With several runs a name has the colour of the run that it is of, if it is of one. */
static void print_phases(const struct axes *axes, const struct phase_marks *marks, size_t count,
                         FILE *out) {
    for (size_t i = 0; i < marks->count; i++) {
        const struct phase_mark *mark = &marks->marks[i];
        double x = x_of(axes, mark->span->first);
        int y = TOP + PHASE_LANE * (mark->lane + 1) - 4;
        char colour[32] = "";

        if (count > 1 && mark->run < count)
            snprintf(colour, sizeof(colour), " c%zu", mark->run);
        fprintf(out,
                "<line class=\"phase%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n"
                "<text class=\"phase%s\" x=\"%.1f\" y=\"%d\">%s</text>\n",
                colour, x, x, y - 10, axes->top + PLOT_HEIGHT, colour, mark->left, y,
                mark->span->phase);
    }
}

/* ---- lines ---- */

/* Broken where a second has no value; a second alone between two such is a dot ("h0", round caps). */
static void print_line(const struct axes *axes, const struct plot_run *run,
                       enum plot_column column, FILE *out) {
    int before = -1; /* the second that the pen is at */

    for (size_t i = 0; i < run->count; i++) {
        const struct plot_row *row = &run->rows[i];
        double value = row->cells[column];
        int joined = before >= 0 && row->second == before + 1;

        before = isnan(value) ? -1 : row->second;
        if (isnan(value)) continue;
        fprintf(out, "%s%.1f,%.1f", joined ? "L" : "M", x_of(axes, row->second),
                y_of(axes, value));
        if (!joined) fprintf(out, "h0");
    }
}

static void print_lines(const struct plot_chart *chart, const struct axes *axes,
                        const struct plot_run *runs, size_t count, FILE *out) {
    for (size_t r = 0; r < count; r++)
        for (size_t l = 0; chart->lines[l].name; l++) {
            fprintf(out, "<path class=\"line c%zu d%zu\" d=\"", count > 1 ? r : l,
                    count > 1 ? l : 0);
            print_line(axes, &runs[r], chart->lines[l].column, out);
            fprintf(out, "\"><title>");
            plot_escape(runs[r].path, out);
            fprintf(out, ": %s</title></path>\n", chart->lines[l].name);
        }
}

void plot_svg(const struct plot_chart *chart, const struct plot_run *runs, size_t count,
              FILE *out) {
    struct axes axes = {.last_second = 1, .log = chart->log};
    struct phase_marks marks;
    double least, greatest;
    int any = range_of(chart, runs, count, &least, &greatest);

    for (size_t r = 0; r < count; r++)
        axes.last_second = fmax(axes.last_second, runs[r].rows[runs[r].count - 1].second);
    place_phases(&axes, runs, count, &marks);
    axes.top = TOP + PHASE_LANE * marks.lanes;
    scale(&axes, least, greatest);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"%s\">\n",
            WIDTH, axes.top + PLOT_HEIGHT + BOTTOM, chart->title);
    print_axes(&axes, chart->unit, out);
    print_phases(&axes, &marks, count, out);
    if (any)
        print_lines(chart, &axes, runs, count, out);
    else
        fprintf(out, "<text class=\"x\" x=\"%d\" y=\"%d\">nothing was measured</text>\n",
                (LEFT + WIDTH - RIGHT) / 2, axes.top + PLOT_HEIGHT / 2);
    fprintf(out, "</svg>\n");
}
