/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One-shot timers, kept per CPU in an intrusive pairing heap: any number, no allocation. Handlers
 * run with interrupts off from the timer interrupt or the kick interrupt, on the CPU that the timer
 * belongs to, with no lock held; `current` is whoever happened to run there. A handler may set its
 * timer again, and may take any lock, as interrupts only come where none is held.
 *
 * Setting and stopping takes the queue's lock (LOCK_TIMER, all but the innermost), so any CPU may
 * do it to any timer. timer_stop() and timer_kill() also wait for a handler that runs elsewhere:
 * their caller holds no lock that the handler takes.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <core/spinlock.h>
#include <lib/types.h>

struct timer {
    uint64_t expires;       /* system time, ns; UINT64_MAX: never */
    void (*fn)(void *data); /* NULL: never initialised, timer_stop() does nothing */
    void *data;
    unsigned cpu; /* whose queue it is in, or would be; changes under that queue's lock */
    bool active;  /* in the heap: set, and its handler has not been called for that setting */
    bool moving;  /* set, but between two heaps: timer_migrate() puts it into the second */
    struct timer *child, *next, *prev; /* heap links (timer.c); all NULL while not active */
};

struct timer_queue {
    struct spinlock lock; /* LOCK_TIMER */
    struct timer *root;   /* earliest */
    /*
     * The deadline in the hardware, which only the CPU itself can change; UINT64_MAX: none. 0, so
     * that it equals no timer's: the shot is spent, or a kick is on its way to set a new one.
     */
    uint64_t programmed;
    bool rekick; /* another CPU set an earlier one: reprogram on the kick */
};

void timer_queue_init(struct timer_queue *q);
/* Not active; overwrites whatever t was, so only for one that is in no heap. */
void timer_init(struct timer *t, void (*fn)(void *), void *data, unsigned cpu);
/* Replaces an earlier setting. A time that has passed fires as soon as the CPU takes interrupts. */
void timer_set(struct timer *t, uint64_t expires);
/*
 * After return the handler is not running on the timer's CPU (or is the caller); one that ran at
 * the time of the call may have set the timer again.
 */
void timer_stop(struct timer *t);
/*
 * Before its memory goes: no handler runs anywhere, and none has set it again. That nobody else
 * sets it any more is for the caller to see to.
 */
void timer_kill(struct timer *t);
/* To another CPU's queue, with its setting if it has one. */
void timer_migrate(struct timer *t, unsigned cpu);
/* One timer of a CPU that is not active any more goes to another's queue; false: it has none. */
bool timer_take_over(unsigned cpu, unsigned to);
void timer_run_expired(void); /* this CPU, from its interrupt */
void timer_check_kick(void);  /* this CPU, from VEC_KICK: a timer set here by another CPU */

#endif
