#include "services/notification/provider-simulator/store.h"

#include "common/clock.h"
#include "common/json.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
    char *key;
    char *recipient, *title, *text;
    char id[STORE_ID_BYTES]; /* "": not delivered */
    int64_t attempts, repeated;
    int64_t first_at, delivered_at; /* epoch ms */
    enum store_answer last;
    UT_hash_handle hh;
};

struct store {
    pthread_mutex_t lock;
    struct entry *by_key;
    struct entry **in_order;
    size_t count, room;
    int64_t delivered, repeated, answers[STORE_ANSWERS];
};

static const char *const answer_names[STORE_ANSWERS] = {
    "accepted",  "repeated", "invalid",      "permanent", "transient",
    "throttled", "timeout",  "late_timeout", "full",      "down"};

/* Of all stores. */
static _Atomic int64_t keys, bytes;

struct store *store_open(void) {
    struct store *store = calloc(1, sizeof(*store));

    if (store) pthread_mutex_init(&store->lock, NULL);
    return store;
}

void store_close(struct store *store) {
    if (!store) return;
    store_forget(store);
    free(store->in_order);
    free(store);
}

/* --- entries, with the lock held --------------------------------------------------------- */

static int64_t text_bytes(const struct entry *entry) {
    return (int64_t)(strlen(entry->key) + strlen(entry->recipient) + strlen(entry->title) +
                     strlen(entry->text));
}

static void free_entry(struct entry *entry) {
    if (!entry) return;
    free(entry->key);
    free(entry->recipient);
    free(entry->title);
    free(entry->text);
    free(entry);
}

static struct entry *new_entry(const struct store_message *message) {
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry) return NULL;
    entry->key = strdup(message->key);
    entry->recipient = strdup(message->recipient);
    entry->title = strdup(message->title);
    entry->text = strdup(message->text);
    entry->first_at = kpk_now_ms();
    if (entry->key && entry->recipient && entry->title && entry->text) return entry;
    free_entry(entry);
    return NULL;
}

static bool make_room(struct store *store) {
    size_t room = store->room ? store->room * 2 : 1024;
    struct entry **in_order;

    if (store->count < store->room) return true;
    in_order = realloc(store->in_order, room * sizeof(*in_order));
    if (!in_order) return false;
    store->in_order = in_order;
    store->room = room;
    return true;
}

/* returns  NULL: there is no room for another */
static struct entry *find_or_add(struct store *store, const struct store_message *message) {
    struct entry *entry;

    HASH_FIND_STR(store->by_key, message->key, entry);
    if (entry) return entry;
    if (keys >= STORE_KEYS || bytes >= STORE_BYTES || !make_room(store)) return NULL;
    if (!(entry = new_entry(message))) return NULL;
    HASH_ADD_KEYPTR(hh, store->by_key, entry->key, strlen(entry->key), entry);
    store->in_order[store->count++] = entry;
    keys++;
    bytes += text_bytes(entry);
    return entry;
}

static void replace(char **text, const char *by) {
    char *copy;

    if (strcmp(*text, by) == 0 || !(copy = strdup(by))) return;
    free(*text);
    *text = copy;
}

/* What is delivered is what counts: an address may have been corrected since the first attempt. */
static void deliver(struct store *store, struct entry *entry,
                    const struct store_message *message, const char *id) {
    bytes -= text_bytes(entry);
    replace(&entry->recipient, message->recipient);
    replace(&entry->title, message->title);
    replace(&entry->text, message->text);
    bytes += text_bytes(entry);
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    entry->delivered_at = kpk_now_ms();
    store->delivered++;
}

static enum store_answer answer_of(struct store *store, struct entry *entry, bool invalid,
                                   const struct faults *faults) {
    static const enum store_answer by_fault[] = {
        [FAULT_NONE] = STORE_ACCEPTED,       [FAULT_PERMANENT] = STORE_PERMANENT,
        [FAULT_TRANSIENT] = STORE_TRANSIENT, [FAULT_THROTTLED] = STORE_THROTTLED,
        [FAULT_TIMEOUT] = STORE_TIMEOUT,     [FAULT_LATE_TIMEOUT] = STORE_LATE_TIMEOUT};

    entry->attempts++;
    if (*entry->id) {
        entry->repeated++;
        store->repeated++;
        return STORE_REPEATED;
    }
    if (invalid) return STORE_INVALID;
    return by_fault[faults_decide(faults, entry->key, entry->attempts)];
}

