// SPDX-License-Identifier: GPL-2.0-only
/* Memory for the daemon: allocation that succeeds or ends the process (see alloc.h for why). */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "log.h"

static void *check(void *p, size_t size)
{
    if (!p) {
        log_error("out of memory for %zu bytes: stopping; start xenstored again to carry on", size);
        exit(1);
    }
    return p;
}

void *alloc_zero(size_t size)
{
    return check(calloc(1, size ? size : 1), size);
}

void *alloc_copy(const void *src, size_t size)
{
    void *p = check(malloc(size ? size : 1), size);

    if (size)
        memcpy(p, src, size);
    return p;
}

char *alloc_string(const char *s)
{
    return alloc_copy(s, strlen(s) + 1);
}

void *alloc_grow(void *array, unsigned int *cap, unsigned int want, size_t size)
{
    unsigned int n = *cap ? *cap : 4;

    if (want <= *cap)
        return array;
    while (n < want)
        n *= 2;
    array = check(realloc(array, n * size), n * size);
    *cap = n;
    return array;
}
