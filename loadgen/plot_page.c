/* The page around the charts: which runs they are of, and what each line means. */
#include "loadgen/plot.h"

#include "common/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct plot_chart charts[] = {
    {"Throughput",
     "messages a second",
     0,
     {{PLOT_INTENDED, "intended"}, {PLOT_ACKED, "acknowledged"}, {PLOT_CONSUMED, "consumed"}}},
    {"Lag", "lag, records", 0, {{PLOT_LAG, "lag"}}},
    {"Latency",
     "latency, ms (log scale)",
     1,
     {{PLOT_PUBLISH_P50, "publish p50"},
      {PLOT_PUBLISH_P99, "publish p99"},
      {PLOT_END_TO_END_P50, "end to end p50"},
      {PLOT_END_TO_END_P99, "end to end p99"}}},
};

enum { CHARTS = sizeof(charts) / sizeof(charts[0]) };

/* The colours differ for eyes that see few of them, on white and on black. */
static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:1.5rem auto;padding:0 1rem;"
    "background:#fff;color:#222}\n"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.4rem 0 .2rem;overflow-wrap:anywhere}"
    "p,figure{margin:0 0 .6rem}\n"
    "svg{width:100%;height:auto;display:block}"
    "figcaption span{margin-right:1.2rem;white-space:nowrap}\n"
    "figcaption svg,h2 svg{display:inline;width:28px;height:10px;margin-right:.4rem}\n"
    "text{font:12px system-ui,sans-serif;fill:#555}text.x{text-anchor:middle}"
    "text.y{text-anchor:end}\n"
    ".grid{stroke:#ddd}.minor{stroke:#f2f2f2}.axis{stroke:#888}\n"
    ".phase{stroke:#999;color:#555}text.phase{stroke:none;fill:currentColor}\n"
    ".line{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;"
    "stroke-linejoin:round}\n"
    ".d1{stroke-dasharray:7 4}.d2{stroke-dasharray:1.5 4}.d3{stroke-dasharray:9 4 1.5 4}\n"
    ".c0{color:#0067b1}.c1{color:#d55e00}.c2{color:#00805c}.c3{color:#a0458a}\n"
    ".c4{color:#8a6d00}.c5{color:#0f8fb3}.c6{color:#b3262a}.c7{color:#5b5b5b}\n"
    "@media(prefers-color-scheme:dark){body{background:#15181c;color:#ddd}text{fill:#aaa}\n"
    ".grid{stroke:#333}.minor{stroke:#202429}.axis{stroke:#888}.phase{stroke:#777;color:#aaa}\n"
    ".c0{color:#56b4e9}.c1{color:#ff9248}.c2{color:#2fc99a}.c3{color:#e08cc8}\n"
    ".c4{color:#e3c23c}.c5{color:#7fdcf5}.c6{color:#ff7b7e}.c7{color:#bbb}}\n";

void plot_escape(const char *text, FILE *out) {
    char *copy = strdup(text);

    if (!copy) {
        fputs("?", out);
        return;
    }
    kpk_utf8_line(copy);
    for (const char *c = copy; *c; c++) {
        const char *name = *c == '&'    ? "&amp;"
                           : *c == '<'  ? "&lt;"
                           : *c == '>'  ? "&gt;"
                           : *c == '"'  ? "&quot;"
                           : *c == '\'' ? "&#39;"
                                        : NULL;
        if (name)
            fputs(name, out);
        else
            fputc(*c, out);
    }
    free(copy);
}

/* A short line of class c<number> or d<number>. */
static void print_sample(char kind, size_t number, FILE *out) {
    fprintf(out, "<svg viewBox=\"0 0 28 10\"><path class=\"line %c%zu\" d=\"M1,5H27\"/></svg>",
            kind, number);
}

/* How much of a column there was in the whole run. returns  -1: every cell is empty */
static double sum(const struct plot_run *run, enum plot_column column) {
    double total = -1;

    for (size_t i = 0; i < run->count; i++)
        if (!isnan(run->rows[i].cells[column]))
            total = fmax(total, 0) + run->rows[i].cells[column];
    return total;
}

static void print_run(const struct plot_run *run, size_t colour, size_t count, FILE *out) {
    double not_sent = sum(run, PLOT_NOT_SENT);

    fprintf(out, "<h2>");
    if (count > 1) print_sample('c', colour, out);
    plot_escape(run->path, out);
    fprintf(out, "</h2>\n<p>");
    for (size_t i = 0; i < run->span_count; i++) {
        const struct plot_span *span = &run->spans[i];
        fprintf(out, "%s%s: seconds %d to %d", i ? "; " : "", span->phase, span->first,
                span->last);
    }
    if (not_sent >= 0) fprintf(out, ". Not sent: %.0f messages", not_sent);
    fprintf(out, ".</p>\n");
}

static void print_legend(const struct plot_chart *chart, const struct plot_run *runs,
                         size_t count, FILE *out) {
    fprintf(out, "<figcaption>");
    for (size_t l = 0; chart->lines[l].name; l++) {
        fprintf(out, "<span>");
        print_sample(count > 1 ? 'd' : 'c', l, out);
        fprintf(out, "%s</span>", chart->lines[l].name);
    }
    for (size_t r = 0; count > 1 && r < count; r++) {
        fprintf(out, "<span>");
        print_sample('c', r, out);
        plot_escape(runs[r].path, out);
        fprintf(out, "</span>");
    }
    fprintf(out, "</figcaption>\n");
}

void plot_page(const struct plot_run *runs, size_t count, FILE *out) {
    fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>loadgen: ");
    for (size_t r = 0; r < count; r++) {
        if (r) fprintf(out, ", ");
        plot_escape(runs[r].path, out);
    }
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>%s</h1>\n", style,
            count > 1 ? "Load runs compared" : "A load run");
    for (size_t r = 0; r < count; r++) print_run(&runs[r], r, count, out);
    for (size_t c = 0; c < CHARTS; c++) {
        fprintf(out, "<figure>\n<h2>%s</h2>\n", charts[c].title);
        plot_svg(&charts[c], runs, count, out);
        print_legend(&charts[c], runs, count, out);
        fprintf(out, "</figure>\n");
    }
    fprintf(out, "</body>\n</html>\n");
}
