/* Bad input over HTTP, against the services as they run. Each is refused with a problem that names
 * the field and the reason, and leaves no trace: no row in a table, no record in a topic. */
#include "common/json.h"
#include "common/pg.h"
#include "common/tail.h"
#include "services/twitter/database.h"
#include "services/twitter/world.h"
#include "tests/support/http_raw.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 30000, REQUEST_BYTES = 64 * 1024, DEEP = 10000, LARGE = 16 * 1024 + 1 };

static struct kpk_err error, *err = &error;

/* In all of it '@' stands for the id of a user, '$' for an Idempotency-Key that is new, '#' for one
 * that came with another body before. */
struct bad_input {
    const char *what;
    const char
        *line; /* "GET /v1/users/@"; with its version: all of the request, as it is sent */
    const char *fields; /* header fields beside Host and Content-Length */
    const char *body;   /* NULL: none, and no Content-Length */
    size_t len;         /* SIZE_MAX: strlen(body) */
    int status;         /* 0: no answer */
    const char *field;  /* to blame; NULL: refused by libmicrohttpd, without a problem */
    const char *words;  /* in 'detail' */
};

#define BYTES(literal) literal, sizeof(literal) - 1
#define JSON "Content-Type: application/json\r\n"
#define KEY "Idempotency-Key: $\r\n"
#define HOST "Host: t\r\n"
#define TWEET(body) "POST /v1/tweets", JSON KEY, BYTES(body)
#define LONG_TWEET(body) "POST /v1/tweets", JSON KEY, body, SIZE_MAX
#define USER(body) "POST /v1/users", JSON, BYTES(body)
#define GOOD BYTES("{\"author_id\":\"@\",\"text\":\"x\"}")
#define AUTHOR "\"author_id\":\"@\""
#define TEXT(text) TWEET("{" AUTHOR ",\"text\":\"" text "\"}")
#define NO_BODY "", NULL, 0
#define GET(path) "GET " path, NO_BODY
#define PAGE(query) "GET /v1/users/@/home_timeline?" query, NO_BODY
#define RAW(text) "", BYTES(text)
#define ID "019ab000-0000-7000-8000-000000000000"

static char long_ascii[400], long_emoji[1400], deep[DEEP + 1], nested[500], large[LARGE + 1];
static char chunked_large[LARGE + 200], key_256[400], fields_9k[9100], fields_20k[20100];

