#include "services/twitter/timeline-service/page.h"

#include "services/twitter/events.h"
#include "services/twitter/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits and nothing else: strtol() would take " +7" too. returns -1 when it is none, or larger
 * than 'max' (below 10000) */
static int read_number(const char *text, int max) {
    size_t len = strspn(text, "0123456789");
    int number = atoi(len < 5 ? text : "");

    if (len == 0 || len > 4 || text[len] != '\0' || (len > 1 && *text == '0')) return -1;
    return number <= max ? number : -1;
}

const char *cursor_format(const struct cursor *cursor, char *out) {
    snprintf(out, CURSOR_BYTES, "%s.%d", cursor->before, cursor->served);
    return out;
}

int cursor_parse(const char *text, struct cursor *cursor) {
    const char *dot = strchr(text, '.');

    if (!dot || dot - text != KPK_UUID_BYTES - 1) return -1;
    snprintf(cursor->before, sizeof(cursor->before), "%s", text);
    cursor->served = read_number(dot + 1, TIMELINE_CAP);
    return kpk_uuid_valid(cursor->before) && cursor->served >= 0 ? 0 : -1;
}

int page_request_read(const struct kpk_request *request, struct kpk_response *response,
                      struct page_request *page) {
    const char *cursor = kpk_http_query(request, "cursor");

    *page =
        (struct page_request){.user_id = kpk_http_param(request, "id"), .limit = PAGE_DEFAULT};
    if (!twitter_user_id_valid(page->user_id)) {
        kpk_http_problem(response, 404, "id", "no such user: not a user id");
        return -1;
    }
    if (kpk_http_query_number(request, response, "limit", PAGE_MAX, &page->limit)) return -1;
    if (cursor && cursor_parse(cursor, &page->cursor)) {
        kpk_http_problem(response, 400, "cursor", "not a next_cursor of an earlier page");
        return -1;
    }
    return 0;
}
