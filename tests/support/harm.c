#include "tests/support/harm.h"

#include "common/clock.h"
#include "common/random.h"
#include "common/stop.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VICTIMS_MAX = 60, HARMS_MAX = 1000, PAUSE_MS = 1000, HANG_ONE_IN = 4 };

static uint64_t seed;

static struct {
    char names[VICTIMS_MAX][HARM_NAME_BYTES];
    int count;
    int dealt; /* how many of them had their turn in this round */
} victims;

static struct {
    struct harm all[HARMS_MAX];
    int count;
} harms;

void harm_seed(void) {
    const char *given = getenv("KPK_TEST_SEED");

    seed = given && *given ? strtoull(given, NULL, 10) : (uint64_t)kpk_now_ms() % 1000000;
    print_message("KPK_TEST_SEED=%llu\n", (unsigned long long)seed);
}

int harm_below(int limit) { return (int)(kpk_random(&seed) % (uint64_t)limit); }

/* --- who ------------------------------------------------------------------------------- */

static bool is_spared(const char *name, const char *const *spared) {
    for (; spared && *spared; spared++)
        if (strcmp(name, *spared) == 0) return true;
    return false;
}

void harm_add(const char *system, const char *const *spared) {
    char command[512], line[256], name[HARM_NAME_BYTES];
    int before = victims.count;

    snprintf(command, sizeof(command), "'%s' processes %s", getenv("KPK_TEST_STACK"), system);
    FILE *list = popen(command, "r");
    if (!list) fail_msg("%s", command);
    while (fgets(line, sizeof(line), list)) {
        if (sscanf(line, "%31s", name) != 1 || is_spared(name, spared)) continue;
        if (victims.count == VICTIMS_MAX) fail_msg("more than %d processes", VICTIMS_MAX);
        strcpy(victims.names[victims.count++], name);
    }
    if (pclose(list) != 0 || victims.count == before) fail_msg("%s: failed", command);
}

/* Everyone once a round, in an order of chance. */
static const char *next_victim(void) {
    int left = victims.count - victims.dealt, pick = victims.dealt + harm_below(left);
    char name[HARM_NAME_BYTES];

    memcpy(name, victims.names[pick], sizeof(name));
    memcpy(victims.names[pick], victims.names[victims.dealt], sizeof(name));
    memcpy(victims.names[victims.dealt], name, sizeof(name));
    const char *chosen = victims.names[victims.dealt];
    victims.dealt = (victims.dealt + 1) % victims.count;
    return chosen;
}

/* --- what ------------------------------------------------------------------------------ */

static bool is_ready(void *ctx) { return stack_ready(ctx); }

static void hang(const char *name) {
    stack_signal(name, SIGSTOP);
    kpk_stop_wait(HARM_HANG_MS);
    stack_signal(name, SIGCONT);
    if (!wait_until(STACK_BACK_MS, is_ready, (void *)name))
        fail_msg("%s hung for %d ms and is not ready again", name, HARM_HANG_MS);
}

void harm_next(void) {
    const char *name = next_victim();
    struct harm *harm = &harms.all[harms.count];

    if (harms.count == HARMS_MAX) fail_msg("more than %d harms", HARMS_MAX);
    *harm = (struct harm){.hang = harm_below(HANG_ONE_IN) == 0, .begun_ms = kpk_now_ms()};
    strcpy(harm->name, name);
    harms.count++;
    if (harm->hang)
        hang(name);
    else
        stack_await_restart(name, stack_signal(name, SIGKILL));
    harm->ended_ms = kpk_now_ms();
    print_message("  %s %s, ready again after %.1f s\n", harm->hang ? "SIGSTOP" : "kill -9",
                  name, (double)(harm->ended_ms - harm->begun_ms) / 1000);
    kpk_stop_wait(harm_below(PAUSE_MS));
}

int harm_count(void) { return harms.count; }

const struct harm *harm_at(int index) { return &harms.all[index]; }

void harm_wake_all(void) {
    for (int i = 0; i < victims.count; i++) {
        pid_t pid = stack_pid(victims.names[i]);
        if (pid > 0) kill(pid, SIGCONT);
    }
}
