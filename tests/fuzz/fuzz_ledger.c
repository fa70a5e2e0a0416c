/* tools/kpk/dlq_ledger: a record of the ledger, whoever wrote it, is an entry about one letter or
 * nothing at all; an entry that is written again is the same. The input is the key, a newline, the
 * value; without a newline there is no value. */
#include "tools/kpk/dlq_ledger.h"

#include "tests/fuzz/fuzz.h"

static void check_again(const struct kpk_dlq_topics *topics,
                        const struct kpk_ledger_entry *entry) {
    struct kpk_ledger ledger = {.topics = topics};
    char key[KPK_LEDGER_KEY_BYTES], *value = kpk_ledger_value(entry);
    const struct kpk_ledger_entry *again;
    struct kpk_err err;

    must(value);
    kpk_ledger_key(entry, key);
    must(kpk_ledger_add(&ledger, key, strlen(key), value, strlen(value), &err) == 0);
    kpk_ledger_settle(&ledger);
    must(ledger.count == 1 && ledger.odd == 0);
    again = kpk_ledger_find(&ledger, entry->topic, entry->partition, entry->offset,
                            entry->letter_ms);
    must(again && again->state == entry->state && again->at_ms == entry->at_ms &&
         again->times == entry->times && strcmp(again->by, entry->by) == 0);
    kpk_ledger_free(&ledger);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct kpk_dlq_topics topics;
    struct kpk_ledger ledger = {.topics = &topics};
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t key_len = newline ? (size_t)(newline - data) : size;
    char *key = fuzz_bytes(data, key_len), *value = NULL;
    size_t value_len = newline ? size - key_len - 1 : 0;
    struct kpk_err err;

    if (!topics.all) must(kpk_dlq_topics_open(&topics, NULL, &err) == 0);
    if (newline) value = fuzz_bytes(newline + 1, value_len);
    must(kpk_ledger_add(&ledger, key, key_len, value, value_len, &err) == 0);
    must(ledger.count + ledger.odd == 1);
    kpk_ledger_settle(&ledger);
    if (ledger.count) {
        const struct kpk_ledger_entry *entry = &ledger.all[0];
        must(value && entry->state > KPK_DLQ_OPEN && entry->state < KPK_DLQ_STATES);
        must(kpk_dlq_topic_find(&topics, entry->topic));
        must(entry->partition >= 0 && entry->offset >= 0 && entry->times >= 0);
        check_again(&topics, entry);
    }
    kpk_ledger_free(&ledger);
    free(key);
    free(value);
    return 0;
}
