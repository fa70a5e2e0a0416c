#include "services/notification/channel.h"

#include "common/fault.h"
#include "common/metrics.h"
#include "services/notification/database.h"
#include "services/notification/deliveries.h"
#include "services/notification/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An effect is opened without arguments, and a process is of one channel. */
static const struct notification_provider_opts *provider_opts;

void notification_channel_use(const struct notification_provider_opts *opts) {
    provider_opts = opts;
}

/* One notification that the batch asks for. */
struct noted {
    char id[KPK_UUID_BYTES];
    char recipient_id[NOTIFICATION_USER_ID_BYTES];
    enum notification_category category;
    bool urgent, last_try;
    int waited_ms;
    struct notification_message message;
    struct noted
        *first;    /* of those with its id in the batch: itself, or one that came before it */
    bool answered; /* 'outcome' is its provider's */
    struct kpk_err outcome;
};

/* What a provider said of one whose batch waits for the others. */
struct answer {
    char id[KPK_UUID_BYTES];
    int waited_ms; /* of another try of it another one */
    struct kpk_err outcome;
};

struct channel {
    enum notification_channel channel;
    struct kpk_pg *pg;
    struct notification_provider *provider;
    struct noted *noted;
    struct noted *
        *by_id; /* the same, in the order of their ids; of equal ones the first is first */
    size_t count;
    struct notification_delivery *deliveries; /* those to be sent ... */
    struct noted **sending;                   /* ... of these */
    size_t n_sending;
    struct notification_row *asked; /* rows for a statement */
    struct notification_row *news;  /* what became of them, and is not in the table yet */
    size_t n_news;
    struct answer *answers; /* of the time before, to the same batch: RETRY and REJECT */
    size_t n_answers;
};

static struct kpk_metric outcomes = {
    .name = "kpk_notifications_total",
    .help = "Notifications by what became of a try, repeated ones included",
};

static void count(const struct channel *channel, const char *outcome, size_t n) {
    char labels[sizeof(outcomes.labels)];

    if (n == 0) return;
    snprintf(labels, sizeof(labels), "channel=\"%s\",outcome=\"%s\"",
             notification_channel_name(channel->channel), outcome);
    kpk_metric_add(kpk_metric_with(&outcomes, labels), (int64_t)n);
}

/* --- open and close ---------------------------------------------------------------------- */

static void channel_close(void *ctx) {
    struct channel *channel = ctx;

    if (!channel) return;
    notification_provider_close(channel->provider);
    kpk_pg_close(channel->pg);
    free(channel->noted);
    free(channel->by_id);
    free(channel->deliveries);
    free(channel->sending);
    free(channel->asked);
    free(channel->news);
    free(channel->answers);
    free(channel);
}

static int channel_open(void **ctx, int batch, struct kpk_err *err) {
    struct channel *channel = calloc(1, sizeof(*channel));
    size_t room = (size_t)batch;

    *ctx = NULL;
    if (!channel) return kpk_fail(err, KPK_FATAL, "notifications: no memory");
    channel->channel = provider_opts->channel;
    channel->noted = calloc(room, sizeof(*channel->noted));
    channel->by_id = calloc(room, sizeof(struct noted *));
    channel->deliveries = calloc(room, sizeof(*channel->deliveries));
    channel->sending = calloc(room, sizeof(struct noted *));
    channel->asked = calloc(room, sizeof(*channel->asked));
    channel->news = calloc(room, sizeof(*channel->news));
    channel->answers = calloc(room, sizeof(*channel->answers));
    if (!channel->noted || !channel->by_id || !channel->deliveries || !channel->sending ||
        !channel->asked || !channel->news || !channel->answers) {
        kpk_fail(err, KPK_FATAL, "notifications: no memory");
        goto fail;
    }
    if (notification_database_open(&channel->pg, err)) goto fail;
    if (notification_provider_open(&channel->provider, provider_opts, err)) goto fail;
    *ctx = channel;
    return 0;
fail:
    channel_close(channel);
    return -1;
}

/* --- what a batch asks for --------------------------------------------------------------- */

static void channel_begin(void *ctx) { ((struct channel *)ctx)->count = 0; }

static int channel_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct channel *channel = ctx;
    struct noted *noted = &channel->noted[channel->count];
    struct notification_request request;
    cJSON *object;
    int failed;

    if (notification_request_decode(event, &object, &request, err)) return -1;
    failed = notification_render(request.template, channel->channel, request.data,
                                 &noted->message, err);
    cJSON_Delete(object);
    if (failed) return -1;
    strcpy(noted->id, request.id);
    strcpy(noted->recipient_id, request.recipient_id);
    noted->category = request.template->category;
    noted->urgent = request.priority == NOTIFICATION_HIGH;
    noted->last_try = event->last_try;
    noted->waited_ms = event->waited_ms;
    noted->answered = false;
    noted->outcome.verdict = KPK_OK;
    channel->by_id[channel->count++] = noted;
    return 0;
}

