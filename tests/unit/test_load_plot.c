/* A page of what runs wrote: where its lines lie, and that bad input leaves nothing behind. */
#include "loadgen/plot.h"

#include "tests/support/capture.h"
#include "tests/support/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define HEADER                                                                                 \
    "second,phase,intended_per_s,acked_per_s,consumed_per_s,lag,not_sent,publish_p50_ms,"      \
    "publish_p99_ms,end_to_end_p50_ms,end_to_end_p99_ms\n"

static char folder[] = "/tmp/kpk-load-plot-XXXXXX";

static const char run[] = HEADER "0,warm-up,100,100,90,10,0,1,10,2,20\n"
                                 "1,warm-up,100,100,100,10,0,1,10,2,20\n"
                                 "2,sustained,200,190,190,10,10,1,10,,\n"
                                 "3,sustained,200,200,200,,,1,10,2,20\n"
                                 "4,peak,800,790,400,400,0,10,100,20,200\n"
                                 "5,peak,800,800,400,800,0,10,100,20,200\n"
                                 "6,drain,,,800,,,,,40,400\n"
                                 "7,drain,0,0,400,0,0,,,0,0.5\n"
                                 "10,drain,0,0,0,0,2,,,,\n";

static const char *in_folder(const char *name) {
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, size_t len) {
    FILE *file = fopen(in_folder(name), "w");

    assert_non_null(file);
    assert_true(fwrite(text, 1, len, file) == len);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

/* What a file holds, until the next call. */
static const char *text_of(const char *name) {
    static char text[256 * 1024];
    FILE *file = fopen(in_folder(name), "r");
    size_t len;

    if (!file) fail_msg("there is no %s", name);
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

/* Call with each word of 'files' in the folder, then 'options'. */
static const struct captured *plot(const char *files, const char *options) {
    char line[2048] = "plot", copy[256], *words = copy, *word;
    size_t len = strlen(line);

    snprintf(copy, sizeof(copy), "%s", files);
    while ((word = strsep(&words, " ")))
        len += (size_t)snprintf(line + len, sizeof(line) - len, " %s", in_folder(word));
    snprintf(line + len, sizeof(line) - len, " %s", options);
    return capture(load_plot, line);
}

static void assert_drawn(const struct captured *got) {
    if (got->code != 0) fail_msg("exit %d: %s", got->code, got->err);
}

static void assert_refused(const struct captured *got, const char *why) {
    assert_int_equal(got->code, 1);
    assert_string_equal(got->out, "");
    if (!strstr(got->err, why)) fail_msg("not '%s', but %s", why, got->err);
}

static void assert_has(const char *page, const char *part) {
    if (!strstr(page, part)) fail_msg("no '%s' in:\n%s", part, page);
}

static int count_of(const char *page, const char *part) {
    int count = 0;

    for (; (page = strstr(page, part)); page += strlen(part)) count++;
    return count;
}

static int files_there(void) {
    DIR *dir = opendir(folder);
    int count = 0;

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Second s lies at x = 72 + 87.2 s: 872 pixels are ten seconds. The names of the phases have room in one
 * line, so that the plot lies from y = 23 to 263. */
static void lines_lie_where_the_numbers_are(void **state) {
    static const char *const parts[] = {
        /* lag: 800 at the top, 10 at 263 - 3; nothing in 3, 6, 8, 9, so four pieces */
        "<path class=\"line c0 d0\" d=\"M72.0,260.0h0L159.2,260.0L246.4,260.0M420.8,143.0h0"
        "L508.0,23.0M682.4,263.0h0M944.0,263.0h0\">",
        /* intended: nothing in 6 */
        "<path class=\"line c0 d0\" "
        "d=\"M72.0,233.0h0L159.2,233.0L246.4,203.0L333.6,203.0L420.8,"
        "23.0L508.0,23.0M682.4,263.0h0M944.0,263.0h0\">",
        /* publish p50 of 1 and 10 ms: four decades from 0.1, 60 pixels each */
        "<path class=\"line c0 d0\" "
        "d=\"M72.0,203.0h0L159.2,203.0L246.4,203.0L333.6,203.0L420.8,"
        "143.0L508.0,143.0\">",
        /* end to end p50: 0 ms lies on the floor of the log scale */
        "<path class=\"line c2 d0\" "
        "d=\"M72.0,184.9h0L159.2,184.9M333.6,184.9h0L420.8,124.9L508.0,"
        "124.9L595.2,106.9L682.4,263.0\">",
        /* the phases */
        "x1=\"72.0\" x2=\"72.0\" y1=\"9\" y2=\"263\"/>\n<text class=\"phase\" x=\"76.0\" "
        "y=\"19\">warm-up</text>",
        "<text class=\"phase\" x=\"250.4\" y=\"19\">sustained</text>",
        "<text class=\"phase\" x=\"424.8\" y=\"19\">peak</text>",
        "<text class=\"phase\" x=\"599.2\" y=\"19\">drain</text>",
        /* the axes */
        ">messages a second</text>",
        ">lag, records</text>",
        ">latency, ms (log scale)</text>",
        ">time, seconds</text>",
        "<text class=\"y\" x=\"66\" y=\"27.0\">1k</text>",
        "warm-up: seconds 0 to 1; sustained: seconds 2 to 3; peak: seconds 4 to 5; drain: "
        "seconds "
        "6 to 10. Not sent: 12 messages.",
    };
    const char *page;

    (void)state;
    write_text("run.csv", run);
    assert_drawn(plot("run.csv", ""));
    page = text_of("run.html");
    for (size_t i = 0; i < COUNT(parts); i++) assert_has(page, parts[i]);
    assert_int_equal(count_of(page, "<svg xmlns"), 3);
    assert_int_equal(count_of(page, "<svg"), count_of(page, "</svg>"));
    assert_int_equal(count_of(page, "<path class=\"line c"),
                     8 + 8); /* lines, and the legends' */
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "inf"));
}

static void the_page_needs_nothing_else(void **state) {
    static const char *const never[] = {
        "<script", " src=", " href=", "url(", "@import", "https:"};
    const char *page;

    (void)state;
    write_text("run.csv", run);
    assert_drawn(plot("run.csv", ""));
    page = text_of("run.html");
    for (size_t i = 0; i < COUNT(never); i++)
        if (strstr(page, never[i])) fail_msg("the page has %s", never[i]);
    assert_has(page, "prefers-color-scheme:dark");
    /* The name of SVG, which nobody fetches. */
    assert_int_equal(count_of(page, "http:"), count_of(page, "\"http://www.w3.org/2000/svg\""));
}

static void several_runs_have_a_colour_each(void **state) {
    static const char other[] = HEADER "0,warm-up,1,1,1,0,0,1,1,1,1\n"
                                       "1,warm-up,1,1,1,0,0,1,1,1,1\n"
                                       "2,peak,1,1,1,0,0,1,1,1,1\n";
    const char *page;

    (void)state;
    write_text("a.csv", run);
    write_text("b.csv", other);
    assert_drawn(plot("a.csv b.csv", ""));
    page = text_of("a.html");
    assert_has(page, "Load runs compared");
    assert_has(page, "<path class=\"line c0 d2\" d=\"M72.0,");
    assert_has(page, "<path class=\"line c1 d2\" d=\"M72.0,");
    assert_has(page, "b.csv: consumed</title>");
    /* Both began together; what only one did has its colour; names that would meet stand apart. */
    assert_int_equal(count_of(page, "\">warm-up</text>"), 3);
    assert_has(page, "<text class=\"phase\" x=\"76.0\" y=\"19\">warm-up</text>");
    assert_has(page, "<text class=\"phase c0\" x=\"250.4\" y=\"19\">sustained</text>");
    assert_has(page, "<text class=\"phase c1\" x=\"250.4\" y=\"34\">peak</text>");
}

static void names_of_files_are_text(void **state) {
    const char *page;

    (void)state;
    write_text("<b>&\"'\xff.csv", run);
    write_text("b.csv", run);
    assert_drawn(plot("<b>&\"'\xff.csv b.csv", ""));
    page = text_of("<b>&\"'\xff.html");
    assert_int_equal(count_of(page, "&lt;b&gt;&amp;&quot;&#39;?.csv"), 1 + 1 + 3 + 8);
    assert_null(strstr(page, "<b>"));
    assert_null(strchr(page, '\xff'));
    assert_int_equal(unlink(in_folder("<b>&\"'\xff.html")), 0);
    assert_int_equal(unlink(in_folder("<b>&\"'\xff.csv")), 0);
}

static void odd_numbers_are_drawn(void **state) {
    static const struct {
        const char *rows, *part;
    } cases[] = {
        {"0,peak,,,,,,,,,\n", "nothing was measured"},
        {"0,peak,,,,,,,,,\n", "<p>peak: seconds 0 to 0.</p>"},
        {"0,peak,0,0,0,0,0,0,0,0,0\n", "d=\"M72.0,263.0h0\""},
        {"0,peak,7,7,7,7,7,7,7,7,7\n", "<text class=\"y\" x=\"66\" y=\"27.0\">10</text>"},
        {"0,peak,1000000000000000,,,,,,,,\n", ">1P</text>"},
        {"0,peak,,,,,,0.001,0.001,,\n", ">0.001</text>"},
        {"0,peak,0.25,,,,,,,,\n", ">0.25</text>"},
        {"10000000,peak,1,,,,,,,,\n", "\">10000000</text>"},
        {"0,peak,1,,,,,,,,\n1,drain,1,,,,,,,,\n2,peak,1,,,,,,,,\n1000,drain,1,,,,,,,,\n",
         "x=\"925.0\" y=\"19\">drain</text>"}, /* not beyond the edge */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        snprintf(text, sizeof(text), HEADER "%s", cases[i].rows);
        write_text("run.csv", text);
        assert_drawn(plot("run.csv", ""));
        assert_has(text_of("run.html"), cases[i].part);
        assert_null(strstr(text_of("run.html"), "nan"));
        assert_null(strstr(text_of("run.html"), "inf"));
    }
}

static void a_bad_cell_is_told_with_its_place(void **state) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "line 1: the file is empty"},
        {HEADER, "line 2: no row"},
        {"second,phase\n",
         "line 1, byte 13: '' is not the header of a run's CSV, which goes on "
         "',intended_per_s"},
        {"second;phase\n", "line 1, byte 7: ';phase' is not"},
        {"\n", "line 1, byte 1: '' is not"},
        {HEADER "\n", "line 2, column 2: missing, of 11 columns"},
        {HEADER "0,peak,1,1,1,1,1,1,1,1\n", "line 2, column 11: missing, of 11 columns"},
        {HEADER "0,peak,1,1,1,1,1,1,1,1,1,1\n", "line 2, column 12: there are more than 11"},
        {HEADER "0,peak,1,1,1,1,1,1,1,1,1", "line 2: no newline at its end"},
        {HEADER "0,peak,1,1,1,1,1,1,1,1,1\r\n",
         "line 2, column 11 (end_to_end_p99_ms): '1?' is"},
        {HEADER "0,Peak,1,1,1,1,1,1,1,1,1\n",
         "line 2, column 2 (phase): 'Peak' is none of warm-up"},
        {HEADER "0,,1,1,1,1,1,1,1,1,1\n", "line 2, column 2 (phase): '' is none of"},
        {HEADER ",peak,1,1,1,1,1,1,1,1,1\n",
         "line 2, column 1 (second): '' is not a whole number"},
        {HEADER "1.5,peak,1,1,1,1,1,1,1,1,1\n",
         "column 1 (second): '1.5' is not a whole number"},
        {HEADER "-1,peak,1,1,1,1,1,1,1,1,1\n", "column 1 (second): '-1' is not a whole number"},
        {HEADER "99999999999999999999,peak,,,,,,,,,\n", "' is above 10000000"},
        {HEADER "1,peak,,,,,,,,,\n1,peak,,,,,,,,,\n",
         "line 3, column 1 (second): '1' does not come"},
        {HEADER "1,peak,,,,,,,,,\n0,peak,,,,,,,,,\n",
         "line 3, column 1 (second): '0' does not come"},
        {HEADER "0,peak,-1,,,,,,,,\n",
         "line 2, column 3 (intended_per_s): '-1' is not a number"},
        {HEADER "0,peak,,nan,,,,,,,\n", "column 4 (acked_per_s): 'nan' is not a number"},
        {HEADER "0,peak,,,inf,,,,,,\n", "column 5 (consumed_per_s): 'inf' is not a number"},
        {HEADER "0,peak,,,,0x1,,,,,\n", "column 6 (lag): '0x1' is not a number"},
        {HEADER "0,peak,,,,,1e3,,,,\n", "column 7 (not_sent): '1e3' is not a number"},
        {HEADER "0,peak,,,,,,1.,,,\n", "column 8 (publish_p50_ms): '1.' is not a number"},
        {HEADER "0,peak,,,,,,,.5,,\n", "column 9 (publish_p99_ms): '.5' is not a number"},
        {HEADER "0,peak,,,,,,,, 1,\n", "column 10 (end_to_end_p50_ms): ' 1' is not a number"},
        {HEADER "0,peak,2000000000000000,,,,,,,,\n", "is absurdly large"},
        {HEADER "0,peak,,,,,,,,,<script>\n",
         "column 11 (end_to_end_p99_ms): '<script>' is not"},
    };
    int before;

    (void)state;
    write_text("run.html", "the page that was there");
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_text("run.csv", cases[i].text);
        before = files_there();
        assert_refused(plot("run.csv", ""), cases[i].why);
        assert_int_equal(files_there(), before);
        assert_string_equal(text_of("run.html"), "the page that was there");
    }
    write_file("run.csv", HEADER "0,peak,\0,,,,,,,,\n", sizeof(HEADER) - 1 + 18);
    assert_refused(plot("run.csv", ""), "line 2: a NUL byte");
}

