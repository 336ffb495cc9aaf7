/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical interrupts of a domain that owns devices. A pirq is the domain's name for a line of the
 * machine (then its number is the GSI's, unless asked otherwise) or for a message-signalled
 * interrupt. Mapping gives it the number, binding an event channel to it opens the line.
 *
 * The domain's lock guards the table, and is held while a line is opened and shut: so no two
 * numbers have one line, and a line that is open has the number that opened it. `bound` and
 * `needs_eoi` follow the event channel: core/evtchn/evtchn.c lets a pirq have one channel at a
 * time, binds after it has noted it and unbinds before it forgets it, and calls here with no lock
 * held. An MSI is set up without the lock; while it is, its numbers are `busy`, and nobody else
 * touches them.
 *
 * Level-triggered lines stay masked from an interrupt until the domain's EOI; which pirqs need one
 * the domain may read from a page of its own (pirq_eoi_map). An EOI for a pirq that had no
 * interrupt only unmasks a line of the domain's own. Only the hardware domain has a table: for all
 * others every pirq is unknown.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <guest/pirq.h>
#include <lib/bitops.h>
#include <public/errno.h>
#include <x86/irq.h>
#include <x86/page.h>

#define PIRQ_ORDER 1
_Static_assert(NR_PIRQS * sizeof(struct pirq) <= PAGE_SIZE << PIRQ_ORDER, "table of pirqs");

int pirq_init(struct domain *d)
{
    d->arch.pirq_eoi_mfn = INVALID_MFN;
    if (!d->hardware)
        return 0;
    d->arch.pirqs = hpages_alloc(PIRQ_ORDER);
    if (d->arch.pirqs == NULL)
        return -XEN_ENOMEM;
    for (unsigned i = 0; i < NR_PIRQS; i++)
        d->arch.pirqs[i].gsi = d->arch.pirqs[i].msi = -1;
    return 0;
}

void pirq_free(struct domain *d)
{
    hpages_free(d->arch.pirqs, PIRQ_ORDER);
    d->arch.pirqs = NULL;
}

struct pirq *pirq_get(struct domain *d, unsigned n)
{
    if (d->arch.pirqs == NULL || n >= NR_PIRQS || !d->arch.pirqs[n].mapped)
        return NULL;
    return &d->arch.pirqs[n];
}

/*
 * `count` numbers in a row above the GSIs, marked as taken: the first of them, or -XEN_ENOSPC. From
 * the top downwards, and never one that a GSI has by default. The domain's lock is held.
 */
static int pirq_take_free(struct domain *d, unsigned count)
{
    unsigned run = 0;

    for (unsigned i = NR_PIRQS; i-- > irq_nr_gsis();) {
        run = d->arch.pirqs[i].mapped ? 0 : run + 1;
        if (run == count) {
            for (unsigned n = i; n < i + count; n++)
                d->arch.pirqs[n].mapped = true;
            return (int)i;
        }
    }
    return -XEN_ENOSPC;
}

int pirq_reserve(struct domain *d)
{
    int rc;

    if (d->arch.pirqs == NULL)
        return -XEN_EPERM;
    spin_lock(&d->lock);
    rc = pirq_take_free(d, 1);
    spin_unlock(&d->lock);
    return rc;
}

/* The number that a line has, or -1. The domain's lock is held. */
static int pirq_of_gsi(const struct domain *d, int gsi)
{
    for (int n = 0; n < NR_PIRQS; n++) {
        if (d->arch.pirqs[n].gsi == gsi)
            return n;
    }
    return -1;
}

/* Nothing, or only reserved, so that it may be mapped to something. */
static bool pirq_is_free(const struct pirq *p)
{
    return p->gsi < 0 && p->msi < 0 && !p->busy;
}

/* Mapping the same line again succeeds: kernels ask for a line each time a driver wants it. */
int pirq_map_gsi(struct domain *d, int gsi, int *pirq)
{
    int n = *pirq, has, rc = 0;

    if (d->arch.pirqs == NULL)
        return -XEN_EPERM;
    if (gsi < 0 || (unsigned)gsi >= irq_nr_gsis() || n >= NR_PIRQS)
        return -XEN_EINVAL;
    spin_lock(&d->lock);
    has = pirq_of_gsi(d, gsi);
    if (n < 0)
        n = has >= 0 ? has : gsi;
    if (has < 0 && pirq_is_free(&d->arch.pirqs[n])) {
        d->arch.pirqs[n].mapped = true;
        d->arch.pirqs[n].gsi = gsi;
    } else if (has != n) {
        rc = -XEN_EEXIST;
    }
    spin_unlock(&d->lock);
    *pirq = n;
    return rc;
}

int pirq_map_msi(struct domain *d, const struct msi_request *req, int *pirq)
{
    unsigned count = req->msix ? 1 : req->count;
    int n = *pirq, handle;

    if (d->arch.pirqs == NULL)
        return -XEN_EPERM;
    if (n >= 0 && (n >= NR_PIRQS || count != 1))
        return -XEN_EINVAL;
    spin_lock(&d->lock);
    if (n < 0)
        n = pirq_take_free(d, count);
    else if (!pirq_is_free(&d->arch.pirqs[n]))
        n = -XEN_EEXIST;
    for (unsigned i = 0; n >= 0 && i < count; i++)
        d->arch.pirqs[(unsigned)n + i].mapped = d->arch.pirqs[(unsigned)n + i].busy = true;
    spin_unlock(&d->lock);
    if (n < 0)
        return n;
    /* It talks to the device, which may take its time. */
    handle = irq_msi_bind(req, d, (unsigned)n);
    spin_lock(&d->lock);
    for (unsigned i = (unsigned)n; i < (unsigned)n + count; i++) {
        d->arch.pirqs[i].mapped = handle >= 0;
        d->arch.pirqs[i].msi = handle >= 0 ? handle : -1;
        d->arch.pirqs[i].busy = false;
    }
    spin_unlock(&d->lock);
    *pirq = n;
    return handle >= 0 ? 0 : handle;
}

/* The page is the guest's to write as well: nothing is read back from it. */
static void eoi_map_update(struct domain *d, unsigned n)
{
    struct pirq *p = &d->arch.pirqs[n];

    if (d->arch.pirq_eoi_map == NULL)
        return;
    if (p->mapped && p->bound && p->needs_eoi)
        bit_set(d->arch.pirq_eoi_map, n);
    else
        bit_clear(d->arch.pirq_eoi_map, n);
}

/*
 * An MSI was opened when it was mapped, and needs no EOI; a line is opened here. Last: it may fire
 * at once on another CPU, and the guest that handles it there has to find that it wants an EOI, or
 * it stays masked for good.
 */
int guest_pirq_bind(struct domain *d, unsigned n, bool will_share)
{
    struct pirq *p;
    int rc = 0;

    spin_lock(&d->lock);
    p = pirq_get(d, n);
    if (p == NULL)
        rc = -XEN_EINVAL;
    else if (p->bound)
        rc = -XEN_EBUSY;
    if (rc == 0) {
        p->needs_eoi = p->gsi >= 0 && p->level;
        p->bound = true;
        eoi_map_update(d, n);
        rc = p->gsi >= 0 ? irq_gsi_bind((unsigned)p->gsi, d, n) : 0;
        if (rc != 0) {
            p->bound = false;
            eoi_map_update(d, n);
        }
    }
    spin_unlock(&d->lock);
    return rc;
}

/* The domain's lock is held; a handler that has to be waited for does not take it. */
static void pirq_unbind(struct domain *d, unsigned n)
{
    struct pirq *p = pirq_get(d, n);

    if (p == NULL || !p->bound)
        return;
    if (p->gsi >= 0)
        irq_gsi_unbind((unsigned)p->gsi);
    p->bound = false;
    eoi_map_update(d, n);
}

void guest_pirq_unbind(struct domain *d, unsigned n)
{
    spin_lock(&d->lock);
    pirq_unbind(d, n);
    spin_unlock(&d->lock);
}

int pirq_unmap(struct domain *d, int n)
{
    struct pirq *p;
    int handle;

    spin_lock(&d->lock);
    p = n < 0 ? NULL : pirq_get(d, (unsigned)n);
    if (p == NULL || p->busy) {
        spin_unlock(&d->lock);
        return p == NULL ? -XEN_EINVAL : -XEN_EBUSY;
    }
    pirq_unbind(d, (unsigned)n); /* the channel stays, and hears nothing any more */
    handle = p->msi;
    for (unsigned i = 0; i < NR_PIRQS; i++) {
        struct pirq *q = &d->arch.pirqs[i];

        /* All vectors of a multiple MSI go together. */
        if (q == p || (handle >= 0 && q->msi == handle))
            *q = (struct pirq){.gsi = -1, .msi = -1};
    }
    spin_unlock(&d->lock);
    if (handle >= 0)
        irq_msi_unbind(handle);
    return 0;
}

int pirq_eoi(struct domain *d, unsigned n)
{
    struct pirq *p = pirq_get(d, n);

    if (p == NULL)
        return -XEN_EINVAL;
    if (p->gsi >= 0 && p->bound)
        irq_gsi_eoi((unsigned)p->gsi);
    return 0;
}

/* A line's trigger is known: dom0 read it from ACPI. Also for the pirq that it will have. */
void pirq_gsi_is_level(struct domain *d, int gsi, bool level)
{
    if (d->arch.pirqs == NULL)
        return;
    spin_lock(&d->lock);
    for (unsigned n = 0; n < NR_PIRQS; n++) {
        struct pirq *p = &d->arch.pirqs[n];

        if (p->gsi == gsi || (p->gsi < 0 && p->msi < 0 && (int)n == gsi)) {
            p->level = level;
            if (p->bound)
                p->needs_eoi = level;
            eoi_map_update(d, n);
        }
    }
    spin_unlock(&d->lock);
}

/* Once per domain; the writable reference is held until it dies. */
int pirq_set_eoi_map(struct domain *d, uint64_t gmfn)
{
    struct frame *f;

    if (d->arch.pirqs == NULL)
        return -XEN_EPERM;
    f = guest_frame_writable(d, gmfn);
    if (f == NULL)
        return -XEN_EINVAL;
    spin_lock(&d->lock);
    if (d->arch.pirq_eoi_map != NULL) {
        spin_unlock(&d->lock);
        frame_put_writable(f);
        return -XEN_EBUSY;
    }
    d->arch.pirq_eoi_mfn = MFN(gmfn);
    d->arch.pirq_eoi_map = mfn_to_virt(MFN(gmfn));
    for (unsigned n = 0; n < NR_PIRQS; n++)
        eoi_map_update(d, n);
    spin_unlock(&d->lock);
    return 0;
}

void pirq_release_all(struct domain *d)
{
    if (d->arch.pirqs != NULL) {
        for (int n = 0; n < NR_PIRQS; n++)
            pirq_unmap(d, n);
    }
    if (d->arch.pirq_eoi_map != NULL) {
        d->arch.pirq_eoi_map = NULL;
        frame_put_writable(frame_of(d->arch.pirq_eoi_mfn));
    }
}
