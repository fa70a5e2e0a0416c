/* Input passes three gates: its bytes (UTF-8, depth, the strict grammar where cJSON is
 * lenient), cJSON's parser, its members (no name twice). Only then does a handler see it. */
#include "common/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 40, NAMES_ON_STACK = 32 };

/* The largest integer that a double, and so JSON between programs, holds without loss. */
static const double EXACT_MAX = 9007199254740992.0; /* 2^53 */

/* A member's name as a message has room for it. */
struct shown {
    char text[NAME_BYTES + 4];
};

static const char *show(struct shown *shown, const char *name) {
    size_t len = strlen(name), at = 0, step;

    while (at < len && (step = kpk_utf8_next(name + at, len - at)) && at + step <= NAME_BYTES)
        at += step;
    snprintf(shown->text, sizeof(shown->text), "%.*s%s", (int)at, name, at < len ? "..." : "");
    return shown->text;
}

/* ---- the bytes ---- */

static bool is_digit(const char *at, const char *end) {
    return at < end && *at >= '0' && *at <= '9';
}

static const char *skip_digits(const char *at, const char *end) {
    while (is_digit(at, end)) at++;
    return at;
}

/* The end of the number at 'at', or NULL when RFC 8259 does not allow it ("01", "1.", "-"). */
static const char *skip_number(const char *at, const char *end) {
    if (*at == '-') at++;
    if (!is_digit(at, end)) return NULL;
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    if (is_digit(at, end)) return NULL;
    if (at < end && *at == '.') {
        if (!is_digit(++at, end)) return NULL;
        at = skip_digits(at, end);
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        if (!is_digit(at, end)) return NULL;
        at = skip_digits(at, end);
    }
    return at;
}

/* What is wrong with the escape at 'at', or NULL. cJSON takes \uXYZ! for \u0000, and a string that
 * holds one ends there. It knows the other escapes itself. */
static const char *check_escape(const char *at, const char *end) {
    if (end - at < 2 || at[1] != 'u') return NULL;
    for (int i = 2; i < 6; i++)
        if (end - at <= i || !isxdigit((unsigned char)at[i]))
            return "\\u without four digits in a string";
    return memcmp(at, "\\u0000", 6) == 0 ? "\\u0000 in a string" : NULL;
}

/* The end of the string whose opening quote is at 'at', or NULL with the reason in '*why'. */
static const char *skip_string(const char *at, const char *end, const char **why) {
    for (at++; at < end && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) return *why = "a control character in a string", NULL;
        if (*at != '\\') continue;
        if ((*why = check_escape(at, end))) return NULL;
        if (++at == end) break;
    }
    if (at == end) return *why = "a string without end", NULL;
    return at + 1;
}

static int check_bytes(const char *text, size_t len, struct kpk_err *err) {
    const char *end = text + len, *why = NULL;
    int depth = 0;

    if (!kpk_utf8_valid(text, len, NULL))
        return kpk_fail(err, KPK_REJECT, "not JSON: not UTF-8");
    for (const char *at = text, *next; at < end; at = next) {
        next = at + 1;
        switch (*at) {
        case '"':
            next = skip_string(at, end, &why);
            break;
        case '{':
        case '[':
            if (++depth > KPK_JSON_DEPTH)
                return kpk_fail(err, KPK_REJECT, "JSON nested deeper than %d", KPK_JSON_DEPTH);
            break;
        case '}':
        case ']':
            depth--;
            break;
        case '-':
        case '0' ... '9':
            next = skip_number(at, end);
            why = "a malformed number";
            break;
        case ' ':
        case '\t':
        case '\n':
        case '\r':
            break;
        default: /* cJSON would take other control characters for white space */
            if ((unsigned char)*at < 0x20) next = NULL, why = "a control character";
        }
        if (!next) return kpk_fail(err, KPK_REJECT, "not JSON: %s at byte %td", why, at - text);
    }
    return 0;
}

