/* kpk dlq list, kpk dlq show: what groups gave up, and why.
 *
 * Letters are listed newest first, as the newest is what one is called for. They are numbered
 * from the oldest: a letter keeps its number while others arrive. */
#include "tools/kpk/dlq.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/stop.h"
#include "tools/kpk/fetch.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/record.h"
#include "tools/kpk/safe.h"
#include "tools/kpk/table.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS = 20, PATIENCE_MS = 15000 };

static struct kpk_dlq_filter filter;

static struct { int limit, all, json; } args;

/* clang-format off */
static const struct kpk_opt list_opts[] = {
    KPK_DLQ_SCOPE_OPTS(filter),
    KPK_DLQ_LIKE_OPTS(filter),
    {"all", NULL, KPK_OPT_FLAG, &args.all, NULL, 0, 0, "those that something was done about as well: redriven, parked, purged"},
    {"limit", NULL, KPK_OPT_INT, &args.limit, "20", 1, KPK_DEAD_LETTERS, "print so many of the newest; the counts are of all"},
    {0},
};

static const struct kpk_opt show_opts[] = {
    KPK_DLQ_SCOPE_OPTS(filter),
    {"json", NULL, KPK_OPT_FLAG, &args.json, NULL, 0, 0, "as a JSON object, like kpk tail"},
    {0},
};
/* clang-format on */

static const struct kpk_program list_program = {
    .name = "kpk dlq list",
    .summary =
        "Lists the dead letters that nothing was done about yet, newest first, and counts "
        "them by group and reason.",
    .opts = list_opts,
};

static const struct kpk_program show_program = {
    .name = "kpk dlq show",
    .summary =
        "Prints one dead letter whole: by its position (any record's will do), or by its "
        "number in kpk dlq list with the same --group and --topic.",
    .usage = "TOPIC:PARTITION:OFFSET|NUMBER [options]",
    .opts = show_opts,
};

static const char *or_dash(const char *text) { return text ? text : "-"; }

static const char *group_name(const struct kpk_dlq_letter *letter) {
    const char *base = letter->at.group ? kpk_base_name(letter->at.group) : NULL;

    return or_dash(base ? base : letter->at.group);
}

/* Copies of a letter are shown once, as the oldest of them. */
static bool is_shown(const struct kpk_dlq_letter *letter) {
    return letter->first == letter && letter->like &&
           (args.all || kpk_dlq_state(letter) == KPK_DLQ_OPEN);
}

/* --- list -------------------------------------------------------------------------------- */

/* What sets it apart: what was done about it, that it lies there more than once, that it came back. */
static void add_note(struct kpk_table *table, const struct kpk_dlq_letter *letter) {
    enum kpk_dlq_state state = kpk_dlq_state(letter);
    char copies[KPK_COPIES_BYTES], back[32] = "";
    const char *notes[] = {state ? kpk_dlq_state_name(state) : "",
                           kpk_dlq_letter_copies(letter, copies), back};
    char note[96] = "";
    size_t len = 0;

    if (letter->redriven) snprintf(back, sizeof(back), "came back %d", letter->redriven);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        if (*notes[i])
            len += (size_t)snprintf(note + len, sizeof(note) - len, "%s%s", len ? ", " : "",
                                    notes[i]);
    kpk_table_add(table, "%s", len ? note : "-");
}

static void print_letters(const struct kpk_dead_letters *letters) {
    static const char *const head[] = {"#",     "TIME", "DEAD LETTER", "FROM",
                                       "GROUP", "NOTE", "REASON",      NULL};
    struct kpk_table table = {.align = "rllllll"};
    int printed = 0;

    kpk_table_head(&table, head);
    for (size_t i = letters->count; i > 0 && printed < args.limit; i--) {
        const struct kpk_dlq_letter *letter = &letters->all[i - 1];
        char time[KPK_TIME_BYTES];
        if (!is_shown(letter)) continue;
        printed++;
        kpk_table_add(&table, "%zu", i);
        kpk_table_add(&table, "%s", kpk_record_time(letter->at.ms, time));
        kpk_table_add(&table, "%s:%" PRId32 ":%" PRId64, letter->at.topic, letter->at.partition,
                      letter->at.offset);
        kpk_table_add(&table, "%s", or_dash(letter->at.from));
        kpk_table_add(&table, "%s", group_name(letter));
        add_note(&table, letter);
        kpk_table_add(&table, "%s", or_dash(letter->at.reason));
    }
    kpk_table_print(&table);
}

