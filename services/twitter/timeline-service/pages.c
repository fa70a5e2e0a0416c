/* Pages of timelines over HTTP: what the request asks for, and its answer. */
#include "services/twitter/events.h"
#include "services/twitter/timeline-service/home.h"
#include "services/twitter/timeline-service/service.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_DEFAULT = 20 };

struct page_request {
    const char *user_id;
    int limit;
    struct cursor cursor;
};

/* returns  0, or -1: 'response' says what is wrong */
static int read_page_request(const struct kpk_request *request, struct kpk_response *response,
                             struct page_request *page) {
    const char *limit = kpk_http_query(request, "limit"),
               *cursor = kpk_http_query(request, "cursor");
    char *end = NULL;
    long number = PAGE_DEFAULT;

    *page = (struct page_request){.user_id = kpk_http_param(request, "id")};
    if (!twitter_user_id_valid(page->user_id)) {
        kpk_http_problem(response, 404, "id", "no such user: not a user id");
        return -1;
    }
    if (limit) number = strtol(limit, &end, 10);
    if ((limit && (end == limit || *end)) || number < 1 || number > PAGE_MAX) {
        kpk_http_problem(response, 400, "limit", "must be a number from 1 to %d", PAGE_MAX);
        return -1;
    }
    if (cursor && cursor_parse(cursor, &page->cursor)) {
        kpk_http_problem(response, 400, "cursor", "not a next_cursor of an earlier page");
        return -1;
    }
    page->limit = (int)number;
    return 0;
}

/* returns  1, 0: there is no such user, -1 with 'err' */
static int user_exists(struct kpk_pg *pg, const char *user_id, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"user_exists", "SELECT FROM users WHERE id = $1"};
    PGresult *result = kpk_pg_exec(pg, &look, &user_id, 1, err);
    int found = result ? PQntuples(result) : -1;

    PQclear(result);
    return found;
}

/* 'tweets' is taken over. more as home_page() and user_page() return it */
static void answer(struct kpk_response *response, const struct page_request *page, int more,
                   cJSON *tweets, const struct kpk_err *err) {
    char next[KPK_UUID_BYTES + 16];
    cJSON *body;

    if (more < 0) {
        cJSON_Delete(tweets);
        kpk_http_fail(response, err);
        return;
    }
    body = cJSON_CreateObject();
    cJSON_AddItemToObject(body, "tweets", tweets);
    snprintf(next, sizeof(next), "%s.%d", page->cursor.before, page->cursor.served);
    if (more)
        cJSON_AddStringToObject(body, "next_cursor", next);
    else
        cJSON_AddNullToObject(body, "next_cursor");
    kpk_http_json(response, 200, body);
}

/* An empty page may be that of somebody who does not exist: only then it is worth a look. */
static void serve(struct kpk_request *request, struct kpk_response *response, void *ctx,
                  bool home) {
    struct connections *own = &((struct service *)ctx)->connections[kpk_http_worker(request)];
    struct page_request page;
    struct kpk_err err;
    cJSON *tweets;
    int more;

    if (read_page_request(request, response, &page)) return;
    tweets = cJSON_CreateArray();
    more = home ? home_page(own->pg, own->redis, page.user_id, page.limit, &page.cursor, tweets,
                            &err)
                : user_page(own->pg, page.user_id, page.limit, &page.cursor, tweets, &err);
    if (more == 0 && cJSON_GetArraySize(tweets) == 0) {
        int found = user_exists(own->pg, page.user_id, &err);
        if (found == 0) {
            cJSON_Delete(tweets);
            kpk_http_problem(response, 404, "id", "no user %s", page.user_id);
            return;
        }
        if (found < 0) more = -1;
    }
    answer(response, &page, more, tweets, &err);
}

void get_home(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    serve(request, response, ctx, true);
}

void get_user_tweets(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    serve(request, response, ctx, false);
}