/* clang-format off */
static const struct bad_input bodies[] = {
    {"no JSON",                 TWEET("good morning"),                              422, "body", "not a JSON object"},
    {"cut short",               TWEET("{" AUTHOR),                                  422, "body", "malformed near byte"},
    {"single quotes",           TWEET("{'author_id':'@','text':'x'}"),              422, "body", "malformed near byte"},
    {"a comma too many",        TWEET("{" AUTHOR ",\"text\":\"x\",}"),              422, "body", "malformed near byte"},
    {"two documents",           TWEET("{" AUTHOR ",\"text\":\"x\"}{}"),             422, "body", "more after its end"},
    {"a malformed number",      TWEET("{" AUTHOR ",\"text\":01}"),                  422, "body", "malformed number"},
    {"a number without end",    TWEET("{" AUTHOR ",\"text\":1e999}"),               422, "body", "too large for a double"},
    {"a malformed escape",      TEXT("\\x41"),                                      422, "body", "malformed near byte"},
    {"an escape of no digits",  TEXT("seen\\uxyz!hidden"),                          422, "body", "four digits"},
    {"half a surrogate pair",   TEXT("\\ud83d"),                                    422, "body", "malformed near byte"},
    {"nothing",                 TWEET(""),                                          422, "body", "empty"},
    {"blanks",                  TWEET(" \n"),                                       422, "body", "empty"},
    {"an array",                TWEET("[]"),                                        422, "body", "not a JSON object"},
    {"a text",                  TWEET("\"x\""),                                     422, "body", "not a JSON object"},
    {"null",                    TWEET("null"),                                      422, "body", "not a JSON object"},
    {"33 levels",               LONG_TWEET(nested),                                 422, "body", "nested deeper than 32"},
    {"10,000 levels",           LONG_TWEET(deep),                                   422, "body", "nested deeper than 32"},
    {"too large",               LONG_TWEET(large),                                  413, "body", "longer than 16384 bytes"},

    {"author a number",         TWEET("{\"author_id\":1,\"text\":\"x\"}"),          422, "author_id", "must be a string"},
    {"author null",             TWEET("{\"author_id\":null,\"text\":\"x\"}"),       422, "author_id", "must be a string"},
    {"author true",             TWEET("{\"author_id\":true,\"text\":\"x\"}"),       422, "author_id", "must be a string"},
    {"author a list",           TWEET("{\"author_id\":[\"@\"],\"text\":\"x\"}"),    422, "author_id", "must be a string"},
    {"author an object",        TWEET("{\"author_id\":{},\"text\":\"x\"}"),         422, "author_id", "must be a string"},
    {"author nobody",           TWEET("{\"author_id\":\"999999999\",\"text\":\"x\"}"), 422, "author_id", "no user 999999999"},
    {"author zero",             TWEET("{\"author_id\":\"0\",\"text\":\"x\"}"),      422, "author_id", "not a user id"},
    {"author below zero",       TWEET("{\"author_id\":\"-1\",\"text\":\"x\"}"),     422, "author_id", "not a user id"},
    {"author with a zero",      TWEET("{\"author_id\":\"0@\",\"text\":\"x\"}"),     422, "author_id", "not a user id"},
    {"author with a blank",     TWEET("{\"author_id\":\" @\",\"text\":\"x\"}"),     422, "author_id", "not a user id"},
    {"author empty",            TWEET("{\"author_id\":\"\",\"text\":\"x\"}"),       422, "author_id", "not a user id"},
    {"author above a bigint",   TWEET("{\"author_id\":\"9223372036854775808\",\"text\":\"x\"}"), 422, "author_id", "not a user id"},
    {"author of 20 digits",     TWEET("{\"author_id\":\"11111111111111111111\",\"text\":\"x\"}"), 422, "author_id", "longer than 19 bytes"},
    {"author SQL",              TWEET("{\"author_id\":\"1 OR 1=1\",\"text\":\"x\"}"), 422, "author_id", "not a user id"},
    {"text a number",           TWEET("{" AUTHOR ",\"text\":1}"),                   422, "text", "must be a string"},
    {"text null",               TWEET("{" AUTHOR ",\"text\":null}"),                422, "text", "must be a string"},
    {"text a list",             TWEET("{" AUTHOR ",\"text\":[\"x\"]}"),             422, "text", "must be a string"},
    {"text an object",          TWEET("{" AUTHOR ",\"text\":{}}"),                  422, "text", "must be a string"},
    {"281 letters",             LONG_TWEET(long_ascii),                             422, "text", "281 code points, at most 280"},
    {"281 of four bytes",       LONG_TWEET(long_emoji),                             422, "text", "281 code points, at most 280"},
    {"text empty",              TEXT(""),                                           422, "text", "empty"},
    {"text blank",              TEXT(" \\n\\t"),                                    422, "text", "only white space"},
    {"text of wide blanks",     TEXT("\xc2\xa0\xe3\x80\x80\xe2\x80\x83"),           422, "text", "only white space"},
    {"text with ESC",           TEXT("\\u001b[2J"),                                 422, "text", "control character U+001B"},
    {"text with DEL",           TEXT("\\u007f"),                                    422, "text", "control character U+007F"},
    {"text with CR",            TEXT("a\\r\\nb"),                                   422, "text", "control character U+000D"},
    {"text with U+009B",        TEXT("\xc2\x9b" "2J"),                              422, "text", "control character U+009B"},
    {"text with U+0000",        TEXT("a\\u0000b"),                                  422, "body", "u0000"},
    {"text with a bare newline", TEXT("a\nb"),                                      422, "body", "control character in a string"},
    {"text with a bare NUL",    TEXT("a\0b"),                                       422, "body", "control character in a string"},
    {"a NUL after the end",     TWEET("{" AUTHOR ",\"text\":\"x\"}\0"),             422, "body", "control character"},
    {"a byte of no character",  TEXT("\xff"),                                       422, "body", "not UTF-8"},
    {"a byte that goes on",     TEXT("\x80"),                                       422, "body", "not UTF-8"},
    {"an overlong slash",       TEXT("\xc0\xaf"),                                   422, "body", "not UTF-8"},
    {"an overlong NUL",         TEXT("\xe0\x80\x80"),                               422, "body", "not UTF-8"},
    {"a surrogate",             TEXT("\xed\xa0\x80"),                               422, "body", "not UTF-8"},
    {"above U+10FFFF",          TEXT("\xf4\x90\x80\x80"),                           422, "body", "not UTF-8"},
    {"cut within a character",  TEXT("\xf0\x9f\x90"),                               422, "body", "not UTF-8"},
    {"a name of no UTF-8",      TWEET("{\"\xff\":1," AUTHOR ",\"text\":\"x\"}"),    422, "body", "not UTF-8"},
    {"a member twice",          TWEET("{" AUTHOR "," AUTHOR ",\"text\":\"x\"}"),    422, "author_id", "given twice"},
    {"twice, once escaped",     TWEET("{" AUTHOR ",\"text\":\"x\",\"te\\u0078t\":\"y\"}"), 422, "text", "given twice"},
    {"a member unknown",        TWEET("{" AUTHOR ",\"text\":\"x\",\"extra\":1}"),   422, "extra", "no such field"},
    {"a member in capitals",    TWEET("{" AUTHOR ",\"Text\":\"x\"}"),               422, "Text", "no such field"},
    {"a member of hostile name", TWEET("{" AUTHOR ",\"text\":\"x\",\"\\u001b[2J\":1}"), 422, "body", "?[2J: no such field"},
    {"no text",                 TWEET("{" AUTHOR "}"),                              422, "text", "missing"},
    {"no author",               TWEET("{\"text\":\"x\"}"),                          422, "author_id", "missing"},
    {"no member",               TWEET("{}"),                                        422, "author_id", "missing"},

    {"no handle",               USER("{}"),                                         422, "handle", "missing"},
    {"a handle misspelt",       USER("{\"handel\":\"x\"}"),                         422, "handel", "no such field"},
    {"a handle of a number",    USER("{\"handle\":7}"),                             422, "handle", "must be a string"},
    {"a handle of null",        USER("{\"handle\":null}"),                          422, "handle", "must be a string"},
    {"an empty handle",         USER("{\"handle\":\"\"}"),                          422, "handle", "1 to 30 of"},
    {"a handle in capitals",    USER("{\"handle\":\"Big\"}"),                       422, "handle", "1 to 30 of"},
    {"a handle with a blank",   USER("{\"handle\":\"a b\"}"),                       422, "handle", "1 to 30 of"},
    {"a handle not ASCII",      USER("{\"handle\":\"gr\xc3\xbc\xc3\x9f\x65\"}"),    422, "handle", "1 to 30 of"},
    {"a handle of 31",          USER("{\"handle\":\"a23456789012345678901234567890x\"}"), 422, "handle", "longer than 30 bytes"},
    {"a handle that is SQL",    USER("{\"handle\":\"'; DROP TABLE users; --\"}"),   422, "handle", "1 to 30 of"},
    {"a handle twice",          USER("{\"handle\":\"a\",\"handle\":\"b\"}"),        422, "handle", "given twice"},
    {"a handle that is taken",  USER("{\"handle\":\"bad_input_@\"}"),               409, "handle", "is taken"},
    {0},
};

