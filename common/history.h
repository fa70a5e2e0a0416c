/* The judge: what was acknowledged, what was seen, by whom and in what order -- and what that
 * makes: lost, duplicated, reordered, invented.
 *
 *   kpk_history_write(h, "alice", "tweet-1", KPK_WRITE_OK);         what the writer was told
 *   kpk_history_expect(h, "bob", "alice");                          bob must see alice's writes
 *   kpk_history_see(h, "bob", "tweet-1");                           what bob saw, in his order
 *   kpk_history_check(h, &report);                                  the verdict
 *
 * A write has three outcomes. OK must be seen; FAILED must not be; UNKNOWN (the answer never came)
 * may be, once. Used by every example, integration test and load run, so that all mean the same
 * by "nothing was lost". One thread uses it. */
#ifndef KPK_COMMON_HISTORY_H
#define KPK_COMMON_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

struct kpk_history;

enum kpk_write_outcome { KPK_WRITE_OK, KPK_WRITE_FAILED, KPK_WRITE_UNKNOWN };

/* How an observer's sightings of one stream must be ordered. */
enum kpk_order { KPK_ORDER_NONE, KPK_ORDER_OLDEST_FIRST, KPK_ORDER_NEWEST_FIRST };

/* A sighting is one fault at most: invented, else duplicated, else reordered. */
struct kpk_report {
    size_t writes;     /* with outcome OK */
    size_t expected;   /* sightings there must be: OK writes x observers that expect them */
    size_t seen;       /* sightings there were */
    size_t lost;       /* expected, not seen */
    size_t duplicated; /* sightings past the first of the same id by the same observer */
    size_t reordered;  /* of an OK write after one of a later write of the same stream */
    size_t invented;   /* of an id never written, written FAILED, or not expected there */
    char first[200];   /* the first finding, in words; "" when there is none */
};

/* Memory is the caller's limit: about 100 bytes a write and 8 a sighting. NULL: memory is short;
 * all other functions abort then, as a judge that forgets is worse than none. */
struct kpk_history *kpk_history_new(void);
void kpk_history_free(struct kpk_history *history); /* NULL is fine */

/* A write to 'stream' (what order holds within: an author, a key). The calls for one stream are in
 * the order of its writes. An id is written once, and only UNKNOWN may be followed by another
 * outcome; anything else is a bug of the caller and aborts. A write that stays UNKNOWN has no place
 * in the order, nor has one that became OK after other writes to its stream: it took effect
 * somewhere in between. */
void kpk_history_write(struct kpk_history *history, const char *stream, const char *id,
                       enum kpk_write_outcome outcome);

/* An observer: a follower, a consumer group, a table. Named at its first use; order NONE unless said. */
void kpk_history_order(struct kpk_history *history, const char *observer, enum kpk_order order);
/* 'observer' must see every OK write of 'stream', earlier and later ones. */
void kpk_history_expect(struct kpk_history *history, const char *observer, const char *stream);
/* One id that 'observer' may see or not, once (a tweet concurrent with a follow). */
void kpk_history_maybe(struct kpk_history *history, const char *observer, const char *id);

void kpk_history_see(struct kpk_history *history, const char *observer, const char *id);
/* Forget what 'observer' saw, to look again (a timeline read a second time). */
void kpk_history_unsee(struct kpk_history *history, const char *observer);

/* returns  true when nothing is lost, duplicated, reordered or invented */
bool kpk_history_check(const struct kpk_history *history, struct kpk_report *report);

/* "12 of 1000 lost, 3 duplicated (first: bob never saw tweet-7 of alice)", or "1000 writes, 5000
 * sightings: nothing lost, duplicated, reordered or invented". returns 'out' */
const char *kpk_report_text(const struct kpk_report *report, char *out, size_t out_bytes);

#endif
