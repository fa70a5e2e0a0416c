#include "services/twitter/search-indexer/effect.h"

#include "common/metrics.h"
#include "common/pg.h"
#include "services/twitter/database.h"
#include "services/twitter/events.h"
#include "services/twitter/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kpk_metric indexed = {
    .name = "kpk_search_indexed_total",
    .help = "Tweets added to the full-text index, repeated ones not counted",
};

struct index {
    struct kpk_pg *pg;
    /* One row per tweet, by column, so that each column becomes an array. */
    size_t tweets;
    char (*ids)[KPK_UUID_BYTES];
    char (*author_ids)[TWITTER_ID_BYTES];
    char (*texts)[TWITTER_TEXT_BYTES + 1];
    char (*words)[TWITTER_WORDS_BYTES(TWITTER_TEXT_BYTES)];
    char (*times)[TWITTER_ID_BYTES]; /* created_at, milliseconds in decimal */
};

static void index_close(void *ctx) {
    struct index *index = ctx;

    if (!index) return;
    free(index->ids);
    free(index->author_ids);
    free(index->texts);
    free(index->words);
    free(index->times);
    kpk_pg_close(index->pg);
    free(index);
}

static int index_open(void **ctx, int batch, struct kpk_err *err) {
    struct index *index = calloc(1, sizeof(*index));
    size_t room = (size_t)batch;

    *ctx = NULL;
    if (!index) return kpk_fail(err, KPK_FATAL, "search: no memory");
    index->ids = calloc(room, sizeof(*index->ids));
    index->author_ids = calloc(room, sizeof(*index->author_ids));
    index->texts = calloc(room, sizeof(*index->texts));
    index->words = calloc(room, sizeof(*index->words));
    index->times = calloc(room, sizeof(*index->times));
    if (!index->ids || !index->author_ids || !index->texts || !index->words || !index->times) {
        kpk_fail(err, KPK_FATAL, "search: no memory");
        goto fail;
    }
    if (twitter_database_open(&index->pg, err)) goto fail;
    *ctx = index;
    return 0;
fail:
    index_close(index);
    return -1;
}

static void index_begin(void *ctx) { ((struct index *)ctx)->tweets = 0; }

static int index_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct index *index = ctx;
    struct twitter_tweet tweet;
    size_t row = index->tweets;

    if (strcmp(event->type, TWITTER_TWEET_CREATED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
    if (twitter_tweet_decode(event, &tweet, err)) return -1;
    strcpy(index->ids[row], tweet.id);
    strcpy(index->author_ids[row], tweet.author_id);
    strcpy(index->texts[row], tweet.text);
    twitter_words(tweet.text, index->words[row]);
    snprintf(index->times[row], sizeof(index->times[row]), "%" PRId64, tweet.created_at);
    index->tweets++;
    return 0;
}

/* In the order of their ids: two members that have the same tweets in hand (while partitions move)
 * then wait for each other's rows in one order, and never in a circle. */
static int insert(struct index *index, const char *const *columns, struct kpk_err *err) {
    static const struct kpk_pg_stmt stmt = {
        "index", "INSERT INTO search_index (tweet_id, author_id, text, created_at, document) "
                 "SELECT id, author_id, text, to_timestamp(ms / 1000.0), "
                 "       to_tsvector('simple', words) "
                 "FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[]) "
                 "     AS t(id, author_id, text, words, ms) "
                 "ORDER BY id ON CONFLICT (tweet_id) DO NOTHING"};
    PGresult *result = kpk_pg_exec(index->pg, &stmt, columns, 5, err);

    if (!result) return -1;
    kpk_metric_add(&indexed, atoi(PQcmdTuples(result)));
    PQclear(result);
    return 0;
}

static int index_apply(void *ctx, struct kpk_err *err) {
    struct index *index = ctx;
    size_t rows = index->tweets;
    char *columns[5];
    int failed = -1;

    if (rows == 0) return 0;
    columns[0] = kpk_pg_array(*index->ids, sizeof(*index->ids), rows);
    columns[1] = kpk_pg_array(*index->author_ids, sizeof(*index->author_ids), rows);
    columns[2] = kpk_pg_array(*index->texts, sizeof(*index->texts), rows);
    columns[3] = kpk_pg_array(*index->words, sizeof(*index->words), rows);
    columns[4] = kpk_pg_array(*index->times, sizeof(*index->times), rows);
    if (columns[0] && columns[1] && columns[2] && columns[3] && columns[4])
        failed = insert(index, (const char *const *)columns, err);
    else
        kpk_fail(err, KPK_FATAL, "search: no memory");
    for (int i = 0; i < 5; i++) free(columns[i]);
    return failed;
}

const struct kpk_fanout_effect index_tweets = {
    .open = index_open,
    .close = index_close,
    .begin = index_begin,
    .note = index_note,
    .apply = index_apply,
};
