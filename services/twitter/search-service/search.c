/* GET /v1/search: the tweets that a query finds, the best first, page by page.
 *
 * A tweet's rank depends on its own words and on the query, on no other tweet. So an order by rank,
 * and by id (newest first) among equals, is one that new tweets only add to: a page that begins
 * behind (rank, id) of the last tweet shown repeats none and leaves out none that was there. */
#include "services/twitter/events.h"
#include "services/twitter/search-service/service.h"
#include "services/twitter/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PAGE_DEFAULT = 20, PAGE_MAX = 100, CURSOR_BYTES = 8 + 1 + 8 + 1 + KPK_UUID_BYTES };

/* Behind this tweet of this query's results. */
struct cursor {
    uint32_t query; /* its hash: elsewhere the place would mean nothing */
    float rank;
    char id[KPK_UUID_BYTES];
};

struct search {
    char query[TWITTER_QUERY_BYTES]; /* for websearch_to_tsquery() */
    int limit;
    struct cursor after;
};

/* --- the request ------------------------------------------------------------------------- */

/* The rank as its bits: in decimal it might come back as its neighbour. */
static const char *cursor_print(const struct cursor *cursor, char *out) {
    uint32_t bits;

    memcpy(&bits, &cursor->rank, sizeof(bits));
    snprintf(out, CURSOR_BYTES, "%08" PRIx32 ".%08" PRIx32 ".%s", cursor->query, bits,
             cursor->id);
    return out;
}

/* returns  0, or -1: not a cursor of the query whose hash is in 'cursor' */
static int cursor_parse(const char *text, struct cursor *cursor) {
    char again[CURSOR_BYTES];
    uint32_t query, bits;

    if (sscanf(text, "%8" SCNx32 ".%8" SCNx32 ".%36[0-9a-f-]", &query, &bits, cursor->id) != 3)
        return -1;
    memcpy(&cursor->rank, &bits, sizeof(bits));
    if (query != cursor->query || !isfinite(cursor->rank) || !kpk_uuid_valid(cursor->id))
        return -1;
    return strcmp(cursor_print(cursor, again), text) == 0 ? 0 : -1;
}

/* returns  0, or -1: 'response' says what is wrong */
static int read_search(const struct kpk_request *request, struct kpk_response *response,
                       struct search *search) {
    const char *q = kpk_http_query(request, "q"), *cursor = kpk_http_query(request, "cursor");
    struct kpk_err err;

    if (!q) {
        kpk_http_problem(response, 400, "q", "missing: what to search for");
        return -1;
    }
    if (twitter_query(q, search->query, &err)) {
        kpk_http_problem(response, 400, "q", "%s", err.msg);
        return -1;
    }
    search->limit = PAGE_DEFAULT;
    if (kpk_http_query_number(request, response, "limit", PAGE_MAX, &search->limit)) return -1;
    search->after = (struct cursor){.query = XXH32(q, strlen(q), 0),
                                    .rank = INFINITY,
                                    .id = "ffffffff-ffff-ffff-ffff-ffffffffffff"};
    if (cursor && cursor_parse(cursor, &search->after)) {
        kpk_http_problem(response, 400, "cursor",
                         "not a next_cursor of an earlier page of this q");
        return -1;
    }
    return 0;
}

/* --- the answer -------------------------------------------------------------------------- */

/* Is there a word to look up in the index? Not if there are none ("!?"), nor if all are to be left
 * out ("-this"), which would be a list of nearly every tweet.
 * returns  1, 0, or -1 with 'err' */
static int has_words(struct kpk_pg *pg, const char *query, struct kpk_err *err) {
    static const struct kpk_pg_stmt words = {
        "search_words",
        "SELECT querytree(websearch_to_tsquery('simple', $1)) NOT IN ('', 'T')"};
    PGresult *result = kpk_pg_exec(pg, &words, &query, 1, err);
    int found = result ? *PQgetvalue(result, 0, 0) == 't' : -1;

    PQclear(result);
    return found;
}

static PGresult *find(struct kpk_pg *pg, const struct search *search, struct kpk_err *err) {
    static const struct kpk_pg_stmt page = {
        "search",
        "SELECT tweet_id, author_id, (SELECT handle FROM users WHERE users.id = author_id), "
        "       text, (extract(epoch FROM created_at) * 1000)::bigint, rank FROM ("
        "   SELECT *, ts_rank_cd(document, query) AS rank "
        "   FROM search_index, websearch_to_tsquery('simple', $1) AS query "
        "   WHERE document @@ query) AS found "
        "WHERE (rank, tweet_id) < ($2::real, $3::uuid) "
        "ORDER BY rank DESC, tweet_id DESC LIMIT $4"};
    char rank[32], limit[16];

    snprintf(rank, sizeof(rank), "%.9g", search->after.rank);
    snprintf(limit, sizeof(limit), "%d", search->limit);
    return kpk_pg_exec(pg, &page,
                       (const char *[]){search->query, rank, search->after.id, limit}, 4, err);
}

/* Takes 'rows' over. A page that is full may be the last: then the next one is empty. */
static void answer(struct kpk_response *response, struct search *search, PGresult *rows) {
    cJSON *body = cJSON_CreateObject(), *tweets = cJSON_CreateArray();
    char next[CURSOR_BYTES];
    int count = PQntuples(rows);

    for (int row = 0; row < count; row++) {
        cJSON *tweet = cJSON_CreateObject();
        cJSON_AddStringToObject(tweet, "id", PQgetvalue(rows, row, 0));
        cJSON_AddStringToObject(tweet, "author_id", PQgetvalue(rows, row, 1));
        cJSON_AddStringToObject(tweet, "author_handle", PQgetvalue(rows, row, 2));
        cJSON_AddStringToObject(tweet, "text", PQgetvalue(rows, row, 3));
        cJSON_AddNumberToObject(tweet, "created_at", strtod(PQgetvalue(rows, row, 4), NULL));
        cJSON_AddNumberToObject(tweet, "rank", strtod(PQgetvalue(rows, row, 5), NULL));
        cJSON_AddItemToArray(tweets, tweet);
    }
    if (count > 0) {
        search->after.rank = strtof(PQgetvalue(rows, count - 1, 5), NULL);
        strcpy(search->after.id, PQgetvalue(rows, count - 1, 0));
    }
    PQclear(rows);
    cJSON_AddItemToObject(body, "tweets", tweets);
    if (count == search->limit)
        cJSON_AddStringToObject(body, "next_cursor", cursor_print(&search->after, next));
    else
        cJSON_AddNullToObject(body, "next_cursor");
    kpk_http_json(response, 200, body);
}

void get_search(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct kpk_pg *pg = read_stores(request, ctx)->pg;
    PGresult *rows = NULL;
    struct search search;
    struct kpk_err err;
    int words;

    if (read_search(request, response, &search)) return;
    words = has_words(pg, search.query, &err);
    if (words > 0) rows = find(pg, &search, &err);
    if (words == 0)
        kpk_http_problem(response, 400, "q",
                         "no word to search for: only punctuation, or only words to leave out");
    else if (!rows)
        kpk_http_fail(response, &err);
    else
        answer(response, &search, rows);
}
