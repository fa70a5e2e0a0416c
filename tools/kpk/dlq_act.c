/* kpk dlq redrive, park, purge: what a person does about dead letters.
 *
 *   read the letters (1) --> fence whoever else is at it (2) --> read the ledger (3) --> decide (4)
 *     --> write, batch by batch, each a transaction (5)
 *
 * What was done before is known at (4), whoever did it and however that ended: no letter is redriven
 * twice by two runs, nor by one that was killed and is run again. */
#include "tools/kpk/dlq_decide.h"
#include "tools/kpk/dlq_write.h"

#include "common/clock.h"
#include "common/stop.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/table.h"
#include "tools/kpk/where.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 10000 };

static struct kpk_dlq_filter filter;

static struct { int all, limit, max_redrives, dry_run; } args;

/* clang-format off */
#define CHOICE_OPTS                                                                                                   \
    KPK_DLQ_SCOPE_OPTS(filter),                                                                                       \
    KPK_DLQ_LIKE_OPTS(filter),                                                                                        \
    {"all", NULL, KPK_OPT_FLAG, &args.all, NULL, 0, 0, "everything of --group that nothing was done about"},             \
    {"limit", NULL, KPK_OPT_INT, &args.limit, NULL, 1, KPK_DEAD_LETTERS, "the oldest so many of them"},                  \
    {"dry-run", NULL, KPK_OPT_FLAG, &args.dry_run, NULL, 0, 0, "print what would be done; do nothing"}

static const struct kpk_opt redrive_opts[] = {
    CHOICE_OPTS,
    {"max-redrives", NULL, KPK_OPT_INT, &args.max_redrives, "3", 1, 1000, "refuse a letter that came back so often"},
    {0},
};

static const struct kpk_opt mark_opts[] = {
    CHOICE_OPTS,
    {0},
};
/* clang-format on */

#define USAGE "[TOPIC:PARTITION:OFFSET|NUMBER...] [options]"

static const struct kpk_program redrive_program = {
    .name = "kpk dlq redrive",
    .summary =
        "Sends dead letters back to the first retry tier of the group that gave them up, each "
        "once, however often it is run; never to the topic that other groups read.",
    .usage = USAGE,
    .opts = redrive_opts,
};

static const struct kpk_program park_program = {
    .name = "kpk dlq park",
    .summary = "Marks dead letters as seen: they are not listed any more, and no redrive takes "
               "them but one that names their positions.",
    .usage = USAGE,
    .opts = mark_opts,
};

static const struct kpk_program purge_program = {
    .name = "kpk dlq purge",
    .summary =
        "Marks dead letters as dealt with for good: they are not listed any more, and never "
        "redriven; retention takes them.",
    .usage = USAGE,
    .opts = mark_opts,
};

struct act {
    struct kpk_dlq_order order;
    struct kpk_dead_letters letters;
    struct kpk_deeds deeds;
    struct kpk_dlq_writer *writer;
};

/* --- which letters ----------------------------------------------------------------------- */

static int check_choice(char **names, struct kpk_err *err) {
    bool filtered = args.all || kpk_dlq_filter_chooses(&filter);

    if (*names && (filtered || args.limit))
        return kpk_fail(
            err, KPK_REJECT,
            "letters are named, or chosen by --all, --reason, --key, --since, --until "
            "and --limit: not both");
    if (!*names && !filtered)
        return kpk_fail(err, KPK_REJECT,
                        "which ones? Name them as kpk dlq list does, by position or number, or "
                        "give --reason, --key, --since or --until, or --group and --all for "
                        "everything of a group");
    if (args.all && !*filter.group)
        return kpk_fail(err, KPK_REJECT,
                        "--all is everything of a group: --group must say which");
    return 0;
}

/* Positions tell which topic is to be read; a number counts in all that kpk dlq list reads. */
static int narrow(char **names, struct kpk_err *err) {
    const struct kpk_dlq_topic *only = NULL, *at = NULL;
    struct kpk_dlq_topics topics;
    struct kpk_position position;
    int failed = 0;

    if (*filter.group || *filter.topic) return 0;
    if (kpk_dlq_topics_open(&topics, NULL, err)) return -1;
    for (; *names && !failed; names++) {
        if ((*names)[strspn(*names, "0123456789")] == '\0') break;
        failed = kpk_where_position(*names, &position, err);
        if (failed) break;
        at = kpk_dlq_topic_find(&topics, position.topic);
        if (!at)
            failed =
                kpk_fail(err, KPK_REJECT, "'%.200s' is no dead letter topic", position.topic);
        if (only && only != at) break;
        only = at;
    }
    if (!failed && !*names && only) {
        filter.group = only->group->name;
        filter.topic = only->topic->name;
    }
    kpk_dlq_topics_close(&topics);
    return failed;
}

