/* Requests made from a service's own /openapi.json: every path, method, parameter, header field and
 * member of a body that it names, valid or spoilt at any place. Seeded: the same document, seed and
 * known values make the same requests.
 *
 *   fuzz = fuzz_open(document, seed);
 *   fuzz_know(fuzz, "author_id", "17");       a value that passes; without one, letters are made up
 *   fuzz_make(fuzz, path, &request);          path: 0 .. fuzz_paths(fuzz)-1 */
#ifndef KPK_TESTS_SUPPORT_OPENAPI_FUZZ_H
#define KPK_TESTS_SUPPORT_OPENAPI_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FUZZ_REQUEST_BYTES = 64 << 10 };

struct fuzz;

struct fuzz_request {
    size_t len;
    bool
        whole; /* one request, begun and ended as HTTP says, whatever is in it: it gets exactly one
                 * answer. Else: any number of refusals, or just the end */
    bool head;                          /* its answer has no body */
    bool unmodified;                    /* nothing was spoilt */
    const char *what;                   /* what was */
    char bytes[FUZZ_REQUEST_BYTES + 1]; /* NUL-terminated too */
};

/* returns  NULL: 'document' is no OpenAPI document with paths, or memory is short */
struct fuzz *fuzz_open(const char *document, uint64_t seed);
void fuzz_close(struct fuzz *fuzz); /* NULL is fine */

int fuzz_paths(const struct fuzz *fuzz);

/* A value of the parameter or member 'name' (of a schema with a format, like "uuid": of that). The
 * newest few are kept. */
void fuzz_know(struct fuzz *fuzz, const char *name, const char *value);

/* One request to 'path', or what is left of one. */
void fuzz_make(struct fuzz *fuzz, int path, struct fuzz_request *request);

#endif
