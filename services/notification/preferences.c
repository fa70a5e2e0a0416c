#include "services/notification/preferences.h"

#include "services/notification/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS = NOTIFICATION_CATEGORIES * NOTIFICATION_CHANNELS,
    WORD_BYTES = 16, /* of a channel's or category's name */
};

/* clang-format off */
static const struct {
    const char *name;
    bool allowed[NOTIFICATION_CHANNELS];
} categories[NOTIFICATION_CATEGORIES] = {
    /*                                       email  sms    push */
    [NOTIFICATION_MENTION]   = {"mention",   {false, false, true }},
    [NOTIFICATION_ORDER]     = {"order",     {true,  false, true }},
    [NOTIFICATION_SHIPPING]  = {"shipping",  {true,  true,  true }},
    [NOTIFICATION_MARKETING] = {"marketing", {true,  false, false}},
    [NOTIFICATION_ACCOUNT]   = {"account",   {true,  true,  false}},
};
/* clang-format on */

const char *notification_category_name(enum notification_category category) {
    return categories[category].name;
}

bool notification_allowed_by_default(enum notification_category category,
                                     enum notification_channel channel) {
    return categories[category].allowed[channel];
}

void notification_preferences_defaults(struct notification_preferences *preferences) {
    for (int i = 0; i < NOTIFICATION_CATEGORIES; i++)
        memcpy(preferences->allowed[i], categories[i].allowed, sizeof(categories[i].allowed));
}

/* --- as JSON ----------------------------------------------------------------------------- */

/* What may stand in the object, for kpk_json_only(). */
static const char *const *category_names(void) {
    static _Thread_local const char *names[NOTIFICATION_CATEGORIES + 1];

    for (int i = 0; i < NOTIFICATION_CATEGORIES; i++) names[i] = categories[i].name;
    return names;
}

static const char *const *channel_names(void) {
    static _Thread_local const char *names[NOTIFICATION_CHANNELS + 1];

    for (int i = 0; i < NOTIFICATION_CHANNELS; i++) names[i] = notification_channel_name(i);
    return names;
}

static int read_category(const cJSON *object, bool *allowed, struct kpk_err *err) {
    int yes;

    if (!cJSON_IsObject(object)) return kpk_fail(err, KPK_REJECT, "must be an object");
    if (kpk_json_only(object, channel_names(), err)) return -1;
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        const char *name = notification_channel_name(channel);
        if (!cJSON_GetObjectItemCaseSensitive(object, name)) continue;
        if (kpk_json_bool(object, name, &yes, err)) return -1;
        allowed[channel] = yes;
    }
    return 0;
}

int notification_preferences_read(const cJSON *object,
                                  struct notification_preferences *preferences,
                                  struct kpk_err *err) {
    struct kpk_err why;

    notification_preferences_defaults(preferences);
    if (kpk_json_only(object, category_names(), err)) return -1;
    for (int i = 0; i < NOTIFICATION_CATEGORIES; i++) {
        const char *name = categories[i].name;
        const cJSON *category = cJSON_GetObjectItemCaseSensitive(object, name);
        if (!category || !read_category(category, preferences->allowed[i], &why)) continue;
        /* "marketing.email: ...", but "marketing: must be an object" */
        return kpk_fail(err, KPK_REJECT, "%s%s%s", name, cJSON_IsObject(category) ? "." : ": ",
                        why.msg);
    }
    return 0;
}

cJSON *notification_preferences_json(const struct notification_preferences *preferences) {
    cJSON *object = cJSON_CreateObject(), *category;

    for (int i = 0; i < NOTIFICATION_CATEGORIES; i++) {
        category = cJSON_AddObjectToObject(object, categories[i].name);
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
            cJSON_AddBoolToObject(category, notification_channel_name(channel),
                                  preferences->allowed[i][channel]);
    }
    return object;
}

/* --- in the database --------------------------------------------------------------------- */

static int find(const char *const *names, const char *name) {
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

/* Columns: channel, category, allowed; of a user who said nothing a row of NULLs. A name that is not
 * known any more is passed over. */
static void take_row(const PGresult *rows, int row,
                     struct notification_preferences *preferences) {
    int channel = find(channel_names(), PQgetvalue(rows, row, 0));
    int category = find(category_names(), PQgetvalue(rows, row, 1));

    if (channel < 0 || category < 0) return;
    preferences->allowed[category][channel] = *PQgetvalue(rows, row, 2) == 't';
}

int notification_preferences_load(struct kpk_pg *pg, const char *user_id,
                                  struct notification_preferences *preferences,
                                  struct kpk_err *err) {
    static const struct kpk_pg_stmt load = {
        "preferences_load",
        "SELECT p.channel, p.category, p.allowed "
        "FROM contacts c LEFT JOIN preferences p USING (user_id) WHERE c.user_id = $1"};
    PGresult *rows = kpk_pg_exec(pg, &load, &user_id, 1, err);
    int count;

    if (!rows) return -1;
    count = PQntuples(rows);
    notification_preferences_defaults(preferences);
    for (int row = 0; row < count; row++) take_row(rows, row, preferences);
    PQclear(rows);
    return count ? 0 : kpk_fail(err, KPK_REJECT, "id: no user %s", user_id);
}

/* Those that differ from the default, a row each. */
static int insert_own(struct kpk_pg *pg, const char *user_id,
                      const struct notification_preferences *preferences, struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "preferences_insert", "INSERT INTO preferences (user_id, channel, category, allowed) "
                              "SELECT $1, channel, category, allowed "
                              "FROM unnest($2::text[], $3::text[], $4::boolean[]) AS "
                              "own(channel, category, allowed)"};
    char cells[3][CELLS][WORD_BYTES], *arrays[3];
    size_t count = 0;
    int failed = -1;

    for (int i = 0; i < CELLS; i++) {
        int category = i / NOTIFICATION_CHANNELS, channel = i % NOTIFICATION_CHANNELS;
        bool allowed = preferences->allowed[category][channel];
        if (allowed == categories[category].allowed[channel]) continue;
        snprintf(cells[0][count], WORD_BYTES, "%s", notification_channel_name(channel));
        snprintf(cells[1][count], WORD_BYTES, "%s", categories[category].name);
        snprintf(cells[2][count++], WORD_BYTES, "%s", allowed ? "t" : "f");
    }
    for (int i = 0; i < 3; i++) arrays[i] = kpk_pg_array(*cells[i], WORD_BYTES, count);
    if (arrays[0] && arrays[1] && arrays[2])
        failed = kpk_pg_run(pg, &insert,
                            (const char *[]){user_id, arrays[0], arrays[1], arrays[2]}, 4, err);
    else
        kpk_fail(err, KPK_FATAL, "preferences: no memory");
    for (int i = 0; i < 3; i++) free(arrays[i]);
    return failed;
}

int notification_preferences_store(struct kpk_pg *pg, const char *user_id,
                                   const struct notification_preferences *preferences,
                                   struct kpk_err *err) {
    static const struct kpk_pg_stmt clear = {"preferences_clear",
                                             "DELETE FROM preferences WHERE user_id = $1"};
    int failed = -1;

    if (kpk_pg_begin(pg, err)) return -1;
    /* Of two who write at once, one is first: neither mixes with the other. */
    if (notification_user_lock(pg, user_id, "id", err)) goto out;
    if (kpk_pg_run(pg, &clear, &user_id, 1, err)) goto out;
    if (insert_own(pg, user_id, preferences, err)) goto out;
    failed = kpk_pg_commit(pg, err);
out:
    kpk_pg_rollback(pg);
    return failed;
}
