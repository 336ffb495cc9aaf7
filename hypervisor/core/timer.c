/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One-shot timers in a pairing heap per CPU: insertion is O(1), removal O(log n) amortised, and no
 * memory is ever allocated, as the links sit in struct timer.
 *
 * In the heap, `child` is a timer's first child, `next` its next sibling, and `prev` its previous
 * sibling, or the parent for a first child. A timer's queue is that of timer.cpu; the field changes
 * only under that queue's lock, so whoever takes the lock looks at the field again.
 *
 * The heap's one order: no child expires before its parent. A node has any number of children and
 * the heap any shape; work that insertion leaves undone is done in pairs when the root is removed,
 * which is what the amortised bound rests on. So guests, who set timers to times of their choosing,
 * cannot make a single removal longer than the number of timers on the CPU, and those are a few per
 * vcpu and domain.
 *
 * The hardware has one deadline per CPU and only that CPU can set it. A CPU that puts an earlier
 * timer into another's queue therefore leaves a note there and kicks it. Later ones need nothing:
 * the earlier deadline comes first, and its interrupt sets the next.
 */
#include <core/timer.h>
#include <lib/bitops.h>
#include <x86/cpu.h>
#include <x86/time.h>

#define EXPIRED_MAX 16 /* handlers that one interrupt runs */

/*
 * The one whose handler runs now on each CPU, for timer_stop() to wait for. Written under that
 * CPU's queue lock, together with taking the timer out of the heap: so whoever has locked the queue
 * finds a timer active, or running here, or neither, and never misses a handler that is about to
 * start.
 */
static struct timer *timer_running[NR_CPUS];

/* Both roots are roots: no siblings. The earlier one adopts the other. */
static struct timer *timer_meld(struct timer *a, struct timer *b)
{
    struct timer *tmp;

    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->expires < a->expires) {
        tmp = a;
        a = b;
        b = tmp;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child != NULL)
        a->child->prev = b;
    a->child = b;
    return a;
}

/*
 * Melds a list of siblings into one heap: pairs from the left, then all pairs from the right. The
 * two passes, with loops in place of recursion as the stack is small, give the bound; `pairs` is a
 * stack linked by `next`, so the last pair comes out first.
 */
static struct timer *timer_meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *heap = NULL, *a, *b, *rest;

    while (first != NULL) {
        a = first;
        b = a->next;
        rest = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL)
            b->next = b->prev = NULL;
        a = timer_meld(a, b);
        a->next = pairs;
        pairs = a;
        first = rest;
    }
    while (pairs != NULL) {
        rest = pairs->next;
        pairs->next = NULL;
        heap = timer_meld(heap, pairs);
        pairs = rest;
    }
    return heap;
}

static void timer_insert(struct timer_queue *q, struct timer *t)
{
    t->child = t->next = t->prev = NULL;
    t->active = true;
    t->moving = false;
    q->root = timer_meld(q->root, t);
    q->root->prev = q->root->next = NULL;
}

/* t is active in q. Its children become a heap of their own, which joins the rest. */
static void timer_remove(struct timer_queue *q, struct timer *t)
{
    struct timer *sub = timer_meld_siblings(t->child);

    if (q->root == t) {
        q->root = sub;
    } else {
        if (t->prev->child == t) /* prev is the parent */
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next != NULL)
            t->next->prev = t->prev;
        q->root = timer_meld(q->root, sub);
    }
    if (q->root != NULL)
        q->root->prev = q->root->next = NULL;
    t->child = t->next = t->prev = NULL;
    t->active = false;
}

/* The queue of t, locked; t may be migrating. */
static struct timer_queue *timer_lock(struct timer *t)
{
    for (;;) {
        unsigned cpu = READ_ONCE(t->cpu);
        struct timer_queue *q = &cpus[cpu]->timers;

        spin_lock(&q->lock);
        if (t->cpu == cpu)
            return q;
        spin_unlock(&q->lock);
    }
}

/* Makes the hardware's deadline match the root; another CPU is kicked to do it itself. */
static void timer_reprogram(struct timer_queue *q, unsigned cpu)
{
    uint64_t due = q->root != NULL ? q->root->expires : UINT64_MAX;

    if (cpu != this_cpu()->id) {
        if (due < q->programmed) {
            q->programmed = 0; /* one kick is enough, whatever is set until it arrives */
            q->rekick = true;
            smp_kick(cpu);
        }
        return;
    }
    if (due != q->programmed) { /* else it is there already */
        q->programmed = due;
        time_set_deadline(due);
    }
}

