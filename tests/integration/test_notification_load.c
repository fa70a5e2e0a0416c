/* loadgen through the notification system: valid notifications reach every group by either way, what the providers have
 * on record is as much as the run says, and a dead letter fails it. */
#include "tests/support/cli.h"
#include "tests/support/providers.h"
#include "tests/support/runs.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

enum { RATE = 50, SECONDS = 4, RECORDS = RATE * SECONDS };

static struct providers providers;

static int64_t on_record(void) {
    return providers_count(&providers, "email", "delivered") +
           providers_count(&providers, "sms", "delivered") +
           providers_count(&providers, "fcm", "delivered") +
           providers_count(&providers, "apns", "delivered");
}

static const struct cli_output *load(const char *way) {
    char arguments[256];

    snprintf(arguments, sizeof(arguments),
             "run notification --via %s --rate %d --warm-up 0 --duration %d --json %s", way,
             RATE, SECONDS, run_path("report.json"));
    return cli_loadgen(arguments);
}

/* A notification goes over one, two or three channels, by its category. */
static void notifications_reach_every_group(void **state) {
    static const char *const ways[] = {"topic", "http"};
    static const char *const groups[] = {KPK_GROUP_EMAIL_WORKERS, KPK_GROUP_SMS_WORKERS,
                                         KPK_GROUP_PUSH_WORKERS};

    (void)state;
    for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
        int64_t before = on_record();
        const struct cli_output *output = load(ways[way]);
        int sent = run_assert_passed(output, RECORDS, 1);
        cli_assert_says(output, "over 2.0 channels in the mean");
        assert_in_range(on_record() - before, sent * 19 / 10, sent * 21 / 10);
        cJSON *json = cJSON_Parse(run_file("report.json"));
        assert_non_null(json);
        const cJSON *services = cJSON_GetObjectItem(json, "services");
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
            assert_non_null(cJSON_GetObjectItem(services, groups[i]));
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "via")), ways[way]);
        cJSON_Delete(json);
    }
}

static void a_provider_that_refuses_fails_the_run(void **state) {
    (void)state;
    providers_faults(&providers, "sms", "{\"permanent\":0.5}");
    const struct cli_output *output = load("topic");
    cli_assert_status(output, 1);
    cli_assert_says(output, "FAIL group sms-workers has ");
    cli_assert_says(output, "dead letters (kpk dlq list)");
}

static int no_faults(void **state) {
    (void)state;
    providers_faults(&providers, "sms", "{}");
    return 0;
}

static int open_all(void **state) {
    providers.simulator_port = stack_port("provider-simulator");
    providers.sink_port = stack_port("smtp-sink");
    return run_make_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifications_reach_every_group),
        cmocka_unit_test_teardown(a_provider_that_refuses_fails_the_run, no_faults),
    };

    return cmocka_run_group_tests_name("loadgen through notifications", tests, open_all,
                                       run_remove_folder);
}
