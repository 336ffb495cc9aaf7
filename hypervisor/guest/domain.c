/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain of any type has of the machine: rights to devices, physical interrupts, a memory
 * map, the mark in the TLB clock of whose frames it maps.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <guest/guest.h>
#include <guest/permissions.h>
#include <guest/pirq.h>
#include <lib/bug.h>
#include <public/errno.h>
#include <x86/page.h>
#include <x86/time.h>
#include <x86/tlb.h>

int guest_domain_init(struct domain *d)
{
    int rc = permissions_init(d);

    d->arch.tsc_khz = (uint32_t)time_tsc_khz();
    return rc == 0 ? pirq_init(d) : rc;
}

void guest_domain_relinquish(struct domain *d)
{
    pirq_release_all(d);
}

void guest_domain_free(struct domain *d)
{
    BUG_ON(d->arch.tlb_mask != 0);
    tlb_forget_domain(d->id);
    permissions_free(d);
    pirq_free(d);
    hpage_free(d->arch.e820);
    d->arch.e820 = NULL;
}

int guest_hypercall_page(struct domain *d, uint64_t gfn)
{
    struct frame *f = guest_frame_writable(d, gfn);

    if (f == NULL)
        return -XEN_EACCES;
    d->type->hypercall_page(mfn_to_virt(frame_mfn(f)));
    frame_put_writable(f);
    return 0;
}
