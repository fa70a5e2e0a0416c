/* timeline-service: the read side of Twitter over HTTP. It writes nothing. */
#include "common/embed.h"
#include "common/http.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/stop.h"
#include "services/twitter/database.h"
#include "services/twitter/events.h"
#include "services/twitter/timeline-service/home.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 64, PAGE_DEFAULT = 20 };

KPK_EMBED(openapi, "services/twitter/timeline-service/openapi.json");

struct service {
    struct connections { /* one per worker, and one for /readyz */
        struct kpk_pg *pg;
        struct kpk_redis *redis;
    } connections[WORKERS_MAX + 1];
};

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

static void get_home(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    serve(request, response, ctx, true);
}

static void get_user_tweets(struct kpk_request *request, struct kpk_response *response,
                            void *ctx) {
    serve(request, response, ctx, false);
}

static const struct kpk_route routes[] = {
    {"GET", "/v1/users/{id}/home_timeline", get_home, 0},
    {"GET", "/v1/users/{id}/tweets", get_user_tweets, 0},
    {0},
};

static int check_database(void *ctx, struct kpk_err *err) {
    return twitter_database_check(((struct service *)ctx)->connections[WORKERS_MAX].pg, err);
}

static int check_redis(void *ctx, struct kpk_err *err) {
    return kpk_redis_check(((struct service *)ctx)->connections[WORKERS_MAX].redis, err);
}

static const struct kpk_http_check checks[] = {
    {"postgresql", check_database}, {"redis", check_redis}, {0}};

static int open_connections(struct service *service, struct kpk_err *err) {
    for (int i = 0; i <= WORKERS_MAX; i++) /* they connect when they are used */
        if (twitter_database_open(&service->connections[i].pg, err) ||
            kpk_redis_open(&service->connections[i].redis, err))
            return -1;
    return 0;
}

static void close_connections(struct service *service) {
    for (int i = 0; i <= WORKERS_MAX; i++) {
        kpk_pg_close(service->connections[i].pg);
        kpk_redis_close(service->connections[i].redis);
    }
}

int main(int argc, char **argv) {
    static struct service service;
    struct kpk_http *http = NULL;
    struct kpk_err error = {0}, *err = &error;
    int port, workers, failed = -1;
    const struct kpk_opt opts[] = {
        {"port", "KPK_HTTP_PORT", KPK_OPT_INT, &port, "18081", 1, 65535,
         "HTTP port on 127.0.0.1"},
        {"workers", NULL, KPK_OPT_INT, &workers, "16", 1, WORKERS_MAX,
         "threads that handle requests, each with its own connections"},
        {0}};
    const struct kpk_program program = {"timeline-service", "home and user timelines over HTTP",
                                        NULL, opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    kpk_stop_init();
    if (open_connections(&service, err)) goto out;
    if (kpk_http_open(&http,
                      &(struct kpk_http_opts){.port = port,
                                              .routes = routes,
                                              .checks = checks,
                                              .ctx = &service,
                                              .openapi = openapi,
                                              .openapi_bytes = (size_t)(openapi_end - openapi),
                                              .workers = workers},
                      err))
        goto out;
    kpk_log("started", "port=%d workers=%d", port, workers);
    while (!kpk_stopping()) kpk_stop_wait(1000);
    failed = 0;
out:
    kpk_http_drain(http);
    kpk_http_close(http);
    close_connections(&service);
    return failed ? kpk_exit_failed(err) : 0;
}
