/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ticket locks. The hypervisor runs with interrupts off, so a lock never has to save flags, and a
 * waiter polls for TLB flush requests so that the holder's own wait always ends.
 *
 * Lock order: a lock may be taken only when its level is greater than every level this CPU already
 * holds. Two locks of one level (two domains' grant tables) are taken with spin_lock_pair(), in
 * address order. Debug builds check this at each acquisition.
 *
 * While a lock is held, the CPU takes no interrupt, so no interrupt handler ever finds a lock held
 * by the code that it interrupted: handlers take locks like everybody. The price is that nothing
 * that may last is done under a lock: no schedule(), no preempt_point(), no smp_call(), no loop
 * whose length a guest chooses. NMI and machine check can come while a lock is held, and take none.
 */
#ifndef CORE_SPINLOCK_H
#define CORE_SPINLOCK_H

#include <lib/types.h>

/*
 * Outermost first. What is called from the depths comes last: events are raised, frames freed and
 * vcpus woken under other locks, and everybody may set a timer or write to the log.
 */
enum lock_level {
    LOCK_NONE = 0,
    LOCK_DOMCTL,       /* the control operation in progress */
    LOCK_DOMAIN_LIST,  /* the table of domains */
    LOCK_DOMAIN,       /* struct domain: life cycle, vcpu set-up, pirqs, platform state */
    LOCK_GRANT,        /* a domain's grant table, shared entries and maptrack */
    LOCK_VIRQ,         /* who gets the global virqs */
    LOCK_EVTCHN,       /* a domain's event channels */
    LOCK_EVTCHN_QUEUE, /* a FIFO event queue */
    LOCK_P2M,          /* the nested page tables of a fully virtualized domain */
    LOCK_PAGE_LIST,    /* a domain's list and count of frames */
    LOCK_HEAP,         /* the frame allocator */
    LOCK_VMAP,         /* the vmap allocator and hypervisor page tables */
    LOCK_IRQ,          /* interrupt lines, IOAPIC, MSI, vectors */
    LOCK_SCHED,        /* a CPU's run queue */
    LOCK_TRACE,        /* the trace's rings, for those who read them */
    LOCK_TIMER,        /* a CPU's timer queue */
    LOCK_CONSOLE,      /* the console ring and the serial line */
};

struct spinlock {
    /*
     * Ticket to hand out, ticket being served. Free when they are equal; else the difference is the
     * holder and those who wait, at most one per CPU, so 16 bits may wrap. Any CPU adds to the
     * first, only the holder to the second.
     */
    uint16_t next, owner;
    uint8_t level; /* enum lock_level */
    int16_t cpu;   /* holder + 1, 0: none; for "held here?" only: another's answer may be stale */
};

#define SPINLOCK_INIT(lvl) \
    {                      \
        0, 0, (lvl), 0     \
    }

void spin_lock_init(struct spinlock *l, enum lock_level level);
void spin_lock(struct spinlock *l);
/* False: held or waited for. Allowed against the order too: who does not wait cannot deadlock. */
bool spin_trylock(struct spinlock *l) MUST_CHECK;
void spin_unlock(struct spinlock *l);     /* by the CPU that took it; any order among several */
bool spin_held(const struct spinlock *l); /* by this CPU */
/* Both, which may be the same lock; unlocked likewise. */
void spin_lock_pair(struct spinlock *a, struct spinlock *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b);

#endif
