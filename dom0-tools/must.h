// SPDX-License-Identifier: GPL-2.0-only
/*
 * must.h: memory that is there, or the end of the program.
 *
 * The tools allocate little, in places where a guest is not touched yet; going on without memory
 * would need more care than it is worth.
 */
#ifndef LODGE_MUST_H
#define LODGE_MUST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *must(void *p)
{
    if (!p) {
        fputs("lodge: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* A copy; of nothing, nothing. */
static inline char *must_copy(const char *text)
{
    return text ? (char *)must(strdup(text)) : NULL;
}

#endif
