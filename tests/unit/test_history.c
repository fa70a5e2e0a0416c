/* The judge judged: histories with each kind of fault, told by hand in a table, and made at random
 * with one fault injected at a random place, which must be named and nothing else. */
#include "common/clock.h"
#include "common/history.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* --- by hand ----------------------------------------------------------------------------- */

enum { MAX_ARGS = 3 };

static enum kpk_order order_of(const char *word) {
    if (strcmp(word, "oldest") == 0) return KPK_ORDER_OLDEST_FIRST;
    return strcmp(word, "newest") == 0 ? KPK_ORDER_NEWEST_FIRST : KPK_ORDER_NONE;
}

/* One step of a story: "ok alice t1", "bob sees t1", "bob expects alice", ... */
static void step(struct kpk_history *history, const char *a, const char *verb, const char *b) {
    if (strcmp(a, "ok") == 0)
        kpk_history_write(history, verb, b, KPK_WRITE_OK);
    else if (strcmp(a, "failed") == 0)
        kpk_history_write(history, verb, b, KPK_WRITE_FAILED);
    else if (strcmp(a, "unknown") == 0)
        kpk_history_write(history, verb, b, KPK_WRITE_UNKNOWN);
    else if (strcmp(verb, "expects") == 0)
        kpk_history_expect(history, a, b);
    else if (strcmp(verb, "order") == 0)
        kpk_history_order(history, a, order_of(b));
    else if (strcmp(verb, "maybe") == 0)
        kpk_history_maybe(history, a, b);
    else if (strcmp(verb, "sees") == 0)
        kpk_history_see(history, a, b);
    else if (strcmp(verb, "unsees") == 0)
        kpk_history_unsee(history, a);
    else
        fail_msg("the story has no verb: %s %s %s", a, verb, b);
}

static struct kpk_history *tell(const char *story) {
    struct kpk_history *history = kpk_history_new();
    char *copy = strdup(story), *rest = copy, *line;

    assert_non_null(history);
    assert_non_null(copy);
    while ((line = strsep(&rest, ";"))) {
        char arg[MAX_ARGS][16] = {""};
        if (sscanf(line, " %15s %15s %15s", arg[0], arg[1], arg[2]) >= 2)
            step(history, arg[0], arg[1], arg[2]);
    }
    free(copy);
    return history;
}

#define ALICE3 "ok alice t1; ok alice t2; ok alice t3; bob expects alice; "