static void a_file_has_limits(void **state) {
    FILE *file;

    (void)state;
    write_text("run.csv", HEADER);
    assert_non_null(file = fopen(in_folder("run.csv"), "a"));
    for (int i = 0; i <= PLOT_PHASE_SPANS; i++)
        fprintf(file, "%d,%s,,,,,,,,,\n", i, i % 2 ? "peak" : "drain");
    fclose(file);
    assert_refused(plot("run.csv", ""), "line 66, column 2 (phase): 'drain' is one change");

    write_text("run.csv", HEADER);
    assert_non_null(file = fopen(in_folder("run.csv"), "a"));
    for (int i = 0; i <= PLOT_ROWS; i++) fprintf(file, "%d,peak,,,,,,,,,\n", i);
    fclose(file);
    assert_refused(plot("run.csv", ""), "line 100002: there are more than 100000 rows");

    write_text("run.csv", HEADER);
    assert_non_null(file = fopen(in_folder("run.csv"), "a"));
    fprintf(file, "0,peak,%0600d,,,,,,,,\n", 1);
    fclose(file);
    assert_refused(plot("run.csv", ""), "line 2: no newline at its end, or too long");
    assert_refused(capture(load_plot, "plot /dev/zero"), "line 1: a NUL byte");
}

static void a_page_is_written_whole_or_not_at_all(void **state) {
    struct rlimit limit, small;
    int before;

    (void)state;
    write_text("run.csv", run);
    write_text("run.html", "the page that was there");
    before = files_there();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){4096, limit.rlim_max}; /* as a full disk: no room for the whole */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const struct captured *got = plot("run.csv", "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_refused(got, "File too large");
    assert_int_equal(files_there(), before);
    assert_string_equal(text_of("run.html"), "the page that was there");

    assert_drawn(plot("run.csv", ""));
    assert_int_equal(files_there(), before);
    assert_has(text_of("run.html"), "</html>");
}

