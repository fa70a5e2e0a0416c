/* tools/kpk/safe: whatever a record holds, what is printed of it is text and nothing else, and
 * what is harmless is printed as it is. The first byte says how much may be printed. */
#include "tools/kpk/safe.h"

#include "common/json.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *bytes, size_t len, size_t max) {
    char *text = kpk_safe_text(bytes, len, max), *again;

    must(text);
    must(fuzz_is_line(text));
    if (max == 0) must(strlen(text) >= len);
    /* Nothing is left to be made harmless. */
    again = kpk_safe_text(text, strlen(text), 0);
    must(again && strcmp(again, text) == 0);
    free(again);
    free(text);
}

/* The same document, harmless. */
static void check_json(const char *bytes, size_t len) {
    struct kpk_err err;
    cJSON *json = kpk_json_parse(bytes, len, &err), *again;
    char *printed, *text = NULL, *again_printed;
    size_t text_len;

    if (!json) return;
    printed = cJSON_PrintUnformatted(json);
    FILE *out = open_memstream(&text, &text_len);
    must(printed && out);
    kpk_safe_print_json(out, printed);
    must(fclose(out) == 0);
    must(fuzz_is_line(text));
    again = kpk_json_parse(text, text_len, &err);
    must(again);
    again_printed = cJSON_PrintUnformatted(again);
    must(again_printed && strcmp(again_printed, printed) == 0);
    cJSON_Delete(again);
    cJSON_Delete(json);
    free(again_printed);
    free(printed);
    free(text);
}

static unsigned digit(char c) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);

    must(at && *at);
    return (unsigned)(at - digits);
}

static void check_base64(const char *bytes, size_t len) {
    char *text = kpk_base64(bytes, len);

    must(text && strlen(text) == (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i++) { /* byte i lies in the digits from i * 8 / 6 on */
        unsigned first = digit(text[i * 4 / 3]), second = digit(text[i * 4 / 3 + 1]);
        unsigned shift = 2 + 2 * (unsigned)(i % 3);
        must((unsigned char)bytes[i] == ((first << shift | second >> (6 - shift)) & 0xff));
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t max = size ? data[0] : 0;
    char *bytes = fuzz_bytes(data + (size > 0), size - (size > 0));

    if (size) size--;
    check_text(bytes, size, max);
    check_json(bytes, size);
    check_base64(bytes, size);
    free(bytes);
    return 0;
}
