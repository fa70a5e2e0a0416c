/* Records, keys and objectives of a load: what is written is read again, what is drawn is as unequal as it was
 * asked for, and what is wrong is refused. */
#include "common/json.h"
#include "loadgen/keys.h"
#include "loadgen/record.h"
#include "loadgen/report.h"
#include "loadgen/size.h"
#include "tests/support/test.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define RUN "k3x9p2"

static struct kpk_err error, *err = &error;

static void what_is_written_is_read_again(void **state) {
    static const struct {
        uint32_t stream, seq;
        int64_t us;
    } cases[] = {{0, 0, 0}, {1, 2, 3}, {UINT32_MAX, UINT32_MAX, INT64_C(9999999999999999)}};
    static const size_t sizes[] = {LOAD_VALUE_LEAST, 100, 500, 10240};
    char value[10240 + 1];

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        load_record_template(value, sizes[s], RUN, (uint32_t)s);
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            uint32_t stream, seq;
            int64_t us;
            load_record_set(value, cases[i].stream, cases[i].seq, cases[i].us);
            assert_true(load_record_get(value, sizes[s], RUN, &stream, &seq, &us));
            assert_true(stream == cases[i].stream && seq == cases[i].seq && us == cases[i].us);
        }
        value[sizes[s]] = '\0';
        cJSON *json = cJSON_Parse(value);
        assert_non_null(json);
        assert_string_equal(cJSON_GetObjectItem(json, "run")->valuestring, RUN);
        assert_string_equal(cJSON_GetObjectItem(json, "seq")->valuestring, "4294967295");
        cJSON_Delete(json);
    }
}

static void what_is_not_of_this_run_is_not_read(void **state) {
    char value[LOAD_VALUE_LEAST], other[LOAD_VALUE_LEAST];
    uint32_t stream, seq;
    int64_t us;

    (void)state;
    load_record_template(value, sizeof(value), RUN, 7);
    load_record_set(value, 1, 2, 3);
    assert_false(load_record_get(value, sizeof(value), "k3x9p3", &stream, &seq, &us));
    assert_false(load_record_get(value, sizeof(value) - 1, RUN, &stream, &seq, &us));
    for (size_t i = 0; i < sizeof(value); i++) { /* a letter where a digit was */
        memcpy(other, value, sizeof(value));
        if (other[i] < '0' || other[i] > '9') continue;
        other[i] = 'x';
        assert_false(load_record_get(other, sizeof(other), RUN, &stream, &seq, &us));
    }
}

static const struct load_profile *profile(const char *name) {
    const struct load_profile *found = load_profile_find(name, err);

    assert_non_null(found);
    return found;
}

static struct load_keys *open_keys(const struct load_profile *of, uint64_t seed) {
    struct load_keys *keys;

    assert_ok(load_keys_open(&keys, of, of->partitions, NULL, seed, err), err);
    return keys;
}

static void a_seed_makes_the_same_draws(void **state) {
    struct load_keys *one = open_keys(profile("twitter"), 7),
                     *same = open_keys(profile("twitter"), 7),
                     *other = open_keys(profile("twitter"), 8);

    (void)state;
    assert_memory_equal(one->draws, same->draws, sizeof(one->draws));
    assert_memory_not_equal(one->draws, other->draws, sizeof(one->draws));
    load_keys_close(one);
    load_keys_close(same);
    load_keys_close(other);
}

/* Zipf's law: with exponent 1 the first key is used about twice as often as the second, ten times the tenth. */
static void keys_are_used_as_unequally_as_asked(void **state) {
    struct load_keys *keys = open_keys(profile("twitter"), 1);
    static int used[10000];

    (void)state;
    memset(used, 0, sizeof(used));
    for (int i = 0; i < LOAD_CYCLE; i++) used[keys->draws[i]]++;
    assert_in_range(used[0] * 10 / used[1], 18, 22);
    assert_in_range(used[0] * 10 / used[9], 90, 110);
    load_keys_close(keys);

    keys = open_keys(profile("peers"), 1);
    for (int i = 0; i < LOAD_CYCLE; i++) assert_true(keys->draws[i] < 100000);
    load_keys_close(keys);
}

