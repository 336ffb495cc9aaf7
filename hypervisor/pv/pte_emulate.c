/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stores of the guest kernel to its own page tables. They are mapped read-only, so such a store
 * faults; it is decoded, its result is judged like any other update, and execution goes on behind
 * it. Stock kernels do this while they boot, before their hypercall paths are chosen, and for the
 * atomic operations on entries (test-and-clear of the accessed bit, exchange, write-protect).
 *
 * Here are the two instructions that kernels do it with most, MOV and XCHG of a register;
 * pv_pte_store() has the others.
 *
 * The instruction is read after the fault, and another vcpu may have changed it meanwhile. Then a
 * store is carried out that the processor never saw; but its result is judged as any update is, on
 * an entry of a table that is this domain's at that moment, so the guest fools only itself. What a
 * frame is, its type says, never the mapping that faulted.
 */
#include <core/domain.h>
#include <pv/alias.h>
#include <pv/emulate.h>
#include <pv/entry.h>
#include <pv/pte.h>
#include <pv/pv.h>
#include <x86/guest_words.h>

/*
 * MOV and XCHG of a 64-bit register, plainly addressed: how a stock kernel sets and clears entries.
 * The bytes are REX.W, opcode, ModRM, displacement; no SIB. The length, by ModRM without its middle
 * field; 0: another instruction.
 */
#define SIMPLE_MOV  0x89
#define SIMPLE_XCHG 0x87
static inline unsigned simple_length(uint64_t insn, unsigned opcode)
{
    static const uint8_t lengths[0xc8] = {
        [0x00] = 3, 3, 3, 3, 0,          7, 3, 3, [0x40] = 4, 4, 4, 4,
        0,          4, 4, 4, [0x80] = 7, 7, 7, 7, 0,          7, 7, 7};

    return (insn & 0xfff8) == (0x48 | opcode << 8) ? lengths[(insn >> 16) & 0xc7] : 0;
}

/* The register in ModRM, with REX.R. */
static inline uint64_t *simple_register(struct cpu_regs *r, uint64_t insn)
{
    return emulate_gpr(r, ((insn >> 19) & 7) | ((insn & 4) << 1));
}

/* The rest of pv_pte_write_fault(), which may hold the table: it is not that simple. */
static __attribute__((noinline)) void store_not_simple(struct cpu_regs *regs, vaddr_t addr,
                                                       struct frame *table)
{
    struct domain *d = current->domain;

    if (table != NULL)
        page_type_put(table, d);
    if (pv_pte_store(regs, addr))
        pv_emulated(regs, LODGE_EMULATED_STORE);
    else if (likely(!alias_kept(d)) || !alias_write_fault(regs, addr))
        pv_page_fault(regs, addr);
}

/* Or it is done, and one of the references that are to be dropped may be the last. */
static __attribute__((noinline)) void store_end(struct cpu_regs *regs, struct frame *table,
                                                pte_t old)
{
    if (old != 0)
        pte_put_l1_last(old);
    page_type_put(table, current->domain);
    pv_emulated(regs, LODGE_EMULATED_STORE);
}

/*
 * The entry is the new one. What is called is called last, here and below, so that nothing has to
 * be kept for it.
 */
static inline __attribute__((always_inline)) void store_done(struct vcpu *v, struct cpu_regs *regs,
                                                             struct frame *table, pte_t old)
{
    if (unlikely(!pte_put_l1_shared(old)))
        return store_end(regs, table, old);
    if (unlikely(!page_type_put_shared(table)))
        return store_end(regs, table, 0);
    pv_emulated(regs, LODGE_EMULATED_STORE);
}

