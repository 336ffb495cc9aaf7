// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_daemon.c: daemons that are always there, or with $LODGE_FAKE_NO_MONITOR just were not; and a
 * wall clock that is not to be relied on.
 *
 * Also makes the machine before main() and, with $LODGE_FAKE_DUMP, shows afterwards what the
 * command did to it: domains first, then the part of xenstore that the variable names.
 */
#include "fake.h"

#include <cli/cli.h>
#include <libdaemon/libdaemon.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool daemon_ensure(const char *run_dir, const char *name)
{
    (void)run_dir;
    (void)name;
    return !getenv("LODGE_FAKE_NO_MONITOR");
}

bool daemon_runs(const char *run_dir, const char *name)
{
    (void)run_dir;
    return !getenv("LODGE_FAKE_NO_MONITOR") || strcmp(name, "lodge-monitor");
}

/* Of the 512 MiB that domain 0 has. */
bool meminfo_available(uint64_t *kib)
{
    *kib = 300 << 10;
    return true;
}

/*
 * The wall clock is stepped by a month between any two looks at it, in place of libc's: nothing
 * that is counted may depend on it.
 */
time_t time(time_t *where)
{
    static int looks;
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    now.tv_sec += (time_t)++looks * 30 * 86400;
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}

void daemon_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static void dump(void)
{
    for (int i = 0; i < FAKE_MAX_DOMAINS; i++) {
        const struct fake_domain *d = &fake_domains[i];

        if (d->used)
            printf("domain %u: flags %x, %" PRIu64 "/%" PRIu64 " pages, weight %u, cap %u, "
                   "pin %" PRIx64 "\n",
                   d->info.domain, d->info.flags, (uint64_t)d->info.tot_pages,
                   (uint64_t)d->info.max_pages, d->sched.weight, d->sched.cap, d->pin[0].bits[0]);
    }
    printf("free: %" PRIu64 " pages\n", fake_free_pages);
    fake_store_print(getenv("LODGE_FAKE_DUMP"));
}

__attribute__((constructor)) static void set_up(void)
{
    fake_reset();
    fake_failing = getenv("LODGE_FAKE_FAIL");
    if (getenv("LODGE_FAKE_LONG")) {
        struct fake_domain *web = fake_by_domid(3);

        fake_store_set("/local/domain/3/name",
                       "a-guest-whose-name-is-longer-than-any-column-was-made-to-be", NULL);
        web->info.tot_pages = web->info.max_pages = 1ull << 32;
        web->info.cpu_time = 1ull << 62;
        web->sched.cap = 51200;
    }
    if (getenv("LODGE_FAKE_DUMP"))
        atexit(dump);
}
