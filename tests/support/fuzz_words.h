/* What openapi_fuzz.c spoils requests with. */
#ifndef KPK_TESTS_SUPPORT_FUZZ_WORDS_H
#define KPK_TESTS_SUPPORT_FUZZ_WORDS_H

/* clang-format off */

/* Values of a parameter. */
static const char *const nasty[] = {"", " ", "0", "-1", "+5", "007", "1.5", "1e999", "NaN",
    "null", "true", "x", "../../etc/passwd", "999999999", "9223372036854775807",
    "9223372036854775808", "18446744073709551617", "0x10", "' OR 1=1; --", "\"", "\\", "%",
    "%s%n%d", "a/b", "a?b#c", "<script>", "\"a phrase", "-", "or", "\x1b[2J", "\t", "\x7f",
    "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc2\x9b", "\xf0\x9f\x90\xa6",
    "\xe2\x80\xae", "\xef\xbb\xbf", "00000000-0000-0000-0000-000000000000",
    "019ab000-0000-7000-8000-000000000000.1", "1440m", "0m", "99999999999999999999h", "#",
    "%%23"};

/* Ends of a target. */
static const char *const broken_escapes[] = {"%", "%4", "%zz", "%00", "%ff", "%c0%af",
    "%ed%a0%80", "%2f", "%2e%2e", "%0d%0a", "%20"};

/* Values of a member of a body. */
static const char *const nasty_json[] = {"null", "true", "1", "-1", "1e999", "01", "\"\"",
    "\" \"", "[]", "{}", "[\"x\"]", "\"\\u0000\"", "\"\\ud83d\"", "\"\\u001b[2J\"",
    "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc2\x9b\"", "\"a\nb\"", "'x'", "\"\\x41\"",
    "\"' OR 1=1; --\"", "99999999999999999999", "\"999999999\"", "\"0\"", "", "\"@x #y\""};

/* Of a body. */
static const char *const types[] = {"text/plain", "application/jsonp", "",
    "application/json;", "application/x-www-form-urlencoded", "\xff"};

/* Fields that make two readers disagree, or one give up. */
static const char *const frames[] = {"Content-Length: 2\r\n", "Content-Length: -1\r\n",
    "Content-Length: two\r\n", "Content-Length: 99999999999999999999\r\n",
    "Content-Length : 2\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
    "Content-Length: 2\r\nContent-Length: 3\r\n",
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: \r\n", "no colon\r\n", ": no name\r\n", " folded: x\r\n",
    "bare: lf\n", "x: \r y\r\n", "Host: u\r\n"};

static const char *const versions[] = {"HTTP/1.0", "HTTP/2.0",
    "HTTP/x.y",         "HTTP/0.9", "http/1.1", "",         "HTTP/1.1 HTTP/1.1"};

static const char *const methods[] = {"HEAD",    "GET",   "POST", "PUT", "DELETE", "PATCH",
    "OPTIONS", "TRACE", "get",  "X",   "BREW"};

/* clang-format on */

#endif
