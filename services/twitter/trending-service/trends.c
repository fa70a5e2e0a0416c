/* Trends over HTTP: what the request asks for, and its answer. */
#include "services/twitter/trending-service/service.h"
#include "services/twitter/trending.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_DEFAULT = 60, LIMIT_DEFAULT = 10 };

static struct kpk_pg *own_pg(struct kpk_request *request, void *ctx) {
    return read_stores(request, ctx)->pg;
}

/* "90m", "24h". returns  0, or -1: 'response' says what is wrong */
static int read_window(const struct kpk_request *request, struct kpk_response *response,
                       int *minutes) {
    const char *text = kpk_http_query(request, "window");
    size_t len = text ? strspn(text, "0123456789") : 0;

    *minutes = WINDOW_DEFAULT;
    if (!text) return 0;
    if (len > 0 && len < 5 && (text[len] == 'h' || text[len] == 'm') && text[len + 1] == '\0') {
        *minutes = atoi(text) * (text[len] == 'h' ? 60 : 1);
        if (*minutes >= 1 && *minutes <= TRENDING_WINDOW_MAX) return 0;
    }
    kpk_http_problem(response, 400, "window", "must be from 1m to 1440m, or from 1h to 24h");
    return -1;
}

static void add_window(cJSON *body, int minutes, const struct trending_window *window) {
    char text[16];

    snprintf(text, sizeof(text), "%dm", minutes);
    cJSON_AddStringToObject(body, "window", text);
    cJSON_AddNumberToObject(body, "from", (double)window->from_ms);
    cJSON_AddNumberToObject(body, "until", (double)window->until_ms);
}

static void add_tag(const char *tag, int64_t tweets, void *trends) {
    cJSON *trend = cJSON_CreateObject();

    cJSON_AddStringToObject(trend, "tag", tag);
    cJSON_AddNumberToObject(trend, "count", (double)tweets);
    cJSON_AddItemToArray(trends, trend);
}

void get_trending(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    struct trending_window window;
    int minutes, limit = LIMIT_DEFAULT;
    struct kpk_err err;
    cJSON *body, *trends;

    if (read_window(request, response, &minutes)) return;
    if (kpk_http_query_number(request, response, "limit", TRENDING_LIMIT_MAX, &limit)) return;
    trends = cJSON_CreateArray();
    if (trending_top(own_pg(request, ctx), minutes, limit, &window, add_tag, trends, &err)) {
        cJSON_Delete(trends);
        kpk_http_fail(response, &err);
        return;
    }
    body = cJSON_CreateObject();
    add_window(body, minutes, &window);
    cJSON_AddItemToObject(body, "trends", trends);
    kpk_http_json(response, 200, body);
}

void get_tag(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    char tag[HASHTAG_BYTES];
    struct trending_window window;
    int64_t tweets;
    struct kpk_err err;
    int minutes;
    cJSON *body;

    if (read_window(request, response, &minutes)) return;
    if (hashtag_read(kpk_http_param(request, "tag"), tag)) {
        kpk_http_problem(response, 404, "tag", "not a hashtag");
        return;
    }
    if (trending_tweets(own_pg(request, ctx), tag, minutes, &window, &tweets, &err)) {
        kpk_http_fail(response, &err);
        return;
    }
    body = cJSON_CreateObject();
    add_window(body, minutes, &window);
    cJSON_AddStringToObject(body, "tag", tag);
    cJSON_AddNumberToObject(body, "count", (double)tweets);
    kpk_http_json(response, 200, body);
}