/* clang-format off */
static const struct {
    const char *what, *story;
    size_t expected, seen, lost, duplicated, reordered, invented;
    const char *first;
} cases[] = {
    {"nothing happened", "", 0, 0, 0, 0, 0, 0, ""},
    {"nobody looks", "ok alice t1", 0, 0, 0, 0, 0, 0, ""},
    {"all seen", ALICE3 "bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 0, 0, ""},
    {"expected before it is written", "bob expects alice; ok alice t1; bob sees t1", 1, 1, 0, 0, 0, 0, ""},
    {"expected twice is expected once", "bob expects alice; bob expects alice; ok alice t1", 1, 0, 1, 0, 0, 0, "bob never saw t1 of alice"},
    {"two observers", ALICE3 "carol expects alice; bob sees t1; bob sees t2; bob sees t3; carol sees t1; carol sees t3", 6, 5, 1, 0, 0, 0, "carol never saw t2 of alice"},
    {"seen by another is not seen", "ok alice t1; bob expects alice; carol expects alice; carol sees t1", 2, 1, 1, 0, 0, 0, "bob never saw t1 of alice"},

    {"one lost", ALICE3 "bob sees t1; bob sees t3", 3, 2, 1, 0, 0, 0, "bob never saw t2 of alice"},
    {"all lost", ALICE3, 3, 0, 3, 0, 0, 0, "bob never saw t1 of alice"},
    {"twice", ALICE3 "bob sees t1; bob sees t2; bob sees t2; bob sees t3", 3, 4, 0, 1, 0, 0, "bob saw t2 of alice more than once"},
    {"three times", "ok alice t1; bob expects alice; bob sees t1; bob sees t1; bob sees t1", 1, 3, 0, 2, 0, 0, "bob saw t1 of alice more than once"},
    {"nobody wrote it", "bob sees t9", 0, 1, 0, 0, 0, 1, "bob saw t9, which nobody wrote"},
    {"nobody wrote it, seen twice", "bob sees t9; bob sees t9", 0, 2, 0, 0, 0, 2, "bob saw t9, which nobody wrote"},
    {"not his", "ok alice t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was not to be seen there"},
    {"one of each", ALICE3 "bob order oldest; bob sees t3; bob sees t2; bob sees t3; bob sees t9", 3, 4, 1, 1, 1, 1, "bob saw t2 of alice after t3"},

    {"failed, not seen", "failed alice t1; bob expects alice", 0, 0, 0, 0, 0, 0, ""},
    {"failed, seen", "failed alice t1; bob expects alice; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was refused"},
    {"failed, seen, excused all the same", "failed alice t1; bob maybe t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was refused"},
    {"unknown, not seen", "unknown alice t1; bob expects alice", 0, 0, 0, 0, 0, 0, ""},
    {"unknown, seen", "unknown alice t1; bob expects alice; bob sees t1", 0, 1, 0, 0, 0, 0, ""},
    {"unknown, seen twice", "unknown alice t1; bob expects alice; bob sees t1; bob sees t1", 0, 2, 0, 1, 0, 0, "bob saw t1 of alice more than once"},
    {"unknown, not his", "unknown alice t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was not to be seen there"},
    {"unknown, then ok: must be seen", "unknown alice t1; ok alice t1; bob expects alice", 1, 0, 1, 0, 0, 0, "bob never saw t1 of alice"},
    {"unknown, then failed: must not", "unknown alice t1; failed alice t1; bob expects alice; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1 of alice, which was refused"},
    {"unknown twice, then ok", "unknown alice t1; unknown alice t1; ok alice t1; bob expects alice; bob sees t1", 1, 1, 0, 0, 0, 0, ""},
    {"seen before it is written", "bob expects alice; bob sees t1; ok alice t1", 1, 1, 0, 0, 0, 0, ""},

    {"maybe, not seen", "ok alice t1; bob expects alice; bob maybe t1", 0, 0, 0, 0, 0, 0, ""},
    {"maybe, seen", "ok alice t1; bob maybe t1; bob sees t1", 0, 1, 0, 0, 0, 0, ""},
    {"maybe, seen twice", "ok alice t1; bob maybe t1; bob sees t1; bob sees t1", 0, 2, 0, 1, 0, 0, "bob saw t1 of alice more than once"},
    {"maybe for one is not for another", "ok alice t1; bob maybe t1; carol sees t1", 0, 1, 0, 0, 0, 1, "carol saw t1 of alice, which was not to be seen there"},
    {"maybe, but nobody wrote it", "bob maybe t1; bob sees t1", 0, 1, 0, 0, 0, 1, "bob saw t1, which nobody wrote"},

    {"looked again", ALICE3 "bob sees t1; bob sees t1; bob sees t9; bob unsees; bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 0, 0, ""},
    {"looked away", ALICE3 "bob sees t1; bob sees t2; bob sees t3; bob unsees", 3, 0, 3, 0, 0, 0, "bob never saw t1 of alice"},

    {"no order asked", ALICE3 "bob sees t3; bob sees t1; bob sees t2", 3, 3, 0, 0, 0, 0, ""},
    {"oldest first", ALICE3 "bob order oldest; bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 0, 0, ""},
    {"oldest first, one late", ALICE3 "bob order oldest; bob sees t1; bob sees t3; bob sees t2", 3, 3, 0, 0, 1, 0, "bob saw t2 of alice after t3"},
    {"oldest first, one early", ALICE3 "bob order oldest; bob sees t3; bob sees t1; bob sees t2", 3, 3, 0, 0, 2, 0, "bob saw t1 of alice after t3"},
    {"newest first", ALICE3 "bob order newest; bob sees t3; bob sees t2; bob sees t1", 3, 3, 0, 0, 0, 0, ""},
    {"newest first, seen the other way", ALICE3 "bob order newest; bob sees t1; bob sees t2; bob sees t3", 3, 3, 0, 0, 2, 0, "bob saw t2 of alice after t1"},
    {"redelivery is no disorder", ALICE3 "bob order oldest; bob sees t1; bob sees t2; bob sees t1; bob sees t2; bob sees t3", 3, 5, 0, 2, 0, 0, "bob saw t1 of alice more than once"},
    {"order is within a stream", "ok alice a1; ok carol c1; ok alice a2; bob expects alice; bob expects carol; bob order oldest; bob sees a1; bob sees a2; bob sees c1", 3, 3, 0, 0, 0, 0, ""},
    {"order begins anew for each observer", ALICE3 "carol expects alice; bob order oldest; carol order oldest; bob sees t1; bob sees t2; bob sees t3; carol sees t1; carol sees t2; carol sees t3", 6, 6, 0, 0, 0, 0, ""},
    {"unknown has no place", "ok alice t1; unknown alice t2; ok alice t3; bob expects alice; bob order oldest; bob sees t2; bob sees t1; bob sees t3", 2, 3, 0, 0, 0, 0, ""},
    {"known at once: it has its place", "unknown alice t1; ok alice t1; ok alice t2; bob expects alice; bob order oldest; bob sees t2; bob sees t1", 2, 2, 0, 0, 1, 0, "bob saw t1 of alice after t2"},
    {"known late: before what came between", "unknown alice t1; ok alice t2; ok alice t1; bob expects alice; bob order oldest; bob sees t1; bob sees t2", 2, 2, 0, 0, 0, 0, ""},
    {"known late: or after it", "unknown alice t1; ok alice t2; ok alice t1; bob expects alice; bob order oldest; bob sees t2; bob sees t1", 2, 2, 0, 0, 0, 0, ""},
    {"maybe has its place", "ok alice t1; ok alice t2; bob maybe t1; bob maybe t2; bob order oldest; bob sees t2; bob sees t1", 0, 2, 0, 0, 1, 0, "bob saw t1 of alice after t2"},
};
/* clang-format on */

static void tells_each_fault(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kpk_history *history = tell(cases[i].story);
        struct kpk_report report;
        bool clean = kpk_history_check(history, &report);

        kpk_history_free(history);
        if (report.expected != cases[i].expected || report.seen != cases[i].seen ||
            report.lost != cases[i].lost || report.duplicated != cases[i].duplicated ||
            report.reordered != cases[i].reordered || report.invented != cases[i].invented ||
            strcmp(report.first, cases[i].first) != 0 || clean != (cases[i].first[0] == '\0'))
            fail_msg(
                "%s: expected %zu seen %zu lost %zu duplicated %zu reordered %zu invented %zu "
                "'%s'",
                cases[i].what, report.expected, report.seen, report.lost, report.duplicated,
                report.reordered, report.invented, report.first);
    }
}

/* clang-format off */
static const struct {
    const char *story, *text;
} texts[] = {
    {"", "0 writes, 0 sightings: nothing lost, duplicated, reordered or invented"},
    {ALICE3 "bob sees t1; bob sees t2; bob sees t3; failed alice t4; unknown alice t5",
     "3 writes, 3 sightings: nothing lost, duplicated, reordered or invented"},
    {ALICE3 "bob sees t1; bob sees t3", "1 of 3 lost (first: bob never saw t2 of alice)"},
    {ALICE3 "bob order newest; bob sees t1; bob sees t2; bob sees t2; bob sees t9",
     "1 of 3 lost, 1 duplicated, 1 reordered, 1 invented (first: bob saw t2 of alice after t1)"},
};
/* clang-format on */

static void puts_it_in_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct kpk_history *history = tell(texts[i].story);
        struct kpk_report report;
        char text[300], cut[12];

        kpk_history_check(history, &report);
        kpk_history_free(history);
        assert_string_equal(kpk_report_text(&report, text, sizeof(text)), texts[i].text);
        assert_memory_equal(kpk_report_text(&report, cut, sizeof(cut)), text, sizeof(cut) - 1);
        assert_int_equal(cut[sizeof(cut) - 1], '\0');
    }
}

