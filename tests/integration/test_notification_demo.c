/* demo-notification, run as a person runs it: it ends with a verdict, its exit code says the same, and it
 * leaves no fault with a provider and no dead letter behind, also when it is interrupted. */
#include "common/clock.h"
#include "services/notification/client.h"
#include "tests/support/cli.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_BYTES = 1024, SCREEN_LINES = 110, TOLD_BYTES = 32 * 1024, QUICK_MS = 10000 };

#define DEMO "build/bin/demo-notification "

/* --- the demo ---------------------------------------------------------------------------- */

struct told {
    FILE *output;
    pid_t pid;
    int exit_code, lines;
    char last[LINE_BYTES];
    char all[TOLD_BYTES];
};

/* The shell says its process id, and becomes the command. */
static void start(const char *command, struct told *told) {
    char whole[LINE_BYTES], line[LINE_BYTES];

    *told = (struct told){.lines = 0};
    snprintf(whole, sizeof(whole), "echo $$; exec env %s", command);
    told->output = popen(whole, "r");
    assert_non_null(told->output);
    assert_non_null(fgets(line, sizeof(line), told->output));
    told->pid = (pid_t)atoi(line);
    assert_true(told->pid > 0);
}

/* Read on until a line with 'words' has come; NULL: to the end. */
static void read_until(struct told *told, const char *words) {
    size_t len = strlen(told->all);

    while (fgets(told->last, sizeof(told->last), told->output)) {
        print_message("%s", told->last);
        len += (size_t)snprintf(told->all + len, sizeof(told->all) - len, "%s", told->last);
        assert_true(len < sizeof(told->all));
        told->lines++;
        if (words && strstr(told->last, words)) return;
    }
    if (words) fail_msg("it does not say '%s'", words);
    int status = pclose(told->output);
    told->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run(const char *command, struct told *told) {
    start(command, told);
    read_until(told, NULL);
}

static void assert_told(const struct told *told, const char *words) {
    if (!strstr(told->all, words)) fail_msg("it does not say '%s'", words);
}

static void assert_pass(const struct told *told) {
    assert_int_equal(told->exit_code, 0);
    assert_non_null(strstr(told->last, "verdict: PASS"));
}

/* A failure that names what to do, in no time. */
static void assert_fails_quickly(const char *command, const char *words) {
    static struct told told;
    int64_t begin_ms = kpk_mono_ms();

    run(command, &told);
    assert_true(kpk_mono_ms() - begin_ms < QUICK_MS);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "verdict: FAIL"));
    if (!strstr(told.last, words)) fail_msg("it does not say '%s'", words);
}

/* --- what it leaves ---------------------------------------------------------------------- */

static cJSON *faults_of_fcm(const char *put) {
    const struct notification_call call = {.host = NOTIFICATION_SIMULATOR,
                                           .method = put ? "PUT" : "GET",
                                           .path = "/v1/faults/fcm",
                                           .body = put};
    struct notification_client *client;
    struct notification_reply reply;
    struct kpk_err err;

    assert_ok(notification_client_open(&client, &err), &err);
    assert_ok(notification_client_call(client, &call, &reply, &err), &err);
    assert_int_equal(reply.status, 200);
    notification_client_close(client);
    return reply.body;
}

static void set_faults(const char *faults) { cJSON_Delete(faults_of_fcm(faults)); }

static double fault(const char *name) {
    cJSON *faults = faults_of_fcm(NULL);
    const cJSON *item = cJSON_GetObjectItem(faults, name);
    double value = cJSON_IsNumber(item) ? item->valuedouble : cJSON_IsTrue(item);

    cJSON_Delete(faults);
    return value;
}

static int no_faults(void **state) {
    (void)state;
    set_faults("{}");
    return 0;
}

/* --- the tests --------------------------------------------------------------------------- */

