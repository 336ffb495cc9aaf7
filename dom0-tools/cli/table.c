// SPDX-License-Identifier: GPL-2.0-only
/*
 * table.c: see table.h.
 */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

void table_begin(struct table *t, const struct table_column *columns)
{
    memset(t, 0, sizeof(*t));
    t->column = columns;
    while (columns[t->nr].head)
        t->nr++;
}

void table_cell(struct table *t, const char *fmt, ...)
{
    va_list ap;
    char *text;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        text = must(NULL);
    if (t->cells == t->room) {
        t->room = t->room * 2 + 64;
        t->cell = must(realloc(t->cell, t->room * sizeof(*t->cell)));
    }
    t->cell[t->cells++] = text;
}

unsigned table_rows(const struct table *t)
{
    return t->cells / t->nr;
}

/* The last column is not filled up: nothing comes behind it. */
static void print_row(const struct table *t, char *const *cell, const int *width)
{
    for (unsigned i = 0; i < t->nr; i++) {
        const struct table_column *col = &t->column[i];
        const char *text = cell ? cell[i] : col->head;
        int w = col->width < 0 ? -width[i] : width[i];

        printf("%s%s%*s", i ? " " : "", col->apart ? " " : "", i + 1 == t->nr && w < 0 ? 0 : w,
               text);
    }
    putchar('\n');
}

void table_end(struct table *t)
{
    int width[TABLE_MAX_COLUMNS] = {0};

    for (unsigned i = 0; i < t->nr; i++) {
        width[i] = abs(t->column[i].width);
        if ((int)strlen(t->column[i].head) > width[i])
            width[i] = (int)strlen(t->column[i].head);
    }
    for (unsigned i = 0; i < t->cells; i++)
        if ((int)strlen(t->cell[i]) > width[i % t->nr])
            width[i % t->nr] = (int)strlen(t->cell[i]);
    print_row(t, NULL, width);
    for (unsigned i = 0; i + t->nr <= t->cells; i += t->nr)
        print_row(t, t->cell + i, width);
    table_drop(t);
}

void table_drop(struct table *t)
{
    for (unsigned i = 0; i < t->cells; i++)
        free(t->cell[i]);
    free(t->cell);
    t->cell = NULL;
    t->cells = t->room = 0;
}
