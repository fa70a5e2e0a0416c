/* The program of a worked example: a story in a namespace of its own, and the processes that play in it, which
 * it starts itself from this same program.
 *
 *   outbox                  namespace and topics --> tell() --> all of them removed
 *   outbox --role writer    play(), in the namespace of the story that started it
 *
 * What is told is chosen by --naive, --matrix, --kinds and, where it measures, --bench. The story is the output:
 * only errors are logged, unless KPK_LOG_LEVEL says otherwise. */
#ifndef KPK_TOPOLOGY_EXAMPLE_H
#define KPK_TOPOLOGY_EXAMPLE_H

#include "common/err.h"
#include "common/opts.h"

struct kpk_example_choice {
    int naive, matrix, bench; /* 0 or 1 */
    unsigned kinds;           /* of faults in the matrix: bits of enum kpk_fault_kind */
};

struct kpk_example {
    const char *name; /* of the program, and of the system whose topics it needs */
    const char *summary;
    const char *role;              /* help of --role */
    const char *bench;             /* help of --bench; NULL: it measures nothing */
    const struct kpk_opt *options; /* of a role, at most KPK_EXAMPLE_OPTIONS, ended by {0} */
    void *part;                    /* where these options are, for 'play' */

    /* returns  the exit code, its line printed (common/conclude.h) */
    int (*tell)(const struct kpk_example_choice *choice);
    /* returns  0, or -1 with 'err' */
    int (*play)(const char *role, void *part, struct kpk_err *err);
};

enum { KPK_EXAMPLE_OPTIONS = 4 };

/* The whole of main. returns  the exit code */
int kpk_example_main(const struct kpk_example *example, int argc, char **argv);

#endif