static void the_whole_story(void **state) {
    static const char *const words[] = {
        "email delivered, sms delivered, push delivered",
        "sms    skipped, \"shipping by sms: not allowed\": nothing on record",
        "down for ",
        "FCM is back. It gets the ",
        "notifications-pending.sms-workers.retry-2s [",
        "notifications-pending.push-workers.retry-10s [",
        "sms    delivered after ",
        "push   delivered after ",
        "dead letters: 1 open",
        "__dlq.errors.message         fcm: 404 UNREGISTERED",
        "redriven: 1",
        "push: delivered, attempts: 2",
        "redriven: 0, done before: 1",
        "Known again by its key, and not delivered again: 0",
    };
    static struct told told;

    (void)state;
    run(DEMO, &told);
    assert_pass(&told);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) assert_told(&told, words[i]);
    assert_true(told.lines <= SCREEN_LINES);
}

static void faults_of_a_person_are_there_again_at_its_end(void **state) {
    static struct told told;

    (void)state;
    set_faults("{\"slow_ms\":1}");
    run(DEMO "--only dead-letter", &told);
    assert_told(&told, "FCM had faults: they are set aside");
    assert_pass(&told);
    assert_true(fault("slow_ms") == 1);
}

static void interrupted_in_the_outage_it_ends_it(void **state) {
    static struct told told;

    (void)state;
    start(DEMO "--only outage", &told);
    read_until(&told, "down for");
    assert_true(fault("down") == 1);
    assert_int_equal(kill(told.pid, SIGINT), 0);
    read_until(&told, NULL);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "interrupted"));
    assert_true(fault("down") == 0);
}

static void interrupted_over_a_dead_letter_it_leaves_none_open(void **state) {
    static struct told told;
    const char *list;

    (void)state;
    start(DEMO "--only dead-letter", &told);
    read_until(&told, "dead letters: 1 open");
    assert_int_equal(kill(told.pid, SIGINT), 0);
    read_until(&told, NULL);
    assert_int_equal(told.exit_code, 1);
    assert_non_null(strstr(told.last, "interrupted"));
    list = strstr(told.all, "--key ");
    cli_assert_says(cli_run("", "dlq list %.*s", (int)strcspn(list, "\n"), list),
                    "dead letters: 0 open, 0 redriven, 0 parked, 1 purged");
}

static void killed_in_the_outage_the_next_run_ends_it(void **state) {
    static struct told told;

    (void)state;
    start(DEMO "--only outage", &told);
    read_until(&told, "down for");
    assert_int_equal(kill(told.pid, SIGKILL), 0);
    read_until(&told, NULL);
    assert_true(fault("down") == 1);
    run(DEMO "--only preferences", &told);
    assert_told(&told, "the faults of FCM are ended that it left");
    assert_pass(&told);
    assert_true(fault("down") == 0);
}

static void without_services_it_says_what_to_do(void **state) {
    (void)state;
    assert_fails_quickly("KPK_NOTIFICATION_SERVICE_URL=http://127.0.0.1:1 " DEMO, "make up");
    assert_fails_quickly("KPK_SMTP_SINK_URL=http://127.0.0.1:1 " DEMO,
                         "smtp-sink does not answer");
    assert_fails_quickly("KPK_BOOTSTRAP_SERVERS=127.0.0.1:1 " DEMO, "127.0.0.1:1");
}

/* It takes connections, and says nothing. */
static void a_service_that_hangs_is_named_soon(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    char command[LINE_BYTES];
    int mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(mute, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(mute, 8), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&address, &len), 0);
    snprintf(command, sizeof(command), "KPK_PROVIDER_SIMULATOR_URL=http://127.0.0.1:%d " DEMO,
             ntohs(address.sin_port));
    assert_fails_quickly(command, "provider-simulator does not answer");
    close(mute);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_story),
        cmocka_unit_test_teardown(faults_of_a_person_are_there_again_at_its_end, no_faults),
        cmocka_unit_test_teardown(interrupted_in_the_outage_it_ends_it, no_faults),
        cmocka_unit_test_teardown(interrupted_over_a_dead_letter_it_leaves_none_open,
                                  no_faults),
        cmocka_unit_test_teardown(killed_in_the_outage_the_next_run_ends_it, no_faults),
        cmocka_unit_test(without_services_it_says_what_to_do),
        cmocka_unit_test(a_service_that_hangs_is_named_soon),
    };

    return cmocka_run_group_tests_name("notification: the demo", tests, NULL, NULL);
}