static void what_cannot_be_written_or_read_is_told(void **state) {
    char out[300];

    (void)state;
    write_text("run.csv", run);
    assert_has(capture(load_plot, "plot --help")->out,
               "usage: loadgen plot <run.csv>... [options]");
    assert_refused(capture(load_plot, "plot"), "one to 8 files are needed");
    assert_refused(plot("1 2 3 4 5 6 7 8 9", ""), "one to 8 files are needed");
    assert_refused(plot("none.csv", ""), "none.csv: No such file or directory");
    assert_refused(plot("run.csv none.csv", ""), "none.csv: No such file or directory");
    assert_refused(capture(load_plot, "plot /tmp"), "/tmp: Is a directory");
    assert_refused(plot("run.csv", "--out /nowhere/run.html"), "No such file or directory");
    assert_refused(plot("run.csv", "--out /tmp"), "--out: /tmp is there, and no file");
    snprintf(out, sizeof(out), "--out %s/./run.csv", folder);
    assert_refused(plot("run.csv", out), "run.csv is one of the files to read");
    assert_string_equal(text_of("run.csv"), run);
}

/* Of the search for the highest rate: as many steps as it has, each with its drain. */
static void steps_are_drawn(void **state) {
    char text[8192] = HEADER "1,warm-up,1,1,1,0,0,1,1,1,1\n";
    size_t len = strlen(text);
    int second = 1;

    (void)state;
    for (int step = 0; step < 24; step++)
        for (int phase = 0; phase < 2; phase++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%d,%s,1,1,1,0,0,1,1,1,1\n",
                                    ++second, phase ? "drain" : "step");
    snprintf(text + len, sizeof(text) - len,
             "60,sustained,1,1,1,0,0,,,,\n61,peak,1,1,1,0,0,,,,\n62,drain,0,0,0,0,0,,,,\n");
    write_text("steps.csv", text);
    assert_drawn(plot("steps.csv", ""));
    assert_has(text_of("steps.html"), ">step</text>");
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    DIR *dir = opendir(folder);

    (void)state;
    if (!dir) return -1;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') unlink(in_folder(entry->d_name));
    closedir(dir);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_lie_where_the_numbers_are),
        cmocka_unit_test(the_page_needs_nothing_else),
        cmocka_unit_test(several_runs_have_a_colour_each),
        cmocka_unit_test(names_of_files_are_text),
        cmocka_unit_test(odd_numbers_are_drawn),
        cmocka_unit_test(a_bad_cell_is_told_with_its_place),
        cmocka_unit_test(a_file_has_limits),
        cmocka_unit_test(a_page_is_written_whole_or_not_at_all),
        cmocka_unit_test(what_cannot_be_written_or_read_is_told),
        cmocka_unit_test(steps_are_drawn),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
