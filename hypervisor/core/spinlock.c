/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ticket locks. Fair by construction: tickets are served in the order in which they were drawn.
 * A waiter polls for other CPUs' TLB flush requests, so that a holder that waits for this CPU's
 * acknowledgement always gets it. Debug builds keep the levels of all locks a CPU holds and stop at
 * the first acquisition against the order.
 */
#include <core/spinlock.h>
#include <lib/bug.h>
#include <x86/cpu.h>

#ifndef NDEBUG
/*
 * Each CPU's locks, innermost last. Out-of-order release is fine: the entry is taken out. Levels
 * are recorded, not locks: two of one level held are two equal entries, and which goes first does
 * not matter. All entries are compared, as a lock that was only tried may lie above a later one.
 */
static void lock_push(const struct spinlock *l, bool check)
{
    struct cpu *c = this_cpu();

    if (check) {
        for (unsigned i = 0; i < c->lock_depth; i++)
            BUG_ON(c->lock_level[i] >= l->level);
    }
    BUG_ON(c->lock_depth >= ARRAY_SIZE(c->lock_level));
    c->lock_level[c->lock_depth++] = l->level;
}

static void lock_pop(const struct spinlock *l)
{
    struct cpu *c = this_cpu();

    for (unsigned i = c->lock_depth; i-- > 0;) {
        if (c->lock_level[i] == l->level) {
            for (unsigned j = i + 1; j < c->lock_depth; j++)
                c->lock_level[j - 1] = c->lock_level[j];
            c->lock_depth--;
            return;
        }
    }
    BUG();
}
#else
static inline void lock_push(const struct spinlock *l, bool check)
{
    (void)l;
    (void)check;
}

static inline void lock_pop(const struct spinlock *l)
{
    (void)l;
}
#endif

void spin_lock_init(struct spinlock *l, enum lock_level level)
{
    *l = (struct spinlock)SPINLOCK_INIT(level);
}

static void spin_lock_level(struct spinlock *l, bool check)
{
    uint16_t ticket;

    /* Before the wait: a wrong order is found also when nobody is in the way. */
    lock_push(l, check);
    ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE);
    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        cpu_relax_poll();
    l->cpu = (int16_t)(this_cpu()->id + 1);
}

void spin_lock(struct spinlock *l)
{
    spin_lock_level(l, true);
}

/* Cannot deadlock, so it is exempt from the order. */
bool spin_trylock(struct spinlock *l)
{
    uint16_t owner = READ_ONCE(l->owner);
    uint16_t want = owner;

    /* owner follows next: where next still is what owner was, nobody has come since. */
    if (READ_ONCE(l->next) != owner ||
        !__atomic_compare_exchange_n(&l->next, &want, (uint16_t)(owner + 1), false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    lock_push(l, false);
    l->cpu = (int16_t)(this_cpu()->id + 1);
    return true;
}

void spin_unlock(struct spinlock *l)
{
    l->cpu = 0; /* the next holder writes its own only after the store below */
    lock_pop(l);
    __atomic_store_n(&l->owner, (uint16_t)(l->owner + 1), __ATOMIC_RELEASE);
}

/* Only this CPU ever writes this number, so the answer about itself is always right. */
bool spin_held(const struct spinlock *l)
{
    return READ_ONCE(l->cpu) == (int16_t)(this_cpu()->id + 1);
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b)
{
    if (a == b) {
        spin_lock(a);
        return;
    }
    spin_lock(a < b ? a : b);
    spin_lock_level(a < b ? b : a, false); /* same level: ordered by address instead */
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}
