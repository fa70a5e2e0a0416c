/* kpk dlq list, kpk dlq show: what groups rejected, and why.
 *
 * Letters are listed newest first, as the newest is what one is called for. They are numbered
 * from the oldest: a letter keeps its number while others arrive. */
#include "tools/kpk/dlq.h"

#include "common/event.h"
#include "common/stop.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/record.h"
#include "tools/kpk/table.h"
#include "tools/kpk/where.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS = 20, POLL_MS = 500 };

static struct {
    const char *group, *topic;
    int limit, json;
} args;

/* clang-format off */
#define CHOICE                                                                                                      \
    {"group", NULL, KPK_OPT_STR, &args.group, NULL, 0, 0, "only what this group rejected"},                           \
    {"topic", NULL, KPK_OPT_STR, &args.topic, NULL, 0, 0, "only what came from this topic"}

static const struct kpk_opt list_opts[] = {
    CHOICE,
    {"limit", NULL, KPK_OPT_INT, &args.limit, "20", 1, KPK_DEAD_LETTERS, "print so many of the newest; the counts are of all"},
    {0},
};

static const struct kpk_opt show_opts[] = {
    CHOICE,
    {"json", NULL, KPK_OPT_FLAG, &args.json, NULL, 0, 0, "as a JSON object, like kpk tail"},
    {0},
};
/* clang-format on */

static const struct kpk_program list_program = {
    .name = "kpk dlq list",
    .summary = "Lists the dead letters, newest first, and counts them by group and reason.",
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

static const char *group_name(const struct kpk_dead_letter *letter) {
    const char *base = letter->group ? kpk_base_name(letter->group) : NULL;

    return or_dash(base ? base : letter->group);
}

/* --- list -------------------------------------------------------------------------------- */

static void print_letters(const struct kpk_dead_letters *letters) {
    static const char *const head[] = {"#",     "TIME",   "DEAD LETTER", "FROM",
                                       "GROUP", "REASON", NULL};
    struct kpk_table table = {.align = "rlllll"};
    size_t limit = (size_t)args.limit;

    kpk_table_head(&table, head);
    for (size_t i = letters->count; i > 0 && letters->count - i < limit; i--) {
        const struct kpk_dead_letter *letter = &letters->all[i - 1];
        char time[KPK_TIME_BYTES];
        kpk_table_add(&table, "%zu", i);
        kpk_table_add(&table, "%s", kpk_record_time(letter->ms, time));
        kpk_table_add(&table, "%s:%" PRId32 ":%" PRId64, letter->topic, letter->partition,
                      letter->offset);
        kpk_table_add(&table, "%s", or_dash(letter->from));
        kpk_table_add(&table, "%s", group_name(letter));
        kpk_table_add(&table, "%s", or_dash(letter->reason));
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
    size_t different = 0;

    for (size_t i = 0; i < letters->count; i++)
        tallies[i] =
            (struct tally){group_name(&letters->all[i]), or_dash(letters->all[i].reason), 1};
    qsort(tallies, letters->count, sizeof(*tallies), by_reason);
    for (size_t i = 0; i < letters->count; i++) {
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
    free(tallies);
    return 0;
}

static int print_list(const struct kpk_dead_letters *letters, struct kpk_err *err) {
    if (letters->count) {
        print_letters(letters);
        if (print_reasons(letters, err)) return -1;
    }
    printf("%sdead letters: %zu, in %zu topics", letters->count ? "\n" : "",
           letters->count + letters->more, letters->topics);
    if (letters->missing) printf("; topics not on this cluster: %zu", letters->missing);
    if (letters->leaderless)
        printf("; partitions left out, as they have no leader now: %zu", letters->leaderless);
    if (letters->more)
        printf("; too many to list: %zu (narrow down with --group or --topic)", letters->more);
    printf("\n%s", letters->count ? "kpk dlq show DEAD-LETTER prints one whole\n" : "");
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
    begin();
    code = KPK_EXIT_OK;
    if (kpk_dead_letters_read(&letters, args.group, args.topic, err))
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
    size_t n = strtoul(number, NULL, 10);
    int failed = kpk_dead_letters_read(&letters, args.group, args.topic, err);

    if (!failed && (n < 1 || n > letters.count || letters.more))
        failed =
            kpk_fail(err, KPK_FATAL,
                     letters.more ? "%zu dead letters cannot be numbered: narrow down with "
                                    "--group or --topic, or name a position"
                                  : "there are %zu dead letters to choose from",
                     letters.count + letters.more);
    if (!failed) {
        const struct kpk_dead_letter *letter = &letters.all[n - 1];
        strcpy(position->topic, letter->topic);
        position->partition = letter->partition;
        position->offset = letter->offset;
    }
    kpk_dead_letters_free(&letters);
    return failed;
}

/* msg  out; not to outlive 'tail' */
static int read_one(struct kpk_tail *tail, const struct kpk_position *position,
                    rd_kafka_message_t **msg, struct kpk_err *err) {
    *msg = NULL;
    while (!*msg && !kpk_tail_done(tail) && !kpk_stopping())
        if (kpk_tail_next(tail, POLL_MS, msg, err)) return -1;
    if (*msg && (*msg)->offset == position->offset) return 0;
    if (*msg) rd_kafka_message_destroy(*msg);
    return kpk_fail(err, KPK_FATAL,
                    "no record at %.100s:%" PRId32 ":%" PRId64
                    ": not written yet, gone by retention, or not a record",
                    position->topic, position->partition, position->offset);
}

static int show(const struct kpk_position *position, struct kpk_err *err) {
    const struct kpk_record_style style = {.json = args.json, .full = true};
    struct kpk_tail *tail;
    rd_kafka_message_t *msg;
    int failed;

    if (kpk_tail_open_at(&tail,
                         &(struct kpk_tail_opts){
                             .topics = (const char *[]){position->topic, NULL},
                             .partition = position->partition,
                             .from = {KPK_TAIL_OFFSET, position->offset},
                             .until_end = true,
                         },
                         err))
        return -1;
    failed = read_one(tail, position, &msg, err);
    if (!failed) {
        failed = kpk_record_print(stdout, msg, &style, err);
        rd_kafka_message_destroy(msg);
    }
    kpk_tail_close(tail);
    return failed;
}

int kpk_dlq_show(int argc, char **argv, struct kpk_err *err) {
    struct kpk_position position;
    int code = kpk_opts_parse(&show_program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    code = KPK_EXIT_USAGE;
    if (argc != 2) {
        kpk_fail(err, KPK_REJECT, "one dead letter must be named, not %d", argc - 1);
        return code;
    }
    begin();
    if (argv[1][strspn(argv[1], "0123456789")] != '\0') {
        if (kpk_where_position(argv[1], &position, err)) return code;
    } else if (find_number(argv[1], &position, err)) {
        return err->verdict == KPK_REJECT ? code : KPK_EXIT_FAILED;
    }
    return show(&position, err) ? KPK_EXIT_FAILED : KPK_EXIT_OK;
}
