#include "common/fault.h"

#include "common/log.h"
#include "common/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAULTS_MAX = 8, POINT_BYTES = 64, POINTS_MAX = 128, DELAY_MS = 2000 };

/* The linker puts the names of all points of the program between these two. */
extern const char *const __start_kpk_faults[] __attribute__((weak));
extern const char *const __stop_kpk_faults[] __attribute__((weak));

static struct fault {
    char point[POINT_BYTES];
    enum kpk_fault_kind kind;
    int at;          /* strikes at this passage */
    atomic_int seen; /* passages so far */
} faults[FAULTS_MAX];
static size_t fault_count;

static const char *const kind_names[] = {"exit", "stop", "error", "delay"};

const char *kpk_fault_kind_name(enum kpk_fault_kind kind) { return kind_names[kind]; }

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t kpk_fault_points(const char **points, size_t max) {
    const char *all[POINTS_MAX];
    size_t count = 0, each = 0;

    for (const char *const *name = __start_kpk_faults; name < __stop_kpk_faults; name++)
        if (count < POINTS_MAX) all[count++] = *name;
    qsort(all, count, sizeof(*all), by_name);
    for (size_t i = 0; i < count; i++) {
        if (i && strcmp(all[i], all[i - 1]) == 0) continue;
        if (each < max) points[each] = all[i];
        each++;
    }
    return each;
}

static bool known(const char *point) {
    for (const char *const *name = __start_kpk_faults; name < __stop_kpk_faults; name++)
        if (strcmp(*name, point) == 0) return true;
    return false;
}

/* "@3", or nothing, which is the first. returns 0: neither */
static int parse_passage(const char *text) {
    size_t digits = strspn(text + (*text == '@'), "0123456789");

    if (*text == '\0') return 1;
    if (*text != '@' || text[1] == '0' || text[1 + digits] || digits > 9) return 0;
    return atoi(text + 1);
}

/* "outbox:after-publish=exit@3" */
static int parse_one(const char *text, struct fault *fault, struct kpk_err *err) {
    char kind[16];
    int end = 0;

    *fault = (struct fault){.at = 0};
    if (sscanf(text, "%63[a-z0-9:-]=%15[a-z]%n", fault->point, kind, &end) == 2)
        fault->at = parse_passage(text + end);
    if (fault->at == 0)
        return kpk_fail(err, KPK_FATAL,
                        "KPK_FAULT: '%.80s' is not of the form point=kind@passage", text);
    if (!known(fault->point))
        return kpk_fail(err, KPK_FATAL, "KPK_FAULT: this program has no point '%s'",
                        fault->point);
    for (int i = 0; i < KPK_FAULT_KINDS; i++) {
        if (strcmp(kind, kind_names[i]) != 0) continue;
        fault->kind = (enum kpk_fault_kind)i;
        return 0;
    }
    return kpk_fail(err, KPK_FATAL, "KPK_FAULT: '%s' is none of exit, stop, error, delay",
                    kind);
}

int kpk_fault_init(struct kpk_err *err) {
    const char *asked = getenv("KPK_FAULT");
    char text[FAULTS_MAX * (POINT_BYTES + 16)], *rest = text, *one;

    fault_count = 0;
    if (!asked || !*asked) return 0;
    if (snprintf(text, sizeof(text), "%s", asked) >= (int)sizeof(text))
        return kpk_fail(err, KPK_FATAL, "KPK_FAULT: too long");
    while ((one = strsep(&rest, ","))) {
        if (fault_count == FAULTS_MAX)
            return kpk_fail(err, KPK_FATAL, "KPK_FAULT: more than %d faults", FAULTS_MAX);
        if (parse_one(one, &faults[fault_count], err)) return -1;
        fault_count++;
    }
    return 0;
}

static int strike(const struct fault *fault, struct kpk_err *err) {
    kpk_warn("fault", "point=%s kind=%s passage=%d", fault->point, kind_names[fault->kind],
             fault->at);
    switch (fault->kind) {
    case KPK_FAULT_EXIT:
        kill(getpid(), SIGKILL);
        break;
    case KPK_FAULT_STOP:
        raise(SIGSTOP); /* this thread first: kill() may let it run on for a moment */
        break;
    case KPK_FAULT_ERROR:
        return kpk_fail(err, KPK_WAIT, "fault at %s", fault->point);
    case KPK_FAULT_DELAY:
        kpk_stop_wait(DELAY_MS);
        break;
    case KPK_FAULT_KINDS:
        break;
    }
    return 0;
}

int kpk_fault_at(const char *point, struct kpk_err *err) {
    for (size_t i = 0; i < fault_count; i++) {
        if (strcmp(faults[i].point, point) != 0) continue;
        if (atomic_fetch_add(&faults[i].seen, 1) + 1 == faults[i].at)
            return strike(&faults[i], err);
    }
    return 0;
}
