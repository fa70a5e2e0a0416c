/* The request's target, and a body that is a form: split first, decoded then, so that an encoded
 * slash is data and not structure. Refused when two readers could understand it differently: an escape that is none,
 * a name given twice. */
#include "common/http_internal.h"

#include "common/utf8.h"

#include <string.h>

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Undo percent-encoding in place, and "+" for a space in queries (HTML forms write that).
 * returns  NULL, or what is wrong */
static const char *decode(char *text, bool plus) {
    char *out = text;

    for (const char *in = text; *in; in++, out++) {
        *out = plus && *in == '+' ? ' ' : *in;
        if (*in != '%') continue;
        if (hex(in[1]) < 0 || hex(in[2]) < 0)
            return "a '%' that two hexadecimal digits must follow";
        *out = (char)(hex(in[1]) * 16 + hex(in[2]));
        if (*out == '\0') return "a NUL byte";
        in += 2;
    }
    *out = '\0';
    return kpk_utf8_valid(text, strlen(text), NULL) ? NULL : "not UTF-8";
}

static int parse_path(struct kpk_request *request, char *path) {
    const char *why;
    char *segment;

    if (*path != '/') return kpk_http_refuse(request, 400, "path", "the target is not a path");
    path++;
    while ((segment = strsep(&path, "/"))) {
        if ((why = decode(segment, false))) return kpk_http_refuse(request, 400, "path", why);
        /* One more than any route has is enough to match none. */
        if (request->segment_count <= HTTP_SEGMENTS)
            request->segment[request->segment_count++] = segment;
    }
    return 0;
}

const char *kpk_http_pair(const struct http_pairs *pairs, const char *name) {
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->field[i].name, name) == 0) return pairs->field[i].value;
    return NULL;
}

/* "a=1&b=2", of a query or a form.
 * where  what a problem calls it */
static int parse_pairs(struct kpk_request *request, char *text, struct http_pairs *pairs,
                       const char *where) {
    const char *why;
    char *name;

    while ((name = strsep(&text, "&"))) {
        char *value = name;

        strsep(&value, "=");
        if (!value) value = name + strlen(name); /* "?flag" is "?flag=" */
        if (*name == '\0' && *value == '\0') continue;
        if ((why = decode(name, true))) return kpk_http_refuse(request, 400, where, why);
        if ((why = decode(value, true))) return kpk_http_refuse(request, 400, name, why);
        if (kpk_http_pair(pairs, name))
            return kpk_http_refuse(request, 400, name, "given twice");
        if (pairs->count == HTTP_QUERIES)
            return kpk_http_refuse(request, 400, where, "too many fields");
        pairs->field[pairs->count++] = (struct http_field){name, value};
    }
    return 0;
}

int kpk_http_form_parse(struct kpk_request *request) {
    if (!request->body) return 0;
    if (strlen(request->body) != request->body_len)
        return kpk_http_refuse(request, 400, "body", "a NUL byte");
    return parse_pairs(request, request->body, &request->form, "body");
}

int kpk_http_target_parse(struct kpk_request *request) {
    char *query;

    for (const char *c = request->target; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return kpk_http_refuse(request, 400, "path", "a space or a control character");
    query = strchr(request->target, '?');
    if (query) *query++ = '\0';
    if (parse_path(request, request->target)) return -1;
    return query ? parse_pairs(request, query, &request->query, "query") : 0;
}
