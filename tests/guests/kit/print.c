/* SPDX-License-Identifier: GPL-2.0-only */
/* Formatted output of test guests: %d %i %u %x %lx %ld %lu %s %c %p with width and zero padding. */
#include <kit/kit.h>

struct out {
    char *buf;
    size_t size, len;
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_number(struct out *o, uint64_t v, unsigned base, unsigned width, char pad, bool neg)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    if (neg)
        digits[n++] = '-';
    while (width > n) {
        put(o, pad);
        width--;
    }
    while (n != 0)
        put(o, digits[--n]);
}

static void put_string(struct out *o, const char *s, unsigned width)
{
    unsigned n = 0;

    for (; s[n] != 0; n++)
        put(o, s[n]);
    for (; n < width; n++)
        put(o, ' ');
}

int kit_vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
    struct out o = {buf, size, 0};

    for (; *fmt != 0; fmt++) {
        unsigned width = 0, longs = 0;
        char pad = ' ';

        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        fmt++;
        while (*fmt == '-' || *fmt == '0')
            pad = *fmt++ == '0' ? '0' : pad;
        while (*fmt >= '0' && *fmt <= '9')
            width = width * 10 + (unsigned)(*fmt++ - '0');
        while (*fmt == 'l') {
            longs++;
            fmt++;
        }
        switch (*fmt) {
        case 'd':
        case 'i': {
            int64_t v = longs ? __builtin_va_arg(ap, int64_t) : __builtin_va_arg(ap, int);

            put_number(&o, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width, pad, v < 0);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t v = longs ? __builtin_va_arg(ap, uint64_t) : __builtin_va_arg(ap, unsigned);

            put_number(&o, v, *fmt == 'x' ? 16 : 10, width, pad, false);
            break;
        }
        case 'p':
            put_number(&o, (uint64_t) __builtin_va_arg(ap, void *), 16, 16, '0', false);
            break;
        case 's':
            put_string(&o, __builtin_va_arg(ap, const char *), width);
            break;
        case 'c':
            put(&o, (char)__builtin_va_arg(ap, int));
            break;
        default:
            put(&o, *fmt);
        }
    }
    if (size != 0)
        buf[o.len < size ? o.len : size - 1] = 0;
    return (int)o.len;
}

int kit_snprintf(char *buf, size_t size, const char *fmt, ...)
{
    __builtin_va_list ap;
    int n;

    __builtin_va_start(ap, fmt);
    n = kit_vsnprintf(buf, size, fmt, ap);
    __builtin_va_end(ap);
    return n;
}
