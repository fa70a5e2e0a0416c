/* What a person writes to say where: a topic, a record, a moment, a start. All refused with the
 * forms that there are. */
#ifndef KPK_TOOLS_WHERE_H
#define KPK_TOOLS_WHERE_H

#include "common/tail.h"
#include "topology/topology.h"

/* Digits only: no sign, no blanks. returns 0, or -1: not a number within 0..max */
int kpk_where_number(const char *text, size_t len, int64_t max, int64_t *out) KPK_MUST_CHECK;

/* A base name, or any name on the cluster -> name on the cluster: what the table has, dead
 * letter topics included, gets the namespace.
 * out      at least KPK_NAME_BYTES
 * returns  0, or -1 with 'err': no name of a topic */
int kpk_where_topic(const char *name, char *out, struct kpk_err *err) KPK_MUST_CHECK;

/* "tweets:3:128", as kpk prints it. */
struct kpk_position {
    char topic[KPK_NAME_BYTES]; /* on the cluster */
    int32_t partition;
    int64_t offset;
};
int kpk_where_position(const char *text, struct kpk_position *position,
                       struct kpk_err *err) KPK_MUST_CHECK;
/* The same, with the topic as it is written; whether it is a name of one is not looked at. */
int kpk_position_parse(const char *text, struct kpk_position *position,
                       struct kpk_err *err) KPK_MUST_CHECK;

/* A moment: RFC 3339, or "90s", "5m", "2h", "7d" ago. */
int kpk_where_time(const char *text, int64_t now_ms, int64_t *ms,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* "beginning", "end", a moment, or an offset. */
int kpk_where_from(const char *text, int64_t now_ms, struct kpk_tail_from *from,
                   struct kpk_err *err) KPK_MUST_CHECK;

#endif