static const struct bad_input requests[] = {
    {"no key",                  "POST /v1/tweets", JSON, GOOD,                             400, "Idempotency-Key", "needs the header"},
    {"an empty key",            "POST /v1/tweets", JSON "Idempotency-Key:\r\n", GOOD,      400, "Idempotency-Key", "0 characters"},
    {"a key of blanks",         "POST /v1/tweets", JSON "Idempotency-Key:  \t \r\n", GOOD, 400, "Idempotency-Key", "0 characters"},
    {"a key of 256",            "POST /v1/tweets", key_256, GOOD,                          400, "Idempotency-Key", "256 characters, must be 1 to 255"},
    {"a key with ESC",          "POST /v1/tweets", JSON "Idempotency-Key: a\x1b[2J\r\n", GOOD, 400, "Idempotency-Key", "control character"},
    {"a key with a tab",        "POST /v1/tweets", JSON "Idempotency-Key: a\tb\r\n", GOOD, 400, "Idempotency-Key", "visible ASCII"},
    {"a key not ASCII",         "POST /v1/tweets", JSON "Idempotency-Key: \xc3\xbc\r\n", GOOD, 400, "Idempotency-Key", "visible ASCII"},
    {"a key not UTF-8",         "POST /v1/tweets", JSON "Idempotency-Key: \xff\r\n", GOOD, 400, "Idempotency-Key", "not UTF-8"},
    {"two keys",                "POST /v1/tweets", JSON KEY KEY, GOOD,                     400, "Idempotency-Key", "given twice"},
    {"a key of another body",   "POST /v1/tweets", JSON "Idempotency-Key: #\r\n", GOOD,    422, "Idempotency-Key", "another request before"},
    {"the same, and a blank",   "POST /v1/tweets", JSON "Idempotency-Key: # \r\n", GOOD,   422, "Idempotency-Key", "another request before"},
    {"no content type",         "POST /v1/tweets", KEY, GOOD,                              415, "Content-Type", "must be application/json"},
    {"content type text",       "POST /v1/tweets", KEY "Content-Type: text/plain\r\n", GOOD, 415, "Content-Type", "must be application/json"},
    {"content type a form's",   "POST /v1/tweets", KEY "Content-Type: application/x-www-form-urlencoded\r\n", GOOD, 415, "Content-Type", "must be application/json"},
    {"content type almost",     "POST /v1/tweets", KEY "Content-Type: application/jsonp\r\n", GOOD, 415, "Content-Type", "must be application/json"},
    {"two content types",       "POST /v1/tweets", KEY JSON JSON, GOOD,                    400, "Content-Type", "given twice"},
    {"a body nobody wants",     "PUT /v1/users/@/following/1", JSON, BYTES("{}"),          400, "body", "none is taken"},
    {"the same for a GET",      "GET /v1/users/@", JSON, BYTES("{}"),                      400, "body", "none is taken"},

    {"no such route",           GET("/v1/nothing"),                                        404, "path", "no such path"},
    {"a slash too many",        GET("/v1/users/@/"),                                       404, "path", "no such path"},
    {"a slash encoded",         GET("/v1/users%2F@"),                                      404, "path", "no such path"},
    {"a wrong method",          "POST /v1/users/@", JSON, BYTES("{}"),                     405, "method", "GET, HEAD"},
    {"another",                 "DELETE /v1/tweets", NO_BODY,                              405, "method", "POST"},
    {"a third",                 "PUT /v1/users/@/home_timeline", NO_BODY,                  405, "method", "GET, HEAD"},
    {"a method in small",       "get /v1/users/@", NO_BODY,                                405, "method", "GET, HEAD"},
    {"a user that is not",      GET("/v1/users/999999999"),                                404, "id", "no user 999999999"},
    {"no id of a user",         GET("/v1/users/nobody"),                                   404, "id", "not a user id"},
    {"an id above a bigint",    GET("/v1/users/99999999999999999999"),                     404, "id", "not a user id"},
    {"an id with a newline",    GET("/v1/users/@%0A"),                                     404, "id", "not a user id"},
    {"a tweet that is not",     GET("/v1/tweets/" ID),                                     404, "id", "no tweet " ID},
    {"no id of a tweet",        GET("/v1/tweets/1"),                                       404, "id", "not a UUID"},
    {"an id in capitals",       GET("/v1/tweets/019AB000-0000-7000-8000-000000000000"),    404, "id", "not a UUID"},
    {"follow oneself",          "PUT /v1/users/@/following/@", NO_BODY,                    422, "other", "nobody follows themselves"},
    {"follow nobody",           "PUT /v1/users/@/following/999999999", NO_BODY,            404, "other", "no user 999999999"},
    {"nobody follows",          "PUT /v1/users/999999999/following/@", NO_BODY,            404, "id", "no user 999999999"},
    {"unfollow nobody",         "DELETE /v1/users/@/following/999999999", NO_BODY,         404, "other", "no user 999999999"},
    {"follow no id",            "PUT /v1/users/@/following/x", NO_BODY,                    404, "other", "not a user id"},
    {"no id follows",           "PUT /v1/users/x/following/@", NO_BODY,                    404, "id", "not a user id"},
    {"a timeline of nobody",    GET("/v1/users/999999999/home_timeline"),                  404, "id", "no user 999999999"},
    {"a timeline of no id",     GET("/v1/users/x/home_timeline"),                          404, "id", "not a user id"},
    {"tweets of nobody",        GET("/v1/users/999999999/tweets?limit=10"),                404, "id", "no user 999999999"},

    {"a path not UTF-8",        GET("/v1/users/%ff"),                                      400, "path", "not UTF-8"},
    {"a path overlong",         GET("/v1/users/%c0%af"),                                   400, "path", "not UTF-8"},
    {"a path of a surrogate",   GET("/v1/users/%ed%a0%80"),                                400, "path", "not UTF-8"},
    {"a path of bare bytes",    GET("/v1/users/\xff"),                                     400, "path", "not UTF-8"},
    {"a path with NUL",         GET("/v1/users/@%00"),                                     400, "path", "NUL"},
    {"a path with ESC",         GET("/v1/users/\x1b[2J"),                                  400, "path", "control character"},
    {"a path with a blank",     GET("/v1/users/@ @"),                                      400, "path", "a space"},
    {"an escape cut",           GET("/v1/users/%"),                                        400, "path", "hexadecimal"},
    {"an escape of one digit",  GET("/v1/users/%4"),                                       400, "path", "hexadecimal"},
    {"an escape of no digits",  GET("/v1/users/%zz"),                                      400, "path", "hexadecimal"},
    {"a target of no path",     GET("http://t/v1/users/@"),                                400, "path", "not a path"},

    {"limit 0",                 PAGE("limit=0"),                                           400, "limit", "from 1 to 100"},
    {"limit 101",               PAGE("limit=101"),                                         400, "limit", "from 1 to 100"},
    {"limit -1",                PAGE("limit=-1"),                                          400, "limit", "from 1 to 100"},
    {"limit +5",                PAGE("limit=%2B5"),                                        400, "limit", "from 1 to 100"},
    {"limit with a blank",      PAGE("limit=+5"),                                          400, "limit", "from 1 to 100"},
    {"limit a word",            PAGE("limit=ten"),                                         400, "limit", "from 1 to 100"},
    {"limit hexadecimal",       PAGE("limit=0x5"),                                         400, "limit", "from 1 to 100"},
    {"limit empty",             PAGE("limit="),                                            400, "limit", "from 1 to 100"},
    {"limit above 2^64",        PAGE("limit=18446744073709551617"),                        400, "limit", "from 1 to 100"},
    {"two limits",              PAGE("limit=5&limit=6"),                                   400, "limit", "given twice"},
    {"limit not UTF-8",         PAGE("limit=%ff"),                                         400, "limit", "not UTF-8"},
    {"limit with NUL",          PAGE("limit=5%00"),                                        400, "limit", "NUL"},
    {"limit with half an escape", PAGE("limit=%4"),                                        400, "limit", "hexadecimal"},
    {"a name not UTF-8",        PAGE("%ff=1"),                                             400, "query", "not UTF-8"},
    {"cursor a word",           PAGE("cursor=nonsense"),                                   400, "cursor", "not a next_cursor"},
    {"cursor empty",            PAGE("cursor="),                                           400, "cursor", "not a next_cursor"},
    {"cursor without a count",  PAGE("cursor=" ID "."),                                    400, "cursor", "not a next_cursor"},
    {"cursor below zero",       PAGE("cursor=" ID ".-1"),                                  400, "cursor", "not a next_cursor"},
    {"cursor past the end",     PAGE("cursor=" ID ".801"),                                 400, "cursor", "not a next_cursor"},
    {"cursor of no UUID",       PAGE("cursor=x" ID ".1"),                                  400, "cursor", "not a next_cursor"},
    {"cursor and more",         PAGE("cursor=" ID ".1x"),                                  400, "cursor", "not a next_cursor"},
    {"cursor SQL",              PAGE("cursor=" ID "'--.1"),                                400, "cursor", "not a next_cursor"},
    {0},
};