void timer_queue_init(struct timer_queue *q)
{
    spin_lock_init(&q->lock, LOCK_TIMER);
    q->root = NULL;
    q->programmed = UINT64_MAX;
    q->rekick = false;
}

void timer_init(struct timer *t, void (*fn)(void *), void *data, unsigned cpu)
{
    *t = (struct timer){.fn = fn, .data = data, .cpu = cpu};
}

void timer_set(struct timer *t, uint64_t expires)
{
    struct timer_queue *q;

    if (unlikely(!cpu_is_active(READ_ONCE(t->cpu))))
        timer_migrate(t, 0);
    q = timer_lock(t);

    if (t->active)
        timer_remove(q, t);
    t->expires = expires;
    timer_insert(q, t);
    timer_reprogram(q, t->cpu);
    spin_unlock(&q->lock);
}

void timer_stop(struct timer *t)
{
    struct timer_queue *q;
    unsigned cpu;

    if (t->fn == NULL) /* never initialised */
        return;
    q = timer_lock(t);
    cpu = t->cpu;
    t->moving = false;
    if (t->active)
        timer_remove(q, t); /* a deadline that is now too early costs one idle interrupt */
    spin_unlock(&q->lock);
    /* On this CPU a handler that runs is the caller itself, further up the stack: do not wait. */
    while (cpu != this_cpu()->id && READ_ONCE(timer_running[cpu]) == t)
        cpu_relax_poll();
}

/* The handler may have set it again, and may still run where the timer was before a migration. */
void timer_kill(struct timer *t)
{
    unsigned cpu;

    timer_stop(t);
    for_each_cpu (cpu, READ_ONCE(cpu_online)) {
        while (cpu != this_cpu()->id && READ_ONCE(timer_running[cpu]) == t)
            cpu_relax_poll();
    }
    timer_stop(t);
}

/* Between the two queues it is in neither; whoever sets or stops it then clears `moving`. */
void timer_migrate(struct timer *t, unsigned cpu)
{
    struct timer_queue *q;
    bool moving;

    if (READ_ONCE(t->cpu) == cpu)
        return;
    q = timer_lock(t);
    if (t->active) {
        timer_remove(q, t);
        t->moving = true;
    }
    moving = t->moving;
    WRITE_ONCE(t->cpu, cpu); /* from here whoever sets it goes to the new queue */
    spin_unlock(&q->lock);
    if (!moving)
        return;
    q = timer_lock(t);
    if (t->moving) {
        timer_insert(q, t);
        timer_reprogram(q, t->cpu);
    }
    spin_unlock(&q->lock);
}

/*
 * Its owner may end meanwhile, and has to find it: so at any time it is in one of the two queues.
 */
bool timer_take_over(unsigned cpu, unsigned to)
{
    struct timer_queue *from = &cpus[cpu]->timers, *q = &cpus[to]->timers;
    struct timer *t;

    spin_lock_pair(&from->lock, &q->lock);
    t = from->root;
    if (t != NULL) {
        timer_remove(from, t);
        WRITE_ONCE(t->cpu, to);
        timer_insert(q, t);
        timer_reprogram(q, to);
    }
    spin_unlock_pair(&from->lock, &q->lock);
    return t != NULL;
}

/*
 * From the timer interrupt, and from a kick: another CPU may have set an earlier timer here. Guests
 * may have set any number to one moment: those beyond the first few get an interrupt of their own,
 * which comes when interrupts are possible again.
 */
void timer_run_expired(void)
{
    unsigned cpu = this_cpu()->id;
    struct timer_queue *q = &cpus[cpu]->timers;
    struct timer *t;
    unsigned n = 0;

    spin_lock(&q->lock);
    q->rekick = false;
    q->programmed = 0; /* the hardware's one shot is spent */
    while ((t = q->root) != NULL && t->expires <= time_now() && n++ < EXPIRED_MAX) {
        timer_remove(q, t); /* first: the handler may set it again */
        WRITE_ONCE(timer_running[cpu], t);
        spin_unlock(&q->lock);
        t->fn(t->data);
        spin_lock(&q->lock);
        WRITE_ONCE(timer_running[cpu], NULL);
    }
    timer_reprogram(q, cpu);
    spin_unlock(&q->lock);
}

/* The note is written before the kick is sent, so the look without the lock does not miss it. */
void timer_check_kick(void)
{
    if (unlikely(READ_ONCE(this_cpu()->timers.rekick)))
        timer_run_expired();
}
