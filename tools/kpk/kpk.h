/* One command of kpk: kpk <command> [<subcommand>] [options].
 *
 * A command is a function of its own options and a row in main.c. It prints its result to
 * stdout; what went wrong it leaves in 'err' for main to print. */
#ifndef KPK_TOOLS_KPK_H
#define KPK_TOOLS_KPK_H

#include "common/err.h"
#include "common/opts.h"

enum kpk_exit {
    KPK_EXIT_OK = 0,
    KPK_EXIT_FAILED = 1,
    KPK_EXIT_USAGE = 2, /* the input is wrong: nothing was asked of the cluster */
};

/* argv[0] is not looked at. returns an exit code; 'err' is filled unless it is KPK_EXIT_OK */
int kpk_topics_apply(int argc, char **argv, struct kpk_err *err);
int kpk_topics_list(int argc, char **argv, struct kpk_err *err);
int kpk_topics_describe(int argc, char **argv, struct kpk_err *err);
int kpk_lag_command(int argc, char **argv, struct kpk_err *err);
int kpk_group_reset(int argc, char **argv, struct kpk_err *err);
int kpk_tail_command(int argc, char **argv, struct kpk_err *err);
int kpk_dlq_list(int argc, char **argv, struct kpk_err *err);
int kpk_dlq_show(int argc, char **argv, struct kpk_err *err);
int kpk_dlq_redrive(int argc, char **argv, struct kpk_err *err);
int kpk_dlq_park(int argc, char **argv, struct kpk_err *err);
int kpk_dlq_purge(int argc, char **argv, struct kpk_err *err);
int kpk_doctor_command(int argc, char **argv, struct kpk_err *err);
int kpk_trace_command(int argc, char **argv, struct kpk_err *err);

#endif