static int by_id(const void *a, const void *b) {
    const struct noted *one = *(struct noted *const *)a, *other = *(struct noted *const *)b;
    int order = strcmp(one->id, other->id);

    return order ? order : one < other ? -1 : 1;
}

/* One notification may be in a batch twice: in its topic and in a retry tier. It is done once. */
static void find_repeated(struct channel *channel) {
    qsort(channel->by_id, channel->count, sizeof(*channel->by_id), by_id);
    for (size_t i = 0; i < channel->count; i++) {
        struct noted *noted = channel->by_id[i], *before = i ? channel->by_id[i - 1] : NULL;
        noted->first = before && strcmp(before->id, noted->id) == 0 ? before->first : noted;
    }
}

/* --- what becomes of them ---------------------------------------------------------------- */

static struct notification_row *fill_row(struct notification_row *row,
                                         const struct noted *noted, const char *word) {
    strcpy(row->id, noted->id);
    strcpy(row->recipient_id, noted->recipient_id);
    snprintf(row->word, sizeof(row->word), "%s", word);
    row->reason[0] = row->provider_id[0] = '\0';
    return row;
}

static struct notification_row *add_news(struct channel *channel, const struct noted *noted,
                                         enum notification_status status, const char *reason) {
    struct notification_row *row =
        fill_row(&channel->news[channel->n_news++], noted, notification_status_name(status));

    snprintf(row->reason, sizeof(row->reason), "%s", reason);
    count(channel, notification_status_name(status), 1);
    return row;
}

/* What could not be recorded is kept for the next time, and is the first thing that is done then. */
static int record(struct channel *channel, struct kpk_err *err) {
    if (channel->n_news == 0) return 0;
    if (notification_deliveries_record(channel->pg, channel->channel, channel->news,
                                       channel->n_news, err))
        return -1;
    channel->n_news = 0;
    return 0;
}

/* In the order of their ids. */
static void keep_answers(struct channel *channel) {
    channel->n_answers = 0;
    for (size_t i = 0; i < channel->count; i++) {
        const struct noted *noted = channel->by_id[i];
        if (!noted->answered) continue;
        struct answer *answer = &channel->answers[channel->n_answers++];
        strcpy(answer->id, noted->id);
        answer->waited_ms = noted->waited_ms;
        answer->outcome = noted->outcome;
    }
}

static int compare_answer(const void *id, const void *answer) {
    return strcmp(id, ((const struct answer *)answer)->id);
}

/* A provider that is down keeps the batch; who was answered before that is not asked again each time. */
static bool was_answered(const struct channel *channel, struct noted *noted) {
    const struct answer *answer = bsearch(noted->id, channel->answers, channel->n_answers,
                                          sizeof(*answer), compare_answer);

    if (!answer || answer->waited_ms != noted->waited_ms) return false;
    noted->answered = true;
    noted->outcome = answer->outcome;
    return true;
}

static void add_delivery(struct channel *channel, struct noted *noted, const char *address,
                         const char *platform) {
    channel->deliveries[channel->n_sending] = (struct notification_delivery){
        .notification_id = noted->id,
        .recipient_id = noted->recipient_id,
        .address = address,
        .platform = platform,
        .subject = noted->message.subject,
        .text = noted->message.text,
        .urgent = noted->urgent,
        .waited_ms = noted->waited_ms,
    };
    channel->sending[channel->n_sending++] = noted;
}

/* Done already, skipped, rejected, or to be sent: row 'row' of what was looked up says it. */
static void decide(struct channel *channel, struct noted *noted, const PGresult *known,
                   int row) {
    const char *name = notification_channel_name(channel->channel);
    const char *category = notification_category_name(noted->category);
    bool own = !PQgetisnull(known, row, NOTIFICATION_ALLOWED);
    bool allowed = own ? *PQgetvalue(known, row, NOTIFICATION_ALLOWED) == 't'
                       : notification_allowed_by_default(noted->category, channel->channel);
    char reason[96];

    if (*PQgetvalue(known, row, NOTIFICATION_DONE) == 't') {
        count(channel, "repeated", 1);
    } else if (*PQgetvalue(known, row, NOTIFICATION_KNOWN) != 't') {
        kpk_fail(&noted->outcome, KPK_REJECT, "recipient_id: no user %s", noted->recipient_id);
        add_news(channel, noted, NOTIFICATION_REJECTED, noted->outcome.msg);
    } else if (!allowed) {
        snprintf(reason, sizeof(reason), "%s by %s: not allowed%s", category, name,
                 own ? "" : " by default");
        add_news(channel, noted, NOTIFICATION_SKIPPED, reason);
    } else if (PQgetisnull(known, row, NOTIFICATION_ADDRESS)) {
        add_news(channel, noted, NOTIFICATION_SKIPPED, "no address");
    } else if (!was_answered(channel, noted)) {
        bool named = !PQgetisnull(known, row, NOTIFICATION_PLATFORM);
        add_delivery(channel, noted, PQgetvalue(known, row, NOTIFICATION_ADDRESS),
                     named ? PQgetvalue(known, row, NOTIFICATION_PLATFORM) : NULL);
    }
}

