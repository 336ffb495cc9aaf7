// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuset.c: sets of processors and uuids, as people write them.
 *
 * The notation of a set is xl's: "all", single numbers, ranges, and ^ in front of what is taken
 * out again, from left to right. A set is a plain bitmap, because the control interface wants one.
 */
#include "domcfg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lodge_cpuset_add(struct cpuset *set, unsigned cpu)
{
    if (cpu < DOMCFG_MAX_CPUS)
        set->word[cpu / 64] |= 1ull << (cpu % 64);
}

bool lodge_cpuset_has(const struct cpuset *set, unsigned cpu)
{
    return cpu < DOMCFG_MAX_CPUS && (set->word[cpu / 64] >> (cpu % 64) & 1);
}

static const char *parse_cpu(const char *p, unsigned *cpu)
{
    char *end;
    unsigned long val;

    if (!isdigit((unsigned char)*p))
        return NULL;
    val = strtoul(p, &end, 10);
    if (val >= DOMCFG_MAX_CPUS)
        return NULL;
    *cpu = (unsigned)val;
    return end;
}

int lodge_cpuset_parse(struct cpuset *set, const char *text, char *err, size_t errlen)
{
    const char *p = text;
    bool any = false;

    memset(set, 0, sizeof(*set));
    do {
        bool without = *p == '^';
        unsigned from = 0, to = 0;

        p += without;
        if (!strncmp(p, "all", 3)) {
            from = 0;
            to = DOMCFG_MAX_CPUS - 1;
            p += 3;
        } else {
            p = parse_cpu(p, &from);
            to = from;
            if (p && *p == '-')
                p = parse_cpu(p + 1, &to);
        }
        if (!p || (*p && *p != ',') || to < from) {
            snprintf(err, errlen, "'%.60s' is not a set of processors; write it like 0-3,^2 or all",
                     text);
            return -1;
        }
        for (unsigned cpu = from; cpu <= to; cpu++) {
            if (without)
                set->word[cpu / 64] &= ~(1ull << (cpu % 64));
            else
                lodge_cpuset_add(set, cpu);
        }
    } while (*p++ == ',');
    for (unsigned i = 0; i < DOMCFG_MAX_CPUS / 64; i++)
        any = any || set->word[i];
    if (!any) {
        snprintf(err, errlen, "'%.60s' leaves no processor", text);
        return -1;
    }
    return 0;
}

void lodge_cpuset_format(const struct cpuset *set, unsigned limit, char *buf, size_t len)
{
    size_t at = 0;
    unsigned cpu = 0, end;

    for (end = 0; end < limit && lodge_cpuset_has(set, end); end++)
        ;
    if (end == limit) {
        snprintf(buf, len, "all");
        return;
    }
    buf[0] = '\0';
    while (cpu < limit) {
        int n;

        if (!lodge_cpuset_has(set, cpu)) {
            cpu++;
            continue;
        }
        for (end = cpu; end + 1 < limit && lodge_cpuset_has(set, end + 1); end++)
            ;
        if (end > cpu)
            n = snprintf(buf + at, len - at, "%s%u-%u", at ? "," : "", cpu, end);
        else
            n = snprintf(buf + at, len - at, "%s%u", at ? "," : "", cpu);
        if (n < 0 || (size_t)n >= len - at)
            return; /* cut off: better than wrong, and only for display of huge sets */
        at += (size_t)n;
        cpu = end + 1;
    }
}

int lodge_uuid_parse(uint8_t uuid[16], const char *text)
{
    unsigned nibble = 0;
    uint8_t out[16] = {0};

    for (size_t i = 0; text[i]; i++) {
        char c = (char)tolower((unsigned char)text[i]);

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return -1;
            continue;
        }
        if (!isxdigit((unsigned char)c) || nibble == 32)
            return -1;
        out[nibble / 2] = (uint8_t)(out[nibble / 2] << 4 | (c <= '9' ? c - '0' : c - 'a' + 10));
        nibble++;
    }
    if (nibble != 32)
        return -1;
    memcpy(uuid, out, 16);
    return 0;
}

void lodge_uuid_format(const uint8_t uuid[16], char text[static 37])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = hex[uuid[i] >> 4];
        text[at++] = hex[uuid[i] & 15];
    }
    text[at] = '\0';
}
