#include "services/twitter/notification-worker/effect.h"

#include "common/fault.h"
#include "common/kafka.h"
#include "common/metrics.h"
#include "common/pg.h"
#include "services/twitter/database.h"
#include "services/twitter/mentions.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 20000, /* longer than a delivery may take */
    LINGER_MS = 5,
    TRACEPARENT_BYTES = 56, /* as W3C's version 00 has it, and the end */
};

static struct kpk_metric requested = {
    .name = "kpk_notifications_requested_total",
    .help = "Notifications asked for, repeated ones included",
};

/* A tweet that mentions somebody. */
struct noted {
    struct twitter_tweet tweet;
    int64_t time_ms; /* of its event */
    char traceparent[TRACEPARENT_BYTES];
};

struct notify {
    struct kpk_pg *pg;
    struct kpk_producer *producer;
    char topic[KPK_NAME_BYTES];
    struct noted *tweets;
    size_t n_tweets;
    /* One row per mention, by column, so that each column becomes an array. */
    size_t mentions;
    char (*numbers)[12]; /* index in 'tweets' */
    char (*author_ids)[TWITTER_ID_BYTES];
    char (*handles)[TWITTER_HANDLE_BYTES];
};

static void notify_close(void *ctx) {
    struct notify *notify = ctx;

    if (!notify) return;
    free(notify->tweets);
    free(notify->numbers);
    free(notify->author_ids);
    free(notify->handles);
    kpk_pg_close(notify->pg);
    kpk_producer_close(notify->producer);
    free(notify);
}

static int notify_open(void **ctx, int batch, struct kpk_err *err) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL, .linger_ms = LINGER_MS};
    struct notify *notify = calloc(1, sizeof(*notify));
    size_t rows = (size_t)batch * TWITTER_MENTIONS_MAX;

    *ctx = NULL;
    if (!notify) return kpk_fail(err, KPK_FATAL, "notifications: no memory");
    kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, notify->topic);
    notify->tweets = calloc((size_t)batch, sizeof(*notify->tweets));
    notify->numbers = calloc(rows, sizeof(*notify->numbers));
    notify->author_ids = calloc(rows, sizeof(*notify->author_ids));
    notify->handles = calloc(rows, sizeof(*notify->handles));
    if (!notify->tweets || !notify->numbers || !notify->author_ids || !notify->handles) {
        kpk_fail(err, KPK_FATAL, "notifications: no memory");
        goto fail;
    }
    if (twitter_database_open(&notify->pg, err)) goto fail;
    if (kpk_producer_open(&notify->producer, &opts, err)) goto fail;
    *ctx = notify;
    return 0;
fail:
    notify_close(notify);
    return -1;
}

/* --- what a batch asks for --------------------------------------------------------------- */

static void notify_begin(void *ctx) {
    struct notify *notify = ctx;

    notify->n_tweets = notify->mentions = 0;
}

static int notify_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct notify *notify = ctx;
    struct noted *noted = &notify->tweets[notify->n_tweets];
    size_t first = notify->mentions, count;

    if (strcmp(event->type, TWITTER_TWEET_CREATED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
    if (twitter_tweet_decode(event, &noted->tweet, err)) return -1;
    count = twitter_mentions(noted->tweet.text, notify->handles + first);
    if (count == 0) return 0;
    for (size_t row = first; row < first + count; row++) {
        snprintf(notify->numbers[row], sizeof(*notify->numbers), "%zu", notify->n_tweets);
        strcpy(notify->author_ids[row], noted->tweet.author_id);
    }
    noted->time_ms = event->time_ms;
    noted->traceparent[0] = '\0';
    if (event->traceparent && strlen(event->traceparent) < TRACEPARENT_BYTES)
        strcpy(noted->traceparent, event->traceparent);
    notify->n_tweets++;
    notify->mentions += count;
    return 0;
}

/* --- doing it ---------------------------------------------------------------------------- */

/* Who is mentioned by what, in the order of the batch. Handles that nobody has fall out, and so do
 * authors who mention themselves. Columns: index of the tweet, recipient's id, author's handle */
static PGresult *resolve(struct notify *notify, struct kpk_err *err) {
    static const struct kpk_pg_stmt stmt = {
        "mentioned",
        "SELECT m.tweet, recipient.id, author.handle "
        "FROM unnest($1::int[], $2::bigint[], $3::text[]) WITH ORDINALITY "
        "     AS m(tweet, author_id, handle, place) "
        "JOIN users recipient ON recipient.handle = m.handle AND recipient.id <> m.author_id "
        "JOIN users author ON author.id = m.author_id "
        "ORDER BY m.place"};
    char *columns[] = {
        kpk_pg_array(*notify->numbers, sizeof(*notify->numbers), notify->mentions),
        kpk_pg_array(*notify->author_ids, sizeof(*notify->author_ids), notify->mentions),
        kpk_pg_array(*notify->handles, sizeof(*notify->handles), notify->mentions),
    };
    PGresult *rows = NULL;

    if (columns[0] && columns[1] && columns[2])
        rows = kpk_pg_exec(notify->pg, &stmt, (const char *const *)columns, 3, err);
    else
        kpk_fail(err, KPK_FATAL, "notifications: no memory");
    for (int i = 0; i < 3; i++) free(columns[i]);
    return rows;
}

static int request(struct notify *notify, const struct noted *noted, const char *recipient_id,
                   const char *author_handle, struct kpk_err *err) {
    struct twitter_mention mention = {.created_at = noted->tweet.created_at};
    char *json;
    int failed;

    twitter_mention_id(noted->tweet.id, recipient_id, mention.id);
    strcpy(mention.tweet_id, noted->tweet.id);
    strcpy(mention.author_id, noted->tweet.author_id);
    strcpy(mention.text, noted->tweet.text);
    snprintf(mention.recipient_id, sizeof(mention.recipient_id), "%s", recipient_id);
    snprintf(mention.author_handle, sizeof(mention.author_handle), "%s", author_handle);
    json = twitter_mention_encode(&mention);
    if (!json) return kpk_fail(err, KPK_FATAL, "notifications: no memory");
    failed = kpk_event_send(
        notify->producer, notify->topic,
        &(struct kpk_event){.id = mention.id,
                            .source = TWITTER_SOURCE,
                            .type = TWITTER_NOTIFICATION_REQUESTED,
                            .subject = mention.id,
                            .traceparent = *noted->traceparent ? noted->traceparent : NULL,
                            .time_ms = noted->time_ms,
                            .key = mention.recipient_id,
                            .key_len = strlen(mention.recipient_id),
                            .data = json,
                            .len = strlen(json)},
        err);
    free(json);
    return failed;
}

static int notify_apply(void *ctx, struct kpk_err *err) {
    struct notify *notify = ctx;
    PGresult *rows;
    int failed = 0;

    if (notify->mentions == 0) return 0;
    rows = resolve(notify, err); /* (1) */
    if (!rows) return -1;
    for (int row = 0; row < PQntuples(rows) && !failed; row++) /* (2) */
        failed = request(notify, &notify->tweets[atoi(PQgetvalue(rows, row, 0))],
                         PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2), err);
    if (!failed) kpk_metric_add(&requested, PQntuples(rows));
    PQclear(rows);
    if (failed || kpk_fault("mentions:after-produce", err)) return -1;
    return kpk_producer_wait(notify->producer, WAIT_MS, err); /* (3) */
}

const struct kpk_fanout_effect notify_mentioned = {
    .open = notify_open,
    .close = notify_close,
    .begin = notify_begin,
    .note = notify_note,
    .apply = notify_apply,
};
