/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.h: aligned output, whose columns are as wide as what is in them.
 *
 * It is printed when all of it is known. What a column is wide at least is its place: tables with
 * everyday contents look the same each time.
 */
#ifndef LODGE_TABLE_H
#define LODGE_TABLE_H

#include <stdbool.h>

#define TABLE_MAX_COLUMNS 16

struct table_column {
    const char *head;
    int width;  /* at least; negative: to the left, as for printf's %-*s */
    bool apart; /* one more blank in front of it */
};

struct table {
    const struct table_column *column;
    unsigned nr, cells, room;
    char **cell; /* row by row */
};

/* The columns live as long as the table; the last one has a head of NULL behind it. */
void table_begin(struct table *t, const struct table_column *columns);
/* The next cell of the row, or of the next row. */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Its rows so far. */
unsigned table_rows(const struct table *t);
/* Prints head and rows to standard output, and releases all. */
void table_end(struct table *t);
/* Releases without printing. */
void table_drop(struct table *t);

#endif