/* A caller that contradicts itself has no verdict: the process ends. */
static void contradictions_abort(void **state) {
    static const char *const stories[] = {
        "ok alice t1; ok alice t1",      "ok alice t1; failed alice t1",
        "failed alice t1; ok alice t1",  "ok alice t1; unknown alice t1",
        "unknown alice t1; ok carol t1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL); /* cmocka's own handler would take it for a failed test */
            if (!freopen("/dev/null", "w", stderr)) _exit(1);
            kpk_history_free(tell(stories[i]));
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) fail_msg("%s", stories[i]);
    }
}

/* --- at random --------------------------------------------------------------------------- */

enum { STREAMS = 4, OBSERVERS = 4, WRITES = 60, ROOM = WRITES + 1, ROUNDS = 3000 };
enum fault { NO_FAULT, LOSE, REPEAT, SWAP, INVENT, FAULTS };

/* A history before it is told, so that a fault can be put into it. Ids are numbers below WRITES;
 * one above was never written. */
struct draft {
    int stream[WRITES];
    enum kpk_write_outcome outcome[WRITES];
    bool late[WRITES]; /* OK, but first UNKNOWN until everything else was written */
    struct {
        enum kpk_order order;
        bool expects[STREAMS], maybe[WRITES];
        int seen[ROOM], count;
    } by[OBSERVERS];
};