struct tally {
    const char *group, *reason;
    size_t count;
};

static int by_reason(const void *a, const void *b) {
    const struct tally *x = a, *y = b;
    int order = strcmp(x->group, y->group);

    return order ? order : strcmp(x->reason, y->reason);
}

static int by_count(const void *a, const void *b) {
    const struct tally *x = a, *y = b;

    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return by_reason(a, b);
}

/* returns  how many different ones; tallies[] has room for every letter */
static size_t count_reasons(const struct kpk_dead_letters *letters, struct tally *tallies) {
    size_t count = 0, different = 0;

    for (size_t i = 0; i < letters->count; i++)
        if (is_shown(&letters->all[i]))
            tallies[count++] = (struct tally){group_name(&letters->all[i]),
                                              or_dash(letters->all[i].at.reason), 1};
    qsort(tallies, count, sizeof(*tallies), by_reason);
    for (size_t i = 0; i < count; i++) {
        if (different && by_reason(&tallies[different - 1], &tallies[i]) == 0)
            tallies[different - 1].count++;
        else
            tallies[different++] = tallies[i];
    }
    qsort(tallies, different, sizeof(*tallies), by_count);
    return different;
}

static int print_reasons(const struct kpk_dead_letters *letters, struct kpk_err *err) {
    static const char *const head[] = {"COUNT", "GROUP", "REASON", NULL};
    struct tally *tallies = calloc(letters->count, sizeof(*tallies));
    struct kpk_table table = {.align = "rll"};
    size_t different;

    if (!tallies) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    different = count_reasons(letters, tallies);
    kpk_table_head(&table, head);
    for (size_t i = 0; i < different && i < REASONS; i++) {
        kpk_table_add(&table, "%zu", tallies[i].count);
        kpk_table_add(&table, "%s", tallies[i].group);
        kpk_table_add(&table, "%s", tallies[i].reason);
    }
    printf("\n");
    kpk_table_print(&table);
    if (different > REASONS) printf("and %zu other reasons\n", different - REASONS);
    printf("\n");
    free(tallies);
    return 0;
}

/* Of those that the filter wants, a letter and its copies as one. */
static void print_counts(const struct kpk_dead_letters *letters) {
    size_t counts[KPK_DLQ_STATES] = {0};

    for (size_t i = 0; i < letters->count; i++) {
        const struct kpk_dlq_letter *letter = &letters->all[i];
        if (letter->first == letter && letter->like) counts[kpk_dlq_state(letter)]++;
    }
    printf("dead letters: ");
    for (int state = 0; state < KPK_DLQ_STATES; state++)
        printf("%s%zu %s", state ? ", " : "", counts[state],
               kpk_dlq_state_name((enum kpk_dlq_state)state));
    printf("; in %zu topics", letters->topics);
    if (letters->missing) printf("; topics not on this cluster: %zu", letters->missing);
    if (letters->leaderless)
        printf("; partitions left out, as they have no leader now: %zu", letters->leaderless);
    if (letters->more)
        printf("; too many to list: %zu (narrow down with --group or --topic)", letters->more);
    if (letters->ledger.odd)
        printf("; records of the ledger that say nothing: %zu", letters->ledger.odd);
    printf("\n");
}

static int print_list(const struct kpk_dead_letters *letters, struct kpk_err *err) {
    size_t shown = 0;

    for (size_t i = 0; i < letters->count; i++) shown += is_shown(&letters->all[i]);
    if (shown) {
        print_letters(letters);
        if (print_reasons(letters, err)) return -1;
    }
    print_counts(letters);
    if (shown) printf("kpk dlq show DEAD-LETTER prints one whole\n");
    return 0;
}

/* Only reads: may be ended at any time, also by the end of a pipe. */
static void begin(void) {
    kpk_stop_init();
    signal(SIGPIPE, SIG_DFL);
}