/* returns  what the addresses of the deliveries are borrowed from, for PQclear(); NULL with 'err' */
static PGresult *look(struct channel *channel, struct kpk_err *err) {
    PGresult *known;

    for (size_t i = 0; i < channel->count; i++)
        fill_row(&channel->asked[i], &channel->noted[i],
                 notification_category_name(channel->noted[i].category));
    known = notification_deliveries_look(channel->pg, channel->channel, channel->asked,
                                         channel->count, err);
    channel->n_sending = 0;
    for (size_t i = 0; known && i < channel->count; i++)
        if (channel->noted[i].first == &channel->noted[i])
            decide(channel, &channel->noted[i], known, (int)i);
    return known;
}

/* --- sending ----------------------------------------------------------------------------- */

static bool was_claimed(const PGresult *claimed, const char *id) {
    for (int row = 0; row < PQntuples(claimed); row++)
        if (strcmp(PQgetvalue(claimed, row, 0), id) == 0) return true;
    return false;
}

/* What somebody else has done since it was looked up falls out. */
static int claim(struct channel *channel, struct kpk_err *err) {
    size_t wanted = channel->n_sending, kept = 0;
    PGresult *claimed;

    if (wanted == 0) return 0;
    for (size_t i = 0; i < wanted; i++) fill_row(&channel->asked[i], channel->sending[i], "");
    claimed = notification_deliveries_claim(channel->pg, channel->channel, channel->asked,
                                            wanted, err);
    if (!claimed) return -1;
    for (size_t i = 0; i < wanted; i++) {
        if ((size_t)PQntuples(claimed) < wanted &&
            !was_claimed(claimed, channel->sending[i]->id))
            continue;
        channel->sending[kept] = channel->sending[i];
        channel->deliveries[kept++] = channel->deliveries[i];
    }
    channel->n_sending = kept;
    count(channel, "repeated", wanted - kept);
    PQclear(claimed);
    return 0;
}

static void take_outcome(struct channel *channel, struct noted *noted,
                         const struct notification_delivery *delivery) {
    static const enum notification_status statuses[KPK_FATAL + 1] = {
        [KPK_OK] = NOTIFICATION_DELIVERED,
        [KPK_WAIT] = NOTIFICATION_WAITING,
        [KPK_RETRY] = NOTIFICATION_RETRYING,
        [KPK_REJECT] = NOTIFICATION_REJECTED,
    };
    struct kpk_err *outcome = &noted->outcome;
    struct notification_row *row;

    *outcome = delivery->outcome;
    if (outcome->verdict == KPK_RETRY && noted->last_try && !outcome->uncounted)
        kpk_fail(outcome, KPK_REJECT, "tries used up: %s", delivery->outcome.msg);
    row = add_news(channel, noted, statuses[outcome->verdict],
                   outcome->verdict == KPK_OK ? "" : outcome->msg);
    strcpy(row->provider_id, delivery->provider_id);
    noted->answered = outcome->verdict == KPK_RETRY || outcome->verdict == KPK_REJECT;
}

/* returns  0, or -1 with 'err': mostly WAIT. What was done meanwhile is among the news. */
static int send_all(struct channel *channel, struct kpk_err *err) {
    int down;

    if (channel->n_sending == 0) return 0;
    /* While nothing would be sent, nothing is claimed: an outage costs one query a round. */
    if (notification_provider_check(channel->provider, err)) return -1;
    if (claim(channel, err)) return -1; /* (2) */
    if (kpk_fault("notification:after-claim", err)) return -1;
    down = notification_deliver(channel->provider, channel->deliveries, channel->n_sending,
                                err); /* (3) */
    for (size_t i = 0; i < channel->n_sending; i++)
        take_outcome(channel, channel->sending[i], &channel->deliveries[i]);
    return down;
}

static int channel_apply(void *ctx, struct kpk_err *err) {
    struct channel *channel = ctx;
    struct kpk_err why;
    PGresult *known;
    int failed;

    if (record(channel, err)) return -1; /* of the time before */
    if (channel->count == 0) return 0;
    find_repeated(channel);
    known = look(channel, err); /* (1) */
    if (!known) return -1;
    failed = send_all(channel, &why); /* (2), (3) */
    PQclear(known);
    keep_answers(channel);
    if (kpk_fault("notification:after-send", err)) return -1;
    if (record(channel, err)) return -1; /* (4), whatever has failed before */
    if (kpk_fault("notification:after-record", err)) return -1;
    if (failed) *err = why;
    if (!failed) channel->n_answers = 0;
    return failed;
}

static int channel_outcome(void *ctx, size_t index, struct kpk_err *err) {
    const struct channel *channel = ctx;

    *err = channel->noted[index].first->outcome;
    return err->verdict == KPK_OK ? 0 : -1;
}

const struct kpk_fanout_effect notify_by_channel = {
    .open = channel_open,
    .close = channel_close,
    .begin = channel_begin,
    .note = channel_note,
    .apply = channel_apply,
    .outcome = channel_outcome,
};
