/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of <string.h> and of printf that the hypervisor uses. None of it is for guest memory:
 * that has x86/uaccess.h. The compiler may call the first four on its own.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stdarg.h>
#include <lib/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
/* Copies at most size-1 characters and always terminates; returns strlen(src). */
size_t str_copy(char *dst, const char *src, size_t size);

/* One page, 4 KiB aligned. */
static inline void page_clear(void *page)
{
    uint64_t n = PAGE_SIZE / 8;

    __asm__ volatile("rep stosq" : "+D"(page), "+c"(n) : "a"(0ull) : "memory");
}

static inline void page_copy(void *dst, const void *src)
{
    uint64_t n = PAGE_SIZE / 8;

    __asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

/*
 * %d %i %u %x %X %o %c %s %p %% with width, precision, '-', '0', '#', h hh l ll z; and %pv for a
 * struct vcpu ("d1v0"), %pd for a struct domain ("d1"), %ps for a code address by symbol.
 * Writes at most size bytes with the terminator; returns the length the whole text would have.
 */
int vsnprintf_(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf_(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Supplied by the environment: text for %pv, %pd or %ps (kind is the letter); false: print as %p.
 */
bool printf_pointer(char kind, const void *p, char *buf, size_t size);

#endif
