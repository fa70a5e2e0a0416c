#include "tools/kpk/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct kpk_table *table) {
    size_t capacity = table->capacity ? table->capacity * 2 : 64;
    char **cells;

    if (table->count < table->capacity) return 0;
    cells = reallocarray(table->cells, capacity, sizeof(*cells));
    if (!cells) return -1;
    table->cells = cells;
    table->capacity = capacity;
    return 0;
}

void kpk_table_add(struct kpk_table *table, const char *fmt, ...) {
    va_list args;

    if (reserve(table)) return;
    va_start(args, fmt);
    if (vasprintf(&table->cells[table->count], fmt, args) < 0)
        table->cells[table->count] = NULL;
    va_end(args);
    table->count++;
}

void kpk_table_head(struct kpk_table *table, const char *const *cells) {
    for (; *cells; cells++) kpk_table_add(table, "%s", *cells);
}

static const char *text(const struct kpk_table *table, size_t i) {
    return table->cells[i] ? table->cells[i] : "(no memory)";
}

static void print_row(const struct kpk_table *table, size_t row, const int *widths) {
    size_t columns = strlen(table->align);

    printf("%*s", table->indent, "");
    for (size_t column = 0; column < columns && row + column < table->count; column++) {
        const char *cell = text(table, row + column);
        if (table->align[column] == 'r')
            printf("%*s", widths[column], cell);
        else if (column + 1 < columns)
            printf("%-*s", widths[column], cell);
        else
            printf("%s", cell); /* no blanks at the end of a line */
        printf("%s", column + 1 < columns ? "  " : "\n");
    }
}

void kpk_table_print(struct kpk_table *table) {
    size_t columns = strlen(table->align);
    int widths[KPK_TABLE_COLUMNS] = {0};

    for (size_t i = 0; i < table->count; i++) {
        int width = (int)strlen(text(table, i));
        if (width > widths[i % columns]) widths[i % columns] = width;
    }
    for (size_t row = 0; row < table->count; row += columns) print_row(table, row, widths);
    for (size_t i = 0; i < table->count; i++) free(table->cells[i]);
    free(table->cells);
    *table = (struct kpk_table){.align = table->align, .indent = table->indent};
}
