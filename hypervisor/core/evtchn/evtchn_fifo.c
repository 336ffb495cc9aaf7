/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FIFO event ABI: a word per port in pages that the guest gives (expand_array), and per vcpu 16
 * queues, linked through the words from a head in the vcpu's control block. The guest takes events
 * off the heads, the hypervisor appends at the tails.
 *
 * The guest can write anything into words and control block. So the hypervisor never follows a
 * link: its only way into a queue is its own note of the tail, and all it does to a word is a
 * bounded number of compare-and-swaps. A guest that scribbles there loses its own events, nothing
 * else.
 *
 * A word has two owners. PENDING is set by us and cleared by the guest. MASKED is the guest's
 * (EVTCHNOP_unmask clears it for the guest). LINKED is set by us when the port enters a queue, and
 * cleared by the guest, together with the link, when it takes the port off. Whoever changes a word
 * sees in the same step what it was, so each of these states has one who goes on from it:
 *
 *   PENDING MASKED LINKED
 *      0      any     0     nothing has happened
 *      1       0      0     on its way into a queue: the one who made it so appends it; or the
 *                           guest has taken it off, and is about to clear PENDING
 *      1       1      0     waits for the guest to unmask it: EVTCHNOP_unmask appends it
 *      1      any     1     in a queue: the guest comes to it, and passes over it if it is masked
 *      0      any     1     in a queue still, though the event is over (of a port that was
 *                           closed, say): the next event finds it there
 *
 * To append is the hard part, as the guest may take off the tail at the same moment. There are four
 * cases, all under the lock of the domain's queues:
 *
 *   no tail is noted             the queue is empty: the port becomes its head
 *   the tail's word is LINKED    a compare-and-swap of the word puts the link there. It proves
 *                                that the guest had not taken the tail off; and the guest, which
 *                                clears LINKED by a compare-and-swap as well, will see the link
 *   the tail's word is not       the guest has taken it off, and found no link: the queue is empty
 *   the port is the tail of the  it was taken off there, so that queue is empty. The note is
 *   queue that it was in last    erased, or what comes next would be linked to a word that is in
 *                                another queue
 *
 * What always holds, whatever the guest writes:
 *   - LINKED is set under the lock, and only the one who set it appends: a port that the guest has
 *     not touched is in one queue at most.
 *   - The tail that is noted of a queue is the port linked to it last, or 0. A port is the tail of
 *     the queue that its queue_vcpu and queue_priority name, and of no other.
 *   - A head is written before `ready` is set, and `ready` is set before the vcpu is told. It is
 *     told only when the queue was empty: else the guest has one before it yet to take.
 *
 * All queues of a domain are under one lock (LOCK_EVTCHN_QUEUE), which a sender in another domain
 * takes above its own domain's evtchn.lock.
 *
 * The frames of words and control blocks are held with a writable reference each, from the set-up
 * to evtchn_fifo_destroy(): the guest may give them back or want page tables there, but they stay
 * its own, and writable, until then.
 */
#include <core/evtchn/evtchn_internal.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <lib/bitops.h>
#include <public/errno.h>
#include <public/event_channel.h>
#include <x86/page.h>
#include <x86/regs.h>

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define ARRAY_PAGES    (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define EARLY_BLOCK    32u /* ports that are looked at under one lock */
#define WORK_RAISE     150 /* of a port */
#define LINK_TRIES     4   /* a guest that changes the tail's word so often means harm */

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)
#define BUSY    (1u << EVTCHN_FIFO_BUSY)

#define WORK_FORGET 10 /* to forget in which queue a port was */

/*
 * init_control sets control and frame once, the frame first, under evtchn.lock. tail is under
 * evtchn_fifo.lock.
 */
struct fifo_vcpu {
    struct evtchn_fifo_control_block *control; /* in a frame of the guest; NULL: not given yet */
    struct frame *frame;                       /* a writable reference */
    uint32_t tail[EVTCHN_FIFO_MAX_QUEUES];     /* last port linked, 0: none; it has a word */
};

#define FIFO_VCPUS_PER_PAGE 32

/*
 * Of a domain, from the first init_control on. The arrays are filled under evtchn.lock and only
 * grow. An entry comes before what tells of it, so that they can be read without the lock.
 */
