/* A subcommand, called as its program would call it: what it prints, and how it ends. */
#ifndef KPK_TESTS_SUPPORT_CAPTURE_H
#define KPK_TESTS_SUPPORT_CAPTURE_H

struct captured {
    char out[64 * 1024]; /* stdout and stderr, NUL-terminated; what is longer is cut */
    char err[4096];
    int code;
};

/* Call 'run' with the words of 'line', the first being argv[0].
 * returns  what it printed, which the next call overwrites */
const struct captured *capture(int (*run)(int argc, char **argv), const char *line);

#endif
