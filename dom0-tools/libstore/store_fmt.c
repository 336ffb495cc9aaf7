// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_fmt.c: paths and values, apart from the connection: tests put another one under it.
 */
#include "libstore.h"

#include <stdarg.h>
#include <stdio.h>

const char *store_fmt(const char *fmt, ...)
{
    static char ring[8][1200];
    static unsigned turn;
    char *buf = ring[turn++ % 8];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, sizeof(ring[0]), fmt, ap);
    va_end(ap);
    return buf;
}

void store_printable(char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}
