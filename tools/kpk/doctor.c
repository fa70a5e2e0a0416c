/* kpk doctor: is anything wrong with the servers, and what is to be done about it?
 *
 * The three servers are asked at the same time, each within its own bound, so that those that
 * hang cost no more time than one. Findings are printed in a fixed order. */
#include "tools/kpk/doctor.h"

#include "tools/kpk/kpk.h"
#include "tools/kpk/safe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYSTEMS = 16, PARTS = 6, SHOWN = 600 };

static struct {
    const char *systems[SYSTEMS + 1], *without[PARTS + 1];
    int brokers, wait_s;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"system", NULL, KPK_OPT_LIST, args.systems, NULL, 0, SYSTEMS, "only this system's topics, groups and outbox; may be repeated; without it, all whose services run"},
    {"brokers", NULL, KPK_OPT_INT, &args.brokers, NULL, 1, 1000, "how many brokers there should be, numbered from 1; without it, those that the cluster knows of"},
    {"without", NULL, KPK_OPT_LIST, args.without, NULL, 0, PARTS, "kafka, topics, groups, postgres, outbox or redis: known to be down, and not looked at; may be repeated"},
    {"wait", NULL, KPK_OPT_INT, &args.wait_s, "5", 2, 300, "seconds for all that is asked of Kafka; PostgreSQL and Redis have 5"},
    {0},
};
/* clang-format on */

static const struct kpk_program program = {
    .name = "kpk doctor",
    .summary =
        "Prints what is wrong with brokers, topics, groups, outboxes and Redis, and what "
        "to do about it; exits 1 if something is bad. make doctor looks at the machine "
        "and the processes too.",
    .opts = opts,
};

static int check_args(struct kpk_err *err) {
    static const char *const parts[PARTS] = {"kafka",    "topics", "groups",
                                             "postgres", "outbox", "redis"};

    for (size_t i = 0; args.without[i]; i++) {
        size_t at = 0;
        while (at < PARTS && strcmp(parts[at], args.without[i]) != 0) at++;
        if (at == PARTS)
            return kpk_fail(err, KPK_REJECT,
                            "--without: '%.40s' is none of kafka, topics, groups, postgres, "
                            "outbox, redis",
                            args.without[i]);
    }
    return kpk_check_systems(args.systems, err);
}

static const char *const *systems(void) {
    return args.systems[0] ? args.systems : kpk_systems_that_run;
}

static bool is_asked(const char *part) { return !kpk_is_without(args.without, part); }

static bool is_bundled(const char *address) {
    return kpk_is_bundled(address, getenv("KPK_STACK_ENV"));
}

static bool postgres_is_bundled(void) {
    const char *host = getenv("PGHOST"), *port = getenv("PGPORT");
    char address[300] = "";

    if (host && *host) snprintf(address, sizeof(address), "%s:%s", host, port ? port : "");
    return is_bundled(address);
}

/* --- print ------------------------------------------------------------------------------- */

/* What a server said of itself may hold anything. */
static void print_line(const char *before, const char *text) {
    char *safe = kpk_safe_text(text, strlen(text), SHOWN);

    printf("%s%s\n", before, safe ? safe : "(no memory)");
    free(safe);
}

/* As soon as they are there: what is asked next may take its time. */
static void show(const struct kpk_findings *findings, size_t *shown) {
    for (; *shown < findings->count; ++*shown) {
        const struct kpk_finding *finding = &findings->all[*shown];
        char before[32];
        snprintf(before, sizeof(before), "  %-4s  %-12s  ", kpk_level_name(finding->level),
                 finding->about);
        print_line(before, finding->text);
        if (*finding->fix) print_line("                      -> ", finding->fix);
    }
    fflush(stdout);
}

static void show_end(const struct kpk_findings *findings, size_t shown) {
    size_t more = kpk_findings_total(findings) - shown;

    if (more) printf("  and %zu more\n", more);
    if (findings->levels[KPK_LEVEL_BAD] && !getenv("KPK_STACK_ENV"))
        printf("this shell names no stack: eval \"$(make -s env)\" tells it the addresses\n");
}

/* --- run --------------------------------------------------------------------------------- */

static void *ask_postgres(void *found) { return kpk_look_at_postgres(found), NULL; }
static void *ask_redis(void *found) { return kpk_look_at_redis(found), NULL; }

/* A thread that cannot be had is no reason not to ask. */
static bool start(pthread_t *thread, void *(*ask)(void *), void *found) {
    if (pthread_create(thread, NULL, ask, found) == 0) return true;
    ask(found);
    return false;
}

static void examine_kafka(struct kpk_findings *findings, size_t *shown) {
    static struct kpk_found_kafka found; /* large */
    struct kpk_look *look;
    struct kpk_err err;

    found.bundled = is_bundled(getenv("KPK_BOOTSTRAP_SERVERS"));
    found.expected = args.brokers;
    found.systems = systems();
    found.without = args.without;
    if (kpk_look_open(&look, &found, args.wait_s * 1000, &err))
        kpk_decide_unreachable(findings, &found, &err);
    else
        while (kpk_look_step(look, findings)) show(findings, shown);
    show(findings, shown);
    kpk_look_close(look);
    kpk_found_kafka_free(&found);
}

static void examine(struct kpk_findings *findings, size_t *shown) {
    static struct kpk_found_postgres postgres;
    struct kpk_found_redis redis = {.bundled = is_bundled(getenv("KPK_REDIS_URL"))};
    pthread_t postgres_thread, redis_thread;
    bool postgres_runs = false, redis_runs = false;

    postgres =
        (struct kpk_found_postgres){.bundled = postgres_is_bundled(), .systems = systems()};
    if (is_asked("postgres")) postgres_runs = start(&postgres_thread, ask_postgres, &postgres);
    if (is_asked("redis")) redis_runs = start(&redis_thread, ask_redis, &redis);
    if (is_asked("kafka")) examine_kafka(findings, shown);
    if (postgres_runs) pthread_join(postgres_thread, NULL);
    if (redis_runs) pthread_join(redis_thread, NULL);
    if (!is_asked("outbox")) postgres.outbox_count = 0;
    if (is_asked("postgres")) kpk_decide_postgres(findings, &postgres);
    if (is_asked("redis")) kpk_decide_redis(findings, &redis);
    show(findings, shown);
}

int kpk_doctor_command(int argc, char **argv, struct kpk_err *err) {
    static struct kpk_findings findings; /* large */
    size_t shown = 0;
    int code = kpk_opts_parse(&program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (check_args(err)) return KPK_EXIT_USAGE;
    examine(&findings, &shown);
    show_end(&findings, shown);
    kpk_fail(err, KPK_FATAL, "%zu bad, %zu warn, %zu ok", findings.levels[KPK_LEVEL_BAD],
             findings.levels[KPK_LEVEL_WARN], findings.levels[KPK_LEVEL_OK]);
    if (findings.levels[KPK_LEVEL_BAD]) return KPK_EXIT_FAILED;
    printf("kpk doctor: %s\n", err->msg);
    return KPK_EXIT_OK;
}
