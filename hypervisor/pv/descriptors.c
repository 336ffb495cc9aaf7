/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests' GDTs and LDTs. A table page is a descriptor page (PAGE_TYPE_DESC): every descriptor in it
 * has been checked, and no guest can write it but through update_descriptor. What is checked: a
 * present descriptor is code or data of ring 3. Gates, TSSs and LDTs of a guest's own are refused,
 * since they would be doors into ring 0.
 *
 * GDT pages 14 and 15 of every window are the hypervisor's; page 14 is the page of the CPU that
 * the vcpu runs on, with its TSS. Holes of the guest's part show a page of null descriptors.
 * LDT pages are mapped when the processor first reads from them, and all dropped together.
 *
 * What a page holds while it is in a window: a reference of the descriptor type, so that no guest
 * can have it mapped writable. The window's entries are the hypervisor's own, but not global: for
 * the TLB they are translations of the domain, like those of its page tables. So a page leaves by
 * changing the entry and dropping the reference, and the CPUs that still find it are flushed before
 * it becomes something else (pv/page_types.c). The vcpu itself sees the change at once where it
 * runs, and by the load of CR3 where it runs next. What the processor has loaded from a page stays
 * in its segment registers, and was legal when it was loaded.
 *
 * A vcpu's window is changed by itself, or while it does not run (another's context being set, the
 * end of the domain). So there is no lock.
 *
 * What a guest may try: a call gate, TSS or LDT descriptor of its own (S is clear: refused, so the
 * only system descriptors that LLDT and LTR ever see are in page 14); code of ring 0 (DPL is raised
 * to 3); a descriptor that is not present and says anything at all (using it traps, and
 * update_descriptor looks again when it becomes present).
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <lib/bitops.h>
#include <pv/descriptors.h>
#include <pv/page_types.h>
#include <pv/pte.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/page.h>
#include <x86/uaccess.h>

/* Bits of a descriptor, as one 64-bit word: Intel SDM volume 3, segment descriptors. */
#define DESC_PER_PAGE  (PAGE_SIZE / 8)
#define DESC_DPL_SHIFT 45
#define DESC_DPL       (3ull << DESC_DPL_SHIFT)
#define DESC_S         BIT(44) /* code or data */
#define DESC_P         BIT(47)
#define DESC_TYPE_LDT  (2ull << 40)
/* The processor sets "accessed" in descriptors, so it writes to the window; guests never can. */
#define WINDOW_FLAGS    (PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX)
#define GDT_LIMIT       (16 * PAGE_SIZE - 1)
#define LDT_MAX_ENTRIES 8192
#define OUR_GDT_PAGE    14

/* Shown by every window where a guest has no GDT page. Never written, as nothing is present. */
static uint64_t null_page[DESC_PER_PAGE] ALIGNED(PAGE_SIZE);

struct table_register {
    uint16_t limit;
    uint64_t base;
} PACKED;

static mfn_t null_mfn(void)
{
    return MFN(((vaddr_t)null_page - IMAGE_START) >> PAGE_SHIFT);
}

/* A descriptor that a guest may have, with its privilege level raised to the guest's; false: no. */
static bool descriptor_fix(uint64_t *d)
{
    if (!(*d & DESC_P))
        return true; /* using it traps */
    if (!(*d & DESC_S))
        return false;
    *d |= DESC_DPL;
    return true;
}

/* f is BUSY and mapped writable nowhere: two looks at a descriptor see the same. */
bool pv_validate_desc_page(struct frame *f)
{
    uint64_t *d = mfn_to_virt(frame_mfn(f));

    (void)work_charge(DESC_PER_PAGE * 8); /* it may be the LDT's, whose fault takes no preemption */
    for (unsigned i = 0; i < DESC_PER_PAGE; i++) {
        uint64_t fixed = d[i];

        if (!descriptor_fix(&fixed))
            return false;
        if (fixed != d[i])
            d[i] = fixed;
    }
    return true;
}

int descriptors_init_vcpu(struct vcpu *v)
{
    vaddr_t w = vmap_alloc(DESC_WINDOW_PAGES, DESC_WINDOW_PAGES);

    if (w == 0)
        return -XEN_ENOMEM;
    for (unsigned i = 0; i < DESC_WINDOW_PAGES; i++) {
        if (hv_map(w + i * PAGE_SIZE, null_mfn(), 1, WINDOW_FLAGS) != 0) {
            hv_unmap(w, i);
            vmap_free(w, DESC_WINDOW_PAGES);
            return -XEN_ENOMEM;
        }
        preempt_after(WORK_PAGE);
    }
    /* The tables are made, which hv_pte() needs; no entry is global, and the LDT's are empty. */
    for (unsigned i = 0; i < DESC_WINDOW_PAGES; i++)
        *hv_pte(w + i * PAGE_SIZE) = i < 16 ? pte_make(null_mfn(), WINDOW_FLAGS) : 0;
    for (unsigned i = 0; i < GDT_GUEST_FRAMES; i++)
        v->pv.gdt_frames[i] = INVALID_MFN;
    v->pv.desc_window = w;
    v->pv.desc_gdt_pte = hv_pte(w + OUR_GDT_PAGE * PAGE_SIZE);
    return 0;
}

