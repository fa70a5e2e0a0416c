/* The judge. Names become numbers at the door; from then on a history is flat arrays of them:
 *
 *   id       -> its write: stream, place in the stream, outcome
 *   stream   -> its writes, in order
 *   observer -> streams to see, ids excused, ids seen in order
 *
 * A check walks every observer once: its sightings in order, then what it had to see. Nothing is
 * sorted and nothing is searched, so a million sightings take well under a second.
 *
 * A sighting is counted as at most one fault. Asked in this order: has the id any business here
 * (invented), did it come before (duplicated), did a later write of its stream come before it
 * (reordered)? */
#include "common/history.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names: text <-> number -------------------------------------------------------------- */

struct names {
    char *text; /* every name with its end, one after the other */
    size_t text_bytes, text_capacity;
    size_t *start; /* number -> where in 'text' */
    size_t count, capacity;
    uint32_t
        *slots; /* hash -> number + 1, 0 is free; a power of two of them, at most half used */
    size_t n_slots;
};

/* Misuse and a full heap end the process: a verdict on half a history would be a lie. */
static void die(const char *what, const char *name) {
    fprintf(stderr, "history: %s%s%s\n", what, *name ? ": " : "", name);
    abort();
}

static void *reserve(void *array, size_t *capacity, size_t need, size_t element_bytes) {
    if (need <= *capacity) return array;
    size_t more = *capacity ? *capacity : 16;
    while (more < need) more *= 2;
    array = reallocarray(array, more, element_bytes);
    if (!array) die("out of memory", "");
    *capacity = more;
    return array;
}

static const char *name_of(const struct names *names, uint32_t number) {
    return names->text + names->start[number];
}