#define POST "POST /v1/tweets HTTP/1.1\r\n" HOST JSON KEY
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const struct bad_input framing[] = {
    {"two lengths",             POST, RAW("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400, "Content-Length", "given twice"},
    {"two that are the same",   POST, RAW("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400, "Content-Length", "given twice"},
    {"length and chunks",       POST, RAW("Content-Length: 2\r\n" CHUNKED "0\r\n\r\n"),    400, "Transfer-Encoding", "together with Content-Length"},
    {"a length with a blank",   POST, RAW("Content-Length : 2\r\n\r\n{}"),                 400, "Content-Length ", "not the name of a header field"},
    {"another coding",          POST, RAW("Transfer-Encoding: gzip\r\n\r\n"),              501, "Transfer-Encoding", "only chunked"},
    {"chunks that are JSON not", POST, RAW(CHUNKED "1\r\n{\r\n0\r\n\r\n"),                 422, "body", "malformed near byte"},
    {"chunks too large",        POST, "", chunked_large, SIZE_MAX,                         413, "body", "longer than 16384 bytes"},
    {"no host",                 "GET /v1/users/@ HTTP/1.1\r\n", RAW("\r\n"),               400, "Host", "missing"},
    {"two hosts",               "GET /v1/users/@ HTTP/1.1\r\n", RAW(HOST HOST "\r\n"),     400, "Host", "given twice"},
    {"9 KB of fields",          "GET /v1/users/@ HTTP/1.1\r\n" HOST, "", fields_9k, SIZE_MAX, 431, "X-Large", "at most 8192"},
    {"HTTP/1.0, bad JSON",      "POST /v1/tweets HTTP/1.0\r\n" JSON KEY, RAW("Content-Length: 1\r\n\r\n{"), 422, "body", "malformed near byte"},
    {"HTTP/1.0 and chunks",     "POST /v1/tweets HTTP/1.0\r\n" JSON KEY, RAW(CHUNKED "2\r\n{}\r\n0\r\n\r\n"), 400, "Transfer-Encoding", "HTTP/1.0"},

    {"a length below zero",     POST, RAW("Content-Length: -1\r\n\r\n{}"),                 400, NULL, NULL},
    {"a length of a word",      POST, RAW("Content-Length: two\r\n\r\n{}"),                400, NULL, NULL},
    {"a length above 2^64",     POST, RAW("Content-Length: 99999999999999999999\r\n\r\n{}"), 413, NULL, NULL},
    {"a chunk of no size",      POST, RAW(CHUNKED "zz\r\n{}\r\n0\r\n\r\n"),                400, NULL, NULL},
    {"a chunk of -1",           POST, RAW(CHUNKED "-1\r\n{}\r\n0\r\n\r\n"),                400, NULL, NULL},
    {"a chunk longer than said", POST, RAW(CHUNKED "1\r\n{}\r\n0\r\n\r\n"),                400, NULL, NULL},
    {"20 KB of fields",         "GET /v1/users/@ HTTP/1.1\r\n" HOST, "", fields_20k, SIZE_MAX, 431, NULL, NULL},
    {"a field without a colon", "GET /v1/users/@ HTTP/1.1\r\n" HOST, RAW("nonsense\r\n\r\n"), 400, NULL, NULL},
    {"HTTP/2.0",                "GET /v1/users/@ HTTP/2.0\r\n" HOST, RAW("\r\n"),          505, NULL, NULL},
    {"HTTP/x.y",                "GET /v1/users/@ HTTP/x.y\r\n" HOST, RAW("\r\n"),          400, NULL, NULL},
    {"no HTTP at all",          "\x16\x03\x01 HTTP/1.1\r\n", RAW("\x02\r\n\r\n"),          400, NULL, NULL},
    {0},
};
/* clang-format on */

/* --- what a request leaves behind -------------------------------------------------------- */

static struct kpk_pg *pg;
static struct kpk_tail *tail;
static struct world *world;
static char new_key[KPK_UUID_BYTES], used_key[KPK_UUID_BYTES];
static int64_t ends; /* of the topics, before */

/* Everything that a write would change. */
static const char *read_tables(void) {
    static const struct kpk_pg_stmt count = {
        "count_all",
        "SELECT format('users %s, following %s, follows %s, tweets %s, outbox %s, keys %s', "
        "(SELECT count(*) FROM users), (SELECT sum(following + followers) FROM users), "
        "(SELECT count(*) FROM follows), (SELECT count(*) FROM tweets), "
        "(SELECT count(*) FROM outbox), (SELECT count(*) FROM idempotency_keys))"};
    static char text[200];
    PGresult *result = kpk_pg_exec(pg, &count, NULL, 0, err);

    if (!result) fail_msg("%s", err->msg);
    snprintf(text, sizeof(text), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

static bool outbox_empty(void *ctx) {
    (void)ctx;
    return strstr(read_tables(), "outbox 0,");
}

static int64_t read_ends(void) {
    char tweets[KPK_NAME_BYTES], follows[KPK_NAME_BYTES];

    return offsets_end(kpk_full_name(KPK_TOPIC_TWEETS, tweets)) +
           offsets_end(kpk_full_name(KPK_TOPIC_FOLLOWS, follows));
}

/* The next record of both topics is the event of 'tweet': nothing came before it. */
static void await_event(const struct twitter_tweet *tweet) {
    rd_kafka_message_t *msg;
    struct twitter_tweet seen = {.id = ""};
    struct kpk_event event;
    int failed;

    assert_ok(kpk_tail_next(tail, ARRIVE_MS, &msg, err), err);
    if (!msg) fail_msg("tweet %s does not arrive", tweet->id);
    failed = kpk_event_decode(msg, &event, err) || twitter_tweet_decode(&event, &seen, err);
    rd_kafka_message_destroy(msg); /* first: closing the tail waits for it */
    assert_ok(failed, err);
    assert_string_equal(seen.id, tweet->id);
    assert_string_equal(seen.text, tweet->text);
}

static void post(const char *key, const char *text) {
    struct twitter_tweet tweet;

    if (client_post(world->client, world->users[0].id, key, text, &tweet, err) != KPK_WRITE_OK)
        fail_msg("%s", err->msg);
    await_event(&tweet);
}

/* --- asking ------------------------------------------------------------------------------ */

static char *put(char *out, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '@')
            out = stpcpy(out, world->users[0].id);
        else if (bytes[i] == '$' || bytes[i] == '#')
            out = stpcpy(out, bytes[i] == '$' ? new_key : used_key);
        else
            *out++ = bytes[i];
    }
    return out;
}

/* returns  its length */
static size_t write_request(const struct bad_input *bad, char *request) {
    static char body[REQUEST_BYTES / 2];
    char *out = put(request, bad->line, strlen(bad->line)), *end = body;

    if (bad->body)
        end = put(body, bad->body, bad->len == SIZE_MAX ? strlen(bad->body) : bad->len);
    if (!strstr(bad->line, " HTTP/")) {
        out = stpcpy(out, " HTTP/1.1\r\n" HOST);
        out = put(out, bad->fields, strlen(bad->fields));
        if (bad->body) out += sprintf(out, "Content-Length: %td\r\n", end - body);
        out = stpcpy(out, "\r\n");
    }
    memcpy(out, body, (size_t)(end - body));
    return (size_t)(out - request + (end - body));
}

static int port_of(const struct bad_input *bad) {
    bool timelines = strstr(bad->line, "/home_timeline") || strstr(bad->line, "/tweets?");
    const char *url = getenv(timelines ? "KPK_TIMELINE_SERVICE_URL" : "KPK_TWEET_SERVICE_URL");

    if (!url) fail_msg("the addresses of the stack are not set: run this by tests/run");
    return atoi(strrchr(url, ':') + 1);
}

/* --- judging ----------------------------------------------------------------------------- */

static void check_problem(const struct bad_input *bad, const struct raw_answer *answer) {
    const char *detail, *field;
    int64_t status;
    cJSON *problem = kpk_json_parse(answer->body, strlen(answer->body), err);

    if (!problem) fail_msg("%s: %s: %s", bad->what, err->msg, answer->body);
    if (!strstr(answer->head, "\r\nContent-Type: application/problem+json\r\n"))
        fail_msg("%s: %s", bad->what, answer->head);
    if (kpk_json_str(problem, "detail", SIZE_MAX, &detail, err) ||
        kpk_json_str(problem, "field", SIZE_MAX, &field, err) ||
        kpk_json_int(problem, "status", 400, 599, &status, err))
        fail_msg("%s: %s: %s", bad->what, err->msg, answer->body);
    if (strcmp(field, bad->field) != 0 || !strstr(detail, bad->words) || status != bad->status)
        fail_msg("%s: must blame '%s' and say '%s': %s", bad->what, bad->field, bad->words,
                 answer->body);
    if (status == 405 && !strstr(answer->head, "\r\nAllow: "))
        fail_msg("%s: no Allow: %s", bad->what, answer->head);
    cJSON_Delete(problem);
}

static void each_is_refused(const struct bad_input *table) {
    static char request[REQUEST_BYTES], before[200];
    struct raw_answer answer;

    strcpy(before, read_tables());
    for (const struct bad_input *bad = table; bad->what; bad++) {
        size_t len = write_request(bad, request);
        raw_ask_bytes(port_of(bad), request, len, &answer);
        if (answer.status != bad->status)
            fail_msg("%s: %d, not %d: %s%s", bad->what, answer.status, bad->status, answer.head,
                     answer.body);
        if (bad->field) check_problem(bad, &answer);
        if (strcmp(read_tables(), before) != 0)
            fail_msg("%s: %s -> %s", bad->what, before, read_tables());
    }
    assert_int_equal(read_ends(), ends);
}

static void bad_bodies(void **state) {
    (void)state;
    each_is_refused(bodies);
}

static void bad_requests(void **state) {
    (void)state;
    each_is_refused(requests);
}

static void bad_framing(void **state) {
    (void)state;
    each_is_refused(framing);
}

/* The other side of the limit: 280 characters of four bytes, and nothing of the above before. */
static void the_longest_text_is_taken(void **state) {
    char text[TWITTER_TEXT_BYTES + 1] = "", key[KPK_UUID_BYTES];

    (void)state;
    for (int i = 0; i < TWITTER_TEXT_POINTS; i++) strcat(text, "\xf0\x9f\x90\xa6");
    kpk_uuid7(key);
    post(key, text);
}

/* --- set-up ------------------------------------------------------------------------------ */

static void repeat(char *out, const char *before, const char *text, int times,
                   const char *after) {
    out = stpcpy(out, before);
    while (times-- > 0) out = stpcpy(out, text);
    strcpy(out, after);
}

static void fill_in(void) {
    char hex[64];

    repeat(long_ascii, "{" AUTHOR ",\"text\":\"", "a", 281, "\"}");
    repeat(long_emoji, "{" AUTHOR ",\"text\":\"", "\xf0\x9f\x90\xa6", 281, "\"}");
    repeat(deep, "", "[", DEEP, "");
    repeat(nested, "{\"text\":", "{\"a\":", 32, "1");
    repeat(large, "", " ", LARGE, "");
    snprintf(hex, sizeof(hex), CHUNKED "%x\r\n", LARGE);
    repeat(chunked_large, hex, " ", LARGE, "\r\n0\r\n\r\n");
    repeat(key_256, JSON "Idempotency-Key: ", "k", 256, "\r\n");
    repeat(fields_9k, "X-Large: ", "x", 9000, "\r\n\r\n");
    repeat(fields_20k, "X-Large: ", "x", 20000, "\r\n\r\n");
}

/* The world's last event was read, and only committed transactions are: what is in the topics
 * now stays as it is. */
static int set_up(void **state) {
    char tweets[KPK_NAME_BYTES], follows[KPK_NAME_BYTES], handle[64], id[TWITTER_ID_BYTES];
    const char *topics[] = {kpk_full_name(KPK_TOPIC_TWEETS, tweets),
                            kpk_full_name(KPK_TOPIC_FOLLOWS, follows), NULL};

    (void)state;
    fill_in();
    assert_ok(twitter_database_open(&pg, err), err);
    assert_ok(world_open(&world, 1, err), err);
    snprintf(handle, sizeof(handle), "bad_input_%s", world->users[0].id);
    assert_ok(client_create_user(world->client, handle, handle, id, err), err);
    if (!wait_until(ARRIVE_MS, outbox_empty, NULL)) fail_msg("rows are left in the outbox");
    assert_ok(kpk_tail_open_at(&tail,
                               &(struct kpk_tail_opts){.topics = topics,
                                                       .partition = KPK_TAIL_ALL,
                                                       .from = {.start = KPK_TAIL_END}},
                               err),
              err);
    kpk_uuid7(new_key);
    kpk_uuid7(used_key);
    post(used_key, "the only one");
    if (!wait_until(ARRIVE_MS, outbox_empty, NULL)) fail_msg("rows are left in the outbox");
    ends = read_ends();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    kpk_tail_close(tail);
    world_close(world);
    kpk_pg_close(pg);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_bodies),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(bad_framing),
        cmocka_unit_test(the_longest_text_is_taken),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: bad input", tests, set_up, tear_down);
}
