/* Command line, environment, default: which one counts, and what each refusal says. */
#include "common/opts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ARGS = 8, TAGS = 2 };

static int count, seed, naive;
static const char *name, *only, *tags[TAGS + 1];

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"count", "KPK_T_COUNT", KPK_OPT_INT, &count, "5", 1, 10, "how many"},
    {"seed", NULL, KPK_OPT_INT, &seed, NULL, 1, 100, "of the random numbers; 0 when not given"},
    {"name", "KPK_T_NAME", KPK_OPT_STR, &name, "bob", 0, 0, "who"},
    {"only", NULL, KPK_OPT_STR, &only, NULL, 1, 0, "not empty, when it is given"},
    {"naive", "KPK_T_NAIVE", KPK_OPT_FLAG, &naive, NULL, 0, 0, "without the pattern"},
    {"tag", NULL, KPK_OPT_LIST, tags, NULL, 0, TAGS, "may be repeated"},
    {0}};
/* clang-format on */

static const struct kpk_program strict = {.name = "t", .summary = "A test.", .opts = opts};
static const struct kpk_program with_args = {
    .name = "t", .summary = "A test.", .usage = "[options] <topic>...", .opts = opts};

/* Parse the words of 'line'; what is left of them goes to 'rest', joined by blanks. */
static int parse(const struct kpk_program *program, const char *line, char *rest,
                 struct kpk_err *err) {
    static char copy[256];
    char *argv[ARGS + 2] = {"t"}, *words = copy, *word;
    int argc = 1, rc;

    snprintf(copy, sizeof(copy), "%s", line);
    while ((word = strsep(&words, " ")))
        if (*word && argc <= ARGS) argv[argc++] = strcmp(word, "''") == 0 ? "" : word;
    *rest = '\0';
    rc = kpk_opts_parse(program, &argc, argv, err);
    if (rc == 0) assert_null(argv[argc]);
    for (int i = 1; rc == 0 && i < argc; i++) strcat(strcat(rest, i > 1 ? " " : ""), argv[i]);
    return rc;
}

static void environment(const char *count_env, const char *name_env, const char *naive_env) {
    const char *const names[] = {"KPK_T_COUNT", "KPK_T_NAME", "KPK_T_NAIVE"};
    const char *const values[] = {count_env, name_env, naive_env};

    for (size_t i = 0; i < COUNT(names); i++)
        if (values[i])
            setenv(names[i], values[i], 1);
        else
            unsetenv(names[i]);
}

/* "count seed name naive tags", after the options of a line. */
static void values_come_from_the_nearest_source(void **state) {
    static const struct {
        const char *line, *count_env, *name_env, *naive_env, *got;
    } cases[] = {
        {"", NULL, NULL, NULL, "5 0 bob 0"},
        {"--count 7", NULL, NULL, NULL, "7 0 bob 0"},
        {"--count=7 --seed=1", NULL, NULL, NULL, "7 1 bob 0"},
        {"--count 1 --count 10", NULL, NULL, NULL, "10 0 bob 0"},
        {"", "8", "eve", "1", "8 0 eve 1"},
        {"--count 7 --name al", "8", "eve", "0", "7 0 al 0"},
        {"", "", "", "", "5 0 bob 0"}, /* an empty variable is none */
        {"--name=", NULL, "eve", NULL, "5 0  0"},
        {"--name=a=b", NULL, NULL, NULL, "5 0 a=b 0"},
        {"--name --naive", NULL, NULL, NULL,
         "5 0 --naive 0"}, /* a value, whatever it looks like */
        {"--naive", NULL, NULL, NULL, "5 0 bob 1"},
        {"--tag x --tag=y", NULL, NULL, NULL, "5 0 bob 0 x y"},
    };
    char got[256], rest[256];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_err err = {0};

        environment(cases[i].count_env, cases[i].name_env, cases[i].naive_env);
        assert_int_equal(parse(&strict, cases[i].line, rest, &err), 0);
        snprintf(got, sizeof(got), "%d %d %s %d", count, seed, name, naive);
        for (int t = 0; tags[t]; t++) strcat(strcat(got, " "), tags[t]);
        assert_string_equal(got, cases[i].got);
        assert_string_equal(rest, "");
    }
}

