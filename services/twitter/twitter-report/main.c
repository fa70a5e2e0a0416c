/* twitter-report: what a person asks of the warehouse. The reports are its views; this prints one
 * day of them. */
#include "common/clock.h"
#include "common/event.h"
#include "common/opts.h"
#include "services/twitter/database.h"
#include "services/twitter/warehouse.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOURS = 24, BAR = 40, DAY_BYTES = sizeof("2026-01-31") };

struct report {
    struct kpk_pg *pg;
    char day[DAY_BYTES];
    int limit;
};

/* How much there is, before the rows that say what. */
static int print_heading(struct report *report, struct kpk_err *err) {
    static const struct kpk_pg_stmt total = {
        "total", "SELECT count(*), count(DISTINCT author_id) FROM tweet_facts WHERE day = $1"};
    PGresult *row = kpk_pg_exec(report->pg, &total, (const char *[]){report->day}, 1, err);

    if (!row) return -1;
    printf("%s (UTC): %s tweets of %s authors\n\n", report->day, PQgetvalue(row, 0, 0),
           PQgetvalue(row, 0, 1));
    PQclear(row);
    return 0;
}

static int print_daily(struct report *report, struct kpk_err *err) {
    static const struct kpk_pg_stmt hours = {
        "hours", "SELECT hour, tweets, authors FROM tweets_per_hour WHERE day = $1"};
    static const char bar[BAR + 1] = "########################################";
    long tweets[HOURS] = {0}, authors[HOURS] = {0}, most = 1;
    PGresult *rows = kpk_pg_exec(report->pg, &hours, (const char *[]){report->day}, 1, err);

    if (!rows) return -1;
    for (int row = 0; row < PQntuples(rows); row++) {
        int hour = atoi(PQgetvalue(rows, row, 0));
        tweets[hour] = atol(PQgetvalue(rows, row, 1));
        authors[hour] = atol(PQgetvalue(rows, row, 2));
        if (tweets[hour] > most) most = tweets[hour];
    }
    PQclear(rows);
    printf("%-5s %10s %10s\n", "HOUR", "TWEETS", "AUTHORS");
    for (int hour = 0; hour < HOURS; hour++)
        printf("%02d:00 %10ld %10ld%s%.*s\n", hour, tweets[hour], authors[hour],
               tweets[hour] ? "  " : "", (int)(tweets[hour] * BAR / most), bar);
    return 0;
}

/* Names are Twitter's, as they are now: the warehouse has ids. */
static int print_authors(struct report *report, struct kpk_err *err) {
    static const struct kpk_pg_stmt top = {
        "authors", "SELECT author_id, handle, tweets, deliveries FROM authors_per_day "
                   "LEFT JOIN users ON users.id = author_id WHERE day = $1 "
                   "ORDER BY deliveries DESC, tweets DESC, author_id LIMIT $2"};
    char limit[16];
    PGresult *rows;

    snprintf(limit, sizeof(limit), "%d", report->limit);
    rows = kpk_pg_exec(report->pg, &top, (const char *[]){report->day, limit}, 2, err);
    if (!rows) return -1;
    printf("%-19s %-30s %10s %14s\n", "AUTHOR", "HANDLE", "TWEETS", "DELIVERIES");
    for (int row = 0; row < PQntuples(rows); row++)
        printf("%-19s %-30s %10s %14s\n", PQgetvalue(rows, row, 0),
               PQgetisnull(rows, row, 1) ? "-" : PQgetvalue(rows, row, 1),
               PQgetvalue(rows, row, 2), PQgetvalue(rows, row, 3));
    PQclear(rows);
    return 0;
}

static const struct {
    const char *name;
    int (*print)(struct report *report, struct kpk_err *err);
} reports[] = {{"daily", print_daily}, {"authors", print_authors}};

/* A day that is none, as 2026-02-30, would be another's after the C library read it. */
static int read_day(const char *text, char day[DAY_BYTES], struct kpk_err *err) {
    char time[KPK_TIME_BYTES];
    int64_t ms = kpk_now_ms();

    snprintf(time, sizeof(time), "%.10sT00:00:00Z", text);
    if (*text && (strlen(text) != DAY_BYTES - 1 || kpk_time_parse(time, &ms)))
        return kpk_fail(err, KPK_FATAL, "--day: '%.20s' is no day as 2026-01-31", text);
    snprintf(day, DAY_BYTES, "%s", kpk_time_format(ms, time));
    if (*text && strcmp(text, day) != 0)
        return kpk_fail(err, KPK_FATAL, "--day: there is no %s", text);
    return 0;
}

static int run(const char *name, struct report *report, struct kpk_err *err) {
    char schemas[2 * KPK_NAME_BYTES];
    int failed = -1;

    for (size_t i = 0; i < sizeof(reports) / sizeof(*reports); i++) {
        if (strcmp(reports[i].name, name) != 0) continue;
        snprintf(schemas, sizeof(schemas), "%s,%s", warehouse_schema(), twitter_schema());
        if (kpk_pg_open(&report->pg, schemas, err)) return -1;
        failed = print_heading(report, err) || reports[i].print(report, err) ? -1 : 0;
        kpk_pg_close(report->pg);
        return failed;
    }
    return kpk_fail(err, KPK_FATAL, "'%.20s' is none of daily, authors", name);
}

int main(int argc, char **argv) {
    struct kpk_err error = {0}, *err = &error;
    struct report report = {0};
    const char *day;
    const struct kpk_opt opts[] = {
        {"day", NULL, KPK_OPT_STR, &day, "", 0, 0, "YYYY-MM-DD, in UTC; without it: today"},
        {"limit", NULL, KPK_OPT_INT, &report.limit, "10", 1, 1000, "authors to show"},
        {0}};
    const struct kpk_program program = {"twitter-report",
                                        "prints a day of the warehouse: its tweets by hour, or "
                                        "the authors that reached the most",
                                        "daily|authors [options]", opts};

    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    if (parsed > 0) return 0;
    if (parsed < 0 || kpk_topology_init(err)) return kpk_exit_failed(err);
    if (argc != 2) {
        kpk_fail(err, KPK_FATAL, "name one report: daily or authors");
        return kpk_exit_failed(err);
    }
    if (read_day(day, report.day, err) || run(argv[1], &report, err))
        return kpk_exit_failed(err);
    return 0;
}
