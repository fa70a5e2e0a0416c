/* Dead letters: what groups gave up, read from their dead letter topics, and what the ledger
 * (dlq_ledger.h) says was done about each.
 *
 * What a letter says of itself may come from a stranger, who can write to such a topic as well; texts
 * here are safe already (safe.h), cut to what fits a line.
 *
 * A letter may lie there more than once, as a hand-over is at least once. Copies say the same origin
 * (topic, partition, offset, group) and as many redrives, and have the same key and value; what is done
 * about one of them is done about all. */
#ifndef KPK_TOOLS_DLQ_H
#define KPK_TOOLS_DLQ_H

#include "common/kafka.h"
#include "common/opts.h"
#include "tools/kpk/dlq_ledger.h"

/* --- one letter, to be shown ------------------------------------------------------------- */

struct kpk_dead_letter {
    const char *topic; /* where it lies, on the cluster; not the letter's own */
    int32_t partition;
    int64_t offset;
    int64_t ms; /* when it was put there */
    /* As its headers say. NULL: they say nothing, or memory is short */
    char *from;  /* "tweets:3:128" */
    char *group; /* on the cluster */
    char *reason;
};

/* Read the headers of a dead letter. topic  its topic's name, which outlives the letter */
void kpk_dead_letter_fill(struct kpk_dead_letter *letter, const rd_kafka_message_t *msg,
                          const char *topic);
void kpk_dead_letter_free(struct kpk_dead_letter *letter); /* what it holds; not 'letter' */
/* For qsort() of letters, or of structs that begin with one: oldest first. */
int kpk_dead_letter_compare(const void *a, const void *b);

/* --- which letters ----------------------------------------------------------------------- */

/* As a person says it; NULL or "": any. */
struct kpk_dlq_filter {
    const char *group, *topic;  /* base names, or names on the cluster: only these are read */
    const char *reason;         /* a part of it */
    const char *key;            /* the whole of it */
    const char *since, *until;  /* when it was put there */
    int64_t since_ms, until_ms; /* the same, by kpk_dlq_filter_parse() */
};

/* None may be empty: purge --group "$GROUP" with nothing in GROUP would be of all groups, for good. */
/* clang-format off */
#define KPK_DLQ_SCOPE_OPTS(filter)                                                                                    \
    {"group", NULL, KPK_OPT_STR, &(filter).group, NULL, 1, 0, "only what this group gave up"},                          \
    {"topic", NULL, KPK_OPT_STR, &(filter).topic, NULL, 1, 0, "only what came from this topic"}
#define KPK_DLQ_LIKE_OPTS(filter)                                                                                     \
    {"reason", NULL, KPK_OPT_STR, &(filter).reason, NULL, 1, 0, "only those whose reason has this text in it"},         \
    {"key", NULL, KPK_OPT_STR, &(filter).key, NULL, 1, 0, "only those with exactly this key"},                          \
    {"since", NULL, KPK_OPT_STR, &(filter).since, NULL, 1, 0, "only those put there at this time or later (RFC 3339, or 90s, 5m, 2h, 7d ago)"}, \
    {"until", NULL, KPK_OPT_STR, &(filter).until, NULL, 1, 0, "only those put there before this time"}
/* clang-format on */

/* returns  0, or -1 with 'err' (REJECT): not a time */
int kpk_dlq_filter_parse(struct kpk_dlq_filter *filter, int64_t now_ms,
                         struct kpk_err *err) KPK_MUST_CHECK;
/* Does it choose by more than group and topic? */
bool kpk_dlq_filter_chooses(const struct kpk_dlq_filter *filter);

/* --- all of them ------------------------------------------------------------------------- */

enum kpk_dlq_named { KPK_NOT_NAMED, KPK_NAMED_BY_NUMBER, KPK_NAMED_BY_POSITION };

struct kpk_dlq_letter {
    struct kpk_dead_letter at; /* first */
    const struct kpk_dlq_topic *of;
    bool like; /* the filter is satisfied; once paired, by one of its copies */
    const char *
        nonsense; /* what its headers say that cannot be; NULL: they are as a group writes them */
    bool left_out;  /* it stands for a record that did not fit, and was not copied */
    int redriven;   /* how often it was, before it came here; 0 with nonsense */
    size_t bytes;   /* of the record, with its headers, not less than a broker counts */
    uint64_t id[2]; /* copies have the same */
    enum kpk_dlq_named named;
    const struct kpk_ledger_entry *entry; /* what was done about it; NULL: nothing */
    /* Filled by kpk_dlq_letters_pair(): */
    struct kpk_dlq_letter *next; /* the next one of its copies; NULL: it is the last */
    struct kpk_dlq_letter
        *first;    /* the oldest of them, or itself; what follows is that one's */
    size_t copies; /* itself included */
    size_t bare;   /* of them, those without an entry */
    const struct kpk_ledger_entry
        *done; /* what was done about one of them, the latest; NULL: nothing */
};

enum { KPK_DEAD_LETTERS = 1000000 }; /* held at once: about 250 bytes each */

struct kpk_dead_letters {
    struct kpk_dlq_letter *all; /* oldest first; copies are not side by side */
    size_t count, capacity;
    size_t topics;     /* read */
    size_t missing;    /* topics that are not on this cluster */
    size_t leaderless; /* partitions nobody leads now: not read */
    size_t more;       /* letters past KPK_DEAD_LETTERS: not held */
    struct kpk_dlq_topics table;
    struct kpk_ledger ledger;
};

/* Read the letters of the filter's group and topic, up to where their topics end now. kpk_stopping()
 * interrupts it.
 * letters  out; stays where it is until it is freed
 * returns  0, or -1 with 'err': REJECT no such group or topic with dead letters; WAIT, FATAL */
int kpk_dead_letters_read(struct kpk_dead_letters *letters, const struct kpk_dlq_filter *filter,
                          struct kpk_err *err) KPK_MUST_CHECK;
/* Then read the ledger: sort them, fill 'entry' and what follows it.
 * returns  0, or -1 with 'err': WAIT, FATAL */
int kpk_dead_letters_ask(struct kpk_dead_letters *letters, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_dead_letters_free(struct kpk_dead_letters *letters);

/* OPEN, or what was done about it or a copy of it. */
enum kpk_dlq_state kpk_dlq_state(const struct kpk_dlq_letter *letter);

/* How often it lies there: "twice", "3 times"; "": once. returns 'out' */
enum { KPK_COPIES_BYTES = 32 };
const char *kpk_dlq_letter_copies(const struct kpk_dlq_letter *letter, char *out);

/* After that: mark the letter 'name' as named: its position, or its number as kpk dlq list prints it.
 * returns  0, or -1 with 'err': REJECT neither of the two; FATAL there is no such letter */
int kpk_dead_letters_name(struct kpk_dead_letters *letters, const char *name,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* --- parts of the reading, which ask nobody ---------------------------------------------- */

/* Fill all but what follows 'id'. */
void kpk_dlq_letter_fill(struct kpk_dlq_letter *letter, const rd_kafka_message_t *msg,
                         const struct kpk_dlq_topic *of, const struct kpk_dlq_filter *filter);

/* Sort them, ask the ledger about each, and find the copies.
 * returns  0, or -1 with 'err' (FATAL) */
int kpk_dlq_letters_pair(struct kpk_dead_letters *letters, struct kpk_err *err) KPK_MUST_CHECK;

#endif