struct evtchn_fifo {
    struct spinlock lock;             /* LOCK_EVTCHN_QUEUE: tails, heads, ports' queue_* */
    uint32_t nr_ports;                /* that have a word: a multiple of WORDS_PER_PAGE */
    event_word_t *pages[ARRAY_PAGES]; /* direct map of the guest's frames */
    struct fifo_vcpu *vcpus[MAX_VCPUS / FIFO_VCPUS_PER_PAGE];
};
_Static_assert(sizeof(struct evtchn_fifo) <= PAGE_SIZE, "struct evtchn_fifo is one page");
_Static_assert(sizeof(struct fifo_vcpu) * FIFO_VCPUS_PER_PAGE <= PAGE_SIZE, "half of the vcpus");

/* NULL: nothing is known of that vcpu or of its neighbours. */
static struct fifo_vcpu *fifo_vcpu(const struct evtchn_fifo *f, unsigned id)
{
    struct fifo_vcpu *page = f->vcpus[id / FIFO_VCPUS_PER_PAGE];

    return page == NULL ? NULL : &page[id % FIFO_VCPUS_PER_PAGE];
}

/* NULL: the guest has given no page for it yet. */
static event_word_t *fifo_word(const struct evtchn_fifo *f, uint32_t port)
{
    if (unlikely(port >= READ_ONCE(f->nr_ports)))
        return NULL;
    return f->pages[port / WORDS_PER_PAGE] + port % WORDS_PER_PAGE;
}

/*
 * Makes the tail's word point to port. False: the guest has taken the tail off its queue, which is
 * empty then. BUSY asks the guest to keep its hands off while we try again; it is cleared in any
 * case. When the tries are used up, the port becomes the head of its queue. What the guest had in
 * there is out of its own reach then: it has scribbled where BUSY forbade it.
 */
