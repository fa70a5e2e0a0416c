#include "common/idempotency.h"

#include "common/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

KPK_EMBED(kpk_idempotency_ddl, "common/idempotency.sql");

/* Each part with the NUL that ends it, so that no two requests run together into the same
 * bytes. */
static void hash_request(const struct kpk_request *request, char out[33]) {
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t canonical;
    const char *part = kpk_http_method(request), *body;
    size_t len;

    XXH3_128bits_reset(state);
    for (size_t i = 0; part; part = kpk_http_segment(request, i++))
        XXH3_128bits_update(state, part, strlen(part) + 1);
    body = kpk_http_body(request, &len);
    XXH3_128bits_update(state, body, len);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    for (size_t i = 0; i < sizeof(canonical.digest); i++)
        snprintf(out + i * 2, 3, "%02x", canonical.digest[i]);
}

int kpk_idempotency_read(const struct kpk_request *request, struct kpk_response *response,
                         struct kpk_idempotency *key) {
    const char *value = kpk_http_header(request, "Idempotency-Key");
    size_t len = value ? strlen(value) : 0;

    if (!value) {
        kpk_http_problem(
            response, 400, "Idempotency-Key",
            "this write needs the header Idempotency-Key: a value of your choice, new for "
            "each write, the same when you repeat one");
        return -1;
    }
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--; /* no part of a field's value (RFC 9110, 5.5), but libmicrohttpd leaves it */
    if (len == 0 || len > KPK_IDEMPOTENCY_KEY_BYTES) {
        kpk_http_problem(response, 400, "Idempotency-Key", "%zu characters, must be 1 to %d",
                         len, KPK_IDEMPOTENCY_KEY_BYTES);
        return -1;
    }
    for (const char *c = value; c < value + len; c++)
        if (*c < 0x20 || *c > 0x7e) {
            kpk_http_problem(response, 400, "Idempotency-Key", "not visible ASCII characters");
            return -1;
        }
    snprintf(key->key, sizeof(key->key), "%.*s", (int)len, value);
    hash_request(request, key->request_hash);
    return 0;
}

int kpk_idempotency_claim(struct kpk_pg *pg, const struct kpk_idempotency *key,
                          struct kpk_response *response, bool *answered, struct kpk_err *err) {
    /* The lock lasts as long as the transaction. It is tried, not waited for: a worker that
     * waits is one that does not serve. */
    static const struct kpk_pg_stmt claim = {
        "idempotency_claim",
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)), kept.request_hash = $2, "
        "       kept.status, kept.response "
        "FROM (SELECT) AS one LEFT JOIN idempotency_keys AS kept ON kept.key = $1"};
    PGresult *result =
        kpk_pg_exec(pg, &claim, (const char *[]){key->key, key->request_hash}, 2, err);

    if (!result) return -1;
    *answered = true;
    if (!PQgetisnull(result, 0, 2)) {
        if (*PQgetvalue(result, 0, 1) == 't')
            kpk_http_json_text(response, atoi(PQgetvalue(result, 0, 2)),
                               PQgetvalue(result, 0, 3));
        else
            kpk_http_problem(response, 422, "Idempotency-Key",
                             "this key came with another request before");
    } else if (*PQgetvalue(result, 0, 0) != 't') {
        kpk_http_problem(response, 409, "Idempotency-Key",
                         "a request with this key is being handled: try again in a moment");
    } else {
        *answered = false;
    }
    PQclear(result);
    return 0;
}

int kpk_idempotency_keep(struct kpk_pg *pg, const struct kpk_idempotency *key, int status,
                         const char *response, struct kpk_err *err) {
    static const struct kpk_pg_stmt keep = {"idempotency_keep",
                                            "INSERT INTO idempotency_keys (key, request_hash, "
                                            "status, response) VALUES ($1, $2, $3, $4)"};
    char number[16];
    const char *params[] = {key->key, key->request_hash, number, response};

    snprintf(number, sizeof(number), "%d", status);
    if (kpk_pg_run(pg, &keep, params, 4, err) == 0) return 0;
    /* Committed between the claim's look and its lock: repeated, the request finds the answer.
     */
    if (strcmp(pg->sqlstate, "23505") == 0) err->verdict = KPK_RETRY;
    return -1;
}

int kpk_idempotency_prune(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt prune = {
        "idempotency_prune",
        "DELETE FROM idempotency_keys WHERE created_at < now() - $1 * interval '1 hour'"};
    char hours[16];

    snprintf(hours, sizeof(hours), "%d", KPK_IDEMPOTENCY_KEPT_HOURS);
    return kpk_pg_run(pg, &prune, (const char *[]){hours}, 1, err);
}
