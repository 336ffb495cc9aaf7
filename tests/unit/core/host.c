/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine under the tested files: locks that insist on being used in pairs, a clock to set. */
#include <stdarg.h>
#include <stdlib.h>

#include <core/spinlock.h>
#include <lib/bug.h>
#include <x86/cpu.h>
#include <x86/time.h>

#include "unit.h"

unsigned unit_passed, unit_failed;
uint64_t host_now, host_deadline = UINT64_MAX;
unsigned host_cpu, host_kicks;
static struct cpu host_cpus[2] = {{.id = 0}, {.id = 1}};
cpumask_t cpu_online = 3, cpu_active = 3;
struct cpu *cpus[NR_CPUS] = {&host_cpus[0], &host_cpus[1]};

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprintf(fmt, ap);
    printf("\n");
    abort();
}

uint32_t unit_random(void)
{
    static uint64_t s = 88172645463325252ull;

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (uint32_t)(s >> 16);
}

void spin_lock_init(struct spinlock *l, enum lock_level level)
{
    *l = (struct spinlock)SPINLOCK_INIT(level);
}

/* Runs instead of another CPU that comes first to the lock that is taken next but one. */
void (*host_before_second_lock)(void);

void spin_lock(struct spinlock *l)
{
    static bool second;
    void (*other)(void) = host_before_second_lock;

    if (other != NULL && second)
        host_before_second_lock = NULL;
    second = other != NULL && !second;
    if (other != NULL && !second)
        other();
    BUG_ON(l->owner != 0);
    l->owner = 1;
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b)
{
    spin_lock(a);
    spin_lock(b);
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
    spin_unlock(b);
    spin_unlock(a);
}

void spin_unlock(struct spinlock *l)
{
    BUG_ON(l->owner != 1);
    l->owner = 0;
}

uint64_t time_now(void)
{
    return host_now;
}

void time_set_deadline(uint64_t ns)
{
    host_deadline = ns;
}

void smp_kick(unsigned cpu)
{
    BUG_ON(cpu == host_cpu);
    host_kicks++;
}

int main(void)
{
    test_timer();
    test_heap();
    test_sched();
    test_handoff();
    test_time();
    test_console();
    printf("%u passed, %u failed\n", unit_passed, unit_failed);
    return unit_failed != 0;
}
