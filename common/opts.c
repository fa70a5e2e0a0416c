#include "common/opts.h"

#include "common/fault.h"
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int append(const struct kpk_opt *opt, const char *source, const char *value,
                  struct kpk_err *err) {
    const char **list = opt->dst;
    int count = 0;

    while (list[count]) count++;
    if (count >= opt->max)
        return kpk_fail(err, KPK_FATAL, "%s: may be given %d times at most", source, opt->max);
    list[count] = value;
    list[count + 1] = NULL;
    return 0;
}

/* 'source' is what a message calls the value: "--port" or "KPK_HTTP_PORT". */
static int set(const struct kpk_opt *opt, const char *source, const char *value,
               struct kpk_err *err) {
    char *end;
    long number;

    if (opt->type == KPK_OPT_STR) {
        *(const char **)opt->dst = value;
        return 0;
    }
    if (opt->type == KPK_OPT_LIST) return append(opt, source, value, err);
    number = strtol(value, &end, 10); /* what does not fit a long is out of bounds too */
    if (*value == '\0' || *end != '\0')
        return kpk_fail(err, KPK_FATAL, "%s: '%s' is not a whole number", source, value);
    int min = opt->type == KPK_OPT_FLAG ? 0 : opt->min;
    int max = opt->type == KPK_OPT_FLAG ? 1 : opt->max;
    if (number < min || number > max)
        return kpk_fail(err, KPK_FATAL, "%s: %s is not in %d..%d", source, value, min, max);
    *(int *)opt->dst = (int)number;
    return 0;
}

static int set_defaults(const struct kpk_opt *opts, struct kpk_err *err) {
    for (const struct kpk_opt *opt = opts; opt->name; opt++) {
        const char *value = opt->env ? getenv(opt->env) : NULL;
        bool from_env = value && *value;
        char source[64];

        if (opt->type == KPK_OPT_LIST) *(const char **)opt->dst = NULL;
        if (!from_env) value = opt->fallback;
        if (!value && opt->type == KPK_OPT_LIST) continue;
        if (!value) value = opt->type == KPK_OPT_STR ? "" : "0";
        if (!from_env && opt->type == KPK_OPT_INT && !opt->fallback) {
            *(int *)opt->dst = 0; /* "not given" may lie outside the bounds */
            continue;
        }
        snprintf(source, sizeof(source), from_env ? "%s" : "--%s",
                 from_env ? opt->env : opt->name);
        if (set(opt, source, value, err)) return -1;
    }
    return 0;
}

static void print_help(const struct kpk_program *program) {
    printf("%s: %s\n\nusage: %s %s\n\n", program->name, program->summary, program->name,
           program->usage ? program->usage : "[options]");
    for (const struct kpk_opt *opt = program->opts; opt->name; opt++) {
        printf("  --%s%s\n      %s", opt->name, opt->type == KPK_OPT_FLAG ? "" : " VALUE",
               opt->help);
        if (opt->fallback && *opt->fallback) printf("; default %s", opt->fallback);
        if (opt->type == KPK_OPT_INT) printf("; %d to %d", opt->min, opt->max);
        if (opt->env) printf("; environment %s", opt->env);
        printf("\n");
    }
    printf("  --help\n      print this\n\nWhat every program takes from the environment: "
           "docs/CONFIG.md\n");
}

static void print_markdown(const struct kpk_program *program) {
    static const char *const types[] = {"number", "text", "flag", "text, repeatable"};

    printf("## %s\n\n%s\n\n| option | environment | type | default | meaning "
           "|\n|---|---|---|---|---|\n",
           program->name, program->summary);
    for (const struct kpk_opt *opt = program->opts; opt->name; opt++) {
        printf("| `--%s` | %s%s%s | %s", opt->name, opt->env ? "`" : "",
               opt->env ? opt->env : "", opt->env ? "`" : "", types[opt->type]);
        if (opt->type == KPK_OPT_INT) printf(" %d to %d", opt->min, opt->max);
        printf(" | %s | %s |\n", opt->fallback ? opt->fallback : "", opt->help);
    }
    printf("\n");
}

static const struct kpk_opt *find(const struct kpk_opt *opts, const char *name, size_t len) {
    for (const struct kpk_opt *opt = opts; opt->name; opt++)
        if (strlen(opt->name) == len && memcmp(opt->name, name, len) == 0) return opt;
    return NULL;
}

/* What the command line says. */
static int give(const struct kpk_opt *opt, const char *source, const char *value,
                struct kpk_err *err) {
    if (opt->type == KPK_OPT_STR && opt->min > 0 && !*value)
        return kpk_fail(err, KPK_FATAL, "%s: is empty; without it, any will do", source);
    return set(opt, source, value, err);
}

/* One option at argv[*i]; its value may be the next argument. */
static int parse_one(const struct kpk_program *program, int argc, char **argv, int *i,
                     struct kpk_err *err) {
    const char *arg = argv[*i];
    const char *eq = strchr(arg, '=');
    size_t len = eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2;
    const struct kpk_opt *opt = find(program->opts, arg + 2, len);
    char source[64];

    if (!opt)
        return kpk_fail(err, KPK_FATAL, "%s: no such option (see %s --help)", arg,
                        program->name);
    snprintf(source, sizeof(source), "--%s", opt->name);
    if (opt->type == KPK_OPT_FLAG) {
        if (eq) return kpk_fail(err, KPK_FATAL, "%s takes no value", source);
        return set(opt, source, "1", err);
    }
    if (eq) return give(opt, source, eq + 1, err);
    if (*i + 1 >= argc) return kpk_fail(err, KPK_FATAL, "%s needs a value", source);
    return give(opt, source, argv[++*i], err);
}

int kpk_opts_parse(const struct kpk_program *program, int *argc, char **argv,
                   struct kpk_err *err) {
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return print_help(program), 1;
        if (strcmp(argv[i], "--help-markdown") == 0) return print_markdown(program), 1;
    }
    if (kpk_log_init(program->name, err) || kpk_fault_init(err)) return -1;
    if (set_defaults(program->opts, err)) return -1;
    for (int i = 1; i < *argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (parse_one(program, *argc, argv, &i, err)) return -1;
        } else if (program->usage) {
            argv[kept++] = argv[i];
        } else {
            return kpk_fail(err, KPK_FATAL, "'%s' is not an option (see %s --help)", argv[i],
                            program->name);
        }
    }
    argv[kept] = NULL; /* as main's argv ends; 'kept' is at most *argc */
    *argc = kept;
    return 0;
}

int kpk_exit_failed(const struct kpk_err *err) {
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->msg);
    return 1;
}
