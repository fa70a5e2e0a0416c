/* Pages of timelines over HTTP. */
#include "services/twitter/timeline-service/home.h"
#include "services/twitter/timeline-service/page.h"
#include "services/twitter/timeline-service/service.h"

#include <stdbool.h>

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
    char next[CURSOR_BYTES];
    cJSON *body;

    if (more < 0) {
        cJSON_Delete(tweets);
        kpk_http_fail(response, err);
        return;
    }
    body = cJSON_CreateObject();
    cJSON_AddItemToObject(body, "tweets", tweets);
    if (more)
        cJSON_AddStringToObject(body, "next_cursor", cursor_format(&page->cursor, next));
    else
        cJSON_AddNullToObject(body, "next_cursor");
    kpk_http_json(response, 200, body);
}

/* An empty page may be that of somebody who does not exist: only then it is worth a look. */
static void serve(struct kpk_request *request, struct kpk_response *response, void *ctx,
                  bool home) {
    struct read_stores *own = read_stores(request, ctx);
    struct page_request page;
    struct kpk_err err;
    cJSON *tweets;
    int more;

    if (page_request_read(request, response, &page)) return;
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
