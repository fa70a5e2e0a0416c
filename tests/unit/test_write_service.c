/* How a service that writes keeps house: the tables first, what is old afterwards, whatever fails meanwhile. */
#include "common/write_service.h"

#include "common/stop.h"
#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <string.h>

/* What its steps are to say, one after the other, and what was asked of it. */
struct house {
    const char *
        says; /* 'o' done, 'w' WAIT, 'r' RETRY, 'f' FATAL, 's' done, and the process is asked to end */
    char asked[16]; /* 'm' migrate, 'p' prune */
};

static struct house house;
static struct kpk_err error, *err = &error;

static int step(char what, struct kpk_err *step_err) {
    size_t n = strlen(house.asked);

    if (n == strlen(house.says)) fail_msg("asked once more after %s", house.asked);
    house.asked[n] = what;
    switch (house.says[n]) {
    case 'w':
        return kpk_fail(step_err, KPK_WAIT, "the server is gone");
    case 'r':
        return kpk_fail(step_err, KPK_RETRY, "a deadlock");
    case 'f':
        return kpk_fail(step_err, KPK_FATAL, "%c is wrong", what);
    case 's':
        kpk_stop();
        return 0;
    default:
        return 0;
    }
}

static int open_pg(struct kpk_pg **pg, struct kpk_err *open_err) {
    return kpk_pg_open(pg, "nowhere", open_err);
}

static int check(struct kpk_pg *pg, struct kpk_err *check_err) {
    (void)pg;
    return kpk_fail(check_err, KPK_WAIT, "no tables yet");
}

static int migrate(struct kpk_pg *pg, struct kpk_err *migrate_err) {
    assert_true(pg->limit_ms >= 60000);
    return step('m', migrate_err);
}

static int prune(struct kpk_pg *pg, void *ctx, struct kpk_err *prune_err) {
    assert_true(pg->limit_ms >= 60000);
    assert_ptr_equal(ctx, &house);
    return step('p', prune_err);
}

static struct kpk_write_service_opts opts = {.workers = 2,
                                             .ctx = &house,
                                             .open = open_pg,
                                             .check = check,
                                             .migrate = migrate,
                                             .prune = prune,
                                             .prune_ms = 1};

static void tables_come_first_and_failures_come_again(void **state) {
    static const struct {
        const char *says, *asked;
        int failed;
        const char *why;
    } cases[] = {
        {"f", "m", -1, "m is wrong"},
        {"wf", "mm", -1, "m is wrong"},
        {"of", "mp", -1, "p is wrong"},
        {"roof", "mmpp", -1, "p is wrong"},
        {"owoof", "mpppp", -1, "p is wrong"},
        {"oos", "mpp", 0, NULL}, /* the last: it stays stopped */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct kpk_write_service *service;
        struct raw_answer answer;

        opts.port = raw_free_port();
        house = (struct house){.says = cases[i].says};
        assert_ok(kpk_write_service_open(&service, &opts, err), err);
        assert_ptr_equal(kpk_write_service_ctx(service), &house);
        raw_ask(opts.port, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                &answer);
        assert_int_equal(answer.status, 503);
        assert_non_null(strstr(answer.body, "no tables yet"));
        int failed = kpk_write_service_run(service, err);
        kpk_write_service_close(service);
        if (failed != cases[i].failed || strcmp(house.asked, cases[i].asked) != 0)
            fail_msg("%s: %d, asked %s", cases[i].says, failed, house.asked);
        if (failed) assert_string_equal(err->msg, cases[i].why);
    }
}

static void a_port_that_is_taken_is_said(void **state) {
    struct kpk_write_service *first, *second;

    (void)state;
    opts.port = raw_free_port();
    assert_ok(kpk_write_service_open(&first, &opts, err), err);
    assert_int_equal(kpk_write_service_open(&second, &opts, err), -1);
    assert_int_equal(err->verdict, KPK_FATAL);
    kpk_write_service_close(second);
    kpk_write_service_close(first);
    kpk_write_service_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_is_taken_is_said),
        cmocka_unit_test(tables_come_first_and_failures_come_again),
    };

    return cmocka_run_group_tests_name("write service", tests, NULL, NULL);
}