static uint64_t seed;

/* splitmix64 (Vigna): any seed is a good one. */
static int below(int n) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (int)((z ^ (z >> 31)) % (uint64_t)n);
}

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
        draft->outcome[id] = dice == 0   ? KPK_WRITE_FAILED
                             : dice == 1 ? KPK_WRITE_UNKNOWN
                                         : KPK_WRITE_OK;
        draft->late[id] = dice == 2;
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

static bool lose(struct draft *draft, int o) {
    int *seen = draft->by[o].seen, n = draft->by[o].count, at = n ? below(n) : 0;

    if (n == 0 || !required(draft, o, seen[at])) return false;
    memmove(&seen[at], &seen[at + 1], sizeof(int) * (size_t)(n - at - 1));
    draft->by[o].count--;
    return true;
}

static bool repeat(struct draft *draft, int o) {
    int n = draft->by[o].count, at = n ? below(n) : 0;

    if (n == 0) return false;
    insert(draft, o, at + 1 + below(n - at), draft->by[o].seen[at]);
    return true;
}

static bool swap_two(struct draft *draft, int o) {
    int *seen = draft->by[o].seen, n = draft->by[o].count, a = n ? below(n) : 0,
        b = n ? below(n) : 0;

    if (a == b || draft->by[o].order == KPK_ORDER_NONE ||
        draft->stream[seen[a]] != draft->stream[seen[b]] || !placed(draft, seen[a]) ||
        !placed(draft, seen[b]))
        return false;
    swap(&seen[a], &seen[b]);
    return true;
}

static bool invent(struct draft *draft, int o) {
    int id = below(WRITES + 3);

    if (allowed(draft, o, id)) return false;
    insert(draft, o, below(draft->by[o].count + 1), id);
    return true;
}

/* returns  the observer it happened to, or -1: not possible here */
static int inject(struct draft *draft, enum fault fault) {
    static bool (*const faults[FAULTS])(struct draft *, int) = {NULL, lose, repeat, swap_two,
                                                                invent};

    for (int tries = 0; fault != NO_FAULT && tries < 1000; tries++) {
        int o = below(OBSERVERS);
        if (faults[fault](draft, o)) return o;
    }
    return -1;
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

static void names_the_fault_that_was_injected(void **state) {
    const char *given = getenv("KPK_TEST_SEED");
    struct draft draft;
    size_t injected[FAULTS] = {0};

    (void)state;
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)kpk_clock_us(CLOCK_REALTIME);
    print_message("KPK_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < ROUNDS; round++) {
        enum fault fault = (enum fault)(round % FAULTS);
        struct kpk_report report;

        draft_history(&draft);
        int o = inject(&draft, fault);
        if (fault != NO_FAULT && o < 0) continue;
        injected[fault]++;
        struct kpk_history *history = tell_draft(&draft);
        bool clean = kpk_history_check(history, &report);
        kpk_history_free(history);
        assert_int_equal(clean, fault == NO_FAULT);
        assert_int_equal(report.lost, fault == LOSE);
        assert_int_equal(report.duplicated, fault == REPEAT);
        assert_int_equal(report.reordered > 0,
                         fault == SWAP); /* far apart, it breaks the order often */
        assert_int_equal(report.invented, fault == INVENT);
        if (fault != NO_FAULT)
            assert_memory_equal(report.first, label("observer", o), strlen("observer-0"));
    }
    for (int fault = 0; fault < FAULTS; fault++)
        assert_true(injected[fault] > ROUNDS / FAULTS / 2);
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
        cmocka_unit_test(tells_each_fault),
        cmocka_unit_test(puts_it_in_words),
        cmocka_unit_test(contradictions_abort),
        cmocka_unit_test(names_the_fault_that_was_injected),
        cmocka_unit_test(judges_a_long_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
