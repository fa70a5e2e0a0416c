#include "tests/support/openapi_fuzz.h"

#include "tests/support/fuzz_text.h"
#include "tests/support/fuzz_words.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 16, VALUES = 8, VALUE_BYTES = 400 };

struct known {
    char name[64];
    char values[VALUES][VALUE_BYTES];
    int count; /* ever */
};

struct fuzz {
    uint64_t random;
    cJSON *document;
    const cJSON *paths;
    struct known known[NAMES];
    int n_known;
    /* the request in the making */
    const char *what;
    const char *version;
    bool whole, has_body, chunked;
    struct text method, target, fields, body, wire;
};

static int below(struct fuzz *fuzz, int limit) { return fuzz_below(&fuzz->random, limit); }

static bool one_in(struct fuzz *fuzz, int n) { return below(fuzz, n) == 0; }

#define ONE_OF(fuzz, list) (list)[below(fuzz, (int)(sizeof(list) / sizeof((list)[0])))]

static void spoil(struct fuzz *fuzz, const char *what) { fuzz->what = what; }

/* ---- values ---- */

void fuzz_know(struct fuzz *fuzz, const char *name, const char *value) {
    struct known *known = fuzz->known;

    while (known < fuzz->known + fuzz->n_known && strcmp(known->name, name) != 0) known++;
    if (known == fuzz->known + NAMES) return;
    if (known == fuzz->known + fuzz->n_known) fuzz->n_known++;
    snprintf(known->name, sizeof(known->name), "%s", name);
    snprintf(known->values[known->count++ % VALUES], VALUE_BYTES, "%s", value);
}

/* returns  NULL: nothing is known of it */
static const char *known_value(struct fuzz *fuzz, const char *name) {
    for (int i = 0; i < fuzz->n_known; i++) {
        struct known *known = &fuzz->known[i];

        if (strcmp(known->name, name) == 0)
            return known->values[below(fuzz, known->count < VALUES ? known->count : VALUES)];
    }
    return NULL;
}

