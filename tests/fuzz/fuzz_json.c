/* common/json against the grammar of RFC 8259, written down a second time: what is taken is JSON
 * as the header promises, what is refused is not, and what was taken can be printed and read again.
 * The readers of fields give a value that is there, or say which field is wrong. */
#include "common/json.h"
#include "tests/fuzz/fuzz.h"

#include <float.h>
#include <math.h>

/* --- the grammar ------------------------------------------------------------------------- */

struct text {
    const char *at, *end;
    int depth;
};

static bool value(struct text *text);

static int peek(const struct text *text) {
    return text->at < text->end ? (unsigned char)*text->at : -1;
}

static bool eat(struct text *text, const char *token) {
    size_t len = strlen(token);

    if ((size_t)(text->end - text->at) < len || memcmp(text->at, token, len) != 0) return false;
    text->at += len;
    return true;
}

static void space(struct text *text) {
    while (peek(text) > 0 && strchr(" \t\r\n", peek(text))) text->at++;
}

static bool digits(struct text *text) {
    const char *begin = text->at;

    while (peek(text) >= '0' && peek(text) <= '9') text->at++;
    return text->at > begin;
}

static bool number(struct text *text) {
    eat(text, "-");
    if (!eat(text, "0") && !digits(text)) return false;
    if (eat(text, ".") && !digits(text)) return false;
    if (!eat(text, "e") && !eat(text, "E")) return true;
    if (!eat(text, "+")) eat(text, "-");
    return digits(text);
}

/* The four digits of \uXXXX; -1: there are none. */
static long code_unit(struct text *text) {
    char hex[5] = "";

    if (text->end - text->at < 4) return -1;
    memcpy(hex, text->at, 4);
    if (strspn(hex, "0123456789abcdefABCDEF") != 4) return -1;
    text->at += 4;
    return strtol(hex, NULL, 16);
}

/* After a backslash. No \u0000, and surrogates in pairs only. */
static bool escape(struct text *text) {
    long unit;

    if (peek(text) > 0 && strchr("\"\\/bfnrt", peek(text))) return text->at++, true;
    if (!eat(text, "u") || (unit = code_unit(text)) <= 0) return false;
    if (unit >= 0xdc00 && unit <= 0xdfff) return false;
    if (unit < 0xd800 || unit > 0xdfff) return true;
    if (!eat(text, "\\u")) return false;
    unit = code_unit(text);
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static bool string(struct text *text) {
    if (!eat(text, "\"")) return false;
    while (peek(text) >= ' ' && peek(text) != '"')
        if (eat(text, "\\") ? !escape(text) : !++text->at) return false;
    return eat(text, "\"");
}

/* Of an object (with names) or an array, after its opening bracket. */
static bool members(struct text *text, const char *close, bool named) {
    bool first = true;

    if (++text->depth > KPK_JSON_DEPTH) return false;
    space(text);
    while (!eat(text, close)) {
        if (!first && !eat(text, ",")) return false;
        first = false;
        space(text);
        if (named) {
            if (!string(text)) return false;
            space(text);
            if (!eat(text, ":")) return false;
        }
        if (!value(text)) return false;
    }
    text->depth--;
    return true;
}

static bool value(struct text *text) {
    bool good;

    space(text);
    if (eat(text, "{"))
        good = members(text, "}", true);
    else if (eat(text, "["))
        good = members(text, "]", false);
    else if (peek(text) == '"')
        good = string(text);
    else
        good = eat(text, "true") || eat(text, "false") || eat(text, "null") || number(text);
    space(text);
    return good;
}

static bool is_object(const char *bytes, size_t size) {
    struct text text = {bytes, bytes + size, 0};

    space(&text);
    return kpk_utf8_valid(bytes, size, NULL) && peek(&text) == '{' && value(&text) &&
           text.at == text.end;
}

/* --- the fields -------------------------------------------------------------------------- */

/* It begins with the field, as one line can show it. */
static void check_refusal(const struct kpk_err *err, const char *field) {
    struct kpk_err expected;

    must(err->verdict == KPK_REJECT && fuzz_is_line(err->msg));
    kpk_fail(&expected, KPK_REJECT, "%s: ", field);
    if (strlen(field) < sizeof(err->msg) / 2)
        must(strncmp(err->msg, expected.msg, strlen(expected.msg)) == 0);
}

static void check_field(const cJSON *object, const cJSON *member) {
    const char *field = member->string, *text = NULL;
    int flag = -1;
    int64_t n;
    struct kpk_err err;

    if (kpk_json_str(object, field, SIZE_MAX, &text, &err) == 0)
        must(cJSON_IsString(member) && text == member->valuestring);
    else
        check_refusal(&err, field);
    if (text && *text) must(kpk_json_str(object, field, strlen(text) - 1, &text, &err));
    if (kpk_json_int(object, field, -5, (int64_t)1 << 53, &n, &err) == 0)
        must(cJSON_IsNumber(member) && n >= -5 && n <= (int64_t)1 << 53 &&
             (double)n == member->valuedouble);
    else
        check_refusal(&err, field);
    if (kpk_json_bool(object, field, &flag, &err) == 0)
        must(cJSON_IsBool(member) && flag == cJSON_IsTrue(member));
    else
        check_refusal(&err, field);
    must(
        kpk_json_only(object, (const char *const[]){field, NULL}, &err) == 0 ||
        (cJSON_GetArraySize(object) > 1 && err.verdict == KPK_REJECT && fuzz_is_line(err.msg)));
}

/* --- the target -------------------------------------------------------------------------- */

/* cJSON writes a number with 15 digits when what it reads back is as good as the same. (Not
 * cJSON_Compare(): its work doubles with each level.) */
static bool same(const cJSON *a, const cJSON *b) {
    const cJSON *left, *right = b->child;

    if (a->type != b->type || (a->string && strcmp(a->string, b->string) != 0)) return false;
    if (cJSON_IsString(a)) return strcmp(a->valuestring, b->valuestring) == 0;
    if (cJSON_IsNumber(a))
        return fabs(a->valuedouble - b->valuedouble) <= fabs(a->valuedouble) * DBL_EPSILON;
    cJSON_ArrayForEach(left, a) {
        if (!right || !same(left, right)) return false;
        right = right->next;
    }
    return !right;
}

static void check_taken(cJSON *json) {
    char *printed = cJSON_PrintUnformatted(json);
    const cJSON *member;
    struct kpk_err err;
    cJSON *again;

    must(printed);
    again = kpk_json_parse(printed, strlen(printed), &err);
    must(again && same(json, again));
    cJSON_ArrayForEach(member, json) check_field(json, member);
    cJSON_Delete(again);
    cJSON_Delete(json);
    free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_bytes(data, size);
    struct kpk_err err = {.msg = ""};
    cJSON *json = kpk_json_parse(bytes, size, &err);

    if (json) {
        must(is_object(bytes, size));
        check_taken(json);
    } else {
        must(err.verdict == KPK_REJECT && *err.msg && fuzz_is_line(err.msg));
        must(!is_object(bytes, size) || strstr(err.msg, ": given twice") ||
             strstr(err.msg, "too large for a double"));
    }
    free(bytes);
    return 0;
}
