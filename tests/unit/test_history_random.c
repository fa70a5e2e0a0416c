/* The judge judged: histories made at random, with a fault injected at a random place, or one of each
 * kind at once, which must be named and nothing else; and one as large as a long run. */
#include "common/clock.h"
#include "common/history.h"
#include "common/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STREAMS = 4, OBSERVERS = 4, WRITES = 60, ROOM = WRITES + 1, ROUNDS = 6000 };

/* A history before it is told, so that a fault can be put into it. Ids are numbers below WRITES;
 * one above was never written. */
struct draft {
    int stream[WRITES];
    enum kpk_write_outcome outcome[WRITES];
    bool late[WRITES]; /* first UNKNOWN, until everything else was written */
    struct {
        enum kpk_order order;
        bool expects[STREAMS], maybe[WRITES];
        int seen[ROOM], count;
    } by[OBSERVERS];
};

static uint64_t seed;

static int below(int n) { return (int)(kpk_random(&seed) % (uint64_t)n); }

static bool allowed(const struct draft *draft, int o, int id) {
    return id < WRITES && draft->outcome[id] != KPK_WRITE_FAILED &&
           (draft->by[o].expects[draft->stream[id]] || draft->by[o].maybe[id]);
}

static bool required(const struct draft *draft, int o, int id) {
    return id < WRITES && draft->outcome[id] == KPK_WRITE_OK && !draft->by[o].maybe[id] &&
           draft->by[o].expects[draft->stream[id]];
}

static bool placed(const struct draft *draft, int id) {
    return draft->outcome[id] == KPK_WRITE_OK && !draft->late[id];
}

static void swap(int *a, int *b) {
    int c = *a;

    *a = *b;
    *b = c;
}

/* What observer 'o' rightly sees, in a random order that breaks nothing. */
static void draft_sightings(struct draft *draft, int o) {
    int *seen = draft->by[o].seen, n = 0;

    for (int id = 0; id < WRITES; id++)
        if (required(draft, o, id) || (allowed(draft, o, id) && below(2))) seen[n++] = id;
    draft->by[o].count = n;
    if (draft->by[o].order == KPK_ORDER_NEWEST_FIRST)
        for (int i = 0; i < n / 2; i++) swap(&seen[i], &seen[n - 1 - i]);
    for (int i = 0; n > 1 && i < 4 * n; i++) { /* neighbours may swap where no order holds */
        int at = below(n - 1), a = seen[at], b = seen[at + 1];
        if (draft->by[o].order == KPK_ORDER_NONE || draft->stream[a] != draft->stream[b] ||
            !placed(draft, a) || !placed(draft, b))
            swap(&seen[at], &seen[at + 1]);
    }
}

static void draft_history(struct draft *draft) {
    memset(draft, 0, sizeof(*draft));
    for (int id = 0; id < WRITES; id++) {
        int dice = below(10);
        draft->stream[id] = below(STREAMS);
        draft->outcome[id] = dice < 2    ? KPK_WRITE_FAILED
                             : dice == 2 ? KPK_WRITE_UNKNOWN
                                         : KPK_WRITE_OK;
        draft->late[id] = dice == 1 || dice == 3;
    }
    /* The last write of a stream is never late: nothing came between, so it would have its place. */
    for (int s = 0; s < STREAMS; s++)
        for (int id = WRITES - 1; id >= 0; id--)
            if (draft->stream[id] == s) {
                draft->late[id] = false;
                break;
            }
    for (int o = 0; o < OBSERVERS; o++) {
        draft->by[o].order = (enum kpk_order)below(3);
        for (int s = 0; s < STREAMS; s++) draft->by[o].expects[s] = below(2);
        for (int id = 0; id < WRITES; id++) draft->by[o].maybe[id] = below(10) == 0;
        draft_sightings(draft, o);
    }
}

static void insert(struct draft *draft, int o, int at, int id) {
    int *seen = draft->by[o].seen, *count = &draft->by[o].count;

    memmove(&seen[at + 1], &seen[at], sizeof(int) * (size_t)(*count - at));
    seen[at] = id;
    ++*count;
}

/* --- faults: each returns the id it happened to, or -1: not possible here ---------------- */

typedef bool (*id_fn)(const struct draft *draft, int id);

