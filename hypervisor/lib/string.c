/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory and string functions. Copies move words, never single bytes where it can be helped: both
 * ends of a short block are covered by two overlapping accesses, long blocks by REP MOVSQ.
 */
#include <lib/string.h>
#include <lib/bitops.h>

typedef uint64_t ALIGNED(1) __attribute__((may_alias)) u64_u;
typedef uint32_t ALIGNED(1) __attribute__((may_alias)) u32_u;
typedef uint16_t ALIGNED(1) __attribute__((may_alias)) u16_u;

/* Up to 16 bytes; loads come before stores, so that the blocks may overlap. */
static inline void copy_short(uint8_t *d, const uint8_t *s, size_t n)
{
    if (n >= 8) {
        uint64_t a = *(const u64_u *)s, b = *(const u64_u *)(s + n - 8);

        *(u64_u *)d = a;
        *(u64_u *)(d + n - 8) = b;
    } else if (n >= 4) {
        uint32_t a = *(const u32_u *)s, b = *(const u32_u *)(s + n - 4);

        *(u32_u *)d = a;
        *(u32_u *)(d + n - 4) = b;
    } else if (n >= 2) {
        uint16_t a = *(const u16_u *)s, b = *(const u16_u *)(s + n - 2);

        *(u16_u *)d = a;
        *(u16_u *)(d + n - 2) = b;
    } else if (n == 1) {
        *d = *s;
    }
}

/*
 * Beyond 16 bytes: whole words from the front, then the last eight bytes again, wherever they fall.
 * They are loaded first, so that dst may overlap src from below, which memmove() makes use of.
 */
void *memcpy(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    if (n <= 16) {
        copy_short(d, s, n);
        return dst;
    }

    uint64_t tail = *(const u64_u *)(s + n - 8);
    size_t words = (n - 1) / 8;
    uint8_t *last = d + n - 8;

    __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
    *(u64_u *)last = tail;
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    /* Unsigned, a negative distance is a large one: what is left below is d inside [s, s + n). */
    if ((uint64_t)(d - s) >= n)
        return memcpy(dst, src, n);
    if (n <= 16) {
        copy_short(d, s, n);
        return dst;
    }
    for (; n >= 8; n -= 8)
        *(u64_u *)(d + n - 8) = *(const u64_u *)(s + n - 8);
    while (n-- > 0)
        d[n] = s[n];
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    uint8_t *d = dst;
    uint64_t v = 0x0101010101010101ull * (uint8_t)c;

    if (n < 8) {
        while (n-- > 0)
            *d++ = (uint8_t)c;
        return dst;
    }
    *(u64_u *)(d + n - 8) = v;

    size_t words = n / 8;

    __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(v) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;

    for (; n >= 8 && *(const u64_u *)p == *(const u64_u *)q; n -= 8, p += 8, q += 8)
        ;
    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n] != 0)
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        if (*a != *b)
            return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
        if (*a == 0)
            return 0;
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (*s == 0)
            return NULL;
    }
}

size_t str_copy(char *dst, const char *src, size_t size)
{
    size_t n = strlen(src);

    if (size > 0) {
        size_t copy = MIN(n, size - 1);

        memcpy(dst, src, copy);
        dst[copy] = 0;
    }
    return n;
}

/* invert: all ones to look for clear bits. */
static uint64_t bitmap_next(const uint64_t *map, uint64_t size, uint64_t from, uint64_t invert)
{
    if (from >= size)
        return size;

    uint64_t i = from / 64;
    uint64_t word = (map[i] ^ invert) & (~0ull << (from % 64));

    while (word == 0) {
        if (++i * 64 >= size)
            return size;
        word = map[i] ^ invert;
    }
    return MIN(i * 64 + bit_lowest(word), size);
}

uint64_t bitmap_next_set(const uint64_t *map, uint64_t size, uint64_t from)
{
    return bitmap_next(map, size, from, 0);
}

uint64_t bitmap_next_clear(const uint64_t *map, uint64_t size, uint64_t from)
{
    return bitmap_next(map, size, from, ~0ull);
}