/* MOV, and what makes an entry present. Both are exchanges: the old entry's reference goes. */
static __attribute__((noinline)) void store_simple(struct cpu_regs *regs, vaddr_t addr, pte_t *p,
                                                   uint64_t insn, struct frame *table)
{
    unsigned length = simple_length(insn, SIMPLE_MOV) | simple_length(insn, SIMPLE_XCHG);
    uint64_t *reg = simple_register(regs, insn), val = *reg;
    pte_t old, drop;

    if (unlikely(length == 0))
        return store_not_simple(regs, addr, table);
    if (val & PTE_P) {
        val = pte_adjust(val);
        if (unlikely(!pte_get_l1_own(val, pte_keys(current->domain), &drop))) {
            pte_put_l1(drop);
            return store_not_simple(regs, addr, table);
        }
    }
    old = __atomic_exchange_n(p, val, __ATOMIC_SEQ_CST);
    if (simple_length(insn, SIMPLE_XCHG))
        *reg = old;
    regs->rip += length;
    store_done(current, regs, table, old);
}

/*
 * Stores come one after the other to the same table, so what the walk to it found is remembered.
 * Like the walk it holds nothing: only a type reference on the frame makes it an L1 table of d.
 * *at: from the table's beginning. An address that is none of an entry is never found.
 */
static inline bool hint_stands(const struct vcpu *v, vaddr_t addr, uint64_t *at)
{
    const struct store_hint *h = &v->pv.stored;

    *at = addr - h->page;
    return (*at & ~(PAGE_SIZE - sizeof(pte_t))) == 0 && h->root.m == v->pv.guest_table.m &&
           h->changes == READ_ONCE(v->domain->pv.path_changes) &&
           pte_peek_at(h->entry) == h->mapping;
}

/* False: there is no table of level 1 that may be read there. */
static __attribute__((noinline)) bool hint_find(struct vcpu *v, vaddr_t addr)
{
    struct store_hint *h = &v->pv.stored;
    struct frame *f;
    pte_t e;

    h->root = MFN(0);
    /* First: a path that changes under the walk makes a hint that does not stand. */
    h->changes = __atomic_load_n(&v->domain->pv.path_changes, __ATOMIC_SEQ_CST);
    e = pte_peek_l2(v, addr);
    if (unlikely(e == 0 || addr % sizeof(pte_t) != 0))
        return false;
    h->entry = pte_entry_at(e, addr, 1);
    h->mapping = e = pte_peek_at(h->entry);
    if (unlikely((e & (PTE_P | PTE_W)) != PTE_P || !pte_frame_find(e, &f) ||
                 page_type_of(READ_ONCE(f->type)) != PAGE_TYPE_L1))
        return false;
    h->page = addr & PAGE_MASK;
    h->frame = f;
    h->table = phys_to_virt(e & PTE_ADDR);
    h->root = v->pv.guest_table;
    return true;
}

/* In line is XCHG of what is not present: how a stock kernel takes its entries out. */
void pv_pte_write_fault(struct cpu_regs *regs, vaddr_t addr)
{
    struct vcpu *v = current;
    uint64_t at, insn, *reg;
    struct frame *f;
    unsigned length;
    pte_t *p, old;

    if (unlikely(!hint_stands(v, addr, &at))) {
        if (!hint_find(v, addr))
            return store_not_simple(regs, addr, NULL);
        at = addr % PAGE_SIZE;
    }
    f = v->pv.stored.frame;
    p = (pte_t *)((char *)v->pv.stored.table + at);
    if (unlikely(!page_type_get_valid(f, PAGE_TYPE_L1, v->domain)))
        return store_not_simple(regs, addr, NULL);
    if (unlikely(!guest_read_1(regs->rip, &insn))) /* at the end of a page, perhaps */
        return store_not_simple(regs, addr, f);
    length = simple_length(insn, SIMPLE_XCHG);
    reg = simple_register(regs, insn);
    if (unlikely(length == 0 || (*reg & PTE_P)))
        return store_simple(regs, addr, p, insn, f);
    *reg = old = __atomic_exchange_n(p, *reg, __ATOMIC_SEQ_CST);
    regs->rip += length;
    store_done(v, regs, f, old);
}