/* ---- the members ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted: comparing each with each grows with the square, and the client chooses how many. */
static int check_names(const cJSON *object, struct kpk_err *err) {
    const char *on_stack[NAMES_ON_STACK], **names = on_stack;
    size_t count = (size_t)cJSON_GetArraySize(object), i = 0;
    const cJSON *member;
    struct shown shown;
    int rc = 0;

    if (count > NAMES_ON_STACK && !(names = malloc(count * sizeof(*names))))
        return kpk_fail(err, KPK_RETRY, "out of memory");
    cJSON_ArrayForEach(member, object) names[i++] = member->string;
    qsort(names, count, sizeof(*names), compare_names);
    for (i = 1; i < count && rc == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            rc = kpk_fail(err, KPK_REJECT, "%s: given twice", show(&shown, names[i]));
    if (names != on_stack) free(names);
    return rc;
}

static int check_node(const cJSON *node, struct kpk_err *err) {
    const cJSON *child;

    if (cJSON_IsNumber(node) && !isfinite(node->valuedouble))
        return kpk_fail(err, KPK_REJECT, "not JSON: a number too large for a double");
    if (cJSON_IsObject(node) && check_names(node, err)) return -1;
    cJSON_ArrayForEach(child, node) if (check_node(child, err)) return -1;
    return 0;
}

cJSON *kpk_json_parse(const char *text, size_t len, struct kpk_err *err) {
    static const char space[] = " \t\r\n";
    const char *parsed_to = text, *end = text + len, *at = text;
    cJSON *root;

    if (check_bytes(text, len, err)) return NULL;
    while (at < end && memchr(space, *at, sizeof(space) - 1)) at++;
    if (at == end) return kpk_fail(err, KPK_REJECT, "not JSON: empty"), NULL;
    if (*at != '{') return kpk_fail(err, KPK_REJECT, "not a JSON object"), NULL;
    root = cJSON_ParseWithLengthOpts(text, len, &parsed_to, 0);
    if (!root) {
        kpk_fail(err, KPK_REJECT, "not JSON: malformed near byte %td", parsed_to - text);
        return NULL;
    }
    while (parsed_to < end && memchr(space, *parsed_to, sizeof(space) - 1)) parsed_to++;
    if (parsed_to != end)
        kpk_fail(err, KPK_REJECT, "not JSON: more after its end, at byte %td",
                 parsed_to - text);
    else if (check_node(root, err) == 0)
        return root;
    cJSON_Delete(root);
    return NULL;
}

/* ---- the fields ---- */

/* cJSON_GetObjectItem() would take "Text" for "text". */
static const cJSON *find(const cJSON *object, const char *field, struct kpk_err *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field);

    if (!item) kpk_fail(err, KPK_REJECT, "%s: missing", field);
    return item;
}

int kpk_json_str(const cJSON *object, const char *field, size_t max_bytes, const char **out,
                 struct kpk_err *err) {
    const cJSON *item = find(object, field, err);

    if (!item) return -1;
    if (!cJSON_IsString(item)) return kpk_fail(err, KPK_REJECT, "%s: must be a string", field);
    if (strlen(item->valuestring) > max_bytes)
        return kpk_fail(err, KPK_REJECT, "%s: longer than %zu bytes", field, max_bytes);
    *out = item->valuestring;
    return 0;
}

const char *kpk_json_text(const cJSON *object, const char *field) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, field));

    return text ? text : "";
}

int kpk_json_int(const cJSON *object, const char *field, int64_t min, int64_t max, int64_t *out,
                 struct kpk_err *err) {
    const cJSON *item = find(object, field, err);

    if (!item) return -1;
    if (!cJSON_IsNumber(item) || item->valuedouble != trunc(item->valuedouble))
        return kpk_fail(err, KPK_REJECT, "%s: must be a whole number", field);
    if (fabs(item->valuedouble) > EXACT_MAX || (int64_t)item->valuedouble < min ||
        (int64_t)item->valuedouble > max)
        return kpk_fail(err, KPK_REJECT, "%s: must be from %" PRId64 " to %" PRId64, field, min,
                        max);
    *out = (int64_t)item->valuedouble;
    return 0;
}

int kpk_json_bool(const cJSON *object, const char *field, int *out, struct kpk_err *err) {
    const cJSON *item = find(object, field, err);

    if (!item) return -1;
    if (!cJSON_IsBool(item))
        return kpk_fail(err, KPK_REJECT, "%s: must be true or false", field);
    *out = cJSON_IsTrue(item);
    return 0;
}

int kpk_json_only(const cJSON *object, const char *const *fields, struct kpk_err *err) {
    const cJSON *member;
    struct shown shown;

    cJSON_ArrayForEach(member, object) {
        const char *const *field = fields;

        while (*field && strcmp(*field, member->string) != 0) field++;
        if (!*field)
            return kpk_fail(err, KPK_REJECT, "%s: no such field", show(&shown, member->string));
    }
    return 0;
}

bool kpk_json_add_int(cJSON *object, const char *name, int64_t value) {
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, value);
    return cJSON_AddRawToObject(object, name, digits);
}

bool kpk_json_type(const char *content_type) {
    static const char json[] = "application/json";

    if (!content_type || strncasecmp(content_type, json, sizeof(json) - 1) != 0) return false;
    content_type += sizeof(json) - 1;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}
