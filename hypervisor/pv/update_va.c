/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * update_va_mapping: one L1 entry by the guest address that it maps, and the flush that goes with
 * it, in one hypercall.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/stats.h>
#include <lib/bitops.h>
#include <public/mmu.h>
#include <pv/mmu.h>
#include <pv/pte.h>
#include <x86/regs.h>
#include <x86/tlb.h>
#include <x86/uaccess.h>

cpumask_t mmu_cpus_of(const struct domain *d, uint64_t vcpus)
{
    cpumask_t mask = 0;
    unsigned id;

    if (d->max_vcpus < 64)
        vcpus &= BIT(d->max_vcpus) - 1;
    for_each_cpu (id, vcpus) {
        const struct vcpu *v = d->vcpus[id];

        if (v != NULL && READ_ONCE(v->sched.running))
            mask |= BIT(READ_ONCE(v->sched.cpu));
    }
    return mask;
}

int mmu_vcpumask(const struct domain *d, vaddr_t bitmap, cpumask_t *mask)
{
    uint64_t ids;

    *mask = 0;
    if (copy_from_guest(&ids, bitmap, sizeof(ids)) != 0)
        return -XEN_EFAULT;
    *mask = mmu_cpus_of(d, ids);
    return 0;
}

/*
 * After the entry has been changed. The flags: what to flush, and in the upper bits where: here, on
 * all CPUs that may hold translations of the domain, or by a pointer to a bitmap of vcpus. When
 * that cannot be read the result says so, but the entry is the new one.
 */
static int flush_after(struct domain *d, vaddr_t va, uint64_t flags)
{
    uint64_t type = flags & UVMF_FLUSHTYPE_MASK, who = flags & ~UVMF_FLUSHTYPE_MASK;
    cpumask_t mask = 0;
    int rc = 0;

    if (type != UVMF_TLB_FLUSH && type != UVMF_INVLPG)
        return type == UVMF_NONE ? 0 : -XEN_EINVAL;
    if (who == UVMF_LOCAL) {
        if (type == UVMF_INVLPG)
            tlb_flush_page_local(va);
        else
            tlb_flush_local();
        return 0;
    }
    if (who == UVMF_ALL)
        mask = READ_ONCE(d->arch.tlb_mask);
    else
        rc = mmu_vcpumask(d, who, &mask);
    if (type == UVMF_INVLPG)
        tlb_flush_page_mask(mask, va);
    else
        tlb_flush_mask(mask);
    return rc;
}

/* The tables are current's; `owner` is whose frame may be mapped. */
static inline int64_t update_va(vaddr_t va, pte_t val, uint64_t flags, struct domain *owner)
{
    struct vcpu *v = current;
    struct frame *table;
    pte_t *p = pte_walk(v, va, &table);
    int rc;

    if (unlikely(p == NULL)) {
        guest_refused("no L1 table at %lx", (unsigned long)va);
        return -XEN_EINVAL;
    }
    rc = pte_write_l1(p, val, v->domain, owner, 0);
    page_type_put(table, v->domain);
    if (unlikely(rc != 0)) {
        guest_refused("entry %lx for %lx: %d", (unsigned long)val, (unsigned long)va, rc);
        return rc;
    }
    if (flags == (UVMF_INVLPG | UVMF_LOCAL)) { /* as most ask */
        tlb_flush_page_local(va);
        return 0;
    }
    return (flags & UVMF_FLUSHTYPE_MASK) == UVMF_NONE ? 0 : flush_after(v->domain, va, flags);
}

int64_t hc_update_va_mapping(uint64_t va, uint64_t val, uint64_t flags, uint64_t a4)
{
    stats_count(LODGE_STAT_UPDATE_VA);
    return update_va(va, val, flags, current->domain);
}

int64_t hc_update_va_mapping_otherdomain(uint64_t va, uint64_t val, uint64_t flags, uint64_t domid)
{
    struct domain *owner;
    int64_t rc = mmu_owner_get((domid_t)domid, &owner);

    struct frame *held = NULL;

    if (rc != 0)
        return rc;
    stats_count(LODGE_STAT_UPDATE_VA);
    if (owner->translated)
        rc = mmu_translate(owner, &val, &held);
    if (rc == 0)
        rc = update_va(va, val, flags, owner);
    if (held != NULL)
        frame_put(held);
    mmu_owner_put(owner);
    return rc;
}
