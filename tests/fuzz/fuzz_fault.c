/* KPK_FAULT: taken exactly when it is of the form that common/fault.h shows, or else a fault that
 * somebody asked for would never strike, and pass for a guarantee that held. */
#include "common/fault.h"
#include "tests/fuzz/fuzz.h"

#include <regex.h>

#define ONE "test:(one|two)=(exit|stop|error|delay)(@[1-9][0-9]{0,8})?"

enum { ASKED_BYTES = 600 };

/* Never called: the points that there are. */
int fuzz_points(struct kpk_err *err);
int fuzz_points(struct kpk_err *err) {
    return kpk_fault("test:one", err) || kpk_fault("test:two", err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char variable[ASKED_BYTES + 16] = "KPK_FAULT=";
    static regex_t regex;
    char *asked = variable + strlen("KPK_FAULT=");
    struct kpk_err err = {.msg = ""};

    if (!regex.re_nsub) must(regcomp(&regex, "^(" ONE "(," ONE "){0,7})?$", REG_EXTENDED) == 0);
    if (size >= ASKED_BYTES) return 0;
    if (size) memcpy(asked, data, size);
    asked[size] = '\0';
    must(putenv(variable) == 0); /* setenv(3) would keep every value */
    if (kpk_fault_init(&err))
        must(err.verdict == KPK_FATAL && strncmp(err.msg, "KPK_FAULT: ", 11) == 0 &&
             fuzz_is_line(err.msg));
    must((*err.msg == '\0') == (regexec(&regex, asked, 0, NULL, 0) == 0));
    return 0;
}
