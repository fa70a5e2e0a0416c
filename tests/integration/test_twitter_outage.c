/* What the services depend on is gone, or hangs, one by one and all at once. While it lasts everybody
 * says so and nothing is lost; then all goes on by itself. `make test` sees some of it, for some
 * seconds; with KPK_OUTAGE_SECONDS it is all of it, for so long: `make outages` makes it a minute,
 * which is longer than anybody waits for anything. */
#include "tests/support/outage.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

static struct outage outage;

static const struct {
    int bit;
    const char *process;
} dependencies[] = {
    {OUTAGE_POSTGRES, "postgres"}, {OUTAGE_REDIS, "redis"}, {OUTAGE_KAFKA, "broker-1"}};
enum { DEPENDENCIES = sizeof(dependencies) / sizeof(*dependencies) };

enum { ALL = OUTAGE_POSTGRES | OUTAGE_REDIS | OUTAGE_KAFKA };

static void each(int missing, void (*act)(const char *process)) {
    for (int i = 0; i < DEPENDENCIES; i++)
        if (missing & dependencies[i].bit) act(dependencies[i].process);
}

/* What happens, one after the other. */
struct step {
    const char *what; /* NULL ends a list */
    int missing;
    bool hangs; /* else it is gone */
};

static bool mended;

/* The stores first, so that the workers have something in hand that they cannot do when Kafka too is
 * missing. */
static void survive(const struct step *step) {
    mended = false;
    outage_begin(&outage);
    for (; step->what; step++) {
        void (*harm)(const char *) = step->hangs ? stack_hang : stack_stop;
        outage_starts(&outage, step->what, step->missing);
        each(step->missing & ~OUTAGE_KAFKA, harm);
        if (step->missing & ~OUTAGE_KAFKA) outage_await_pause(&outage);
        each(step->missing & OUTAGE_KAFKA, harm);
        outage_watch(&outage);
        each(step->missing, step->hangs ? stack_wake : stack_start);
        outage_ends(&outage);
    }
    mended = true;
    outage_judge(&outage);
}

static void one_after_the_other(void **state) {
    static const struct step steps[] = {{"PostgreSQL hangs", OUTAGE_POSTGRES, true},
                                        {"Redis is gone", OUTAGE_REDIS, false},
                                        {"Kafka is gone", OUTAGE_KAFKA, false},
                                        {0}};

    (void)state;
    survive(steps);
}

static void each_is_gone(void **state) {
    static const struct step steps[] = {{"PostgreSQL is gone", OUTAGE_POSTGRES, false},
                                        {"Redis is gone", OUTAGE_REDIS, false},
                                        {"Kafka is gone", OUTAGE_KAFKA, false},
                                        {0}};

    (void)state;
    survive(steps);
}

static void all_are_gone(void **state) {
    static const struct step steps[] = {{"all three are gone", ALL, false}, {0}};

    (void)state;
    survive(steps);
}

static void each_hangs(void **state) {
    static const struct step steps[] = {{"PostgreSQL hangs", OUTAGE_POSTGRES, true},
                                        {"Redis hangs", OUTAGE_REDIS, true},
                                        {"Kafka hangs", OUTAGE_KAFKA, true},
                                        {0}};

    (void)state;
    survive(steps);
}

static void all_hang(void **state) {
    static const struct step steps[] = {{"all three hang", ALL, true}, {0}};

    (void)state;
    survive(steps);
}

/* A test that failed half-way must leave nothing stopped. */
static int mend_all(void **state) {
    (void)state;
    if (mended) return 0;
    each(ALL, stack_wake);
    each(ALL, stack_start);
    return 0;
}

int main(void) {
    const struct CMUnitTest briefly[] = {
        cmocka_unit_test_teardown(one_after_the_other, mend_all),
    };
    const struct CMUnitTest at_length[] = {
        cmocka_unit_test_teardown(each_is_gone, mend_all),
        cmocka_unit_test_teardown(all_are_gone, mend_all),
        cmocka_unit_test_teardown(each_hangs, mend_all),
        cmocka_unit_test_teardown(all_hang, mend_all),
    };
    struct kpk_err err;

    if (kpk_topology_init(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    if (getenv("KPK_OUTAGE_SECONDS"))
        return cmocka_run_group_tests_name("twitter: outages, at length", at_length, NULL,
                                           NULL);
    return cmocka_run_group_tests_name("twitter: outages", briefly, NULL, NULL);
}
