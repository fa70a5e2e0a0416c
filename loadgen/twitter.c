#include "loadgen/twitter.h"

#include "common/embed.h"
#include "common/pg.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "load "

enum { SEED_LIMIT_MS = 60000, HASHTAG_EVERY = 3, MENTION_EVERY = 20, TEXT_BYTES = 190 };

KPK_EMBED(world_sql, "loadgen/twitter_world.sql");

/* --- the world --------------------------------------------------------------------------- */

static PGresult *find(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt stmt = {
        "world", "SELECT id, followers FROM users WHERE handle ~ '^load_[0-9]+$' "
                 "ORDER BY substr(handle, 6)::integer"};

    return kpk_pg_exec(pg, &stmt, NULL, 0, err);
}

/* The tables are tweet-service's: where they are not, it has not started yet. */
static PGresult *find_or_make(struct kpk_pg *pg, struct kpk_err *err) {
    PGresult *rows = find(pg, err);

    if (rows && PQntuples(rows) == 0) {
        PQclear(rows);
        printf("  making a world of %d users in Twitter's database ...\n", LOAD_WORLD_USERS);
        fflush(stdout);
        if (kpk_pg_query(pg, world_sql, "world", err)) return NULL;
        rows = find(pg, err);
    }
    if (!rows) return NULL;
    if (PQntuples(rows) == LOAD_WORLD_USERS) return rows;
    kpk_fail(err, KPK_REJECT, "Twitter has %d users called load_<number>, the world has %d",
             PQntuples(rows), LOAD_WORLD_USERS);
    PQclear(rows);
    return NULL;
}

static int take(struct load_twitter *twitter, const PGresult *rows, struct kpk_err *err) {
    twitter->ids = calloc(LOAD_WORLD_USERS, sizeof(*twitter->ids));
    twitter->followers = calloc(LOAD_WORLD_USERS, sizeof(*twitter->followers));
    if (!twitter->ids || !twitter->followers)
        return kpk_fail(err, KPK_FATAL, "twitter: no memory");
    for (int i = 0; i < LOAD_WORLD_USERS; i++) {
        const char *id = PQgetvalue(rows, i, 0);
        if (strlen(id) >= LOAD_KEY_BYTES)
            return kpk_fail(err, KPK_REJECT, "user id %s: too long for a key of a load", id);
        strcpy(twitter->ids[i], id);
        twitter->followers[i] = atoi(PQgetvalue(rows, i, 1));
    }
    return 0;
}

void load_twitter_weigh(struct load_twitter *twitter, const struct load_keys *keys) {
    double sum = 0;

    for (uint32_t i = 0; i < LOAD_CYCLE; i++) sum += twitter->followers[keys->draws[i]];
    twitter->mean_followers = sum / LOAD_CYCLE;
}

/* --- texts ------------------------------------------------------------------------------- */

static void make_text(char *out, size_t bytes, uint32_t variant) {
    char words[LOAD_VALUE_LEAST + TEXT_BYTES], tail[64] = "";
    static const char *const tags[] = {"#rain", "#tea",  "#music", "#kafka", "#news",
                                       "#goal", "#cats", "#work",  "#train", "#sale"};

    /* Words as records have them: what lies between the numbers and the closing bracket. */
    load_record_template(words, sizeof(words), "......", variant);
    words[sizeof(words) - 2] = '\0';
    if (variant % HASHTAG_EVERY == 0)
        snprintf(tail, sizeof(tail), " %s", tags[variant * 7 % 10]);
    if (variant % MENTION_EVERY == 0)
        snprintf(tail + strlen(tail), sizeof(tail) - strlen(tail), " @load_%u",
                 variant * 97 % LOAD_WORLD_USERS);
    snprintf(out, bytes, "%s%s", words + LOAD_VALUE_LEAST - 2, tail);
}