int kpk_dlq_list(int argc, char **argv, struct kpk_err *err) {
    struct kpk_dead_letters letters;
    int code = kpk_opts_parse(&list_program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (kpk_dlq_filter_parse(&filter, kpk_now_ms(), err)) return KPK_EXIT_USAGE;
    begin();
    code = KPK_EXIT_OK;
    if (kpk_dead_letters_read(&letters, &filter, err) || kpk_dead_letters_ask(&letters, err))
        code = err->verdict == KPK_REJECT ? KPK_EXIT_USAGE : KPK_EXIT_FAILED;
    else if (print_list(&letters, err))
        code = KPK_EXIT_FAILED;
    kpk_dead_letters_free(&letters);
    return code;
}

/* --- show -------------------------------------------------------------------------------- */

/* The position of letter 'number'. */
static int find_number(const char *number, struct kpk_position *position, struct kpk_err *err) {
    struct kpk_dead_letters letters;
    int failed = kpk_dead_letters_read(&letters, &filter, err) ||
                 kpk_dead_letters_ask(&letters, err) ||
                 kpk_dead_letters_name(&letters, number, err);

    for (size_t i = 0; !failed && i < letters.count; i++) {
        const struct kpk_dlq_letter *letter = &letters.all[i];
        if (!letter->named) continue;
        strcpy(position->topic, letter->at.topic);
        position->partition = letter->at.partition;
        position->offset = letter->at.offset;
    }
    kpk_dead_letters_free(&letters);
    return failed ? -1 : 0;
}

static void print_entry(const struct kpk_ledger_entry *entry) {
    char time[KPK_TIME_BYTES];

    printf("%s %s by ", kpk_dlq_state_name(entry->state), kpk_record_time(entry->at_ms, time));
    kpk_safe_print(stdout, entry->by, strlen(entry->by), 0);
    printf("\n");
}

/* What was done about it, if it is a dead letter. A ledger that cannot be read hides no letter. */
static void print_done(const rd_kafka_message_t *msg) {
    const char *topic = rd_kafka_topic_name(msg->rkt);
    struct kpk_dlq_topics topics;
    struct kpk_ledger ledger = {.topics = &topics};
    const struct kpk_ledger_entry *entry;
    struct kpk_err err;

    if (kpk_dlq_topics_look(&topics, &err) ||
        (kpk_dlq_topic_find(&topics, topic) && kpk_ledger_read(&ledger, PATIENCE_MS, &err)))
        fprintf(stderr, "kpk dlq show: whether anything was done about it: %s\n", err.msg);
    entry = kpk_ledger_find(&ledger, topic, msg->partition, msg->offset, kpk_record_ms(msg));
    if (entry) print_entry(entry);
    kpk_ledger_free(&ledger);
    kpk_dlq_topics_close(&topics);
}

static int show(const struct kpk_position *position, struct kpk_err *err) {
    const struct kpk_record_style style = {.json = args.json, .full = true};
    struct kpk_fetcher fetcher = {0};
    rd_kafka_message_t *msg;
    int failed = kpk_fetch(&fetcher, position, &msg, err);

    if (!failed && msg) {
        if (!args.json) print_done(msg);
        failed = kpk_record_print(stdout, msg, &style, err);
        rd_kafka_message_destroy(msg);
    } else if (!failed) {
        failed = kpk_fail(err, KPK_FATAL,
                          "no record at %.100s:%" PRId32 ":%" PRId64
                          ": not written yet, gone by retention, or not a record",
                          position->topic, position->partition, position->offset);
    }
    kpk_fetcher_close(&fetcher);
    return failed;
}

int kpk_dlq_show(int argc, char **argv, struct kpk_err *err) {
    struct kpk_position position = {.offset = -1};
    int code = kpk_opts_parse(&show_program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    code = KPK_EXIT_USAGE;
    if (argc != 2) {
        kpk_fail(err, KPK_REJECT, "one dead letter must be named, not %d", argc - 1);
        return code;
    }
    if (kpk_dlq_filter_parse(&filter, kpk_now_ms(), err)) return code;
    begin();
    if (argv[1][strspn(argv[1], "0123456789")] != '\0') {
        if (kpk_where_position(argv[1], &position, err)) return code;
    } else if (find_number(argv[1], &position, err)) {
        return err->verdict == KPK_REJECT ? code : KPK_EXIT_FAILED;
    }
    return show(&position, err) ? KPK_EXIT_FAILED : KPK_EXIT_OK;
}
