/* What kpk dlq makes of the letters it read: which of them are copies, which are chosen, and what is to
 * be done with each. */
#include "tools/kpk/dlq_decide.h"
#include "tools/kpk/dlq_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DLQ KPK_TOPIC_CHARGES "." KPK_GROUP_CHARGE_WORKERS ".dlq"
#define OTHER_DLQ KPK_TOPIC_TWEETS "." KPK_GROUP_FANOUT_WORKERS ".dlq"

enum {
    OPEN = KPK_DLQ_OPEN,
    REDRIVEN = KPK_DLQ_REDRIVEN,
    PARKED = KPK_DLQ_PARKED,
    PURGED = KPK_DLQ_PURGED,
    DUE = KPK_DEED_DUE,
    ALREADY = KPK_DEED_ALREADY,
    REFUSED = KPK_DEED_REFUSED,
    NONE = -1, /* not chosen */
};

static struct kpk_dlq_topics topics;

static int open_topics(void **state) {
    struct kpk_err err;

    (void)state;
    return kpk_topology_init(&err) || kpk_dlq_topics_open(&topics, NULL, &err);
}

static int close_topics(void **state) {
    (void)state;
    kpk_dlq_topics_close(&topics);
    return 0;
}

static void add_entry(struct kpk_ledger *ledger, const char *topic, int partition,
                      int64_t offset, int state, int64_t at_ms) {
    const struct kpk_ledger_entry entry = {.topic = topic,
                                           .partition = partition,
                                           .offset = offset,
                                           .letter_ms = 7000 + offset,
                                           .state = (enum kpk_dlq_state)state,
                                           .at_ms = at_ms,
                                           .times = 1,
                                           .by = "root@host"};
    char key[KPK_LEDGER_KEY_BYTES], *value = kpk_ledger_value(&entry);
    struct kpk_err err;

    assert_non_null(value);
    kpk_ledger_key(&entry, key);
    assert_int_equal(kpk_ledger_add(ledger, key, strlen(key), value, strlen(value), &err), 0);
    free(value);
}

/* --- letters ----------------------------------------------------------------------------- */

enum { LETTERS = 16 };

static struct kpk_dead_letters letters;

static void begin(void) {
    static struct kpk_dlq_letter all[LETTERS];

    memset(all, 0, sizeof(all));
    letters = (struct kpk_dead_letters){.all = all, .capacity = LETTERS};
    letters.ledger.topics = &topics;
}

/* One that can be redriven; its timestamp is that of add_entry(). */
static struct kpk_dlq_letter *put(const char *topic, int64_t offset, uint64_t id) {
    struct kpk_dlq_letter *letter = &letters.all[letters.count++];

    *letter = (struct kpk_dlq_letter){
        .of = kpk_dlq_topic_find(&topics, topic), .like = true, .bytes = 1000, .id = {1, id}};
    letter->at.topic = letter->of->name;
    letter->at.offset = offset;
    letter->at.ms = 7000 + offset;
    return letter;
}

static void pair(void) {
    struct kpk_err err;

    kpk_ledger_settle(&letters.ledger);
    assert_int_equal(kpk_dlq_letters_pair(&letters, &err), 0);
}

static void decide(const struct kpk_dlq_order *order, struct kpk_deeds *deeds) {
    struct kpk_err err;

    assert_int_equal(kpk_dlq_decide(&letters, order, deeds, &err), 0);
}