/* The most used campaign is twenty keys, so that no partition has all of it. */
static void hot_keys_are_salted(void **state) {
    const struct load_profile *ads = profile("ads");
    struct load_keys *keys = open_keys(ads, 1);
    int partitions[500] = {0}, different = 0;

    (void)state;
    for (int i = 0; i < LOAD_CYCLE; i++) {
        assert_true(keys->draws[i] >= (uint32_t)ads->salted); /* never the bare one */
        if (strncmp(keys->text[keys->draws[i]], "0_salt_", 7) == 0)
            partitions[keys->partition[keys->draws[i]]] = 1;
    }
    for (int i = 0; i < 500; i++) different += partitions[i];
    assert_in_range(different, 15, 20);
    load_keys_close(keys);
}

static void every_profile_is_whole(void **state) {
    (void)state;
    for (const struct load_profile *row = load_profiles; row->name; row++) {
        assert_true(row->value_bytes >= LOAD_VALUE_LEAST &&
                    row->value_bytes <= LOAD_VALUE_MOST);
        assert_true(row->sustained > 0 && row->partitions > 0 && row->keys > 0 &&
                    row->salted < row->keys);
        assert_true(row->groups <= LOAD_GROUPS_MOST && row->consumers <= LOAD_MEMBERS_MOST);
        assert_true(!row->peak || row->peak > row->sustained);
    }
    assert_null(load_profile_find("twiter", err));
    assert_non_null(strstr(err->msg, "twitter, whatsapp"));
}

/* What is sized is what is sent. */
static void sizes_and_loads_are_of_the_same_systems(void **state) {
    (void)state;
    for (const struct size_default *size = size_defaults; size->name; size++) {
        const struct load_profile *load = profile(size->name);
        assert_true(size->sustained_per_s == load->sustained &&
                    size->value_bytes == load->value_bytes);
        assert_int_equal(size->partitions, load->partitions);
        if (load->peak) assert_true(size->peak_per_s == load->peak);
    }
}

static void objectives_are_read_or_refused(void **state) {
    static const struct {
        const char *text;
        int groups, count;
        double percentile, limit_us;
        const char *wrong; /* part of the message */
    } cases[] = {
        {"", 1, 0, 0, 0, NULL},
        {"p99<50ms", 1, 1, 99, 50000, NULL},
        {"p99.9<1s", 0, 1, 99.9, 1000000, NULL},
        {"publish.p50<800us", 1, 1, 50, 800, NULL},
        {"end_to_end.p50<0.5ms,p99<1s", 1, 2, 50, 500, NULL},
        {"end_to_end.p50<5ms", 0, -1, 0, 0, "nobody reads"},
        {"p99", 1, -1, 0, 0, "p99"},
        {"p99<50", 1, -1, 0, 0, "p99<50"},
        {"p99<50min", 1, -1, 0, 0, "unit"},
        {"p99<50ms,", 1, -1, 0, 0, "like"},
        {"p101<50ms", 1, -1, 0, 0, "p101"},
        {"p99<-1ms", 1, -1, 0, 0, "p99<-1ms"},
        {"q99<1ms", 1, -1, 0, 0, "q99"},
        {"p99<1msx", 1, -1, 0, 0, "p99<1msx"},
    };
    struct load_slo slos[LOAD_SLOS_MOST];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int count = load_slo_parse(cases[i].text, cases[i].groups, slos, err);
        if (count != cases[i].count) fail_msg("'%s': %d", cases[i].text, count);
        if (cases[i].wrong && !strstr(err->msg, cases[i].wrong))
            fail_msg("'%s': %s", cases[i].text, err->msg);
        if (count <= 0) continue;
        assert_true(slos[0].percentile == cases[i].percentile &&
                    slos[0].limit_us == cases[i].limit_us);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_is_not_of_this_run_is_not_read),
        cmocka_unit_test(a_seed_makes_the_same_draws),
        cmocka_unit_test(keys_are_used_as_unequally_as_asked),
        cmocka_unit_test(hot_keys_are_salted),
        cmocka_unit_test(every_profile_is_whole),
        cmocka_unit_test(sizes_and_loads_are_of_the_same_systems),
        cmocka_unit_test(objectives_are_read_or_refused),
    };

    return cmocka_run_group_tests_name("loadgen: records", tests, NULL, NULL);
}
