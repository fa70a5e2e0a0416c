/* What a request asks of a timeline: whose, from where on, how much. */
#ifndef KPK_SERVICES_TWITTER_TIMELINE_SERVICE_PAGE_H
#define KPK_SERVICES_TWITTER_TIMELINE_SERVICE_PAGE_H

#include "common/http.h"
#include "common/uuid.h"

enum { PAGE_DEFAULT = 20, PAGE_MAX = 100, CURSOR_BYTES = KPK_UUID_BYTES + 4 };

/* A place in a timeline: below the tweet 'before'. */
struct cursor {
    char before[KPK_UUID_BYTES]; /* "": the beginning */
    int served; /* tweets of a home timeline before this place, up to TIMELINE_CAP, its end */
};

struct page_request {
    const char *user_id; /* borrowed from the request */
    int limit;           /* 1 to PAGE_MAX */
    struct cursor cursor;
};

/* returns  0, or -1: 'response' says what is wrong (400, 404) */
int page_request_read(const struct kpk_request *request, struct kpk_response *response,
                      struct page_request *page) KPK_MUST_CHECK;

/* A cursor as next_cursor hands it out, "<id>.<served>", and back: nothing else is taken.
 * out      at least CURSOR_BYTES
 * returns  'out'; 0, or -1: not a cursor */
const char *cursor_format(const struct cursor *cursor, char *out);
int cursor_parse(const char *text, struct cursor *cursor) KPK_MUST_CHECK;

#endif
