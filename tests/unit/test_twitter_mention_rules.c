/* What is a mention, and the event that tells of it. */
#include "services/twitter/mentions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define THIRTY "abcdefghijklmnopqrstuvwxyz_789"

/* clang-format off */
static const struct {
    const char *text;
    const char *handles; /* with a space between them */
} texts[] = {
    {"nobody", ""},
    {"@", ""},
    {"@ ada", ""},
    {"@ada", "ada"},
    {"hello @ada, and @ben!", "ada ben"},
    {"@ada @ben\n@cleo\t@dan", "ada ben cleo dan"},
    {"(@ada) \"@ben\" '@cleo' <@dan>", "ada ben cleo dan"},
    {".@ada -@ben :@cleo w/@dan", "ada ben cleo dan"},
    {"@ada's @ben-cleo @dan.", "ada ben dan"},
    {"@_a_ @1 @a1_", "_a_ 1 a1_"},
    {"@" THIRTY, THIRTY},
    {"@" THIRTY "x @ben", "ben"}, /* nobody can have so long a handle */
    /* case, and one and the same again */
    {"@Ada @ADA @ada", "ada"},
    {"@ben @ada @ben", "ben ada"},
    /* scripts without spaces; the wide @ */
    {"\u3053\u3093\u306b\u3061\u306f@ada\u3055\u3093", "ada"},
    {"\uff20ada \u4f60\u597d\uff20ben", "ada ben"},
    {"\U0001f426@ada\U0001f426", "ada"},
    /* addresses of e-mail, and words with an @ in them */
    {"mail bob@example.com", ""},
    {"b.o_b@example.com, @ada", "ada"},
    {"@bob@example.com", ""}, /* of the fediverse */
    {"a@b@c", ""},
    {"@@ada", ""},
    {"\uff20@ada @\uff20ben", ""},
    {"_@ada 1@ben !@cleo #@dan $@eve %@fay &@gus *@hal", ""},
    /* addresses of the web */
    {"https://example.com/@ada", ""},
    {"see example.com/@ada, @ben", "ben"},
    {"https://ada:@example.com", ""},
    {"(example.com/a?b=@ada) @ben", "ben"},
    {"a/@ada 24/7.@ben", "ada ben"},
    {"@http://example.com @https://example.com", ""},
    {"@ada:// @ada:/", "ada"},
    /* where the handle ends and the word does not */
    {"@jos\u00e9", ""},
    {"@jose\u0301", ""},
    {"@na\u1ef1x @ada\u00d7", "ada"},
};
/* clang-format on */

static const char *joined(const char *text, char *out) {
    char handles[TWITTER_MENTIONS_MAX][TWITTER_HANDLE_BYTES];
    size_t count = twitter_mentions(text, handles);
    char *end = out;

    *out = '\0';
    for (size_t i = 0; i < count; i++) end += sprintf(end, "%s%s", i ? " " : "", handles[i]);
    return out;
}

