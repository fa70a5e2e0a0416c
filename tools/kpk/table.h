/* A table of text for a person: columns as wide as their widest cell.
 *
 *   struct kpk_table table = {.align = "lr"};
 *   kpk_table_head(&table, (const char *[]){"TOPIC", "LAG", NULL});
 *   kpk_table_add(&table, "%s", name); kpk_table_add(&table, "%d", lag);
 *   kpk_table_print(&table);   prints it and forgets the cells */
#ifndef KPK_TOOLS_TABLE_H
#define KPK_TOOLS_TABLE_H

#include "common/err.h"

#include <stddef.h>

enum { KPK_TABLE_COLUMNS = 16 };

struct kpk_table {
    const char *align; /* a letter per column: l left, r right; at most KPK_TABLE_COLUMNS */
    int indent;        /* blanks before each row */
    /* private */
    char **cells;
    size_t count, capacity;
};

/* The next cell; a row ends by itself after its last column. A cell without memory is lost, and
 * the table says so when it is printed. */
void kpk_table_add(struct kpk_table *table, const char *fmt, ...) KPK_PRINTF(2, 3);

/* The next cells, up to a NULL. */
void kpk_table_head(struct kpk_table *table, const char *const *cells);

void kpk_table_print(struct kpk_table *table);

#endif
