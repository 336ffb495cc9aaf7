/* SPDX-License-Identifier: GPL-2.0-only */
/* Between x86/irq.c and x86/msi.c: one interrupt source and its vector. */
#ifndef X86_IRQ_LINE_H
#define X86_IRQ_LINE_H

#include <core/spinlock.h>
#include <lib/types.h>

struct domain;

/*
 * irq_lock guards all of it. At most one of domain and fn is set.
 */
struct irq_line {
    uint8_t vector; /* its own index; 0: not in use */
    bool is_msi, level, active_low;
    bool masked;             /* in the IOAPIC; not for MSIs */
    unsigned in_service;     /* CPUs that are telling domain: whoever unbinds waits for all */
    unsigned gsi;            /* not MSI */
    unsigned cpu;            /* where it is delivered */
    struct domain *domain;   /* NULL: the hypervisor's, or bound to nobody */
    unsigned pirq;           /* domain's name for it */
    void (*fn)(void);        /* the hypervisor's own */
    struct msi_message *msi; /* MSI */
};

extern struct spinlock irq_lock; /* LOCK_IRQ: all lines, the IOAPICs, vectors */

/* With irq_lock: a line with a free vector, aligned for `count` successive ones; NULL: none. */
struct irq_line *irq_line_alloc(unsigned count);
void irq_line_free(struct irq_line *line);
/* Not bound any more when this returns, and no handler running. Takes irq_lock. */
void irq_line_unbind(struct irq_line *line);
/* x86/msi.c: deliver a bound MSI to another CPU. */
void msi_set_cpu(struct irq_line *line, unsigned cpu);

#endif