static void a_wrong_value_names_its_source(void **state) {
    static const struct {
        const char *line, *count_env, *why;
    } cases[] = {
        {"--count x", NULL, "--count: 'x' is not a whole number"},
        {"--count 5x", NULL, "--count: '5x' is not a whole number"},
        {"--count ''", NULL, "--count: '' is not a whole number"},
        {"--count=", NULL, "--count: '' is not a whole number"},
        {"--count 0", NULL, "--count: 0 is not in 1..10"},
        {"--count 11", NULL, "--count: 11 is not in 1..10"},
        {"--count 99999999999999999999", NULL, "--count: 99999999999999999999 is not in 1..10"},
        {"--count 4294967301", NULL, "--count: 4294967301 is not in 1..10"},
        {"--seed 0", NULL, "--seed: 0 is not in 1..100"},
        {"--count", NULL, "--count needs a value"},
        {"--only ''", NULL, "--only: is empty; without it, any will do"},
        {"--only=", NULL, "--only: is empty; without it, any will do"},
        {"--naive=1", NULL, "--naive takes no value"},
        {"--tag a --tag b --tag c", NULL, "--tag: may be given 2 times at most"},
        {"--coun 5", NULL, "--coun: no such option (see t --help)"},
        {"--", NULL, "--: no such option (see t --help)"},
        {"--=5", NULL, "--=5: no such option (see t --help)"},
        {"topic", NULL, "'topic' is not an option (see t --help)"},
        {"-c", NULL, "'-c' is not an option (see t --help)"},
        {"", "many", "KPK_T_COUNT: 'many' is not a whole number"},
        {"", "11", "KPK_T_COUNT: 11 is not in 1..10"},
        {"--count 5", "11", "KPK_T_COUNT: 11 is not in 1..10"}, /* every value is checked */
    };
    char rest[256];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_err err = {0};

        environment(cases[i].count_env, NULL, NULL);
        assert_int_equal(parse(&strict, cases[i].line, rest, &err), -1);
        assert_string_equal(err.msg, cases[i].why);
        assert_int_equal(err.verdict, KPK_FATAL);
    }
}

static void a_wrong_default_is_found(void **state) {
    static const struct kpk_opt wrong[] = {
        {"count", NULL, KPK_OPT_INT, &count, "50", 1, 10, "how many"}, {0}};
    static const struct kpk_program program = {
        .name = "t", .summary = "A test.", .opts = wrong};
    struct kpk_err err = {0};
    char rest[256];

    (void)state;
    assert_int_equal(parse(&program, "", rest, &err), -1);
    assert_string_equal(err.msg, "--count: 50 is not in 1..10");
}

static void arguments_stay_in_order(void **state) {
    struct kpk_err err = {0};
    char rest[256];

    (void)state;
    environment(NULL, NULL, NULL);
    assert_int_equal(parse(&with_args, "one --count 3 two --naive three", rest, &err), 0);
    assert_string_equal(rest, "one two three");
    assert_int_equal(count, 3);
    assert_int_equal(naive, 1);
}

/* What kpk_opts_parse() prints for 'line' goes to 'text'. */
static void printed(const struct kpk_program *program, const char *line, char *text,
                    size_t size) {
    int fd = memfd_create("stdout", MFD_CLOEXEC), kept = dup(STDOUT_FILENO), rc;
    struct kpk_err err = {0};
    char rest[256];
    ssize_t len;

    assert_true(fd >= 0 && kept >= 0);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    rc = parse(program, line, rest, &err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    len = pread(fd, text, size - 1, 0);
    close(fd);
    assert_int_equal(rc, 1);
    assert_true(len > 0);
    text[len] = '\0';
}

static void help_shows_every_row(void **state) {
    char text[4096];

    (void)state;
    environment("wrong", NULL, NULL); /* help is for those whose settings are wrong */
    printed(&with_args, "--count nonsense --help", text, sizeof(text));
    assert_non_null(strstr(text, "usage: t [options] <topic>...\n"));
    assert_non_null(strstr(text,
                           "  --count VALUE\n      how many; default 5; 1 to 10; environment "
                           "KPK_T_COUNT\n"));
    assert_non_null(
        strstr(text, "  --naive\n      without the pattern; environment KPK_T_NAIVE\n"));
    printed(&strict, "--help-markdown", text, sizeof(text));
    assert_non_null(
        strstr(text, "| `--count` | `KPK_T_COUNT` | number 1 to 10 | 5 | how many |\n"));
    assert_non_null(strstr(text, "| `--tag` |  | text, repeatable |  | may be repeated |\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_from_the_nearest_source),
        cmocka_unit_test(a_wrong_value_names_its_source),
        cmocka_unit_test(a_wrong_default_is_found),
        cmocka_unit_test(arguments_stay_in_order),
        cmocka_unit_test(help_shows_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
