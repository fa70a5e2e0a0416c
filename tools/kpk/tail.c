/* kpk tail: print the records of a topic as they are. It belongs to no group and commits
 * nothing, so it may be run against anything; only committed records are seen. */
#include "common/tail.h"

#include "common/clock.h"
#include "common/stop.h"
#include "tools/kpk/kpk.h"
#include "tools/kpk/record.h"
#include "tools/kpk/where.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { HEADERS = 8, POLL_MS = 200 };

static struct {
    const char *from, *key, *headers[HEADERS + 1];
    int limit, follow, json, full;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"from", NULL, KPK_OPT_STR, &args.from, "end", 0, 0, "beginning, end, a time (RFC 3339, or 90s, 5m, 2h, 7d ago), or an offset (of each partition)"},
    {"follow", NULL, KPK_OPT_FLAG, &args.follow, NULL, 0, 0, "go on with what comes, until Ctrl-C; without it, only --from end does"},
    {"key", NULL, KPK_OPT_STR, &args.key, NULL, 0, 0, "only records with exactly this key"},
    {"header", NULL, KPK_OPT_LIST, args.headers, NULL, 0, HEADERS, "NAME=VALUE: only records with such a header; may be repeated: with all of them"},
    {"limit", NULL, KPK_OPT_INT, &args.limit, NULL, 1, 1000000000, "end after this many records"},
    {"json", NULL, KPK_OPT_FLAG, &args.json, NULL, 0, 0, "one JSON object a line, nothing left out; bytes that are not UTF-8 as key_base64, value_base64"},
    {"full", NULL, KPK_OPT_FLAG, &args.full, NULL, 0, 0, "long values whole"},
    {0},
};
/* clang-format on */

static const struct kpk_program program = {
    .name = "kpk tail",
    .summary = "Prints the records of a topic, safe for a terminal whatever is in them.",
    .usage = "TOPIC [options]",
    .opts = opts,
};

static int check_headers(struct kpk_err *err) {
    for (size_t i = 0; args.headers[i]; i++)
        if (args.headers[i][0] == '=' || !strchr(args.headers[i], '='))
            return kpk_fail(err, KPK_REJECT, "--header: '%.80s' is not NAME=VALUE",
                            args.headers[i]);
    return 0;
}

static bool is_wanted(const rd_kafka_message_t *msg) {
    size_t key_len = strlen(args.key);

    if (key_len &&
        (!msg->key || msg->key_len != key_len || memcmp(msg->key, args.key, key_len) != 0))
        return false;
    for (size_t i = 0; args.headers[i]; i++) {
        char name[256];
        const char *eq = strchr(args.headers[i], '=');
        snprintf(name, sizeof(name), "%.*s", (int)(eq - args.headers[i]), args.headers[i]);
        if (!kpk_record_has(msg, name, eq + 1, strlen(eq + 1))) return false;
    }
    return true;
}

/* On stderr, so that what is on stdout is records and nothing else. */
static void say_what(const struct kpk_tail *tail, const char *topic, bool follow) {
    if (kpk_tail_leaderless(tail))
        fprintf(stderr, "kpk tail: %d of %d partitions have no leader now and are left out\n",
                kpk_tail_leaderless(tail), kpk_tail_partitions(tail));
    if (follow)
        fprintf(stderr, "kpk tail: reading %s from %s, %d partitions; Ctrl-C ends it\n", topic,
                args.from, kpk_tail_partitions(tail));
}

static int print_all(struct kpk_tail *tail, struct kpk_err *err) {
    const struct kpk_record_style style = {.json = args.json, .full = args.full};
    long read = 0, printed = 0;

    while (!kpk_stopping() && !kpk_tail_done(tail) && (!args.limit || printed < args.limit)) {
        rd_kafka_message_t *msg;
        int failed = 0;
        if (kpk_tail_next(tail, POLL_MS, &msg, err)) return -1;
        if (!msg) continue;
        read++;
        if (is_wanted(msg)) {
            failed = kpk_record_print(stdout, msg, &style, err);
            fflush(stdout); /* somebody may be watching through a pipe */
            printed++;
        }
        rd_kafka_message_destroy(msg);
        if (failed) return -1;
    }
    if (printed == 0 && kpk_tail_done(tail))
        fprintf(stderr, "kpk tail: no record to show, of %ld read\n", read);
    return 0;
}

int kpk_tail_command(int argc, char **argv, struct kpk_err *err) {
    struct kpk_tail *tail = NULL;
    struct kpk_tail_from from;
    char topic[KPK_NAME_BYTES];
    int code = kpk_opts_parse(&program, &argc, argv, err);
    bool follow;

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (argc != 2)
        return kpk_fail(err, KPK_REJECT, "one topic must be named, not %d", argc - 1),
               KPK_EXIT_USAGE;
    if (kpk_where_topic(argv[1], topic, err) || check_headers(err) ||
        kpk_where_from(args.from, kpk_now_ms(), &from, err))
        return KPK_EXIT_USAGE;
    follow = args.follow || from.start == KPK_TAIL_END;
    kpk_stop_init();
    signal(SIGPIPE, SIG_DFL); /* kpk tail | head: nothing is lost by ending at once */
    if (kpk_tail_open_at(&tail,
                         &(struct kpk_tail_opts){
                             .topics = (const char *[]){topic, NULL},
                             .partition = KPK_TAIL_ALL,
                             .from = from,
                             .until_end = !follow,
                             .skip_leaderless = true,
                         },
                         err))
        return KPK_EXIT_FAILED;
    say_what(tail, topic, follow);
    code = print_all(tail, err) ? KPK_EXIT_FAILED : KPK_EXIT_OK;
    kpk_tail_close(tail);
    return code;
}
