/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Formatted text into a buffer: the conversions that string.h lists, nothing else. What %pv, %pd
 * and %ps mean is known only to printf_pointer(), which the hypervisor (x86/symbols.c) and the unit
 * tests each supply.
 */
#include <lib/string.h>

struct out {
    char *buf;
    size_t size, len; /* len: of the whole text, stored or not */
};

struct spec {
    bool left, zero, alt, plus, space;
    int width, precision; /* precision -1: none */
    int length;           /* bytes of the integer argument */
};

/* The last byte is kept for the terminator; text that does not fit is counted all the same. */
static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_padding(struct out *o, int n, char c)
{
    while (n-- > 0)
        put(o, c);
}

/* With a precision the text need not be terminated: no more is read of it. */
static void put_text(struct out *o, const struct spec *s, const char *text)
{
    int n = 0;

    if (text == NULL)
        text = "(null)";
    while ((s->precision < 0 || n < s->precision) && text[n] != 0)
        n++;
    if (!s->left)
        put_padding(o, s->width - n, ' ');
    for (int i = 0; i < n; i++)
        put(o, text[i]);
    if (s->left)
        put_padding(o, s->width - n, ' ');
}

/* sign: the character in front, 0: none. 22 octal digits are the most that text[] has to hold. */
static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned base, bool upper,
                       char sign)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24], prefix[3] = {0};
    int n = 0, np = 0;

    if (sign != 0)
        prefix[np++] = sign;
    if (s->alt && base == 16 && v != 0) {
        prefix[np++] = '0';
        prefix[np++] = upper ? 'X' : 'x';
    }
    if (s->alt && base == 8)
        prefix[np++] = '0';
    for (; v != 0; v /= base)
        text[n++] = digits[v % base];
    if (n == 0 && s->precision != 0)
        text[n++] = '0';

    int zeros = MAX(s->precision - n, 0);

    if (s->zero && !s->left && s->precision < 0)
        zeros = MAX(s->width - n - np, 0);

    int pad = s->width - n - np - zeros;

    if (!s->left)
        put_padding(o, pad, ' ');
    for (int i = 0; i < np; i++)
        put(o, prefix[i]);
    put_padding(o, zeros, '0');
    while (n > 0)
        put(o, text[--n]);
    if (s->left)
        put_padding(o, pad, ' ');
}

/* Stops growing at five digits, so that no format makes it overflow. */
static const char *parse_number(const char *f, int *v)
{
    for (*v = 0; *f >= '0' && *f <= '9'; f++)
        if (*v < 10000)
            *v = *v * 10 + (*f - '0');
    return f;
}

/* Flags, width, precision and length. `args` is a pointer because a va_list may be an array. */
static const char *parse_spec(const char *f, struct spec *s, va_list *args)
{
    *s = (struct spec){.precision = -1, .length = sizeof(int)};
    for (;; f++) {
        if (*f == '-')
            s->left = true;
        else if (*f == '0')
            s->zero = true;
        else if (*f == '#')
            s->alt = true;
        else if (*f == '+')
            s->plus = true;
        else if (*f == ' ')
            s->space = true;
        else
            break;
    }
    if (*f == '*') {
        s->width = va_arg(*args, int);
        if (s->width < 0) {
            s->left = true;
            s->width = -s->width;
        }
        f++;
    } else {
        f = parse_number(f, &s->width);
    }
    if (*f == '.') {
        if (f[1] == '*') {
            s->precision = va_arg(*args, int);
            f += 2;
        } else {
            f = parse_number(f + 1, &s->precision);
        }
    }
    for (;; f++) {
        if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
            s->length = 8;
        else if (*f == 'h')
            s->length = s->length == 2 ? 1 : 2;
        else
            return f;
    }
}

static int64_t signed_arg(const struct spec *s, va_list *args)
{
    switch (s->length) {
    case 8:
        return va_arg(*args, int64_t);
    case 2:
        return (int16_t)va_arg(*args, int);
    case 1:
        return (int8_t)va_arg(*args, int);
    default:
        return va_arg(*args, int);
    }
}

static uint64_t unsigned_arg(const struct spec *s, va_list *args)
{
    switch (s->length) {
    case 8:
        return va_arg(*args, uint64_t);
    case 2:
        return (uint16_t)va_arg(*args, unsigned);
    case 1:
        return (uint8_t)va_arg(*args, unsigned);
    default:
        return va_arg(*args, unsigned);
    }
}

/* %p and its extensions; returns how many characters of the format belong to it. */
static int put_pointer(struct out *o, struct spec *s, const void *p, char kind)
{
    char text[64];

    bool extended = kind == 'v' || kind == 'd' || kind == 's';

    s->alt = true;
    if (extended && printf_pointer(kind, p, text, sizeof(text)))
        put_text(o, s, text);
    else if (p == NULL)
        put_text(o, s, "NULL");
    else
        put_number(o, s, (uint64_t)p, 16, false, 0);
    return extended;
}

/* One conversion, *f at its letter; moves *f to the last character consumed. */
static void convert(struct out *o, const char **f, struct spec *s, va_list *args)
{
    char one[2] = {0};
    int64_t v;

    switch (**f) {
    case 'd':
    case 'i':
        v = signed_arg(s, args);
        put_number(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, false,
                   v < 0      ? '-'
                   : s->plus  ? '+'
                   : s->space ? ' '
                              : 0);
        break;
    case 'u':
        put_number(o, s, unsigned_arg(s, args), 10, false, 0);
        break;
    case 'x':
    case 'X':
        put_number(o, s, unsigned_arg(s, args), 16, **f == 'X', 0);
        break;
    case 'o':
        put_number(o, s, unsigned_arg(s, args), 8, false, 0);
        break;
    case 'c':
        one[0] = (char)va_arg(*args, int);
        s->precision = -1;
        put_text(o, s, one);
        break;
    case 's':
        put_text(o, s, va_arg(*args, const char *));
        break;
    case 'p':
        *f += put_pointer(o, s, va_arg(*args, const void *), (*f)[1]);
        break;
    case '%':
        put(o, '%');
        break;
    default: /* an unknown letter, or the end of the format */
        put(o, '%');
        if (**f == 0)
            (*f)--;
        else
            put(o, **f);
    }
}

int vsnprintf_(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {buf, size, 0};
    va_list args;

    va_copy(args, ap);
    for (const char *f = fmt; *f != 0; f++) {
        struct spec s;

        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = parse_spec(f + 1, &s, &args);
        convert(&o, &f, &s, &args);
    }
    va_end(args);
    if (size > 0)
        buf[MIN(o.len, size - 1)] = 0;
    return (int)o.len;
}

int snprintf_(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);

    int n = vsnprintf_(buf, size, fmt, ap);

    va_end(ap);
    return n;
}
