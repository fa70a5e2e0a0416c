/* A writer process of the worked example: changes orders, as a line of standard input asks, and
 * answers on standard output. Three ways: the outbox, and the two orders of a dual write. */
#ifndef KPK_PATTERNS_OUTBOX_EXAMPLE_WRITER_H
#define KPK_PATTERNS_OUTBOX_EXAMPLE_WRITER_H

#include "common/err.h"
#include "common/pg.h"
#include "patterns/outbox/example/shop.h"

#define WRITER_OK "ok"

/* The schema of the example's tables and of its outbox. */
const char *shop_schema(void);

/* The pattern: in the caller's transaction, the change and its event.
 * returns  0, or -1 with 'err' */
int write_change(struct kpk_pg *pg, const struct change *change,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* The change alone. It locks the row of its order until the transaction ends. */
int change_order(struct kpk_pg *pg, const struct change *change,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* The process: "ORDER ID" a line, until standard input ends.
 * way      "outbox", "database-first", "kafka-first"
 * returns  0, or -1 with 'err' */
int writer_run(const char *way, struct kpk_err *err) KPK_MUST_CHECK;

#endif