static int lose(struct draft *draft, int o, id_fn fits) {
    int *seen = draft->by[o].seen, n = draft->by[o].count, at = n ? below(n) : 0, id = seen[at];

    if (n == 0 || !required(draft, o, id) || !fits(draft, id)) return -1;
    memmove(&seen[at], &seen[at + 1], sizeof(int) * (size_t)(n - at - 1));
    draft->by[o].count--;
    return id;
}

static int repeat(struct draft *draft, int o, id_fn fits) {
    int n = draft->by[o].count, at = n ? below(n) : 0, id = draft->by[o].seen[at];

    if (n == 0 || !fits(draft, id)) return -1;
    insert(draft, o, at + 1 + below(n - at), id);
    return id;
}

static int swap_two(struct draft *draft, int o, id_fn fits) {
    int *seen = draft->by[o].seen, n = draft->by[o].count, a = n ? below(n) : 0,
        b = n ? below(n) : 0;

    if (a == b || draft->by[o].order == KPK_ORDER_NONE ||
        draft->stream[seen[a]] != draft->stream[seen[b]] || !fits(draft, seen[a]) ||
        !fits(draft, seen[b]))
        return -1;
    swap(&seen[a], &seen[b]);
    return seen[a];
}

static int invent(struct draft *draft, int o, id_fn fits) {
    int id = below(WRITES + 3);

    if (allowed(draft, o, id) || !fits(draft, id)) return -1;
    insert(draft, o, below(draft->by[o].count + 1), id);
    return id;
}

static bool unwritten(const struct draft *draft, int id) { return (void)draft, id >= WRITES; }
static bool late(const struct draft *draft, int id) { return id < WRITES && draft->late[id]; }
static bool acked(const struct draft *draft, int id) {
    return id < WRITES && draft->outcome[id] == KPK_WRITE_OK;
}
static bool unknown(const struct draft *draft, int id) {
    return id < WRITES && draft->outcome[id] == KPK_WRITE_UNKNOWN;
}
static bool refused(const struct draft *draft, int id) {
    return id < WRITES && draft->outcome[id] == KPK_WRITE_FAILED;
}

enum count { LOST, DUPLICATED, REORDERED, INVENTED, COUNTS };

static const struct kind {
    const char *what;
    enum count count; /* what it must be called */
    int (*inject)(struct draft *draft, int o, id_fn fits);
    id_fn fits;
} kinds[] = {
    {"one lost", LOST, lose, acked},
    {"one lost that was acknowledged late", LOST, lose, late},
    {"one twice", DUPLICATED, repeat, acked},
    {"one twice that is unknown", DUPLICATED, repeat, unknown},
    {"one twice that was acknowledged late", DUPLICATED, repeat, late},
    {"two in the place of each other", REORDERED, swap_two, placed},
    {"one that nobody wrote", INVENTED, invent, unwritten},
    {"one that was refused", INVENTED, invent, refused},
    {"one that was known late", INVENTED, invent, late}, /* refused, or not to be seen there */
    {"one not to be seen there", INVENTED, invent, acked},
    {"one unknown, and not to be seen there", INVENTED, invent, unknown},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), NO_FAULT = KINDS, ONE_OF_EACH, ALL_KINDS };

/* What must be found. */
struct verdict {
    bool has[COUNTS];
    int first; /* the observer who is told of; OBSERVERS: nobody */
    int id;    /* that is told of; -1: any */
};

/* returns  false: not possible here */
static bool inject(struct draft *draft, int kind, int o, struct verdict *verdict) {
    int id = -1;

    for (int tries = 0; id < 0 && tries < 1000; tries++)
        id = kinds[kind].inject(draft, o, kinds[kind].fits);
    if (id < 0) return false;
    verdict->has[kinds[kind].count] = true;
    verdict->id = kinds[kind].count == REORDERED ? -1 : id; /* far apart: others are late too */
    if (o < verdict->first) verdict->first = o;
    return true;
}

/* A fault of each count, each at another observer. */
static bool inject_each(struct draft *draft, struct verdict *verdict) {
    int shift = below(OBSERVERS);

    for (int count = 0; count < COUNTS; count++) {
        int kind = below(KINDS);
        while ((int)kinds[kind].count != count) kind = (kind + 1) % KINDS;
        if (!inject(draft, kind, (count + shift) % OBSERVERS, verdict)) return false;
    }
    verdict->id = -1;
    return true;
}

/* "stream-3"; good until the fourth call after this one. */
static const char *label(const char *prefix, int n) {
    static char names[4][24];
    static int turn;
    char *name = names[turn++ % 4];

    snprintf(name, sizeof(names[0]), "%s-%d", prefix, n);
    return name;
}

