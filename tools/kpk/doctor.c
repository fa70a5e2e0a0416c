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

enum { SYSTEMS = 16, SERVERS = 3, SHOWN = 600 };

static struct {
    const char *systems[SYSTEMS + 1], *without[SERVERS + 1], *make;
    int brokers, wait_s;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"system", NULL, KPK_OPT_LIST, args.systems, NULL, 0, SYSTEMS, "only this system's topics, groups and outbox; may be repeated"},
    {"brokers", NULL, KPK_OPT_INT, &args.brokers, NULL, 1, 1000, "how many brokers there should be, numbered from 1; without it, those that the cluster knows of"},
    {"without", NULL, KPK_OPT_LIST, args.without, NULL, 0, SERVERS, "kafka, postgres or redis: known to be down, and not asked; may be repeated"},
    {"wait", NULL, KPK_OPT_INT, &args.wait_s, "5", 1, 300, "seconds for all that is asked of Kafka; PostgreSQL and Redis have 5"},
    {"make", NULL, KPK_OPT_STR, &args.make, "make", 0, 0, "how make is called for this stack, in what is said to be done"},
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
    static const char *const servers[] = {"kafka", "postgres", "redis"};

    for (size_t i = 0; args.without[i]; i++) {
        size_t at = 0;
        while (at < SERVERS && strcmp(servers[at], args.without[i]) != 0) at++;
        if (at == SERVERS)
            return kpk_fail(err, KPK_REJECT,
                            "--without: '%.40s' is none of kafka, postgres, redis",
                            args.without[i]);
    }
    return kpk_check_systems(args.systems, err);
}

static bool is_asked(const char *server) {
    for (size_t i = 0; args.without[i]; i++)
        if (strcmp(args.without[i], server) == 0) return false;
    return true;
}

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

static void print(const struct kpk_findings *findings) {
    size_t more = kpk_findings_total(findings) - findings->count;

    for (size_t i = 0; i < findings->count; i++) {
        const struct kpk_finding *finding = &findings->all[i];
        char before[32];
        snprintf(before, sizeof(before), "  %-4s  %-12s  ", kpk_level_name(finding->level),
                 finding->about);
        print_line(before, finding->text);
        if (*finding->fix) print_line("                      -> ", finding->fix);
    }
    if (more) printf("  and %zu more\n", more);
    if (findings->levels[KPK_LEVEL_BAD] && !getenv("KPK_STACK_ENV"))
        printf("no stack is named by this shell: eval \"$(%s -s env)\" names its addresses\n",
               findings->make);
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

static void examine(struct kpk_findings *findings) {
    static struct kpk_found_kafka kafka; /* large */
    static struct kpk_found_postgres postgres;
    struct kpk_found_redis redis = {.bundled = is_bundled(getenv("KPK_REDIS_URL"))};
    pthread_t postgres_thread, redis_thread;
    bool postgres_runs = false, redis_runs = false;

    postgres =
        (struct kpk_found_postgres){.bundled = postgres_is_bundled(), .systems = args.systems};
    kafka = (struct kpk_found_kafka){.bundled = is_bundled(getenv("KPK_BOOTSTRAP_SERVERS")),
                                     .expected = args.brokers,
                                     .systems = args.systems};
    if (is_asked("postgres")) postgres_runs = start(&postgres_thread, ask_postgres, &postgres);
    if (is_asked("redis")) redis_runs = start(&redis_thread, ask_redis, &redis);
    if (is_asked("kafka")) kpk_examine_kafka(findings, &kafka, args.wait_s * 1000);
    if (postgres_runs) pthread_join(postgres_thread, NULL);
    if (redis_runs) pthread_join(redis_thread, NULL);
    if (is_asked("postgres")) kpk_decide_postgres(findings, &postgres);
    if (is_asked("redis")) kpk_decide_redis(findings, &redis);
    kpk_found_kafka_free(&kafka);
}

int kpk_doctor_command(int argc, char **argv, struct kpk_err *err) {
    static struct kpk_findings findings; /* large */
    int code = kpk_opts_parse(&program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (check_args(err)) return KPK_EXIT_USAGE;
    findings.make = args.make;
    examine(&findings);
    print(&findings);
    kpk_fail(err, KPK_FATAL, "%zu bad, %zu warn, %zu ok", findings.levels[KPK_LEVEL_BAD],
             findings.levels[KPK_LEVEL_WARN], findings.levels[KPK_LEVEL_OK]);
    if (findings.levels[KPK_LEVEL_BAD]) return KPK_EXIT_FAILED;
    printf("kpk doctor: %s\n", err->msg);
    return KPK_EXIT_OK;
}