void load_twitter_texts(struct load_twitter *twitter) {
    for (uint32_t i = 0; i < LOAD_TWEET_TEXTS; i++)
        make_text(twitter->texts[i], sizeof(twitter->texts[i]), i);
}

size_t load_twitter_text(const struct load_twitter *twitter, char *out, uint32_t stream,
                         uint32_t seq, int64_t us) {
    return (size_t)sprintf(out, MARK "%s %010" PRIu32 " %010" PRIu32 " %016" PRId64 " %s",
                           twitter->run, stream, seq, us,
                           twitter->texts[(stream + seq) % LOAD_TWEET_TEXTS]);
}

size_t load_twitter_tweet(const struct load_twitter *twitter, char *value, uint32_t stream,
                          uint32_t seq, int64_t us, char id[KPK_UUID_BYTES]) {
    size_t len;

    kpk_uuid7(id);
    len = (size_t)sprintf(value, "{\"tweet_id\":\"%s\",\"author_id\":\"%s\",\"text\":\"", id,
                          twitter->ids[stream]);
    len += load_twitter_text(twitter, value + len, stream, seq, us);
    len += (size_t)sprintf(
        value + len, "\",\"created_at\":%" PRId64 ",\"delivery\":\"push\",\"followers\":%d}",
        kpk_uuid7_ms(id), twitter->followers[stream]);
    return len;
}

/* --- and back ---------------------------------------------------------------------------- */

static bool number(const char **at, int digits, uint64_t *number) {
    for (*number = 0; digits > 0; digits--, (*at)++) {
        unsigned digit = (unsigned char)**at - (unsigned)'0';
        if (digit > 9) return false;
        *number = *number * 10 + digit;
    }
    return *(*at)++ == ' ';
}

bool load_twitter_get(const char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                      uint32_t *stream, uint32_t *seq, int64_t *us) {
    enum { NUMBERS = 10 + 1 + 10 + 1 + 16 + 1 };
    char mark[sizeof(MARK) + LOAD_RUN_BYTES];
    uint64_t numbers[3];
    size_t len = (size_t)snprintf(mark, sizeof(mark), MARK "%s ", run);
    const char *at = memmem(value, bytes, mark, len);

    if (!at || (size_t)(value + bytes - at) < len + NUMBERS) return false;
    at += len;
    if (!number(&at, 10, &numbers[0]) || !number(&at, 10, &numbers[1]) ||
        !number(&at, 16, &numbers[2]))
        return false;
    *stream = (uint32_t)numbers[0];
    *seq = (uint32_t)numbers[1];
    *us = (int64_t)numbers[2];
    return true;
}

/* --- opening ----------------------------------------------------------------------------- */

int load_twitter_open(struct load_twitter **out, const char run[LOAD_RUN_BYTES],
                      struct kpk_err *err) {
    struct load_twitter *twitter = calloc(1, sizeof(*twitter));
    char schema[KPK_NAME_BYTES];
    struct kpk_pg *pg = NULL;
    PGresult *rows = NULL;
    int failed = -1;

    *out = NULL;
    if (!twitter) return kpk_fail(err, KPK_FATAL, "twitter: no memory");
    memcpy(twitter->run, run, LOAD_RUN_BYTES);
    load_twitter_texts(twitter);
    if (kpk_pg_open(&pg, kpk_schema_name("twitter", schema), err)) goto out;
    pg->limit_ms = SEED_LIMIT_MS;
    if (kpk_pg_ensure(pg, err)) goto out;
    if (!(rows = find_or_make(pg, err)) || take(twitter, rows, err)) goto out;
    *out = twitter;
    failed = 0;
out:
    PQclear(rows);
    kpk_pg_close(pg);
    if (failed) load_twitter_close(twitter);
    return failed;
}

void load_twitter_close(struct load_twitter *twitter) {
    if (!twitter) return;
    free(twitter->ids);
    free(twitter->followers);
    free(twitter);
}
