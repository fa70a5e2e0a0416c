/* Idempotency-Key: a write that is repeated because its answer was lost is done once, and
 * answered the same (draft-ietf-httpapi-idempotency-key-header).
 *
 *   if (kpk_idempotency_read(request, response, &key)) return;            400, answered
 *   BEGIN
 *   if (kpk_idempotency_claim(pg, &key, response, &answered, err)) ...    409, 422, the kept answer
 *   the write
 *   kpk_idempotency_keep(pg, &key, 201, body, err)
 *   COMMIT                                                                both, or neither
 *
 * The answer is kept in the transaction of the write, so there is no moment at which one is
 * there and the other is not. */
#ifndef KPK_COMMON_IDEMPOTENCY_H
#define KPK_COMMON_IDEMPOTENCY_H

#include "common/err.h"
#include "common/http.h"
#include "common/pg.h"

#include <stdbool.h>

/* The table, for kpk_pg_migrate() of the schema it lives in. */
extern const char kpk_idempotency_ddl[];

enum { KPK_IDEMPOTENCY_KEY_BYTES = 255, KPK_IDEMPOTENCY_KEPT_HOURS = 24 };

struct kpk_idempotency {
    char key[KPK_IDEMPOTENCY_KEY_BYTES + 1];
    char request_hash[33]; /* of method, path and body */
};

/* The request's key: 1 to 255 visible ASCII characters.
 * returns  0; -1: missing or malformed, and 'response' says so (400) */
int kpk_idempotency_read(const struct kpk_request *request, struct kpk_response *response,
                         struct kpk_idempotency *key) KPK_MUST_CHECK;

/* Claim the key for the transaction that 'pg' is in.
 * answered  out; true: 'response' is filled -- with the kept answer; 422 when the key came with
 *           another request; 409 while that request is still being handled -- so roll back
 * returns   0, or -1 with 'err' */
int kpk_idempotency_claim(struct kpk_pg *pg, const struct kpk_idempotency *key,
                          struct kpk_response *response, bool *answered,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* Keep the answer, in the same transaction. returns 0, or -1 with 'err' */
int kpk_idempotency_keep(struct kpk_pg *pg, const struct kpk_idempotency *key, int status,
                         const char *response, struct kpk_err *err) KPK_MUST_CHECK;

/* Forget answers older than a day. Call now and then, outside a transaction. */
int kpk_idempotency_prune(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

#endif