static struct kpk_history *tell_draft(const struct draft *draft) {
    struct kpk_history *history = kpk_history_new();

    assert_non_null(history);
    for (int id = 0; id < WRITES; id++)
        kpk_history_write(history, label("stream", draft->stream[id]), label("id", id),
                          draft->late[id] ? KPK_WRITE_UNKNOWN : draft->outcome[id]);
    for (int id = 0; id < WRITES; id++)
        if (draft->late[id])
            kpk_history_write(history, label("stream", draft->stream[id]), label("id", id),
                              draft->outcome[id]);
    for (int o = 0; o < OBSERVERS; o++) {
        char name[24];
        snprintf(name, sizeof(name), "observer-%d", o);
        kpk_history_order(history, name, draft->by[o].order);
        for (int s = 0; s < STREAMS; s++)
            if (draft->by[o].expects[s]) kpk_history_expect(history, name, label("stream", s));
        for (int id = 0; id < WRITES; id++)
            if (draft->by[o].maybe[id]) kpk_history_maybe(history, name, label("id", id));
        for (int i = 0; i < draft->by[o].count; i++)
            kpk_history_see(history, name, label("id", draft->by[o].seen[i]));
    }
    return history;
}

/* "id-7", and not "id-77". */
static bool tells_of(const char *first, int id) {
    const char *at = strstr(first, label("id", id));

    return at && strchr(" ,", at[strlen(label("id", id))]);
}

static void names_the_fault_that_was_injected(void **state) {
    const char *given = getenv("KPK_TEST_SEED");
    struct draft draft;
    int injected[ALL_KINDS] = {0};

    (void)state;
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)kpk_clock_us(CLOCK_REALTIME);
    print_message("KPK_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < ROUNDS; round++) {
        struct verdict verdict = {.first = OBSERVERS, .id = -1};
        int kind = round % ALL_KINDS;
        struct kpk_report report;

        draft_history(&draft);
        if (kind == ONE_OF_EACH ? !inject_each(&draft, &verdict)
            : kind != NO_FAULT  ? !inject(&draft, kind, below(OBSERVERS), &verdict)
                                : false)
            continue;
        injected[kind]++;
        struct kpk_history *history = tell_draft(&draft);
        bool clean = kpk_history_check(history, &report);
        kpk_history_free(history);
        if (clean != (kind == NO_FAULT) || report.lost != verdict.has[LOST] ||
            report.duplicated != verdict.has[DUPLICATED] ||
            (report.reordered > 0) != verdict.has[REORDERED] ||
            report.invented != verdict.has[INVENTED] ||
            (!clean && strncmp(report.first, label("observer", verdict.first), 10) != 0) ||
            (verdict.id >= 0 && !tells_of(report.first, verdict.id)))
            fail_msg("round %d: %s: lost %zu duplicated %zu reordered %zu invented %zu '%s'",
                     round, kind < KINDS ? kinds[kind].what : "none, or one of each",
                     report.lost, report.duplicated, report.reordered, report.invented,
                     report.first);
    }
    for (int kind = 0; kind < ALL_KINDS; kind++)
        assert_true(injected[kind] > ROUNDS / ALL_KINDS / 4);
}

/* --- at size ----------------------------------------------------------------------------- */

static void judges_a_long_run(void **state) {
    enum { MANY = 100000, FOLLOWERS = 10 };
    struct kpk_history *history = kpk_history_new();
    struct kpk_report report;
    char id[16];

    (void)state;
    for (int o = 0; o < FOLLOWERS; o++) {
        kpk_history_order(history, label("observer", o), KPK_ORDER_OLDEST_FIRST);
        for (int s = 0; s < 100; s++)
            kpk_history_expect(history, label("observer", o), label("stream", s));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        kpk_history_write(history, label("stream", i % 100), id, KPK_WRITE_OK);
        for (int o = 0; o < FOLLOWERS; o++)
            if (i != MANY / 2 || o != 7) kpk_history_see(history, label("observer", o), id);
    }
    assert_false(kpk_history_check(history, &report));
    assert_int_equal(report.expected, MANY * FOLLOWERS);
    assert_int_equal(report.lost, 1);
    assert_int_equal(report.duplicated + report.reordered + report.invented, 0);
    assert_string_equal(report.first, "observer-7 never saw id-50000 of stream-0");
    kpk_history_free(history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_fault_that_was_injected),
        cmocka_unit_test(judges_a_long_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
