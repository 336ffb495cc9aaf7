/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ticket locks. The hypervisor runs with interrupts off, so a lock never has to save flags, and a
 * waiter polls for TLB flush requests so that the holder's own wait always ends.
 *
 * Lock order: a lock may be taken only when its level is greater than every level this CPU already
 * holds. Two locks of one level (two domains' grant tables) are taken with spin_lock_pair(), in
 * address order. Debug builds check this at each acquisition.
 */
#ifndef CORE_SPINLOCK_H
#define CORE_SPINLOCK_H

#include <lib/types.h>

enum lock_level {
    LOCK_NONE = 0,
    LOCK_DOMCTL,       /* the control operation in progress */
    LOCK_DOMAIN_LIST,  /* the table of domains */
    LOCK_DOMAIN,       /* struct domain: life cycle, vcpu set-up, pirqs, platform state */
    LOCK_GRANT,        /* a domain's grant table, shared entries and maptrack */
    LOCK_VIRQ,         /* who gets the global virqs */
    LOCK_EVTCHN,       /* a domain's event channels */
    LOCK_EVTCHN_QUEUE, /* a FIFO event queue */
    LOCK_PAGE_LIST,    /* a domain's list and count of frames */
    LOCK_HEAP,         /* the frame allocator */
    LOCK_VMAP,         /* the vmap allocator and hypervisor page tables */
    LOCK_IRQ,          /* interrupt lines, IOAPIC, MSI, vectors */
    LOCK_SCHED,        /* a CPU's run queue */
    LOCK_TIMER,        /* a CPU's timer queue */
    LOCK_CONSOLE,      /* the console ring and the serial line */
};

struct spinlock {
    uint16_t next, owner; /* ticket to hand out, ticket being served */
    uint8_t level;
    int16_t cpu; /* holder + 1, for "held here?" */
};

#define SPINLOCK_INIT(lvl) \
    {                      \
        0, 0, (lvl), 0     \
    }

void spin_lock_init(struct spinlock *l, enum lock_level level);
void spin_lock(struct spinlock *l);
bool spin_trylock(struct spinlock *l) MUST_CHECK;
void spin_unlock(struct spinlock *l);
bool spin_held(const struct spinlock *l); /* by this CPU */
/* Both, which may be the same lock; unlocked likewise. */
void spin_lock_pair(struct spinlock *a, struct spinlock *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b);

#endif