static void test_pair(void **state) {
    static const uint64_t ids[] = {5, 6, 5, 7, 5, 6};

    (void)state;
    begin();
    for (size_t i = COUNT(ids); i > 0; i--) put(DLQ, (int64_t)i - 1, ids[i - 1]);
    letters.all[0].like = false;                        /* the last of 6 */
    letters.all[4].like = false;                        /* the first of 6 */
    letters.all[5].like = letters.all[3].like = false;  /* two of 5 */
    add_entry(&letters.ledger, DLQ, 0, 2, PARKED, 1);   /* of 5 */
    add_entry(&letters.ledger, DLQ, 0, 4, REDRIVEN, 2); /* of 5 */
    pair();
    struct kpk_dlq_letter *all = letters.all; /* by offset now */
    for (size_t i = 0; i < COUNT(ids); i++) assert_int_equal(all[i].at.offset, i);

    assert_ptr_equal(all[0].first, &all[0]);
    assert_ptr_equal(all[2].first, &all[0]);
    assert_ptr_equal(all[4].first, &all[0]);
    assert_ptr_equal(all[0].next, &all[2]);
    assert_ptr_equal(all[2].next, &all[4]);
    assert_null(all[4].next);
    assert_int_equal(all[0].copies, 3);
    assert_int_equal(all[0].bare, 1);
    assert_true(all[0].like);
    for (size_t i = 0; i < 6; i += 2) assert_int_equal(kpk_dlq_state(&all[i]), REDRIVEN);

    assert_ptr_equal(all[5].first, &all[1]);
    assert_int_equal(all[1].copies, 2);
    assert_false(all[1].like);
    assert_int_equal(kpk_dlq_state(&all[5]), OPEN);
    assert_ptr_equal(all[3].first, &all[3]);
    assert_int_equal(all[3].copies, 1);
    assert_null(all[3].next);
    kpk_ledger_free(&letters.ledger);
}