static const cJSON *member(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* Follow "$ref": "#/components/...". */
static const cJSON *resolve(const struct fuzz *fuzz, const cJSON *item) {
    const char *path = cJSON_GetStringValue(member(item, "$ref"));
    char copy[256], *rest = copy, *name;

    if (!path) return item;
    snprintf(copy, sizeof(copy), "%s", path);
    item = fuzz->document;
    strsep(&rest, "/"); /* the # */
    while ((name = strsep(&rest, "/"))) item = member(item, name);
    return resolve(fuzz, item);
}

static void plain_value(struct fuzz *fuzz, const char *name, const cJSON *schema,
                        struct text *out) {
    const char *format = cJSON_GetStringValue(member(schema, "format"));
    const char *known = known_value(fuzz, format ? format : name);
    const char *type = cJSON_GetStringValue(member(schema, "type"));
    const cJSON *least = member(schema, "minimum"), *most = member(schema, "maximum");

    if (known)
        puts_to(out, known);
    else if (type && strcmp(type, "integer") == 0)
        putf(out, "%d",
             (least ? least->valueint : 0) + below(fuzz, most ? most->valueint : 1000));
    else
        put_letters(&fuzz->random, out);
}

/* A value of a parameter, NUL-terminated. */
static void parameter_value(struct fuzz *fuzz, const char *name, const cJSON *schema,
                            bool spoilt, struct text *out) {
    out->len = 0;
    if (!spoilt) {
        plain_value(fuzz, name, schema, out);
    } else if (one_in(fuzz, 8)) {
        put_times(out, "long", 1 + below(fuzz, 400));
    } else {
        puts_to(out, ONE_OF(fuzz, nasty));
    }
    put(out, "", 1);
}

/* ---- the target ---- */

static void put_path(struct fuzz *fuzz, const char *template, const cJSON *parameters) {
    static struct text value;

    for (const char *c = template; *c; c++) {
        const cJSON *parameter = NULL;
        size_t len = strcspn(c, "}");

        if (*c != '{') {
            put(&fuzz->target, c, 1);
            continue;
        }
        cJSON_ArrayForEach(parameter, parameters) {
            const char *name = cJSON_GetStringValue(member(parameter, "name"));
            bool spoilt = one_in(fuzz, 6);

            if (strlen(name) != len - 1 || strncmp(name, c + 1, len - 1) != 0) continue;
            if (spoilt) spoil(fuzz, "a parameter of the path");
            parameter_value(fuzz, name, resolve(fuzz, member(parameter, "schema")), spoilt,
                            &value);
            put_encoded(&fuzz->random, &fuzz->target, value.bytes);
        }
        c += len;
    }
}

static void put_query(struct fuzz *fuzz, const cJSON *parameters) {
    const cJSON *parameter;
    static struct text value;
    int count = 0;

    cJSON_ArrayForEach(parameter, parameters) {
        const char *in = cJSON_GetStringValue(member(parameter, "in"));
        const char *name = cJSON_GetStringValue(member(parameter, "name"));
        int times = one_in(fuzz, 20)                                                  ? 2
                    : !cJSON_IsTrue(member(parameter, "required")) && one_in(fuzz, 2) ? 0
                                                                                      : 1;

        if (strcmp(in, "query") != 0) continue;
        if (times == 2) spoil(fuzz, "a parameter twice");
        while (times-- > 0) {
            bool spoilt = one_in(fuzz, 4);

            if (spoilt) spoil(fuzz, "a parameter of the query");
            parameter_value(fuzz, name, resolve(fuzz, member(parameter, "schema")), spoilt,
                            &value);
            putf(&fuzz->target, "%c%s=", count++ ? '&' : '?', name);
            put_encoded(&fuzz->random, &fuzz->target, value.bytes);
        }
    }
    if (one_in(fuzz, 20)) {
        spoil(fuzz, "parameters that nobody knows");
        for (int i = below(fuzz, 40); i >= 0; i--)
            putf(&fuzz->target, "%cx%d", count++ ? '&' : '?', i);
    }
}

static void spoil_target(struct fuzz *fuzz) {
    size_t cut;

    if (!one_in(fuzz, 12)) return;
    spoil(fuzz, "the target");
    switch (below(fuzz, 5)) {
    case 0:
        puts_to(&fuzz->target, ONE_OF(fuzz, broken_escapes));
        break;
    case 1:
        puts_to(&fuzz->target, "/");
        break;
    case 2: /* cut, but not to nothing */
        cut = (size_t)below(fuzz, (int)fuzz->target.len);
        fuzz->target.len = cut > 0 ? cut : 1;
        break;
    case 3:
        put_times(&fuzz->target, "/a", below(fuzz, 1500));
        break;
    default:
        fuzz->target.len = 0;
        puts_to(&fuzz->target, one_in(fuzz, 2) ? "http://127.0.0.1/v1/x" : "*");
    }
}

/* ---- the body ---- */

static void put_member(struct fuzz *fuzz, const cJSON *property, bool first) {
    static struct text value;

    putf(&fuzz->body, "%s\"%s\":", first ? "" : ",", property->string);
    if (!one_in(fuzz, 5)) {
        value.len = 0;
        plain_value(fuzz, property->string, resolve(fuzz, property), &value);
        puts_to(&fuzz->body, "\"");
        put(&fuzz->body, value.bytes, value.len);
        puts_to(&fuzz->body, "\"");
        return;
    }
    spoil(fuzz, "a member of the body");
    if (one_in(fuzz, 5)) {
        puts_to(&fuzz->body, "\"");
        put_times(&fuzz->body, one_in(fuzz, 2) ? "x" : "\xf0\x9f\x90\xa6", below(fuzz, 2000));
        puts_to(&fuzz->body, "\"");
    } else {
        puts_to(&fuzz->body, ONE_OF(fuzz, nasty_json));
    }
}

static void put_body(struct fuzz *fuzz, const cJSON *schema) {
    const cJSON *property;
    bool first = true;

    puts_to(&fuzz->body, "{");
    cJSON_ArrayForEach(property, member(schema, "properties")) {
        int times = one_in(fuzz, 15) ? below(fuzz, 2) * 2 : 1;

        if (times != 1) spoil(fuzz, "a member twice, or missing");
        for (; times > 0; times--, first = false) put_member(fuzz, property, first);
    }
    if (one_in(fuzz, 20)) {
        spoil(fuzz, "a member that nobody knows");
        putf(&fuzz->body, "%s\"extra\":", first ? "" : ",");
        put_times(&fuzz->body, "[", below(fuzz, 5000));
    }
    puts_to(&fuzz->body, "}");
    if (one_in(fuzz, 10)) {
        spoil(fuzz, "bytes of the body");
        spoil_bytes(&fuzz->random, &fuzz->body);
    } else if (one_in(fuzz, 30)) {
        spoil(fuzz, "a body that is too large");
        put_times(&fuzz->body, " ", 17000);
    }
}

/* ---- the header fields ---- */

static void put_fields(struct fuzz *fuzz, const cJSON *parameters) {
    const cJSON *parameter;
    static struct text value;

    cJSON_ArrayForEach(parameter, parameters) {
        const char *name = cJSON_GetStringValue(member(parameter, "name"));
        int times = one_in(fuzz, 20) ? below(fuzz, 2) * 2 : 1;

        if (strcmp(cJSON_GetStringValue(member(parameter, "in")), "header") != 0) continue;
        if (times != 1) spoil(fuzz, "a header field twice, or missing");
        while (times-- > 0) {
            bool spoilt = one_in(fuzz, 10);

            if (spoilt) spoil(fuzz, "a header field");
            parameter_value(fuzz, name, resolve(fuzz, member(parameter, "schema")), spoilt,
                            &value);
            putf(&fuzz->fields, "%s: ", name);
            puts_to(&fuzz->fields, value.bytes);
            puts_to(&fuzz->fields, "\r\n");
        }
    }
    if (fuzz->has_body && !one_in(fuzz, 20)) {
        puts_to(&fuzz->fields, "Content-Type: application/json\r\n");
    } else if (fuzz->has_body) {
        spoil(fuzz, "the type of the body");
        putf(&fuzz->fields, "Content-Type: %s\r\n", ONE_OF(fuzz, types));
    }
    if (one_in(fuzz, 30)) {
        spoil(fuzz, "many header fields");
        for (int i = below(fuzz, 100); i >= 0; i--) putf(&fuzz->fields, "X-%d: y\r\n", i);
    }
}

/* ---- how the request begins and ends ---- */

static void put_length(struct fuzz *fuzz) {
    if (fuzz->chunked)
        puts_to(&fuzz->fields, "Transfer-Encoding: chunked\r\n");
    else if (fuzz->has_body)
        putf(&fuzz->fields, "Content-Length: %zu\r\n", fuzz->body.len);
}

static void spoil_frame(struct fuzz *fuzz) {

    spoil(fuzz, "how it begins and ends");
    fuzz->whole = false;
    switch (below(fuzz, 5)) {
    case 0:
        fuzz->version = ONE_OF(fuzz, versions);
        break;
    case 2:
        for (int i = below(fuzz, 2000); i >= 0; i--) puts_to(&fuzz->fields, "x: y\r\n");
        break;
    case 1:
        puts_to(&fuzz->fields, "X-Large: ");
        put_times(&fuzz->fields, "x", below(fuzz, 20000));
        puts_to(&fuzz->fields, "\r\n");
        break;
    default:
        puts_to(&fuzz->fields, ONE_OF(fuzz, frames));
    }
}

static void put_chunks(struct fuzz *fuzz) {
    for (size_t at = 0, len; at < fuzz->body.len; at += len) {
        len = 1 + (size_t)below(fuzz, 2000);
        if (len > fuzz->body.len - at) len = fuzz->body.len - at;
        putf(&fuzz->wire, "%zx\r\n", len);
        put(&fuzz->wire, fuzz->body.bytes + at, len);
        puts_to(&fuzz->wire, "\r\n");
    }
    puts_to(&fuzz->wire, "0\r\n\r\n");
}

static void assemble(struct fuzz *fuzz) {
    fuzz->wire.len = 0;
    put(&fuzz->wire, fuzz->method.bytes, fuzz->method.len);
    puts_to(&fuzz->wire, " ");
    put(&fuzz->wire, fuzz->target.bytes, fuzz->target.len);
    putf(&fuzz->wire, " %s\r\nHost: t\r\n", fuzz->version);
    put(&fuzz->wire, fuzz->fields.bytes, fuzz->fields.len);
    puts_to(&fuzz->wire, "\r\n");
    if (fuzz->chunked)
        put_chunks(fuzz);
    else if (fuzz->has_body)
        put(&fuzz->wire, fuzz->body.bytes, fuzz->body.len);
    if (fuzz->whole || one_in(fuzz, 2)) return;
    spoil(fuzz, "any bytes");
    spoil_bytes(&fuzz->random, &fuzz->wire);
}

/* ---- one request ---- */

static void put_method(struct fuzz *fuzz, const char *name) {

    fuzz->method.len = 0;
    for (const char *c = name; *c; c++) putf(&fuzz->method, "%c", *c - 'a' + 'A');
    if (!one_in(fuzz, 20)) return;
    spoil(fuzz, "the method");
    fuzz->method.len = 0;
    puts_to(&fuzz->method, ONE_OF(fuzz, methods));
}

static const cJSON *choose_operation(struct fuzz *fuzz, const cJSON *path) {
    const cJSON *item, *chosen = NULL;
    int seen = 0;

    cJSON_ArrayForEach(item, path) {
        if (strcmp(item->string, "parameters") != 0 && one_in(fuzz, ++seen)) chosen = item;
    }
    return chosen;
}

/* The parameters of a path and those of its operation, resolved. For cJSON_Delete(). */
static cJSON *all_parameters(const struct fuzz *fuzz, const cJSON *path,
                             const cJSON *operation) {
    const cJSON *lists[] = {member(path, "parameters"), member(operation, "parameters")}, *item;
    cJSON *all = cJSON_CreateArray();

    for (int i = 0; i < 2; i++)
        cJSON_ArrayForEach(item, lists[i])
            cJSON_AddItemToArray(all, cJSON_Duplicate(resolve(fuzz, item), true));
    return all;
}

void fuzz_make(struct fuzz *fuzz, int index, struct fuzz_request *request) {
    const cJSON *path = cJSON_GetArrayItem(fuzz->paths, index);
    const cJSON *operation = choose_operation(fuzz, path);
    const cJSON *type =
        member(member(member(operation, "requestBody"), "content"), "application/json");
    cJSON *parameters = all_parameters(fuzz, path, operation);

    fuzz->what = NULL;
    fuzz->version = "HTTP/1.1";
    fuzz->whole = true;
    fuzz->has_body = type || one_in(fuzz, 30);
    fuzz->chunked = fuzz->has_body && one_in(fuzz, 4);
    fuzz->target.len = fuzz->fields.len = fuzz->body.len = 0;
    if (!type && fuzz->has_body) spoil(fuzz, "a body that nobody wants");
    put_method(fuzz, operation->string);
    put_path(fuzz, path->string, parameters);
    put_query(fuzz, parameters);
    spoil_target(fuzz);
    put_fields(fuzz, parameters);
    if (fuzz->has_body) put_body(fuzz, resolve(fuzz, member(type, "schema")));
    put_length(fuzz);
    request->head = fuzz->method.len == 4 && memcmp(fuzz->method.bytes, "HEAD", 4) == 0;
    if (!request->head && one_in(fuzz, 6)) spoil_frame(fuzz);
    assemble(fuzz);
    cJSON_Delete(parameters);
    memcpy(request->bytes, fuzz->wire.bytes, fuzz->wire.len);
    request->len = fuzz->wire.len;
    request->bytes[request->len] = '\0';
    /* Past 8 KB, and where the room for a text ended, the server may stop reading where it likes. */
    request->whole = fuzz->whole && fuzz->wire.len < sizeof(fuzz->wire.bytes) &&
                     fuzz->target.len + fuzz->fields.len < 7 << 10;
    request->unmodified = !fuzz->what;
    request->what = fuzz->what ? fuzz->what : "nothing";
}

/* ---- open and close ---- */

struct fuzz *fuzz_open(const char *document, uint64_t seed) {
    struct fuzz *fuzz = calloc(1, sizeof(*fuzz));

    if (!fuzz) return NULL;
    fuzz->random = seed;
    fuzz->document = cJSON_Parse(document);
    fuzz->paths = member(fuzz->document, "paths");
    if (fuzz_paths(fuzz) > 0) return fuzz;
    fuzz_close(fuzz);
    return NULL;
}

void fuzz_close(struct fuzz *fuzz) {
    if (!fuzz) return;
    cJSON_Delete(fuzz->document);
    free(fuzz);
}

int fuzz_paths(const struct fuzz *fuzz) { return cJSON_GetArraySize(fuzz->paths); }