enum store_answer store_receive(struct store *store, const struct store_message *message,
                                bool invalid, const struct faults *faults,
                                char id[STORE_ID_BYTES]) {
    enum store_answer answer = faults->down ? STORE_DOWN : STORE_FULL;
    struct entry *entry;

    pthread_mutex_lock(&store->lock);
    entry = faults->down ? NULL : find_or_add(store, message);
    if (entry) {
        answer = entry->last = answer_of(store, entry, invalid, faults);
        if (answer == STORE_ACCEPTED || answer == STORE_LATE_TIMEOUT)
            deliver(store, entry, message, id);
        snprintf(id, STORE_ID_BYTES, "%s", entry->id);
    }
    store->answers[answer]++;
    pthread_mutex_unlock(&store->lock);
    return answer;
}

/* --- what is asked of it ----------------------------------------------------------------- */

static cJSON *entry_object(const struct entry *entry) {
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "key", entry->key);
    cJSON_AddStringToObject(object, "recipient", entry->recipient);
    cJSON_AddStringToObject(object, "title", entry->title);
    cJSON_AddStringToObject(object, "text", entry->text);
    kpk_json_add_int(object, "attempts", entry->attempts);
    kpk_json_add_int(object, "delivered", *entry->id != '\0');
    kpk_json_add_int(object, "repeated", entry->repeated);
    cJSON_AddStringToObject(object, "last_answer", answer_names[entry->last]);
    cJSON_AddStringToObject(object, "id", entry->id);
    kpk_json_add_int(object, "first_at", entry->first_at);
    kpk_json_add_int(object, "delivered_at", entry->delivered_at);
    return object;
}

cJSON *store_page(struct store *store, size_t cursor, size_t limit, const char *recipient) {
    cJSON *page = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(page, "deliveries");
    char next[24];
    size_t found = 0;

    pthread_mutex_lock(&store->lock);
    for (; cursor < store->count && found < limit; cursor++) {
        const struct entry *entry = store->in_order[cursor];
        if (recipient && strcmp(entry->recipient, recipient) != 0) continue;
        cJSON_AddItemToArray(list, entry_object(entry));
        found++;
    }
    bool more = cursor < store->count;
    pthread_mutex_unlock(&store->lock);
    snprintf(next, sizeof(next), "%zu", cursor);
    cJSON_AddItemToObject(page, "next_cursor",
                          more ? cJSON_CreateString(next) : cJSON_CreateNull());
    return page;
}

cJSON *store_find(struct store *store, const char *key) {
    cJSON *object = NULL;
    struct entry *entry;

    pthread_mutex_lock(&store->lock);
    HASH_FIND_STR(store->by_key, key, entry);
    if (entry) object = entry_object(entry);
    pthread_mutex_unlock(&store->lock);
    return object;
}

cJSON *store_summary(struct store *store) {
    cJSON *summary = cJSON_CreateObject(), *answers;

    pthread_mutex_lock(&store->lock);
    kpk_json_add_int(summary, "keys", (int64_t)store->count);
    kpk_json_add_int(summary, "delivered", store->delivered);
    kpk_json_add_int(summary, "repeated", store->repeated);
    answers = cJSON_AddObjectToObject(summary, "answers");
    for (int i = 0; i < STORE_ANSWERS; i++)
        kpk_json_add_int(answers, answer_names[i], store->answers[i]);
    pthread_mutex_unlock(&store->lock);
    return summary;
}

void store_forget(struct store *store) {
    pthread_mutex_lock(&store->lock);
    HASH_CLEAR(hh, store->by_key);
    for (size_t i = 0; i < store->count; i++) {
        keys--;
        bytes -= text_bytes(store->in_order[i]);
        free_entry(store->in_order[i]);
    }
    store->count = 0;
    store->delivered = store->repeated = 0;
    memset(store->answers, 0, sizeof(store->answers));
    pthread_mutex_unlock(&store->lock);
}
