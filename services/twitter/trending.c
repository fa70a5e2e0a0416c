#include "services/twitter/trending.h"

#include "common/embed.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

KPK_EMBED(trending_ddl, "services/twitter/trending.sql");

static const char *schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("trending", name);
}

int trending_open(struct kpk_pg **pg, struct kpk_err *err) {
    return kpk_pg_open(pg, schema(), err);
}

int trending_migrate(struct kpk_pg *pg, struct kpk_err *err) {
    return kpk_pg_migrate(pg, schema(), trending_ddl, err);
}

int trending_check(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"check", "SELECT FROM tag_counts LIMIT 1"};

    return kpk_pg_run(pg, &look, NULL, 0, err);
}

/* --- writing ----------------------------------------------------------------------------- */

/* The minute that runs now. */
#define RUNNING "date_trunc('minute', now(), 'UTC')"

/* The ids first: only those that are new here go on to be counted. Each of the two INSERTs sorts,
 * and the second begins when the first is done: that is the order in which everyone locks. */
static const struct kpk_pg_stmt count_uses = {
    "count_uses",
    "WITH used AS ("
    "    SELECT DISTINCT tweet_id, to_timestamp(minute * 60) AS minute, tag "
    "    FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS u(tweet_id, minute, tag)"
    "), given AS ("
    "    SELECT DISTINCT tweet_id, minute,"
    "           minute <= " RUNNING " - interval '24 hours' AS old,"
    "           minute > " RUNNING " + interval '10 minutes' AS ahead FROM used"
    "), new AS ("
    "    INSERT INTO counted_tweets (minute, tweet_id)"
    "    SELECT minute, tweet_id FROM given WHERE NOT old AND NOT ahead ORDER BY 1, 2 "
    "    ON CONFLICT DO NOTHING RETURNING minute, tweet_id"
    "), counted AS ("
    "    INSERT INTO tag_counts (minute, tag, tweets)"
    "    SELECT minute, tag, count(*) FROM new JOIN used USING (minute, tweet_id)"
    "    GROUP BY 1, 2 ORDER BY 1, 2 "
    "    ON CONFLICT (minute, tag) DO UPDATE SET tweets = tag_counts.tweets + excluded.tweets"
    ") SELECT (SELECT count(*) FROM new), count(*) FILTER (WHERE NOT old AND NOT ahead),"
    "         count(*) FILTER (WHERE old), count(*) FILTER (WHERE ahead) FROM given"};
_Static_assert(TRENDING_WINDOW_MAX == 24 * 60, "the '24 hours' of 'count_uses'");

static int64_t number(const PGresult *rows, int row, int column) {
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

int trending_count(struct kpk_pg *pg, const struct trending_use *uses, size_t count,
                   struct trending_result *result, struct kpk_err *err) {
    char *ids = kpk_pg_array(uses->tweet_id, sizeof(*uses), count),
         *minutes = kpk_pg_array(uses->minute, sizeof(*uses), count),
         *tags = kpk_pg_array(uses->tag, sizeof(*uses), count);
    PGresult *row = NULL;

    if (!ids || !minutes || !tags)
        kpk_fail(err, KPK_FATAL, "trending: no memory");
    else
        row = kpk_pg_exec(pg, &count_uses, (const char *[]){ids, minutes, tags}, 3, err);
    free(ids);
    free(minutes);
    free(tags);
    if (!row) return -1;
    *result = (struct trending_result){.counted = number(row, 0, 0),
                                       .repeated = number(row, 0, 1) - number(row, 0, 0),
                                       .old = number(row, 0, 2),
                                       .ahead = number(row, 0, 3)};
    PQclear(row);
    return 0;
}

int trending_prune(struct kpk_pg *pg, struct kpk_err *err) {
    enum { AT_ONCE = 10000 };
    static const struct kpk_pg_stmt prune = {
        "prune",
        "WITH ids AS (DELETE FROM counted_tweets WHERE (minute, tweet_id) IN ("
        "    SELECT minute, tweet_id FROM counted_tweets"
        "    WHERE minute < " RUNNING " - interval '25 hours'"
        "    ORDER BY 1, 2 LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1"
        "), counts AS (DELETE FROM tag_counts WHERE (minute, tag) IN ("
        "    SELECT minute, tag FROM tag_counts"
        "    WHERE minute < " RUNNING " - interval '25 hours'"
        "    ORDER BY 1, 2 LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1"
        ") SELECT greatest((SELECT count(*) FROM ids), (SELECT count(*) FROM counts))"};
    char limit[16];
    int64_t deleted;

    snprintf(limit, sizeof(limit), "%d", AT_ONCE);
    do {
        PGresult *row = kpk_pg_exec(pg, &prune, (const char *[]){limit}, 1, err);
        if (!row) return -1;
        deleted = number(row, 0, 0);
        PQclear(row);
    } while (deleted == AT_ONCE);
    return 0;
}

/* --- reading ----------------------------------------------------------------------------- */

/* Columns: the end of the running minute in milliseconds, then the statement's own. */
#define WINDOW                                                                                 \
    "SELECT (extract(epoch FROM running) * 1000)::bigint + 60000, found.* "                    \
    "FROM (SELECT " RUNNING " AS running) clock LEFT JOIN LATERAL ("
#define IN_WINDOW "minute <= running AND minute > running - $1::integer * interval '1 minute' "

static void read_window(const PGresult *rows, int minutes, struct trending_window *window) {
    window->until_ms = number(rows, 0, 0);
    window->from_ms = window->until_ms - (int64_t)minutes * 60000;
}

int trending_top(struct kpk_pg *pg, int minutes, int limit, struct trending_window *window,
                 trending_tag_fn on_tag, void *ctx, struct kpk_err *err) {
    static const struct kpk_pg_stmt top = {
        "top",
        WINDOW "SELECT tag, sum(tweets)::bigint AS tweets FROM tag_counts WHERE " IN_WINDOW
               "GROUP BY tag ORDER BY tweets DESC, tag LIMIT $2) found ON true "
               "ORDER BY tweets DESC, tag"};
    char window_text[16], limit_text[16];
    PGresult *rows;

    snprintf(window_text, sizeof(window_text), "%d", minutes);
    snprintf(limit_text, sizeof(limit_text), "%d", limit);
    rows = kpk_pg_exec(pg, &top, (const char *[]){window_text, limit_text}, 2, err);
    if (!rows) return -1;
    read_window(rows, minutes, window);
    for (int row = 0; row < PQntuples(rows); row++)
        if (!PQgetisnull(rows, row, 1)) /* a row of NULLs: there is no tag at all */
            on_tag(PQgetvalue(rows, row, 1), number(rows, row, 2), ctx);
    PQclear(rows);
    return 0;
}

int trending_tweets(struct kpk_pg *pg, const char *tag, int minutes,
                    struct trending_window *window, int64_t *tweets, struct kpk_err *err) {
    static const struct kpk_pg_stmt of_tag = {
        "of_tag", WINDOW "SELECT coalesce(sum(tweets), 0)::bigint FROM tag_counts "
                         "WHERE tag = $2 AND " IN_WINDOW ") found ON true"};
    char window_text[16];
    PGresult *rows;

    snprintf(window_text, sizeof(window_text), "%d", minutes);
    rows = kpk_pg_exec(pg, &of_tag, (const char *[]){window_text, tag}, 2, err);
    if (!rows) return -1;
    read_window(rows, minutes, window);
    *tweets = number(rows, 0, 1);
    PQclear(rows);
    return 0;
}
