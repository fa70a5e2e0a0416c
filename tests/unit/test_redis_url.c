/* KPK_REDIS_URL: what it may be, and that a refusal does not print the password. */
#include "common/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_url(void **state) {
    static const struct {
        const char *url, *host, *password; /* host NULL: refused */
        int port, database;
    } cases[] = {
        {"redis://127.0.0.1:16379", "127.0.0.1", "", 16379, 0},
        {"redis://localhost:1/15", "localhost", "", 1, 15},
        {"redis://:secret@cache:6379/2", "cache", "secret", 6379, 2},
        {"redis://:p@ss@cache:6379", "cache", "p@ss", 6379, 0},
        {"", "127.0.0.1", "", 16379, 0},
        {"cache:6379", NULL, NULL, 0, 0},
        {"rediss://cache:6379", NULL, NULL, 0, 0},
        {"redis://cache", NULL, NULL, 0, 0},
        {"redis://cache:0", NULL, NULL, 0, 0},
        {"redis://cache:65536", NULL, NULL, 0, 0},
        {"redis://cache:6379/x", NULL, NULL, 0, 0},
        {"redis://cache:6379/1x", NULL, NULL, 0, 0},
        {"redis://cache:6379 ", NULL, NULL, 0, 0},
        {"redis://user:secret@cache:6379", NULL, NULL, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct kpk_redis *redis;
        struct kpk_err err = {0};
        setenv("KPK_REDIS_URL", cases[i].url, 1);
        if (kpk_redis_open(&redis, &err)) {
            if (cases[i].host) fail_msg("'%s': refused", cases[i].url);
            assert_null(strstr(err.msg, "secret"));
            continue;
        }
        if (!cases[i].host) fail_msg("'%s': taken", cases[i].url);
        assert_string_equal(redis->host, cases[i].host);
        assert_string_equal(redis->password, cases[i].password);
        assert_int_equal(redis->port, cases[i].port);
        assert_int_equal(redis->database, cases[i].database);
        kpk_redis_close(redis);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_url)};

    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
