/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a fully virtualized guest by its own addresses: its tables are walked, in each mode
 * of paging that there is. Another processor may change them meanwhile, as ever: what is reached is
 * memory of this guest all the same, as each step goes by the physical map.
 *
 * Code is looked at without regard to rights, as the processor has just executed what is there.
 * Data is accessed as the guest's present privilege allows, but for SMAP.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <hvm/hvm.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/svm.h>

#define LOOK BIT(31) /* in place of PF_WRITE and PF_USER: whatever the rights */

/* A physical address, within a page; NULL: no memory is there. The frame is held. */
static uint8_t *hold(struct vcpu *v, paddr_t pa, struct frame **f)
{
    *f = p2m_physmap.get(v->domain, pa >> PAGE_SHIFT);
    return *f == NULL ? NULL : (uint8_t *)mfn_to_virt(frame_mfn(*f)) + pa % PAGE_SIZE;
}

static bool copy_physical(struct vcpu *v, paddr_t pa, void *local, unsigned n, bool write)
{
    struct frame *f;
    uint8_t *at = hold(v, pa, &f);

    if (at == NULL)
        return false;
    if (write)
        memcpy(at, local, n);
    else
        memcpy(local, at, n);
    frame_put(f);
    return true;
}

/* Accessed and dirty, as the processor would set them. */
static void mark(struct vcpu *v, paddr_t entry, uint32_t bits)
{
    struct frame *f;
    uint8_t *at = hold(v, entry, &f);

    if (at == NULL)
        return;
    __atomic_fetch_or((uint32_t *)at, bits, __ATOMIC_SEQ_CST);
    frame_put(f);
}

/* The shape of a guest's tables: levels, entries of 4 or 8 bytes, bits of index in a level. */
struct paging {
    unsigned levels, size, bits;
    paddr_t root;
};

static struct paging paging_of(const struct vmcb *b)
{
    if (b->efer & EFER_LMA)
        return (struct paging){4, 8, 9, b->cr3 & PTE_ADDR};
    if (b->cr4 & CR4_PAE)
        return (struct paging){3, 8, 9, b->cr3 & 0xffffffe0u};
    return (struct paging){2, 4, 10, b->cr3 & 0xfffff000u};
}

enum walk { WALK_DONE, WALK_ABSENT, WALK_DENIED, WALK_NOWHERE };

static enum walk judge(const struct vmcb *b, uint64_t rights, unsigned access)
{
    if (access & LOOK)
        return WALK_DONE;
    if ((access & PF_USER) && !(rights & PTE_U))
        return WALK_DENIED;
    if ((access & PF_WRITE) && !(rights & PTE_W) && ((access & PF_USER) || (b->cr0 & CR0_WP)))
        return WALK_DENIED;
    return WALK_DONE;
}

/* The entry of one level; the third of three has no rights and no size. */
static bool is_leaf(const struct vmcb *b, const struct paging *p, unsigned level, uint64_t e)
{
    if (level == 1)
        return true;
    if (!(e & PTE_PS) || level == 4 || (level == 3 && p->levels == 3))
        return false;
    return p->size == 8 || (b->cr4 & CR4_PSE);
}

static enum walk walk(struct vcpu *v, vaddr_t va, unsigned access, paddr_t *pa)
{
    const struct vmcb *b = v->hvm.vmcb;
    struct paging p = paging_of(b);
    uint64_t rights = PTE_U | PTE_W, e, within, index;
    paddr_t table = p.root, entry;

    *pa = va;
    if (!(b->cr0 & CR0_PG))
        return WALK_DONE;
    for (unsigned level = p.levels;; level--) {
        unsigned shift = PAGE_SHIFT + p.bits * (level - 1);

        within = BIT(shift) - 1;
        index = (va >> shift) & (BIT(p.bits) - 1);
        if (level == 3 && p.levels == 3)
            index &= 3;
        entry = table + index * p.size;
        e = 0;
        if (!copy_physical(v, entry, &e, p.size, false))
            return WALK_NOWHERE;
        if (!(e & PTE_P))
            return WALK_ABSENT;
        if (level != 3 || p.levels != 3)
            rights &= e;
        if (is_leaf(b, &p, level, e))
            break;
        table = e & PTE_ADDR;
    }
    if (p.size == 4 && within > PAGE_SIZE) /* bits 13 to 20 are address bits 32 to 39 */
        *pa = (e & 0xffc00000u) | (e & 0x1fe000u) << 19 | (va & within);
    else
        *pa = (e & PTE_ADDR & ~within) | (va & within);
    if (judge(b, rights, access) != WALK_DONE)
        return WALK_DENIED;
    if (!(access & LOOK))
        mark(v, entry, PTE_A | (access & PF_WRITE ? PTE_D : 0));
    return WALK_DONE;
}

/* How much of n bytes is on the page of va. */
static unsigned on_page(vaddr_t va, unsigned n)
{
    return (unsigned)MIN((uint64_t)n, PAGE_SIZE - va % PAGE_SIZE);
}

bool hvm_read(struct vcpu *v, vaddr_t va, void *to, unsigned n)
{
    while (n > 0) {
        unsigned here = on_page(va, n);
        paddr_t pa;

        if (walk(v, va, LOOK, &pa) != WALK_DONE || !copy_physical(v, pa, to, here, false))
            return false;
        to = (uint8_t *)to + here;
        va += here;
        n -= here;
    }
    return true;
}

/* One page's part of an operand. */
static bool find(struct vcpu *v, vaddr_t va, unsigned access, paddr_t *pa)
{
    struct vmcb *b = v->hvm.vmcb;
    enum walk found = walk(v, va, access, pa);

    switch (found) {
    case WALK_DONE:
        return true;
    case WALK_NOWHERE:
        domain_crash(v->domain, "%pv: page table where no memory is, address %lx", v,
                     (unsigned long)va);
        return false;
    default:
        if (!(b->event_inject & SVM_EVENT_VALID))
            b->cr2 = va;
        hvm_inject(v, X86_PF, access | (found == WALK_DENIED ? PF_PRESENT : 0));
        return false;
    }
}

bool hvm_span(struct vcpu *v, vaddr_t va, unsigned n, bool write, struct guest_span *s)
{
    unsigned access = (write ? PF_WRITE : 0) | (v->hvm.vmcb->cpl == 3 ? PF_USER : 0);

    s->first = on_page(va, n);
    s->rest = n - s->first;
    return find(v, va, access, &s->pa[0]) &&
           (s->rest == 0 || find(v, va + s->first, access, &s->pa[1]));
}

bool hvm_span_copy(struct vcpu *v, const struct guest_span *s, void *local, bool write)
{
    if (copy_physical(v, s->pa[0], local, s->first, write) &&
        (s->rest == 0 || copy_physical(v, s->pa[1], (uint8_t *)local + s->first, s->rest, write)))
        return true;
    domain_crash(v->domain, "%pv: string access at physical address %lx, where no memory is", v,
                 (unsigned long)s->pa[0]);
    return false;
}