static void test_names(void **state) {
    static const struct {
        const char *name;
        int named; /* index of the letter; NONE: refused */
        int verdict;
    } cases[] = {
        {"1", 0, 0},
        {"3", 2, 0},
        {"0", NONE, KPK_FATAL},
        {"4", NONE, KPK_FATAL},
        {"99999999999999999999", NONE, KPK_FATAL},
        {DLQ ":0:1", 1, 0},
        {OTHER_DLQ ":0:5", 2, 0},
        {DLQ ":0:5", NONE, KPK_FATAL},
        {DLQ ":1:1", NONE, KPK_FATAL},
        {"1:", NONE, KPK_REJECT},
        {"", NONE, KPK_REJECT},
        {"-1", NONE, KPK_REJECT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_err err = {0};
        begin();
        put(DLQ, 0, 0);
        put(DLQ, 1, 1);
        put(OTHER_DLQ, 5, 5);
        pair();
        int failed = kpk_dead_letters_name(&letters, cases[i].name, &err);
        if ((failed != 0) != (cases[i].named == NONE) || (int)err.verdict != cases[i].verdict)
            fail_msg("'%s': %d, %s", cases[i].name, failed, err.msg);
        for (int at = 0; at < 3; at++)
            assert_int_equal(letters.all[at].named != KPK_NOT_NAMED, at == cases[i].named);
    }
    struct kpk_err err;
    letters.more = 1;
    assert_int_equal(kpk_dead_letters_name(&letters, "1", &err), -1);
    assert_int_equal(kpk_dead_letters_name(&letters, DLQ ":0:1", &err), 0);
}

/* One letter in every state, asked for in every way. */
static void test_states(void **state) {
    enum {
        ALIKE = KPK_NOT_NAMED,
        NUMBER = KPK_NAMED_BY_NUMBER,
        POSITION = KPK_NAMED_BY_POSITION
    };
    static const struct {
        int order, named, was;
        int outcome;
    } cases[] = {
        {REDRIVEN, ALIKE, OPEN, DUE},
        {REDRIVEN, NUMBER, OPEN, DUE},
        {REDRIVEN, POSITION, OPEN, DUE},
        {REDRIVEN, ALIKE, REDRIVEN, NONE},
        {REDRIVEN, NUMBER, REDRIVEN, ALREADY},
        {REDRIVEN, POSITION, REDRIVEN, ALREADY},
        {REDRIVEN, ALIKE, PARKED, NONE},
        {REDRIVEN, NUMBER, PARKED, REFUSED},
        {REDRIVEN, POSITION, PARKED, DUE},
        {REDRIVEN, ALIKE, PURGED, NONE},
        {REDRIVEN, NUMBER, PURGED, REFUSED},
        {REDRIVEN, POSITION, PURGED, REFUSED},
        {PARKED, ALIKE, OPEN, DUE},
        {PARKED, NUMBER, OPEN, DUE},
        {PARKED, ALIKE, PARKED, NONE},
        {PARKED, NUMBER, PARKED, ALREADY},
        {PARKED, POSITION, REDRIVEN, ALREADY},
        {PARKED, POSITION, PURGED, ALREADY},
        {PURGED, ALIKE, OPEN, DUE},
        {PURGED, POSITION, OPEN, DUE},
        {PURGED, ALIKE, PARKED, NONE},
        {PURGED, NUMBER, PARKED, DUE},
        {PURGED, POSITION, PARKED, DUE},
        {PURGED, POSITION, REDRIVEN, ALREADY},
        {PURGED, NUMBER, PURGED, ALREADY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct kpk_dlq_order order = {.to = (enum kpk_dlq_state)cases[i].order,
                                            .named = cases[i].named != ALIKE,
                                            .max_redrives = 3};
        struct kpk_deeds deeds;
        begin();
        put(DLQ, 1, 1)->named = (enum kpk_dlq_named)cases[i].named;
        if (cases[i].was != OPEN) add_entry(&letters.ledger, DLQ, 0, 1, cases[i].was, 1);
        pair();
        decide(&order, &deeds);
        int outcome = deeds.count ? (int)deeds.all[0].outcome : NONE;
        if (outcome != cases[i].outcome)
            fail_msg("case %zu: outcome %d, %s", i, outcome,
                     deeds.count && deeds.all[0].why ? deeds.all[0].why : "");
        if (outcome == DUE) {
            assert_int_equal(deeds.all[0].to, cases[i].order);
            assert_int_equal(deeds.all[0].send, cases[i].order == REDRIVEN);
            assert_false(deeds.all[0].late);
        }
        assert_int_equal(deeds.parked, cases[i].named == ALIKE && cases[i].was == PARKED);
        kpk_deeds_free(&deeds);
        kpk_ledger_free(&letters.ledger);
    }
}

/* What cannot go back, and that it can be parked all the same. */
static void test_refusals(void **state) {
    enum { TIER_BYTES = 1048588 + 16384 };
    static const struct {
        const char *topic, *nonsense;
        bool left_out, no_tier;
        int redriven, max_redrives;
        size_t bytes;
        const char *why; /* a part of it; NULL: it goes back */
    } cases[] = {
        {DLQ, NULL, false, false, 0, 3, 1000, NULL},
        {DLQ, NULL, false, false, 2, 3, 1000, NULL},
        {DLQ, NULL, false, false, 3, 3, 1000, "came back 3 times already (--max-redrives)"},
        {DLQ, NULL, false, false, 4, 3, 1000, "came back 4 times"},
        {DLQ, NULL, false, false, 3, 4, 1000, NULL},
        {DLQ, "it says nonsense", false, false, 0, 3, 1000, "it says nonsense"},
        {DLQ, NULL, true, false, 0, 3, 1000, "too large to be copied"},
        {DLQ, NULL, false, true, 0, 3, 1000, "is not on this cluster: kpk topics apply"},
        {DLQ, NULL, false, false, 0, 3, TIER_BYTES - 256, NULL},
        {DLQ, NULL, false, false, 0, 3, TIER_BYTES - 255, "too large for " KPK_TOPIC_CHARGES},
        {OTHER_DLQ, NULL, false, false, 0, 3, 1000, "has no retry tiers"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_dlq_order order = {.to = KPK_DLQ_REDRIVEN,
                                      .max_redrives = cases[i].max_redrives};
        struct kpk_deeds deeds;
        struct kpk_dlq_topic of;
        begin();
        struct kpk_dlq_letter *letter = put(cases[i].topic, 1, 1);
        of = *letter->of;
        of.tier_there = !cases[i].no_tier;
        letter->of = &of;
        letter->nonsense = cases[i].nonsense;
        letter->left_out = cases[i].left_out;
        letter->redriven = cases[i].redriven;
        letter->bytes = cases[i].bytes;
        pair();
        decide(&order, &deeds);
        assert_int_equal(deeds.count, 1);
        if ((deeds.all[0].outcome == KPK_DEED_REFUSED) != (cases[i].why != NULL) ||
            deeds.all[0].send != (cases[i].why == NULL) ||
            (cases[i].why && !strstr(deeds.all[0].why, cases[i].why)))
            fail_msg("case %zu: outcome %d, %s", i, (int)deeds.all[0].outcome,
                     deeds.all[0].why ? deeds.all[0].why : "");
        kpk_deeds_free(&deeds);

        order.to = KPK_DLQ_PARKED;
        decide(&order, &deeds);
        assert_int_equal(deeds.all[0].outcome, DUE);
        assert_false(deeds.all[0].send);
        kpk_deeds_free(&deeds);
    }
}

/* Whatever the table comes to say, a record goes to a topic of the group's own. */
static void test_never_to_a_shared_topic(void **state) {
    static const char *const tiers[] = {KPK_TOPIC_CHARGES, DLQ, KPK_TOPIC_TWEETS,
                                        KPK_TOPIC_DLQ_LEDGER};
    const struct kpk_dlq_order order = {.to = KPK_DLQ_REDRIVEN, .max_redrives = 3};

    (void)state;
    for (size_t i = 0; i < COUNT(tiers); i++) {
        struct kpk_dlq_topic of = *kpk_dlq_topic_find(&topics, DLQ);
        struct kpk_deeds deeds;
        begin();
        put(DLQ, 1, 1)->of = &of;
        strcpy(of.tier, tiers[i]);
        pair();
        decide(&order, &deeds);
        assert_int_equal(deeds.all[0].outcome, REFUSED);
        assert_non_null(strstr(deeds.all[0].why, "no topic of the group's own"));
        kpk_deeds_free(&deeds);
    }
}

/* Six letters, two of them copies: one is done before, one is refused. */
static void test_choice(void **state) {
    static const struct {
        int limit;
        const char *chosen; /* offsets */
    } cases[] = {{0, "0245"}, {1, "0"}, {2, "024"}, {3, "0245"}, {100, "0245"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct kpk_dlq_order order = {
            .to = KPK_DLQ_REDRIVEN, .limit = cases[i].limit, .max_redrives = 3};
        struct kpk_deeds deeds;
        char chosen[LETTERS + 1] = "";
        begin();
        for (int at = 0; at < 6; at++) put(DLQ, at, at == 3 ? 0 : (uint64_t)at);
        add_entry(&letters.ledger, DLQ, 0, 1, REDRIVEN, 1);
        letters.all[2].left_out = true; /* refused, and not one of the limit */
        pair();
        decide(&order, &deeds);
        for (size_t at = 0; at < deeds.count; at++)
            chosen[at] = (char)('0' + deeds.all[at].letter->at.offset);
        if (strcmp(chosen, cases[i].chosen) != 0) fail_msg("case %zu: %s", i, chosen);
        kpk_deeds_free(&deeds);
        kpk_ledger_free(&letters.ledger);
    }
}

/* Named by one of its copies, it is done once. */
static void test_named_by_a_copy(void **state) {
    const struct kpk_dlq_order order = {
        .to = KPK_DLQ_REDRIVEN, .named = true, .max_redrives = 3};
    struct kpk_deeds deeds;

    (void)state;
    begin();
    put(DLQ, 0, 1);
    put(DLQ, 1, 1)->named = KPK_NAMED_BY_POSITION;
    put(DLQ, 2, 1)->named = KPK_NAMED_BY_NUMBER;
    put(DLQ, 3, 3);
    pair();
    decide(&order, &deeds);
    assert_int_equal(deeds.count, 1);
    assert_int_equal(deeds.all[0].letter->at.offset, 0);
    assert_int_equal(deeds.all[0].outcome, DUE);
    kpk_deeds_free(&deeds);
}

/* A copy that comes after the others were dealt with is told to the ledger; nothing else is done. */
static void test_late_copy(void **state) {
    static const struct {
        int was, order;
        bool named, noted;
    } cases[] = {
        {REDRIVEN, REDRIVEN, false, true}, {REDRIVEN, PARKED, false, true},
        {REDRIVEN, REDRIVEN, true, true},  {PURGED, PARKED, false, true},
        {PURGED, PURGED, true, true},      {PARKED, PARKED, false, true},
        {PARKED, REDRIVEN, false, false},  {PARKED, PURGED, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct kpk_dlq_order order = {.to = (enum kpk_dlq_state)cases[i].order,
                                            .named = cases[i].named,
                                            .max_redrives = 3};
        struct kpk_deeds deeds;
        begin();
        put(DLQ, 1, 1);
        put(DLQ, 2, 1)->named = KPK_NAMED_BY_POSITION;
        add_entry(&letters.ledger, DLQ, 0, 1, cases[i].was, 1);
        pair();
        decide(&order, &deeds);
        if ((deeds.count == 1) != cases[i].noted) fail_msg("case %zu: %zu", i, deeds.count);
        for (size_t at = 0; at < deeds.count; at++) {
            assert_int_equal(deeds.all[at].outcome, DUE);
            assert_int_equal(deeds.all[at].to, cases[i].was);
            assert_true(deeds.all[at].late);
            assert_false(deeds.all[at].send);
        }
        kpk_deeds_free(&deeds);
        kpk_ledger_free(&letters.ledger);
    }
}

/* --- batches ----------------------------------------------------------------------------- */

static void test_batches(void **state) {
    enum { MOST = 2 * KPK_DLQ_BATCH };
    static struct kpk_dlq_letter at[MOST];
    static struct kpk_deed all[MOST];
    static struct kpk_deed *deeds[MOST];

    (void)state;
    for (int i = 0; i < MOST; i++) {
        at[i] =
            (struct kpk_dlq_letter){.at = {.topic = DLQ, .offset = MOST - i}, .bytes = 1000};
        all[i] = (struct kpk_deed){.letter = &at[i], .send = true};
        deeds[i] = &all[i];
    }
    qsort(deeds, MOST, sizeof(deeds[0]), kpk_deed_compare);
    for (int i = 1; i < MOST; i++)
        assert_true(deeds[i - 1]->letter->at.offset < deeds[i]->letter->at.offset);
    assert_int_equal(kpk_dlq_batch(deeds, MOST), KPK_DLQ_BATCH);
    assert_int_equal(kpk_dlq_batch(deeds, 7), 7);

    deeds[5]->letter->at.partition = 1; /* one partition */
    assert_int_equal(kpk_dlq_batch(deeds, MOST), 5);
    deeds[3]->letter->at.topic = OTHER_DLQ; /* of one topic */
    assert_int_equal(kpk_dlq_batch(deeds, MOST), 3);
    deeds[2]->letter->bytes = KPK_DLQ_BATCH_BYTES; /* not too many bytes */
    assert_int_equal(kpk_dlq_batch(deeds, MOST), 2);
    assert_int_equal(kpk_dlq_batch(deeds + 2, MOST - 2), 1); /* but one at least */
    deeds[2]->send = false;                                  /* which nobody reads */
    assert_int_equal(kpk_dlq_batch(deeds, MOST), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_never_to_a_shared_topic),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_named_by_a_copy),
        cmocka_unit_test(test_late_copy),
        cmocka_unit_test(test_batches),
    };

    return cmocka_run_group_tests_name("kpk: dead letters", tests, open_topics, close_topics);
}
