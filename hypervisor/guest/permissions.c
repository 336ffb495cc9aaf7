/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which device memory and which I/O ports a domain may reach. Device memory is a sorted list of
 * ranges of frame numbers in one page: real machines need a few dozen. Ports are a bitmap, made
 * when the first port is allowed.
 *
 * Rights are asked for when a mapping is made or a port is touched. A right that is taken away ends
 * port accesses at once, but not mappings: those last until the guest removes them or dies.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <guest/permissions.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <public/errno.h>

#define PORTS        65536
#define BITMAP_ORDER 1  /* 8 KiB */
#define WORK_PORT    10 /* a port is allowed or not */

struct range {
    uint64_t first, last; /* frame numbers, both included */
};

struct range_list {
    struct spinlock lock; /* LOCK_PAGE_LIST: innermost of what its users hold */
    unsigned count;       /* 0 is looked at without the lock */
    /* Sorted; no two overlap or touch. */
    struct range r[(PAGE_SIZE - sizeof(struct spinlock) - 8) / sizeof(struct range)];
};
_Static_assert(sizeof(struct range_list) <= PAGE_SIZE, "one page");

int permissions_init(struct domain *d)
{
    d->arch.iomem = hpage_alloc();
    if (d->arch.iomem == NULL)
        return -XEN_ENOMEM;
    spin_lock_init(&d->arch.iomem->lock, LOCK_PAGE_LIST);
    return 0;
}

void permissions_free(struct domain *d)
{
    hpage_free(d->arch.iomem);
    hpages_free(d->arch.ioport_bitmap, BITMAP_ORDER);
    d->arch.iomem = NULL;
    d->arch.ioport_bitmap = NULL;
}

bool permissions_iomem_any(const struct domain *d)
{
    return d->arch.iomem != NULL && READ_ONCE(d->arch.iomem->count) != 0;
}

/* All of it by one range: neighbours have been merged, so what two ranges share out has a gap. */
bool permissions_iomem_allowed(const struct domain *d, uint64_t first, uint64_t last)
{
    struct range_list *l = d->arch.iomem;
    bool ok = false;

    if (l == NULL || READ_ONCE(l->count) == 0)
        return false;
    spin_lock(&l->lock);
    for (unsigned i = 0; i < l->count && !ok; i++)
        ok = first >= l->r[i].first && last <= l->r[i].last;
    spin_unlock(&l->lock);
    return ok;
}

static void range_delete(struct range_list *l, unsigned i)
{
    l->count--;
    memmove(&l->r[i], &l->r[i + 1], (l->count - i) * sizeof(l->r[0]));
}

static bool range_insert(struct range_list *l, unsigned i, uint64_t first, uint64_t last)
{
    if (l->count == ARRAY_SIZE(l->r))
        return false;
    memmove(&l->r[i + 1], &l->r[i], (l->count - i) * sizeof(l->r[0]));
    l->r[i] = (struct range){first, last};
    l->count++;
    return true;
}

/* Cuts [first, last] out; false: a range would have to be split and there is no room. Lock held. */
static bool range_remove(struct range_list *l, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < l->count;) {
        struct range *r = &l->r[i];

        if (r->last < first || r->first > last) {
            i++;
        } else if (r->first >= first && r->last <= last) {
            range_delete(l, i);
        } else if (r->first < first && r->last > last) {
            uint64_t end = r->last;

            if (!range_insert(l, i + 1, last + 1, end))
                return false;
            l->r[i].last = first - 1;
            return true;
        } else {
            if (r->first < first)
                r->last = first - 1;
            else
                r->first = last + 1;
            i++;
        }
    }
    return true;
}

/* False: no room. Then nothing was swallowed, and the list is as it was. Lock held. */
static bool range_add(struct range_list *l, uint64_t first, uint64_t last)
{
    unsigned i = 0;

    /* Swallow what overlaps or touches, then insert the union in order. */
    while (i < l->count) {
        struct range *r = &l->r[i];

        if (r->first <= last + 1 && first <= r->last + 1) {
            first = MIN(first, r->first);
            last = MAX(last, r->last);
            range_delete(l, i);
        } else {
            i++;
        }
    }
    for (i = 0; i < l->count && l->r[i].first < first;)
        i++;
    return range_insert(l, i, first, last);
}

int permissions_iomem_set(struct domain *d, uint64_t first, uint64_t last, bool allow)
{
    struct range_list *l = d->arch.iomem;
    bool ok;

    if (last < first || last >= BIT(40))
        return -XEN_EINVAL;
    spin_lock(&l->lock);
    ok = allow ? range_add(l, first, last) : range_remove(l, first, last);
    spin_unlock(&l->lock);
    return ok ? 0 : -XEN_ENOSPC;
}

bool permissions_ioport_allowed(const struct domain *d, unsigned first, unsigned count)
{
    if (d->arch.ioport_bitmap == NULL || first + count > PORTS)
        return false;
    return bitmap_next_clear((const uint64_t *)d->arch.ioport_bitmap, first + count, first) ==
           first + count;
}

int permissions_ioport_set(struct domain *d, unsigned first, unsigned count, bool allow)
{
    if (first >= PORTS || count > PORTS - first)
        return -XEN_EINVAL;
    if (d->arch.ioport_bitmap == NULL) {
        if (!allow)
            return 0;
        d->arch.ioport_bitmap = hpages_alloc(BITMAP_ORDER);
        if (d->arch.ioport_bitmap == NULL)
            return -XEN_ENOMEM;
    }
    for (unsigned p = first; p < first + count; p++) {
        if (allow)
            bit_set(d->arch.ioport_bitmap, p);
        else
            bit_clear(d->arch.ioport_bitmap, p);
        preempt_after(WORK_PORT);
    }
    return 0;
}
