/* UUIDv7: shape, order, time. UUIDv5: known ids of known names. */
#include "common/clock.h"
#include "common/uuid.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4, PER_THREAD = 20000 }; /* more than the 4096 that one millisecond counts */

static void test_shape(void **state) {
    char id[KPK_UUID_BYTES];

    (void)state;
    kpk_uuid7(id);
    assert_true(kpk_uuid_valid(id));
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
}

static void test_time(void **state) {
    char id[KPK_UUID_BYTES];
    int64_t before = kpk_now_ms(), ms;

    (void)state;
    kpk_uuid7(id);
    ms = kpk_uuid7_ms(id);
    assert_true(ms >= before);
    assert_int_equal(kpk_uuid7_ms("01a20ab4-1c36-7000-a77e-dd8b49718f7b"), 1795475905590);
}

static void *make(void *arg) {
    char(*ids)[KPK_UUID_BYTES] = arg;

    for (int i = 0; i < PER_THREAD; i++) kpk_uuid7(ids[i]);
    return NULL;
}

static int compare(const void *a, const void *b) { return strcmp(a, b); }

/* Each thread's ids grow, and no two threads make the same one. */
static void test_order(void **state) {
    char(*ids)[KPK_UUID_BYTES] = calloc((size_t)THREADS * PER_THREAD, sizeof(*ids));
    pthread_t threads[THREADS];

    (void)state;
    assert_non_null(ids);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make, ids + i * PER_THREAD), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS * PER_THREAD; i++)
        if (i % PER_THREAD) assert_true(strcmp(ids[i - 1], ids[i]) < 0);
    qsort(ids, (size_t)THREADS * PER_THREAD, sizeof(*ids), compare);
    for (int i = 1; i < THREADS * PER_THREAD; i++) assert_string_not_equal(ids[i - 1], ids[i]);
    free(ids);
}

static void test_valid(void **state) {
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"01a20ab4-1c36-7000-a77e-dd8b49718f7b", true},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", true},
        {"", false},
        {"01a20ab4-1c36-7000-a77e-dd8b49718f7", false},
        {"01a20ab4-1c36-7000-a77e-dd8b49718f7bb", false},
        {"01A20AB4-1C36-7000-A77E-DD8B49718F7B", false},
        {"01a20ab401c36-7000-a77e-dd8b49718f7b", false},
        {"01a20ab4-1c36-7000-a77e-dd8b49718f7g", false},
        {"-1a20ab4-1c36-7000-a77e-dd8b49718f7b", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(kpk_uuid_valid(cases[i].text), cases[i].valid);
}

#define DNS "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define URL "6ba7b811-9dad-11d1-80b4-00c04fd430c8"

static void test_names(void **state) {
    static const struct {
        const char *space, *name, *id;
    } cases[] = {
        {DNS, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"}, /* RFC 9562, A.4 */
        {DNS, "python.org",
         "886313e1-3b8a-5372-9b90-0c9aee199e5d"}, /* Python's documentation */
        {URL, "www.example.com", "b63cdfa4-3df9-568e-97ae-006c5b8fd652"}, /* another space */
        {DNS, "", "4ebd0208-8328-5d69-8c44-ec50939c0967"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char id[KPK_UUID_BYTES];
        kpk_uuid5(cases[i].space, cases[i].name, id);
        assert_string_equal(id, cases[i].id);
        assert_true(kpk_uuid_valid(id));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape), cmocka_unit_test(test_time),
        cmocka_unit_test(test_order), cmocka_unit_test(test_valid),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
