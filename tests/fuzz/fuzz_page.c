/* The target of a request, from its bytes to the page of a timeline that it asks for: what is
 * taken means the same when it is written again, and what is refused is a problem that names the
 * field. */
#include "common/http_internal.h"
#include "common/json.h"
#include "services/twitter/events.h"
#include "services/twitter/timeline-service/page.h"
#include "services/twitter/timeline.h"
#include "tests/fuzz/fuzz.h"

static void not_called(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    (void)request, (void)response, (void)ctx;
    must(false);
}

static struct kpk_http *server(void) {
    static const struct kpk_route routes[] = {
        {"GET", "/v1/users/{id}/home_timeline", not_called, 0}, {0}};
    static struct kpk_http http = {.opts.routes = routes};
    struct kpk_err err;

    if (!http.routes) must(kpk_http_routes_open(&http, &err) == 0);
    return &http;
}

static void check_problem(const struct kpk_response *response) {
    const char *detail, *field;
    struct kpk_err err;
    cJSON *problem;

    must(response->status >= 400 && response->status < 500);
    must(strcmp(response->type, "application/problem+json") == 0);
    problem = kpk_json_parse(response->body, response->len, &err);
    must(problem);
    must(kpk_json_str(problem, "detail", SIZE_MAX, &detail, &err) == 0 && *detail);
    must(kpk_json_str(problem, "field", SIZE_MAX, &field, &err) == 0);
    cJSON_Delete(problem);
}

static void escape(char **out, const char *text) {
    for (; *text; text++) *out += sprintf(*out, "%%%02X", (unsigned char)*text);
}

/* The target written anew, every byte escaped, is read as the same. */
static void check_round_trip(const struct kpk_request *request, size_t size) {
    char *text = malloc(size * 3 + 64), *out = text;
    struct kpk_request again = {.http = request->http, .target = text};

    must(text);
    for (size_t i = 0; i < request->segment_count; i++)
        *out++ = '/', escape(&out, request->segment[i]);
    for (size_t i = 0; i < request->query.count; i++) {
        *out++ = i ? '&' : '?', escape(&out, request->query.field[i].name);
        *out++ = '=', escape(&out, request->query.field[i].value);
    }
    *out = '\0';
    must(kpk_http_target_parse(&again) == 0);
    must(again.segment_count == request->segment_count &&
         again.query.count == request->query.count);
    for (size_t i = 0; i < again.segment_count; i++)
        must(strcmp(again.segment[i], request->segment[i]) == 0 &&
             kpk_utf8_valid(again.segment[i], strlen(again.segment[i]), NULL));
    for (size_t i = 0; i < again.query.count; i++)
        must(strcmp(again.query.field[i].name, request->query.field[i].name) == 0 &&
             strcmp(again.query.field[i].value, request->query.field[i].value) == 0);
    free(text);
}

static void check_page(struct kpk_request *request) {
    const char *limit = kpk_http_query(request, "limit"),
               *cursor = kpk_http_query(request, "cursor");
    char text[CURSOR_BYTES], number[16];
    struct page_request page;

    if (page_request_read(request, &request->response, &page)) {
        check_problem(&request->response);
        return;
    }
    must(twitter_user_id_valid(page.user_id));
    must(page.limit >= 1 && page.limit <= PAGE_MAX);
    snprintf(number, sizeof(number), "%d", page.limit);
    must(limit ? strcmp(limit, number) == 0 : page.limit == PAGE_DEFAULT);
    must(page.cursor.served >= 0 && page.cursor.served <= TIMELINE_CAP);
    must(cursor ? strcmp(cursor, cursor_format(&page.cursor, text)) == 0
                : !*page.cursor.before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct kpk_request request = {.http = server(), .target = fuzz_string(data, size)};

    if (kpk_http_target_parse(&request)) {
        check_problem(&request.response);
    } else {
        check_round_trip(&request, size);
        if (kpk_http_route(&request, "GET"))
            check_problem(&request.response);
        else if (request.route->place == ROUTE_WORKER)
            check_page(&request);
    }
    kpk_http_response_clear(&request.response);
    free(request.target);
    return 0;
}
