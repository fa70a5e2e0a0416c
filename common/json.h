/* cJSON for input that nobody vouches for: size and depth are bounded before it is parsed, and a
 * field of the wrong type is an error that names the field.
 *
 * cJSON keeps numbers as doubles (53 bits): ids are strings, times are epoch milliseconds. */
#ifndef KPK_COMMON_JSON_H
#define KPK_COMMON_JSON_H

#include "common/err.h"
#include "common/utf8.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KPK_JSON_DEPTH = 32 };

/* Parse 'len' bytes that must be exactly one JSON object in UTF-8 (RFC 8259), at most
 * KPK_JSON_DEPTH deep, without \u0000 (C strings and PostgreSQL's text cannot hold it) and without
 * two members of one name (which of them counts would depend on the reader).
 * returns  the object, for cJSON_Delete(); NULL with 'err' (REJECT) and the reason */
cJSON *kpk_json_parse(const char *text, size_t len, struct kpk_err *err);

/* A member that must be there. REJECT names the field and the reason: "text: must be a string".
 * out  borrowed from 'object'; may be the empty string. Numbers are whole, within +-2^53 */
int kpk_json_str(const cJSON *object, const char *field, size_t max_bytes, const char **out,
                 struct kpk_err *err) KPK_MUST_CHECK;
int kpk_json_int(const cJSON *object, const char *field, int64_t min, int64_t max, int64_t *out,
                 struct kpk_err *err) KPK_MUST_CHECK;
int kpk_json_bool(const cJSON *object, const char *field, int *out,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* A member that is taken as it comes. returns  borrowed from 'object'; "" when it is absent or no string */
const char *kpk_json_text(const cJSON *object, const char *field);

/* An object whose members are all among 'fields' (NULL-terminated): a misspelt field is told, not
 * ignored. */
int kpk_json_only(const cJSON *object, const char *const *fields,
                  struct kpk_err *err) KPK_MUST_CHECK;

/* Add a whole number with all its digits: cJSON writes 15 of them when it can, and so the last of 16
 * may be another. returns false: memory is short */
bool kpk_json_add_int(cJSON *object, const char *name, int64_t value);

/* Is a content type JSON's, whatever its parameters? NULL is not. */
bool kpk_json_type(const char *content_type);

#endif
