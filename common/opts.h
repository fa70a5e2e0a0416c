/* Command-line options as rows of a table: the parser, --help, the environment fallback and
 * docs/CONFIG.md all come from it.
 *
 *   struct kpk_opt opts[] = {
 *       {"consumers", NULL, KPK_OPT_INT, &consumers, "1", 1, 1000, "group members in this process"},
 *       {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18084", 1, 65535, "HTTP port on 127.0.0.1"},
 *       {0}};
 *
 * A value comes from the command line, else from the environment, else from the default. Every
 * value is checked before anything is opened. */
#ifndef KPK_COMMON_OPTS_H
#define KPK_COMMON_OPTS_H

#include "common/err.h"

enum kpk_opt_type {
    KPK_OPT_INT, /* dst is int *; 'min' and 'max' are its bounds, both included */
    KPK_OPT_STR, /* dst is const char **; points into argv, the environment or the table; with 'min' 1 an empty one on
                   * the command line is an error: a shell's variable that nobody set */
    KPK_OPT_FLAG, /* dst is int *; takes no value; --name sets it to 1 */
    KPK_OPT_LIST, /* dst is const char *[max + 1]; may be given up to 'max' times; NULL ends it */
};

struct kpk_opt {
    const char *name; /* without the dashes; NULL ends the table */
    const char *env;  /* environment variable, or NULL */
    enum kpk_opt_type type;
    void *dst;
    const char *fallback; /* as it would be written on the command line; NULL: "" or 0 */
    int min, max;
    const char *help;
};

struct kpk_program {
    const char *name;
    const char *summary;        /* one sentence, for --help and docs/CONFIG.md */
    const char *usage;          /* what follows the name, or NULL for "[options]" */
    const struct kpk_opt *opts; /* the program's own */
};

/* Parse 'argv' (--name value, --name=value, --help, --help-markdown), the environment and the
 * defaults, and start the log. Arguments that are not options stay in argv[1..*argc-1] when
 * 'usage' is set, else they are an error.
 * returns  0; 1 when help was printed (exit 0); -1 with 'err' naming the option and the reason */
int kpk_opts_parse(const struct kpk_program *program, int *argc, char **argv,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* The last line of main: say what went wrong, as "program: message" on stderr.
 * returns  1, the exit code */
int kpk_exit_failed(const struct kpk_err *err);

#endif
