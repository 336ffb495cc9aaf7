// SPDX-License-Identifier: GPL-2.0-only
/*
 * size.c: see size.h. Without floating point: 1.1g is a number of bytes that a double has not.
 */
#include "size.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_DIGITS 15 /* before the point and behind it; the products below have 128 bits */

/* The digits at *p, behind which it is left; how many there were. */
static int take_digits(const char **p, uint64_t *value)
{
    int n = 0;

    for (*value = 0; isdigit((unsigned char)**p); (*p)++, n++)
        if (n < MAX_DIGITS)
            *value = *value * 10 + (uint64_t)(**p - '0');
    return n;
}

/* In bytes, as a power of two; -1: there is no such suffix. */
static int suffix_shift(const char *text)
{
    static const char units[] = "kmgt";
    const char *unit;

    if (!*text)
        return 20;
    unit = strchr(units, tolower((unsigned char)*text));
    if (!unit || (text[1] && strcasecmp(text + 1, "b") && strcasecmp(text + 1, "ib")))
        return -1;
    return 10 * (int)(unit - units + 1);
}

bool lodge_size_parse(const char *text, uint64_t *kib)
{
    uint64_t whole, part = 0, parts = 1;
    unsigned __int128 size;
    int digits, shift;

    digits = take_digits(&text, &whole);
    if (!digits || digits > MAX_DIGITS)
        return false;
    if (*text == '.') {
        text++;
        digits = take_digits(&text, &part);
        if (!digits || digits > MAX_DIGITS)
            return false;
        while (digits--)
            parts *= 10;
    }
    shift = suffix_shift(text);
    if (shift < 0)
        return false;
    size = ((unsigned __int128)whole << shift) + ((unsigned __int128)part << shift) / parts;
    size >>= 10;
    if (!size || size > UINT64_C(1) << 52)
        return false;
    *kib = (uint64_t)size;
    return true;
}
