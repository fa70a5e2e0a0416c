/* Every file is read and checked before anything is written, and the page takes its name only when
 * it is whole: a reader of the old page never sees half of a new one. */
#include "loadgen/plot.h"

#include "common/opts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct { const char *out; } args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"out", NULL, KPK_OPT_STR, &args.out, NULL, 0, 0, "the page to write; without it the first file's name with .html for .csv"},
    {0}};
/* clang-format on */

static const struct kpk_program program = {
    .name = "loadgen plot",
    .summary = "Draw what one or more runs wrote with --csv, as one HTML page",
    .usage = "<run.csv>... [options]",
    .opts = opts,
};

/* The name of the page, into out[PATH_MAX]. */
static int choose_name(const char *first, char *out, struct kpk_err *err) {
    size_t len = strlen(first);
    int written;

    if (*args.out)
        written = snprintf(out, PATH_MAX, "%s", args.out);
    else if (len > 4 && strcmp(first + len - 4, ".csv") == 0)
        written = snprintf(out, PATH_MAX, "%.*s.html", (int)len - 4, first);
    else
        written = snprintf(out, PATH_MAX, "%s.html", first);
    if (written >= PATH_MAX)
        return kpk_fail(err, KPK_FATAL, "--out: longer than a path may be");
    return 0;
}

/* The page must not take the place of what it is drawn from, whatever that is called. */
static int keep_inputs(const char *name, const struct plot_run *runs, size_t count,
                       struct kpk_err *err) {
    struct stat page, run;

    if (stat(name, &page)) return 0; /* nothing is there yet */
    for (size_t i = 0; i < count; i++)
        if (stat(runs[i].path, &run) == 0 && run.st_dev == page.st_dev &&
            run.st_ino == page.st_ino)
            return kpk_fail(err, KPK_FATAL, "--out: %.100s is one of the files to read", name);
    if (!S_ISREG(page.st_mode))
        return kpk_fail(err, KPK_FATAL, "--out: %.100s is there, and no file", name);
    return 0;
}

static int write_page(const char *name, const struct plot_run *runs, size_t count,
                      struct kpk_err *err) {
    char beside[PATH_MAX + 32];
    FILE *out = NULL;
    bool whole;
    int fd;

    snprintf(beside, sizeof(beside), "%s.%d.new", name, (int)getpid());
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return kpk_fail(err, KPK_FATAL, "%.150s: %m", beside);
    if (!(out = fdopen(fd, "w"))) {
        kpk_fail(err, KPK_FATAL, "%.150s: %m", beside);
        close(fd);
        unlink(beside);
        return -1;
    }
    plot_page(runs, count, out);
    whole = fflush(out) == 0 && !ferror(out);
    if (!whole) kpk_fail(err, KPK_FATAL, "%.150s: %m", beside);
    if (fclose(out) && whole) whole = false, kpk_fail(err, KPK_FATAL, "%.150s: %m", beside);
    if (whole && rename(beside, name))
        whole = false, kpk_fail(err, KPK_FATAL, "%.150s: %m", name);
    if (!whole) unlink(beside);
    return whole ? 0 : -1;
}

static int plot(int count, char **paths, struct kpk_err *err) {
    struct plot_run runs[PLOT_FILES] = {{0}};
    char name[PATH_MAX];
    int read = 0, rc = -1;

    while (read < count) {
        int failed = plot_run_read(paths[read], &runs[read], err);
        read++; /* one that failed is to be cleared too */
        if (failed) goto out;
    }
    if (choose_name(paths[0], name, err) || keep_inputs(name, runs, (size_t)count, err) ||
        write_page(name, runs, (size_t)count, err))
        goto out;
    printf("%s\n", name);
    rc = 0;
out:
    while (read > 0) plot_run_clear(&runs[--read]);
    return rc;
}

int load_plot(int argc, char **argv) {
    struct kpk_err err = {0};
    int rc = kpk_opts_parse(&program, &argc, argv, &err);

    if (rc) return rc < 0 ? kpk_exit_failed(&err) : 0;
    if (argc < 2 || argc - 1 > PLOT_FILES) {
        kpk_fail(&err, KPK_FATAL, "plot: one to %d files are needed (see loadgen plot --help)",
                 PLOT_FILES);
        return kpk_exit_failed(&err);
    }
    return plot(argc - 1, argv + 1, &err) ? kpk_exit_failed(&err) : 0;
}