static int choose(struct act *act, char **names, struct kpk_err *err) {
    if (act->letters.more)
        return kpk_fail(
            err, KPK_FATAL,
            "%zu dead letters are too many to look through at once: narrow down with "
            "--group and --topic",
            act->letters.count + act->letters.more);
    for (; *names; names++)
        if (kpk_dead_letters_name(&act->letters, *names, err)) return -1;
    return kpk_dlq_decide(&act->letters, &act->order, &act->deeds, err);
}

/* --- do it ------------------------------------------------------------------------------- */

static int write_all(struct act *act, struct kpk_err *err) {
    struct kpk_deed **due = calloc(act->deeds.count + 1, sizeof(*due));
    size_t count = 0, batch;
    int failed = 0;

    if (!due) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    for (size_t i = 0; i < act->deeds.count; i++)
        if (act->deeds.all[i].outcome == KPK_DEED_DUE) due[count++] = &act->deeds.all[i];
    qsort(due, count, sizeof(*due), kpk_deed_compare);
    for (size_t at = 0; at < count && !failed; at += batch) {
        batch = kpk_dlq_batch(due + at, count - at);
        if (kpk_stopping())
            failed = kpk_fail(err, KPK_WAIT, "interrupted");
        else
            failed = kpk_dlq_write(act->writer, due + at, batch, err);
    }
    free(due);
    return failed;
}

/* --- print ------------------------------------------------------------------------------- */

static void add_outcome(struct kpk_table *table, const struct kpk_deed *deed) {
    const char *why = deed->why ? deed->why : "";
    const struct kpk_dlq_letter *letter = deed->letter;
    const char *once = letter->copies > 1 ? "; it lies there " : "";
    char copies[KPK_COPIES_BYTES];

    kpk_dlq_letter_copies(letter, copies);
    switch (deed->outcome) {
    case KPK_DEED_DUE:
        if (!args.dry_run) {
            kpk_table_add(table, "not done");
            return;
        }
        break;
    case KPK_DEED_DONE:
        break;
    case KPK_DEED_ALREADY:
        kpk_table_add(table, "nothing: %s", why);
        return;
    case KPK_DEED_REFUSED:
        kpk_table_add(table, "refused: %s", why);
        return;
    case KPK_DEED_GONE:
        kpk_table_add(table, "nothing: it is gone by retention");
        return;
    case KPK_DEED_UNKNOWN:
    case KPK_DEED_OUTCOMES:
        kpk_table_add(table, "unknown: the commit was not answered");
        return;
    }
    if (deed->late)
        kpk_table_add(table, "noted: a copy of what was %s", why);
    else if (deed->send)
        kpk_table_add(table, "sent to %s%s%s", letter->of->tier, once, copies);
    else
        kpk_table_add(table, "%s%s%s", kpk_dlq_state_name(deed->to), once, copies);
}

static void print_table(const struct kpk_deeds *deeds) {
    const char *const head[] = {"DEAD LETTER", "FROM", args.dry_run ? "WOULD BE" : "NOW", NULL};
    struct kpk_table table = {.align = "lll"};

    if (deeds->count == 0) return;
    kpk_table_head(&table, head);
    for (size_t i = 0; i < deeds->count && i < ROWS; i++) {
        const struct kpk_dead_letter *at = &deeds->all[i].letter->at;
        kpk_table_add(&table, "%s:%" PRId32 ":%" PRId64, at->topic, at->partition, at->offset);
        kpk_table_add(&table, "%s", at->from ? at->from : "-");
        add_outcome(&table, &deeds->all[i]);
    }
    kpk_table_print(&table);
    if (deeds->count > ROWS) printf("and %zu others\n", deeds->count - ROWS);
    printf("\n");
}

