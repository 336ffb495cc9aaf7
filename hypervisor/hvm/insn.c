/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long an instruction is that has caused an exit. Processors with next RIP say it. For others
 * its bytes are read and decoded. Which bytes those are is found by the guest's own tables, in each
 * mode of paging that there is, without a look at rights: the processor has just executed what is
 * there. The guest may change it meanwhile, or its tables; the worst that comes of it is that the
 * vcpu executes the place again.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <hvm/hvm.h>
#include <lib/insn.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define CR0_PE       0x1ull
#define CR0_PG       0x80000000ull
#define EFER_LMA     0x400ull
#define ATTR_LONG    0x200u /* of CS: 64-bit code */
#define ATTR_BIG     0x400u
#define PAGE_OFFSET_ (PAGE_SIZE - 1)

/* n bytes of guest physical memory, within a page. */
static bool read_physical(struct vcpu *v, paddr_t pa, void *to, unsigned n)
{
    struct frame *f = p2m_physmap.get(v->domain, pa >> PAGE_SHIFT);

    if (f == NULL)
        return false;
    memcpy(to, (const uint8_t *)mfn_to_virt(frame_mfn(f)) + (pa & PAGE_OFFSET_), n);
    frame_put(f);
    return true;
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

static bool translate(struct vcpu *v, vaddr_t va, paddr_t *pa)
{
    const struct vmcb *b = v->hvm.vmcb;
    struct paging p = paging_of(b);
    paddr_t table = p.root;

    *pa = va;
    if (!(b->cr0 & CR0_PG))
        return true;
    for (unsigned level = p.levels;; level--) {
        unsigned shift = PAGE_SHIFT + p.bits * (level - 1);
        uint64_t e = 0, index = (va >> shift) & (BIT(p.bits) - 1), within = BIT(shift) - 1;

        if (level == 3 && p.levels == 3)
            index &= 3;
        if (!read_physical(v, table + index * p.size, &e, p.size) || !(e & PTE_P))
            return false;
        e &= p.size == 4 ? 0xffffffffu : UINT64_MAX;
        if (level == 1 || ((e & PTE_PS) && level <= 3 && !(level == 3 && p.levels == 3) &&
                           (p.size == 8 || (b->cr4 & CR4_PSE)))) {
            if (p.size == 4 && level == 2) /* bits 13 to 20 are address bits 32 to 39 */
                *pa = (e & 0xffc00000u) | (e & 0x1fe000u) << 19 | (va & within);
            else
                *pa = (e & PTE_ADDR & ~within) | (va & within);
            return true;
        }
        table = e & PTE_ADDR;
    }
}

bool hvm_read(struct vcpu *v, vaddr_t va, void *to, unsigned n)
{
    while (n > 0) {
        unsigned here = (unsigned)MIN((uint64_t)n, PAGE_SIZE - (va & PAGE_OFFSET_));
        paddr_t pa;

        if (!translate(v, va, &pa) || !read_physical(v, pa, to, here))
            return false;
        to = (uint8_t *)to + here;
        va += here;
        n -= here;
    }
    return true;
}

static enum insn_mode mode_of(const struct vmcb *b)
{
    if ((b->efer & EFER_LMA) && (b->cs.attr & ATTR_LONG))
        return INSN_64;
    return b->cs.attr & ATTR_BIG ? INSN_32 : INSN_16;
}

/* As many bytes as there are: the page behind the instruction's may not be. */
static unsigned fetch(struct vcpu *v, uint8_t bytes[INSN_MAX], bool code64)
{
    const struct vmcb *b = v->hvm.vmcb;
    vaddr_t at = code64 ? b->rip : (uint32_t)(b->cs.base + b->rip);
    unsigned first = (unsigned)MIN((uint64_t)INSN_MAX, PAGE_SIZE - (at & PAGE_OFFSET_));
    vaddr_t next = code64 ? at + first : (uint32_t)(at + first);

    if (!hvm_read(v, at, bytes, first))
        return 0;
    return hvm_read(v, next, bytes + first, INSN_MAX - first) ? INSN_MAX : first;
}

static bool decode(struct vcpu *v, struct insn *in)
{
    enum insn_mode mode = mode_of(v->hvm.vmcb);
    uint8_t bytes[INSN_MAX];

    return insn_decode(in, bytes, fetch(v, bytes, mode == INSN_64), mode);
}

bool hvm_skip(struct vcpu *v, unsigned kind)
{
    struct vmcb *b = v->hvm.vmcb;
    enum insn_mode mode = mode_of(b);
    struct insn in;

    if (cpu_features.svm_next_rip) {
        b->rip = b->next_rip;
    } else {
        if (!decode(v, &in) || in.kind != kind)
            return false;
        b->rip += in.length;
        if (mode != INSN_64)
            b->rip &= mode == INSN_32 ? 0xffffffffu : 0xffffu;
    }
    b->int_shadow = 0;
    return true;
}