void descriptors_free_vcpu(struct vcpu *v)
{
    if (v->pv.desc_window == 0)
        return;
    pv_destroy_gdt(v);
    pv_invalidate_ldt(v);
    hv_unmap(v->pv.desc_window, DESC_WINDOW_PAGES);
    vmap_free(v->pv.desc_window, DESC_WINDOW_PAGES);
    v->pv.desc_window = 0;
}

/* The LDT's descriptor is in the CPU's own GDT page, so it is written anew at each switch-in. */
static void ldt_load(struct vcpu *v, struct cpu *c)
{
    uint64_t base = v->pv.desc_window + 16 * PAGE_SIZE;
    uint64_t limit = v->pv.ldt_entries * 8 - 1;
    uint64_t *d = &c->gdt[(SEL_LDT & 0xfff) / 8];
    uint16_t sel = 0;

    if (v->pv.ldt_entries != 0) {
        d[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | DESC_TYPE_LDT | DESC_P |
               (base & 0xff000000) << 32;
        d[1] = base >> 32;
        sel = SEL_LDT;
    }
    __asm__ volatile("lldt %0" : : "r"(sel));
}

void descriptors_switch_in(struct vcpu *v, struct cpu *c)
{
    pte_t *pte = v->pv.desc_gdt_pte, want = pte_make(c->gdt_mfn, WINDOW_FLAGS);
    struct table_register gdtr = {GDT_LIMIT, v->pv.desc_window};

    /*
     * Translations of page 14 that other CPUs have from earlier are wrong by now. They do no harm:
     * when the vcpu comes to one of them the entry differs from what is wanted and is flushed
     * there.
     */
    if (*pte != want) {
        *pte = want;
        invlpg(v->pv.desc_window + OUR_GDT_PAGE * PAGE_SIZE);
    }
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    ldt_load(v, c);
}

/* The reference on the page that was there before is dropped afterwards. e: 0 for none. */
static void window_set(struct vcpu *v, unsigned page, pte_t e)
{
    vaddr_t va = v->pv.desc_window + page * PAGE_SIZE;

    WRITE_ONCE(*hv_pte(va), e);
    if (v == current)
        invlpg(va);
}

void pv_destroy_gdt(struct vcpu *v)
{
    for (unsigned i = 0; i < GDT_GUEST_FRAMES; i++) {
        if (mfn_eq(v->pv.gdt_frames[i], INVALID_MFN))
            continue;
        window_set(v, i, pte_make(null_mfn(), WINDOW_FLAGS));
        page_type_put(frame_of(v->pv.gdt_frames[i]), v->domain);
        v->pv.gdt_frames[i] = INVALID_MFN;
    }
    v->pv.gdt_entries = 0;
}

/*
 * v is current, or not running. Decides first (references on all new frames), then replaces. The
 * same frame may be given more than once: each use has its own reference.
 */
int pv_set_gdt(struct vcpu *v, const uint64_t *frames, unsigned entries)
{
    unsigned n = DIV_UP(entries, DESC_PER_PAGE), got;
    int rc = 0;

    if (entries > GDT_GUEST_FRAMES * DESC_PER_PAGE)
        return -XEN_EINVAL;
    for (got = 0; got < n; got++) {
        rc = -XEN_EINVAL;
        if (!mfn_valid(MFN(frames[got])))
            break;
        rc = page_type_get(frame_of(MFN(frames[got])), PAGE_TYPE_DESC, v->domain);
        if (rc != 0)
            break;
        preempt_after(WORK_ENTRY);
    }
    if (rc != 0) {
        guest_refused("GDT frame %lx cannot be a descriptor page", (unsigned long)frames[got]);
        while (got-- > 0)
            page_type_put(frame_of(MFN(frames[got])), v->domain);
        return rc;
    }
    pv_destroy_gdt(v);
    for (unsigned i = 0; i < n; i++) {
        v->pv.gdt_frames[i] = MFN(frames[i]);
        window_set(v, i, pte_make(MFN(frames[i]), WINDOW_FLAGS));
    }
    v->pv.gdt_entries = entries;
    return 0;
}

int64_t hc_set_gdt(uint64_t list, uint64_t entries, uint64_t a3, uint64_t a4)
{
    uint64_t frames[GDT_GUEST_FRAMES];

    (void)a3, (void)a4;
    if (entries > GDT_GUEST_FRAMES * DESC_PER_PAGE)
        return -XEN_EINVAL;
    if (copy_from_guest(frames, list, DIV_UP(entries, DESC_PER_PAGE) * sizeof(*frames)) != 0)
        return -XEN_EFAULT;
    return pv_set_gdt(current, frames, (unsigned)entries);
}

int pv_descriptors_begin(struct domain *d, uint64_t maddr, uint64_t *desc, unsigned n)
{
    mfn_t m = MFN(maddr >> PAGE_SHIFT);
    enum page_type type = PAGE_TYPE_WRITABLE;
    bool ok = !(maddr & 7) && (maddr & ~PAGE_MASK) + n * 8 <= PAGE_SIZE && mfn_valid(m);

    for (unsigned i = 0; i < n && ok; i++)
        ok = descriptor_fix(&desc[i]);
    if (!ok) {
        guest_refused("descriptor %016lx at %lx", (unsigned long)*desc, (unsigned long)maddr);
        return -XEN_EINVAL;
    }
    /* Else a page that the guest could map writable, which may as well be written for it. */
    if (page_type_of(READ_ONCE(frame_of(m)->type)) == PAGE_TYPE_DESC)
        type = PAGE_TYPE_DESC;
    return page_type_get(frame_of(m), type, d);
}

void pv_descriptors_end(struct domain *d, uint64_t maddr, const uint64_t *desc, unsigned n)
{
    uint64_t *p = phys_to_virt(maddr);

    /* In one store: a processor that loads it at this moment sees the old one or the new one. */
    for (unsigned i = 0; i < n; i++)
        WRITE_ONCE(p[i], desc[i]);
    page_type_put(frame_of(MFN(maddr >> PAGE_SHIFT)), d);
}

/* update_descriptor(machine address, descriptor): one entry of a table of the caller's. */
int64_t hc_update_descriptor(uint64_t maddr, uint64_t desc, uint64_t a3, uint64_t a4)
{
    struct domain *d = current->domain;
    int rc = pv_descriptors_begin(d, maddr, &desc, 1);

    (void)a3, (void)a4;
    if (rc == 0)
        pv_descriptors_end(d, maddr, &desc, 1);
    return rc;
}

bool pv_ldt_ok(uint64_t base, uint64_t ents)
{
    return ents <= LDT_MAX_ENTRIES && !(base & ~PAGE_MASK) &&
           (ents == 0 || guest_range_ok(base, ents * 8));
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned ents)
{
    if (!pv_ldt_ok(base, ents))
        return -XEN_EINVAL;
    if (v->pv.ldt_base == base && v->pv.ldt_entries == ents)
        return 0;
    pv_invalidate_ldt(v);
    v->pv.ldt_base = base;
    v->pv.ldt_entries = ents;
    if (v == current)
        ldt_load(v, this_cpu());
    return 0;
}

void pv_invalidate_ldt(struct vcpu *v)
{
    while (v->pv.ldt_mapped != 0) {
        unsigned i = bit_lowest(v->pv.ldt_mapped);
        mfn_t m = pte_mfn(*hv_pte(v->pv.desc_window + (16 + i) * PAGE_SIZE));

        window_set(v, 16 + i, 0);
        v->pv.ldt_mapped &= ~(1u << i);
        page_type_put(frame_of(m), v->domain);
    }
}

bool descriptors_ldt_offset(const struct vcpu *v, vaddr_t addr, uint64_t *offset)
{
    vaddr_t start = v->pv.desc_window + 16 * PAGE_SIZE;

    if (v->pv.desc_window == 0 || addr < start || addr - start >= v->pv.ldt_entries * 8ul)
        return false;
    *offset = addr - start;
    return true;
}

/* May run while the vcpu's segments are being loaded, so it goes by the CPU, not by the stack. */
bool pv_ldt_fault(vaddr_t addr)
{
    struct vcpu *v = this_cpu()->curr;
    uint64_t offset;
    unsigned i;
    pte_t e;

    if (v->domain->type != &pv_type || !descriptors_ldt_offset(v, addr, &offset))
        return false;
    i = (unsigned)(offset >> PAGE_SHIFT);
    if (v->pv.ldt_mapped & (1u << i))
        return false; /* it was there: the fault is about something else */
    /* By the guest kernel's tables, also in user mode. A hint: page_type_get() decides. */
    e = pte_lookup(v, v->pv.ldt_base + i * PAGE_SIZE);
    if (!(e & PTE_P) || !mfn_valid(pte_mfn(e)) ||
        page_type_get(frame_of(pte_mfn(e)), PAGE_TYPE_DESC, v->domain) != 0)
        return false;
    *hv_pte(v->pv.desc_window + (16 + i) * PAGE_SIZE) = pte_make(pte_mfn(e), WINDOW_FLAGS);
    v->pv.ldt_mapped |= 1u << i;
    return true;
}