static void print_summary(const struct act *act) {
    static const char *const means[KPK_DEED_OUTCOMES] = {
        [KPK_DEED_DUE] = "not done",      [KPK_DEED_ALREADY] = "done before",
        [KPK_DEED_REFUSED] = "refused",   [KPK_DEED_GONE] = "gone by retention",
        [KPK_DEED_UNKNOWN] = "not known",
    };
    enum kpk_deed_outcome done = args.dry_run ? KPK_DEED_DUE : KPK_DEED_DONE;
    size_t counts[KPK_DEED_OUTCOMES] = {0}, late = 0;

    for (size_t i = 0; i < act->deeds.count; i++) {
        const struct kpk_deed *deed = &act->deeds.all[i];
        if (deed->outcome == done && deed->late)
            late++;
        else
            counts[deed->outcome]++;
    }
    printf("%s%s: %zu", args.dry_run ? "would be " : "", kpk_dlq_state_name(act->order.to),
           counts[done]);
    for (int i = 0; i < KPK_DEED_OUTCOMES; i++)
        if (means[i] && i != (int)done && counts[i]) printf(", %s: %zu", means[i], counts[i]);
    if (late) printf(", copies noted: %zu", late);
    if (act->deeds.parked) printf(", parked and left alone: %zu", act->deeds.parked);
    if (act->letters.leaderless)
        printf("; partitions left out, as they have no leader now: %zu",
               act->letters.leaderless);
    printf(args.dry_run ? "; a dry run: nothing was done\n" : "\n");
}

/* --- run --------------------------------------------------------------------------------- */

/* Whoever looks next finds it done. That it is done is certain already. */
static void settle(const struct act *act) {
    struct kpk_err err;

    if (kpk_deeds_count(&act->deeds, KPK_DEED_DONE) &&
        kpk_dlq_settle(&act->letters, &act->deeds, &err))
        fprintf(stderr, "it is done, and may not be seen everywhere yet: %s\n", err.msg);
}

static int act_on(struct act *act, char **names, struct kpk_err *err) {
    int failed;

    if (kpk_dead_letters_read(&act->letters, &filter, err)) return -1; /* (1) */
    if (!act->letters.table.ledger_there)
        return kpk_fail(err, KPK_FATAL, "the topic %s is not on this cluster: kpk topics apply",
                        KPK_TOPIC_DLQ_LEDGER);
    if (!args.dry_run && kpk_dlq_writer_open(&act->writer, err)) return -1; /* (2) */
    if (kpk_dead_letters_ask(&act->letters, err)) return -1;                /* (3) */
    if (choose(act, names, err)) return -1;                                 /* (4) */
    failed = args.dry_run ? 0 : write_all(act, err);                        /* (5) */
    settle(act);
    print_table(&act->deeds);
    print_summary(act);
    return failed;
}

/* What was not done, though nothing failed. */
static int judge(const struct kpk_deeds *deeds, struct kpk_err *err) {
    size_t refused = kpk_deeds_count(deeds, KPK_DEED_REFUSED);
    size_t gone = kpk_deeds_count(deeds, KPK_DEED_GONE);

    if (refused + gone == 0) return 0;
    return kpk_fail(err, KPK_REJECT, "%zu of %zu letters could not be done", refused + gone,
                    deeds->count);
}

static int run(const struct kpk_program *program, enum kpk_dlq_state to, int argc, char **argv,
               struct kpk_err *err) {
    struct act act = {.order.to = to};
    int code = kpk_opts_parse(program, &argc, argv, err);
    char **names = argv + 1;

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (kpk_dlq_filter_parse(&filter, kpk_now_ms(), err) || check_choice(names, err) ||
        narrow(names, err))
        return KPK_EXIT_USAGE;
    act.order.named = *names != NULL;
    act.order.limit = args.limit;
    act.order.max_redrives = args.max_redrives;
    kpk_stop_init();
    code = KPK_EXIT_OK;
    if (act_on(&act, names, err))
        code = err->verdict == KPK_REJECT ? KPK_EXIT_USAGE : KPK_EXIT_FAILED;
    else if (judge(&act.deeds, err))
        code = KPK_EXIT_FAILED;
    kpk_dlq_writer_close(act.writer);
    kpk_deeds_free(&act.deeds);
    kpk_dead_letters_free(&act.letters);
    return code;
}

int kpk_dlq_redrive(int argc, char **argv, struct kpk_err *err) {
    return run(&redrive_program, KPK_DLQ_REDRIVEN, argc, argv, err);
}

int kpk_dlq_park(int argc, char **argv, struct kpk_err *err) {
    return run(&park_program, KPK_DLQ_PARKED, argc, argv, err);
}

int kpk_dlq_purge(int argc, char **argv, struct kpk_err *err) {
    return run(&purge_program, KPK_DLQ_PURGED, argc, argv, err);
}
