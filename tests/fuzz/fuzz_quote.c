/* kpk_quote(): whatever it is given, what goes into the log is one line, a whole JSON string, and
 * what it was given up to where it is cut. */
#include "common/log.h"
#include "tests/fuzz/fuzz.h"

#include <cjson/cJSON.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_string(data, size);
    struct kpk_quoted quoted;
    size_t len = strlen(kpk_quote(&quoted, text)), said;
    cJSON *json = cJSON_ParseWithOpts(quoted.text, NULL, true);

    must(len < sizeof(quoted.text));
    must(fuzz_is_line(quoted.text));
    must(quoted.text[0] == '"' && quoted.text[len - 1] == '"');
    must(cJSON_IsString(json));
    kpk_utf8_repair(text);
    said = strlen(json->valuestring);
    must(said <= strlen(text) && memcmp(json->valuestring, text, said) == 0);
    must(said == strlen(text) || len > sizeof(quoted.text) - 16);
    cJSON_Delete(json);
    free(text);
    return 0;
}