/* The slot where 'name' is, or the free one where it belongs (FNV-1a, linear probing). */
static uint32_t *slot_of(const struct names *names, const char *name) {
    uint32_t hash = 2166136261u;

    for (const char *c = name; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
    for (size_t i = hash;; i++) {
        uint32_t *slot = &names->slots[i & (names->n_slots - 1)];
        if (*slot == 0 || strcmp(name_of(names, *slot - 1), name) == 0) return slot;
    }
}

static void rehash(struct names *names) {
    free(names->slots);
    names->n_slots = names->n_slots ? names->n_slots * 2 : 64;
    names->slots = calloc(names->n_slots, sizeof(*names->slots));
    if (!names->slots) die("out of memory", "");
    for (uint32_t n = 0; n < names->count; n++) *slot_of(names, name_of(names, n)) = n + 1;
}

/* The number of 'name': 0, 1, 2, ... in the order of first use. */
static uint32_t number_of(struct names *names, const char *name) {
    size_t bytes = strlen(name) + 1;

    if (names->count * 2 >= names->n_slots) rehash(names);
    uint32_t *slot = slot_of(names, name);
    if (*slot) return *slot - 1;
    if (names->count == UINT32_MAX - 1) die("more than 2^32 names", "");
    names->text = reserve(names->text, &names->text_capacity, names->text_bytes + bytes, 1);
    names->start = reserve(names->start, &names->capacity, names->count + 1, sizeof(size_t));
    memcpy(names->text + names->text_bytes, name, bytes);
    names->start[names->count] = names->text_bytes;
    names->text_bytes += bytes;
    *slot = (uint32_t)++names->count;
    return *slot - 1;
}

static void names_free(struct names *names) {
    free(names->text);
    free(names->start);
    free(names->slots);
}

/* --- what happened ----------------------------------------------------------------------- */

struct list {
    uint32_t *at;
    size_t count, capacity;
};

static void list_add(struct list *list, uint32_t number) {
    list->at = reserve(list->at, &list->capacity, list->count + 1, sizeof(*list->at));
    list->at[list->count++] = number;
}

#define NOWHERE UINT32_MAX /* a write without a stream, or without a known place in it */

struct write {
    uint32_t stream; /* NOWHERE: seen or excused, but never written */
    uint32_t place;  /* index in the stream's list */
    enum kpk_write_outcome outcome;
};

struct observer {
    enum kpk_order order;
    struct list streams; /* to see */
    struct list maybe;   /* ids excused */
    struct list seen;    /* ids, in order */
};

struct kpk_history {
    struct names ids, streams, observers;
    struct write *writes;   /* by number of the id */
    struct list *written;   /* by number of the stream: ids in order */
    struct observer *watch; /* by number of the observer */
    size_t writes_capacity, written_capacity, watch_capacity;
};

struct kpk_history *kpk_history_new(void) {
    return calloc(1, sizeof(struct kpk_history));
}

void kpk_history_free(struct kpk_history *history) {
    if (!history) return;
    for (size_t i = 0; i < history->streams.count; i++) free(history->written[i].at);
    for (size_t i = 0; i < history->observers.count; i++) {
        free(history->watch[i].streams.at);
        free(history->watch[i].maybe.at);
        free(history->watch[i].seen.at);
    }
    names_free(&history->ids);
    names_free(&history->streams);
    names_free(&history->observers);
    free(history->writes);
    free(history->written);
    free(history->watch);
    free(history);
}

static uint32_t id_number(struct kpk_history *history, const char *id) {
    size_t known = history->ids.count;
    uint32_t n = number_of(&history->ids, id);

    if (n < known) return n;
    history->writes = reserve(history->writes, &history->writes_capacity, history->ids.count,
                              sizeof(*history->writes));
    history->writes[n] = (struct write){.stream = NOWHERE, .place = NOWHERE};
    return n;
}

static uint32_t stream_number(struct kpk_history *history, const char *stream) {
    size_t known = history->streams.count;
    uint32_t n = number_of(&history->streams, stream);

    if (n < known) return n;
    history->written = reserve(history->written, &history->written_capacity,
                               history->streams.count, sizeof(*history->written));
    history->written[n] = (struct list){0};
    return n;
}

static struct observer *observer_named(struct kpk_history *history, const char *name) {
    size_t known = history->observers.count;
    uint32_t n = number_of(&history->observers, name);

    if (n >= known) {
        history->watch = reserve(history->watch, &history->watch_capacity,
                                 history->observers.count, sizeof(*history->watch));
        history->watch[n] = (struct observer){.order = KPK_ORDER_NONE};
    }
    return &history->watch[n];
}

void kpk_history_write(struct kpk_history *history, const char *stream, const char *id,
                       enum kpk_write_outcome outcome) {
    uint32_t s = stream_number(history, stream);
    uint32_t n = id_number(history, id);
    struct write *write = &history->writes[n];
    struct list *written = &history->written[s];

    if (write->stream == NOWHERE) {
        *write =
            (struct write){.stream = s, .place = (uint32_t)written->count, .outcome = outcome};
        list_add(written, n);
        return;
    }
    if (write->stream != s) die("written to two streams", id);
    if (write->outcome != KPK_WRITE_UNKNOWN) die("written twice", id);
    /* It took effect some time between the two calls. What else was written to the stream in that
     * time may stand on either side of it. */
    if (written->at[written->count - 1] != n) write->place = NOWHERE;
    write->outcome = outcome;
}

void kpk_history_order(struct kpk_history *history, const char *observer,
                       enum kpk_order order) {
    observer_named(history, observer)->order = order;
}

void kpk_history_expect(struct kpk_history *history, const char *observer, const char *stream) {
    list_add(&observer_named(history, observer)->streams, stream_number(history, stream));
}

void kpk_history_maybe(struct kpk_history *history, const char *observer, const char *id) {
    list_add(&observer_named(history, observer)->maybe, id_number(history, id));
}

void kpk_history_see(struct kpk_history *history, const char *observer, const char *id) {
    list_add(&observer_named(history, observer)->seen, id_number(history, id));
}

void kpk_history_unsee(struct kpk_history *history, const char *observer) {
    observer_named(history, observer)->seen.count = 0;
}

/* --- the verdict ------------------------------------------------------------------------- */

/* One observer before the judge. The arrays are shared by all observers, one after the other: an
 * entry counts only while it holds this observer's mark, so nothing is ever cleared. */
struct trial {
    const struct kpk_history *history;
    struct kpk_report *report;
    const struct observer *observer;
    const char *name;
    uint32_t mark;
    uint32_t *seen, *maybe;     /* by id */
    uint32_t *expects;          /* by stream */
    uint32_t *begun, *farthest; /* by stream: the place seen that is farthest along the order */
};

/* Count one finding; the first is told in words. 'after' is the id that came too early, or NULL. */
static void find(struct trial *trial, size_t *count, uint32_t id, const char *verb,
                 const char *rest, const char *after) {
    const struct kpk_history *history = trial->history;
    struct kpk_report *report = trial->report;
    uint32_t stream = history->writes[id].stream;

    ++*count;
    if (report->first[0]) return;
    snprintf(report->first, sizeof(report->first), "%s %s %s%s%s%s%s", trial->name, verb,
             name_of(&history->ids, id), stream == NOWHERE ? "" : " of ",
             stream == NOWHERE ? "" : name_of(&history->streams, stream), rest,
             after ? after : "");
}

/* Did a later write of its stream (for NEWEST_FIRST: an earlier one) come before this one?
 * returns  that write's id, or NULL */
static const char *overtaken_by(struct trial *trial, const struct write *write) {
    uint32_t stream = write->stream, farthest = trial->farthest[stream];
    enum kpk_order order = trial->observer->order;

    if (order == KPK_ORDER_NONE || write->place == NOWHERE || write->outcome != KPK_WRITE_OK)
        return NULL;
    if (trial->begun[stream] == trial->mark &&
        (order == KPK_ORDER_OLDEST_FIRST ? write->place < farthest : write->place > farthest))
        return name_of(&trial->history->ids, trial->history->written[stream].at[farthest]);
    trial->begun[stream] = trial->mark;
    trial->farthest[stream] = write->place;
    return NULL;
}

static void judge_sighting(struct trial *trial, uint32_t id) {
    const struct write *write = &trial->history->writes[id];
    struct kpk_report *report = trial->report;
    bool again = trial->seen[id] == trial->mark;
    const char *later;

    trial->seen[id] = trial->mark;
    report->seen++;
    if (write->stream == NOWHERE)
        find(trial, &report->invented, id, "saw", ", which nobody wrote", NULL);
    else if (write->outcome == KPK_WRITE_FAILED)
        find(trial, &report->invented, id, "saw", ", which was refused", NULL);
    else if (trial->expects[write->stream] != trial->mark && trial->maybe[id] != trial->mark)
        find(trial, &report->invented, id, "saw", ", which was not to be seen there", NULL);
    else if (again)
        find(trial, &report->duplicated, id, "saw", " more than once", NULL);
    else if ((later = overtaken_by(trial, write)))
        find(trial, &report->reordered, id, "saw", " after ", later);
}

static void judge_absence(struct trial *trial, uint32_t id) {
    if (trial->history->writes[id].outcome != KPK_WRITE_OK || trial->maybe[id] == trial->mark)
        return;
    trial->report->expected++;
    if (trial->seen[id] != trial->mark)
        find(trial, &trial->report->lost, id, "never saw", "", NULL);
}

static void judge_observer(struct trial *trial) {
    const struct observer *observer = trial->observer;

    for (size_t i = 0; i < observer->maybe.count; i++)
        trial->maybe[observer->maybe.at[i]] = trial->mark;
    for (size_t i = 0; i < observer->streams.count; i++)
        trial->expects[observer->streams.at[i]] = trial->mark;
    for (size_t i = 0; i < observer->seen.count; i++)
        judge_sighting(trial, observer->seen.at[i]);
    for (size_t i = 0; i < observer->streams.count; i++) {
        uint32_t stream = observer->streams.at[i];
        const struct list *written = &trial->history->written[stream];

        if (trial->expects[stream] != trial->mark) continue; /* expected twice, counted once */
        trial->expects[stream] = 0;
        for (size_t w = 0; w < written->count; w++) judge_absence(trial, written->at[w]);
    }
}

bool kpk_history_check(const struct kpk_history *history, struct kpk_report *report) {
    size_t n_ids = history->ids.count, n_streams = history->streams.count;
    uint32_t *marks = calloc(2 * n_ids + 3 * n_streams + 1, sizeof(*marks));
    struct trial trial = {.history = history, .report = report};

    if (!marks) die("out of memory", "");
    trial.seen = marks;
    trial.maybe = trial.seen + n_ids;
    trial.expects = trial.maybe + n_ids;
    trial.begun = trial.expects + n_streams;
    trial.farthest = trial.begun + n_streams;

    memset(report, 0, sizeof(*report));
    for (size_t i = 0; i < n_ids; i++)
        if (history->writes[i].stream != NOWHERE && history->writes[i].outcome == KPK_WRITE_OK)
            report->writes++;
    for (uint32_t i = 0; i < history->observers.count; i++) {
        trial.observer = &history->watch[i];
        trial.name = name_of(&history->observers, i);
        trial.mark = i + 1;
        judge_observer(&trial);
    }
    free(marks);
    return report->lost + report->duplicated + report->reordered + report->invented == 0;
}

const char *kpk_report_text(const struct kpk_report *report, char *out, size_t out_bytes) {
    const struct {
        size_t count;
        const char *word;
    } faults[] = {
        {report->lost, "lost"},
        {report->duplicated, "duplicated"},
        {report->reordered, "reordered"},
        {report->invented, "invented"},
    };
    char text[512];
    size_t len = 0;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (faults[i].count == 0) continue;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%zu", len ? ", " : "",
                                faults[i].count);
        if (i == 0)
            len +=
                (size_t)snprintf(text + len, sizeof(text) - len, " of %zu", report->expected);
        len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", faults[i].word);
    }
    if (len == 0)
        snprintf(out, out_bytes,
                 "%zu writes, %zu sightings: nothing lost, duplicated, reordered or invented",
                 report->writes, report->seen);
    else
        snprintf(out, out_bytes, "%s (first: %s)", text, report->first);
    return out;
}
