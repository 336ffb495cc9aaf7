// SPDX-License-Identifier: GPL-2.0-only
/*
 * cfgread.c: values of a config's keys, with messages that name file and line; see cfgread.h.
 */
#include "cfgread.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "size.h"

/* "file:line: sentence"; without a place the sentence alone. */
static void say(char *buf, size_t len, const struct cfg_setting *at, unsigned line, const char *fmt,
                va_list ap)
{
    int n = at ? snprintf(buf, len, "%s:%u: ", at->source, line) : 0;

    if (n >= 0 && (size_t)n < len)
        vsnprintf(buf + n, len - (size_t)n, fmt, ap);
}

int cfgread_fail(struct cfgread *c, const struct cfg_setting *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(c->err, c->errlen, at, at ? at->line : 0, fmt, ap);
    va_end(ap);
    return -1;
}

int cfgread_fail_item(struct cfgread *c, const struct cfg_setting *at, const struct cfg_value *item,
                      const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(c->err, c->errlen, at, item->line, fmt, ap);
    va_end(ap);
    return -1;
}

void cfgread_warn(struct cfgread *c, const struct cfg_setting *at, const struct cfg_value *item,
                  const char *fmt, ...)
{
    char buf[CFGREAD_SENTENCE];
    va_list ap;

    va_start(ap, fmt);
    say(buf, sizeof(buf), at, item ? item->line : at->line, fmt, ap);
    va_end(ap);
    if (c->warn)
        c->warn(c->warn_arg, buf);
}

int cfgread_string(struct cfgread *c, const char *key, const char **out)
{
    struct cfg_setting *set = lodge_cfg_get(c->cfg, key);

    *out = NULL;
    if (!set)
        return 0;
    if (set->value.type == CFG_LIST)
        return cfgread_fail(c, set, "%s takes one string, not a list", key);
    *out = set->value.str;
    return 0;
}

int cfgread_number(struct cfgread *c, const char *key, uint64_t min, uint64_t max, uint64_t *out)
{
    struct cfg_setting *set = lodge_cfg_get(c->cfg, key);
    long long val;
    char *end;

    if (!set)
        return 0;
    if (set->value.type == CFG_LIST)
        return cfgread_fail(c, set, "%s takes a number, not a list", key);
    errno = 0;
    val = strtoll(set->value.str, &end, 0);
    if (*end || end == set->value.str)
        return cfgread_fail(c, set, "%s = \"%s\" is not a number", key, set->value.str);
    if (errno || val < 0 || (uint64_t)val < min || (uint64_t)val > max)
        return cfgread_fail(c, set, "%s = %s is out of range; it can be %llu to %llu", key,
                            set->value.str, (unsigned long long)min, (unsigned long long)max);
    *out = (uint64_t)val;
    return 0;
}

int cfgread_memory(struct cfgread *c, const char *key, uint64_t max, uint64_t *mib)
{
    struct cfg_setting *set = lodge_cfg_get(c->cfg, key);
    uint64_t kib;
    char *end;

    if (!set)
        return 0;
    if (set->value.type == CFG_LIST)
        return cfgread_fail(c, set, "%s takes a size, not a list", key);
    strtoll(set->value.str, &end, 0);
    if (!*end) /* a bare number, which may be hexadecimal */
        return cfgread_number(c, key, 1, max, mib);
    if (!lodge_size_parse(set->value.str, &kib))
        return cfgread_fail(c, set, "%s = \"%s\" is not a size; " SIZE_LOOKS, key, set->value.str);
    if (kib >> 10 < 1 || kib >> 10 > max)
        return cfgread_fail(c, set, "%s = %s is out of range; it can be 1 to %llu MiB", key,
                            set->value.str, (unsigned long long)max);
    *mib = kib >> 10;
    return 0;
}

int cfgread_file(struct cfgread *c, const char *key, char **out)
{
    const struct cfg_setting *set;
    const char *path;

    if (cfgread_string(c, key, &path))
        return -1;
    if (!path || !*path)
        return 0;
    set = lodge_cfg_get(c->cfg, key);
    if (access(path, R_OK))
        return cfgread_fail(c, set, "%s '%s': %s; give the path of a file that can be read", key,
                            path, strerror(errno));
    /* The monitor restarts the guest from another directory. */
    *out = realpath(path, NULL);
    return *out ? 0 : cfgread_fail(c, set, "%s '%s': %s", key, path, strerror(errno));
}
