/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One-shot timers, kept per CPU in an intrusive pairing heap: any number, no allocation. Handlers
 * run with interrupts off from the timer interrupt or the interrupt window, with no lock held.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <core/spinlock.h>
#include <lib/types.h>

struct timer {
    uint64_t expires; /* system time, ns */
    void (*fn)(void *data);
    void *data;
    unsigned cpu;
    bool active;
    struct timer *child, *next, *prev; /* heap links; owner's queue lock */
};

struct timer_queue {
    struct spinlock lock; /* LOCK_TIMER */
    struct timer *root;   /* earliest */
    uint64_t programmed;  /* deadline in the hardware */
    bool rekick;          /* another CPU set an earlier one: reprogram on the kick */
};

void timer_queue_init(struct timer_queue *q);
void timer_init(struct timer *t, void (*fn)(void *), void *data, unsigned cpu);
void timer_set(struct timer *t, uint64_t expires); /* replaces an earlier setting */
void timer_stop(struct timer *t);                  /* after return the handler is not running */
/* Before its memory goes: no handler runs anywhere, and none has set it again. */
void timer_kill(struct timer *t);
void timer_migrate(struct timer *t, unsigned cpu);
void timer_run_expired(void); /* this CPU, from its interrupt */
void timer_check_kick(void);  /* this CPU, from VEC_KICK: a timer set here by another CPU */

#endif
