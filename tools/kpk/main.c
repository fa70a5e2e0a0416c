/* kpk: one command line for a person who looks after the kit's topics and groups.
 *
 * Exit codes: 0 done; 1 it did not work, and why; 2 the input is wrong. */
#include "tools/kpk/kpk.h"

#include "topology/topology.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct command {
    const char *name; /* one or two words */
    int (*run)(int argc, char **argv, struct kpk_err *err);
    const char *summary;
} commands[] = {
    {"topics apply", kpk_topics_apply, "create the topics that are missing, and their settings"},
    {"topics list", kpk_topics_list, "print the table of topics"},
    {"topics describe", kpk_topics_describe, "print how the topics are on the cluster"},
    {"lag", kpk_lag_command, "print how far behind groups are, and when they will have caught up"},
    {"group reset", kpk_group_reset, "set where a stopped group goes on: the beginning, the end, a time, an offset"},
    {"tail", kpk_tail_command, "print the records of a topic, and go on with what comes"},
    {"dlq list", kpk_dlq_list, "list the dead letters: from where, by whom, why"},
    {"dlq show", kpk_dlq_show, "print one dead letter, or any other record, whole"},
    {"dlq redrive", kpk_dlq_redrive, "send dead letters back to the group that gave them up"},
    {"dlq park", kpk_dlq_park, "mark dead letters as seen, and leave them as they are"},
    {"dlq purge", kpk_dlq_purge, "mark dead letters as dealt with, for good"},
    {"doctor", kpk_doctor_command, "print what is wrong with the servers, and what to do about it"},
    {"trace", kpk_trace_command, "print where one event has been: outbox, topics, groups, dead letters"},
};
/* clang-format on */

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *to) {
    fprintf(to, "kpk: topics, groups and records of the kit on a Kafka cluster\n\n"
                "usage: kpk COMMAND [options]\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nkpk COMMAND --help prints the options of a command.\n");
}

/* Every command's own table, for docs/CONFIG.md. */
static int print_markdown(void) {
    for (size_t i = 0; i < COMMANDS; i++) {
        char option[] = "--help-markdown", *argv[] = {option, option, NULL};
        struct kpk_err err;
        if (commands[i].run(2, argv, &err)) return KPK_EXIT_FAILED;
    }
    return KPK_EXIT_OK;
}

/* How many arguments name 'command': 1 or 2; 0 when they name another. */
static int match(const struct command *command, int argc, char **argv) {
    char words[64];

    if (argc > 1 && strcmp(command->name, argv[1]) == 0) return 1;
    if (argc < 3) return 0;
    snprintf(words, sizeof(words), "%s %s", argv[1], argv[2]);
    return strcmp(command->name, words) == 0 ? 2 : 0;
}

/* 'kpk topics' alone: what may follow it. */
static int refuse(int argc, char **argv) {
    size_t len = strlen(argv[1]), listed = 0;

    for (size_t i = 0; i < COMMANDS; i++) {
        const char *name = commands[i].name;
        if (strncmp(name, argv[1], len) != 0 || name[len] != ' ') continue;
        if (!listed++)
            fprintf(stderr, "kpk: '%s%s%s' is not a command; there is\n", argv[1],
                    argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
        fprintf(stderr, "  kpk %-16s %s\n", name, commands[i].summary);
    }
    if (!listed) fprintf(stderr, "kpk: '%s' is not a command (see kpk --help)\n", argv[1]);
    return KPK_EXIT_USAGE;
}

static int run(const struct command *command, int argc, char **argv) {
    struct kpk_err err = {0};
    int code;

    if (kpk_topology_init(&err))
        code = KPK_EXIT_USAGE;
    else
        code = command->run(argc, argv, &err);
    /* The result comes before the complaint. One that got lost, on a full disk, is none. */
    if ((fflush(stdout) || ferror(stdout)) && code == KPK_EXIT_OK) {
        kpk_fail(&err, KPK_FATAL, "what it prints could not be written");
        code = KPK_EXIT_FAILED;
    }
    if (code != KPK_EXIT_OK) fprintf(stderr, "kpk %s: %s\n", command->name, err.msg);
    return code;
}

int main(int argc, char **argv) {
    if (argc < 2) return print_help(stderr), KPK_EXIT_USAGE;
    if (strcmp(argv[1], "--help") == 0) return print_help(stdout), KPK_EXIT_OK;
    if (strcmp(argv[1], "--help-markdown") == 0) return print_markdown();
    for (size_t i = 0; i < COMMANDS; i++) {
        int words = match(&commands[i], argc, argv);
        if (words) return run(&commands[i], argc - words, argv + words);
    }
    return refuse(argc, argv);
}