static bool fifo_link(event_word_t *tail, uint32_t port)
{
    event_word_t old = __atomic_load_n(tail, __ATOMIC_RELAXED), new;

    for (unsigned i = 0; i < LINK_TRIES; i++) {
        if (!(old & LINKED))
            break;
        new = (old & ~(BUSY | (event_word_t)EVTCHN_FIFO_LINK_MASK)) | port;
        if (__atomic_compare_exchange_n(tail, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return true;
        old = __atomic_or_fetch(tail, BUSY, __ATOMIC_SEQ_CST);
    }
    if (old & BUSY)
        __atomic_fetch_and(tail, ~BUSY, __ATOMIC_SEQ_CST);
    return false;
}

/*
 * Appends c to the queue of v and of c's priority. What the caller saw of LINKED is old: it is set
 * here under the lock, and whoever finds it set leaves the port to the one before. A vcpu without a
 * control block gets nothing: the word stays pending, and the next event tries again.
 */
static void fifo_enqueue(struct domain *d, struct vcpu *v, struct evtchn *c, event_word_t *word)
{
    struct evtchn_fifo *f = d->evtchn.fifo;
    struct fifo_vcpu *fv = fifo_vcpu(f, v->id), *old;
    unsigned priority = c->priority;
    bool linked = false, notify = false;

    spin_lock(&f->lock);
    if (fv == NULL || fv->control == NULL ||
        (__atomic_fetch_or(word, LINKED, __ATOMIC_SEQ_CST) & LINKED)) {
        spin_unlock(&f->lock);
        return;
    }
    /* Where it was the tail, that queue is empty now: nothing may be appended through its word. */
    old = fifo_vcpu(f, c->queue_vcpu);
    if (old != NULL && old->tail[c->queue_priority] == c->port)
        old->tail[c->queue_priority] = 0;
    c->queue_vcpu = (uint16_t)v->id;
    c->queue_priority = (uint8_t)priority;
    if (fv->tail[priority] != 0)
        linked = fifo_link(fifo_word(f, fv->tail[priority]), c->port);
    if (!linked)
        WRITE_ONCE(fv->control->head[priority], c->port);
    fv->tail[priority] = c->port;
    if (!linked)
        notify = !(__atomic_fetch_or(&fv->control->ready, 1u << priority, __ATOMIC_SEQ_CST) &
                   (1u << priority));
    spin_unlock(&f->lock);
    if (notify)
        evtchn_upcall(v);
}

/*
 * An event of a port without a word is left for fifo_raise_early(). That one publishes the word,
 * then looks for events; we leave the event, then look for the word. With a full barrier between
 * the two steps on either side, one of us sees what the other did. If both do, the event is raised
 * twice.
 */
static event_word_t *fifo_word_or_early(struct domain *d, struct evtchn *c)
{
    event_word_t *word = fifo_word(d->evtchn.fifo, c->port);

    if (likely(word != NULL))
        return word;
    WRITE_ONCE(c->pending_early, true);
    smp_mb();
    return fifo_word(d->evtchn.fifo, c->port);
}

bool evtchn_fifo_set_pending(struct domain *d, struct vcpu *v, struct evtchn *c)
{
    event_word_t *word = fifo_word_or_early(d, c);
    event_word_t old;

    if (unlikely(word == NULL))
        return true;
    old = __atomic_fetch_or(word, PENDING, __ATOMIC_SEQ_CST);
    if (!(old & (MASKED | LINKED)))
        fifo_enqueue(d, v, c, word);
    if (old & PENDING)
        return false;
    evtchn_check_pollers(d, c->port);
    return true;
}

void evtchn_fifo_unmask(struct domain *d, struct vcpu *v, struct evtchn *c)
{
    event_word_t *word = fifo_word(d->evtchn.fifo, c->port);
    event_word_t old;

    if (word == NULL)
        return;
    old = __atomic_fetch_and(word, ~MASKED, __ATOMIC_SEQ_CST);
    if ((old & PENDING) && !(old & LINKED))
        fifo_enqueue(d, v, c, word);
}

/* The word of a closed port may stay linked: only the guest takes words out of queues. */
void evtchn_fifo_clear_pending(struct domain *d, struct evtchn *c)
{
    event_word_t *word = fifo_word(d->evtchn.fifo, c->port);

    c->pending_early = false;
    if (word != NULL)
        __atomic_fetch_and(word, ~PENDING, __ATOMIC_SEQ_CST);
}

bool evtchn_fifo_is_pending(struct domain *d, const struct evtchn *c)
{
    event_word_t *word = fifo_word(d->evtchn.fifo, c->port);

    return word != NULL && (READ_ONCE(*word) & PENDING);
}

bool evtchn_fifo_is_masked(struct domain *d, const struct evtchn *c)
{
    event_word_t *word = fifo_word(d->evtchn.fifo, c->port);

    return word != NULL && (READ_ONCE(*word) & MASKED);
}

bool evtchn_fifo_is_linked(struct domain *d, uint32_t port)
{
    event_word_t *word = fifo_word(d->evtchn.fifo, port);

    return word != NULL && (READ_ONCE(*word) & LINKED);
}

/* ---- set-up ---- */

/*
 * The first control block of a domain switches it over. What is pending stays so, as 2-level bits,
 * until the ports get words. Lock held. Senders in other domains do not hold it: one of them may
 * still be setting a bit, see evtchn_2l_set_pending().
 */
static int fifo_create(struct domain *d)
{
    struct evtchn_fifo *f = hpage_alloc();

    if (f == NULL)
        return -XEN_ENOMEM;
    spin_lock_init(&f->lock, LOCK_EVTCHN_QUEUE);
    smp_wmb();
    WRITE_ONCE(d->evtchn.fifo, f);
    return 0;
}

/* Makes the page in which the vcpu's entry is. evtchn.lock held. */
static int fifo_vcpu_create(struct evtchn_fifo *f, unsigned id)
{
    struct fifo_vcpu **page = &f->vcpus[id / FIFO_VCPUS_PER_PAGE];

    if (*page == NULL)
        *page = hpage_alloc();
    return *page != NULL ? 0 : -XEN_ENOMEM;
}

int evtchn_fifo_init_control(struct evtchn_init_control *op)
{
    struct domain *d = current->domain;
    struct frame *frame;
    struct fifo_vcpu *fv;
    int rc = 0;

    if (domain_vcpu(d, op->vcpu) == NULL)
        return -XEN_ENOENT;
    if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8 != 0)
        return -XEN_EINVAL;
    /* Before the lock: it may have to wait for other CPUs. */
    frame = guest_frame_writable(d, op->control_gfn);
    if (frame == NULL)
        return -XEN_EINVAL;
    spin_lock(&d->evtchn.lock);
    if (d->evtchn.resetting)
        rc = -XEN_EBUSY;
    else if (d->evtchn.fifo == NULL)
        rc = fifo_create(d);
    if (rc == 0)
        rc = fifo_vcpu_create(d->evtchn.fifo, op->vcpu);
    if (rc == 0) {
        fv = fifo_vcpu(d->evtchn.fifo, op->vcpu);
        if (fv->control != NULL) {
            rc = -XEN_EINVAL;
        } else {
            fv->frame = frame;
            smp_wmb(); /* from here on fifo_enqueue() writes to it */
            WRITE_ONCE(fv->control, (void *)((char *)mfn_to_virt(frame_mfn(frame)) + op->offset));
        }
    }
    spin_unlock(&d->evtchn.lock);
    if (rc != 0)
        frame_put_writable(frame);
    else
        op->link_bits = EVTCHN_FIFO_LINK_BITS;
    return rc;
}

/*
 * Raises some of the ports that were raised before they had a word. evtchn.lock held. The words are
 * published (fifo_word_or_early()), so a port that is raised from now on needs nobody for that.
 */
static void fifo_raise_early(struct domain *d, uint32_t from)
{
    for (uint32_t port = from; port < from + EARLY_BLOCK; port++) {
        struct evtchn *c = evtchn_of(d, port);
        bool early;

        if (c == NULL)
            return;
        early = __atomic_exchange_n(&c->pending_early, false, __ATOMIC_SEQ_CST);
        if (port < EVTCHN_2L_NR_CHANNELS)
            early |= bit_test_and_clear(d->shared_info->evtchn_pending, port);
        if (early)
            evtchn_set_pending(d, c);
    }
}

int evtchn_fifo_expand_array(const struct evtchn_expand_array *op)
{
    struct domain *d = current->domain;
    struct evtchn_fifo *f;
    struct frame *frame = guest_frame_writable(d, op->array_gfn);
    uint32_t ports = 0;
    int rc = 0;

    if (frame == NULL)
        return -XEN_EINVAL;
    spin_lock(&d->evtchn.lock);
    f = d->evtchn.fifo;
    if (f == NULL) {
        rc = -XEN_EOPNOTSUPP;
    } else if (f->nr_ports >= EVTCHN_FIFO_NR_CHANNELS) {
        rc = -XEN_ENOSPC;
    } else {
        ports = f->nr_ports;
        f->pages[ports / WORDS_PER_PAGE] = mfn_to_virt(frame_mfn(frame));
        smp_wmb();
        WRITE_ONCE(f->nr_ports, ports + WORDS_PER_PAGE);
        smp_mb();
    }
    spin_unlock(&d->evtchn.lock);
    if (rc != 0) {
        frame_put_writable(frame);
        return rc;
    }
    /* Another vcpu may reset all ports meanwhile; then there is nothing left to raise. */
    for (uint32_t port = ports; port < ports + WORDS_PER_PAGE; port += EARLY_BLOCK) {
        spin_lock(&d->evtchn.lock);
        if (d->evtchn.fifo != NULL)
            fifo_raise_early(d, port);
        spin_unlock(&d->evtchn.lock);
        preempt_after(EARLY_BLOCK * WORK_RAISE);
    }
    return 0;
}

/*
 * All ports are closed, so nobody raises one; the lock keeps out those who are just leaving, in our
 * own domain. A sender of another was out before its end of the link could be closed.
 */
void evtchn_fifo_destroy(struct domain *d)
{
    struct evtchn_fifo *f;

    spin_lock(&d->evtchn.lock);
    f = d->evtchn.fifo;
    d->evtchn.fifo = NULL;
    spin_unlock(&d->evtchn.lock);
    if (f == NULL)
        return;
    for (unsigned id = 0; id < MAX_VCPUS; id++) {
        struct fifo_vcpu *fv = fifo_vcpu(f, id);

        if (fv != NULL && fv->frame != NULL)
            frame_put_writable(fv->frame);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(f->vcpus); i++)
        hpage_free(f->vcpus[i]);
    for (uint32_t i = 0; i < f->nr_ports / WORDS_PER_PAGE; i++) {
        frame_put_writable(frame_of(virt_to_mfn(f->pages[i])));
        preempt_after(WORK_ENTRY);
    }
    hpage_free(f);
}

void evtchn_fifo_forget(struct domain *d)
{
    for (uint32_t port = 1; port < d->evtchn.valid_ports; port++) {
        struct evtchn *c = evtchn_of(d, port);

        c->queue_vcpu = 0;
        c->queue_priority = 0;
        c->pending_early = false;
        preempt_after(WORK_FORGET);
    }
}