static void test_texts(void **state) {
    char out[TWITTER_MENTIONS_MAX * TWITTER_HANDLE_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (strcmp(joined(texts[i].text, out), texts[i].handles) != 0)
            fail_msg("'%s' mentions '%s', not '%s'", texts[i].text, texts[i].handles, out);
}

/* As many different ones as fit into 280 characters: the shortest handles, then those of two. */
static void test_most(void **state) {
    enum { LETTERS = 37, MOST = LETTERS + (TWITTER_TEXT_POINTS + 1 - 3 * LETTERS) / 4 };
    static const char letters[LETTERS + 1] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    char(*handles)[TWITTER_HANDLE_BYTES] = calloc(TWITTER_MENTIONS_MAX, sizeof(*handles));
    char text[TWITTER_TEXT_BYTES + 1], *end = text;
    struct kpk_err err;

    (void)state;
    assert_non_null(handles);
    for (int i = 0; i < LETTERS; i++) end += sprintf(end, "@%c ", letters[i]);
    for (int i = LETTERS; i < MOST; i++)
        end += sprintf(end, "@%c%c ", letters[i % LETTERS], letters[i / LETTERS]);
    end[-1] = '\0'; /* no space behind the last one */
    assert_int_equal(twitter_text_check(text, &err), 0);
    assert_int_equal(twitter_mentions(text, handles), MOST);
    free(handles);
}

/* The same one as often as it fits: it is found once, and nothing overflows. */
static void test_densest(void **state) {
    char(*handles)[TWITTER_HANDLE_BYTES] = calloc(TWITTER_MENTIONS_MAX, sizeof(*handles));
    char text[TWITTER_TEXT_BYTES + 1], *end = text;

    (void)state;
    assert_non_null(handles);
    for (int i = 0; i < TWITTER_MENTIONS_MAX; i++) end += sprintf(end, "@a ");
    assert_int_equal(twitter_mentions(text, handles), 1);
    free(handles);
}

#define TWEET "01a20ab4-1c36-7000-a77e-dd8b49718f7b"

static void test_ids(void **state) {
    char id[KPK_UUID_BYTES], again[KPK_UUID_BYTES], other[KPK_UUID_BYTES];

    (void)state;
    twitter_mention_id(TWEET, "42", id);
    assert_string_equal(
        id, "603ebcbd-f3e0-536f-a8f3-2789dcb0e2ce"); /* for ever: consumers have seen it */
    twitter_mention_id(TWEET, "42", again);
    assert_string_equal(again, id);
    twitter_mention_id(TWEET, "9223372036854775807", other);
    assert_string_not_equal(other, id);
    twitter_mention_id("01a20ab4-1c36-7000-a77e-dd8b49718f7c", "42", other);
    assert_string_not_equal(other, id);
}

static struct kpk_event event_of(const char *json) {
    return (struct kpk_event){
        .type = TWITTER_NOTIFICATION_REQUESTED, .data = json, .len = strlen(json)};
}

static void test_round_trip(void **state) {
    struct twitter_mention mention = {.id = "8af14b0d-4f19-5d1e-bb0a-0d7a1b3c5e6f",
                                      .recipient_id = "9223372036854775807",
                                      .tweet_id = TWEET,
                                      .author_id = "17",
                                      .author_handle = THIRTY,
                                      .text = "quote \" backslash \\ newline \n \U0001f426",
                                      .created_at = 1795475905590},
                           back;
    char *json = twitter_mention_encode(&mention);
    struct kpk_event event;
    struct kpk_err err;

    (void)state;
    assert_non_null(json);
    event = event_of(json);
    assert_int_equal(twitter_mention_decode(&event, &back, &err), 0);
    assert_string_equal(back.id, mention.id);
    assert_string_equal(back.recipient_id, mention.recipient_id);
    assert_string_equal(back.tweet_id, mention.tweet_id);
    assert_string_equal(back.author_id, mention.author_id);
    assert_string_equal(back.author_handle, mention.author_handle);
    assert_string_equal(back.text, mention.text);
    assert_int_equal(back.created_at, mention.created_at);
    free(json);
}

#define NOTE "\"notification_id\":\"8af14b0d-4f19-5d1e-bb0a-0d7a1b3c5e6f\""
#define HEAD "{" NOTE ",\"recipient_id\":\"2\",\"category\":\"mention\",\"created_at\":1"
#define DATA                                                                                   \
    "\"data\":{\"tweet_id\":\"" TWEET                                                          \
    "\",\"author_id\":\"1\",\"author_handle\":\"ada\",\"text\":\"hi\"}"

/* clang-format off */
static const struct {
    const char *json;
    const char *blames; /* how the message begins; NULL: it is fine */
} events[] = {
    {HEAD "," DATA "}", NULL},
    {HEAD "," DATA ",\"template\":\"mention\",\"priority\":\"low\",\"new_field\":1}", NULL},
    {"", ""},
    {"[]", ""},
    {"{}", "category: "},
    {"{" NOTE ",\"category\":\"shipping\"}", "category: "},
    {HEAD "}", "tweet_id: "},
    {HEAD ",\"data\":7}", "tweet_id: "},
    {HEAD ",\"data\":{\"tweet_id\":\"7\"}}", "tweet_id: "},
    {HEAD ",\"data\":{\"tweet_id\":\"" TWEET "\",\"author_id\":\"0\"}}", "author_id: "},
    {HEAD ",\"data\":{\"tweet_id\":\"" TWEET "\",\"author_id\":\"1\",\"author_handle\":\"" THIRTY "x\"}}", "author_handle: "},
    {HEAD ",\"data\":{\"tweet_id\":\"" TWEET "\",\"author_id\":\"1\",\"author_handle\":\"ada\"}}", "text: "},
    {"{" NOTE ",\"recipient_id\":\"x\",\"category\":\"mention\"}", "recipient_id: "},
    {"{\"notification_id\":\"x\",\"category\":\"mention\"}", "notification_id: "},
    {"{" NOTE ",\"recipient_id\":\"2\",\"category\":\"mention\",\"created_at\":\"1\"}", "created_at: "},
};
/* clang-format on */

static void test_decode(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(events); i++) {
        struct kpk_event event = event_of(events[i].json);
        const char *blames = events[i].blames;
        struct twitter_mention mention;
        struct kpk_err err = {0};
        int failed = twitter_mention_decode(&event, &mention, &err);
        if ((failed != 0) != (blames != NULL))
            fail_msg("%s: returned %d %s", events[i].json, failed, err.msg);
        if (!blames) continue;
        assert_int_equal(err.verdict, KPK_REJECT);
        if (strncmp(err.msg, blames, strlen(blames)) != 0)
            fail_msg("%s: says '%s', must blame '%s'", events[i].json, err.msg, blames);
    }
}

static void test_another_type(void **state) {
    struct kpk_event event = event_of(HEAD "," DATA "}");
    struct twitter_mention mention;
    struct kpk_err err;

    (void)state;
    event.type = TWITTER_TWEET_CREATED;
    assert_int_equal(twitter_mention_decode(&event, &mention, &err), -1);
    assert_int_equal(err.verdict, KPK_REJECT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),        cmocka_unit_test(test_most),
        cmocka_unit_test(test_densest),      cmocka_unit_test(test_ids),
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_decode),
        cmocka_unit_test(test_another_type),
    };

    return cmocka_run_group_tests_name("twitter_mention_rules", tests, NULL, NULL);
}
