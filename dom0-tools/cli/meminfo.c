// SPDX-License-Identifier: GPL-2.0-only
/*
 * meminfo.c: what dom0's own kernel says of its memory, apart from the rest: tests say something
 * else.
 */
#include "cli.h"

#include <stdio.h>

bool meminfo_available(uint64_t *kib)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f))
        found = sscanf(line, "MemAvailable: %lu kB", kib) == 1;
    if (f)
        fclose(f);
    return found;
}
