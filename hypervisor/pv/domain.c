/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine half of a PV domain and its vcpus: making and freeing them, and the switch from one
 * vcpu to the next. The complete context of a vcpu, as others set and read it, is in context.c.
 *
 * A guest's page tables are loaded only while one of its vcpus runs: idling CPUs use the
 * hypervisor's own. So tlb_mask, the CPUs that may hold translations of a domain, is exact, and a
 * table may be freed as soon as no vcpu has it loaded.
 *
 * While a vcpu runs, the truth about its selectors, bases and FPU state is in the processor; while
 * it does not, in struct arch_vcpu. arch_switch_out() and arch_switch_in() carry it over, with
 * interrupts off, on the way from one stack to the next. Debug registers are only copied in: what
 * the guest wrote to them is in struct arch_vcpu at any time.
 */
#include <core/arch.h>
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <core/hypercall.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/lodge.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/time.h>
#include <x86/tlb.h>

/*
 * Which domain's page tables each CPU has loaded: NULL, the hypervisor's own. Each CPU touches its
 * own entry only.
 */
static struct domain *loaded[NR_CPUS];

struct table_register {
    uint16_t limit;
    uint64_t base;
} PACKED;

/* ---- domains ---- */

int arch_domain_init(struct domain *d)
{
    int rc = permissions_init(d);

    d->arch.tsc_khz = (uint32_t)time_tsc_khz();
    d->arch.pv_root_hint = MFN(0);
    if (rc == 0)
        rc = pirq_init(d);
    return rc;
}

void arch_domain_free(struct domain *d)
{
    BUG_ON(d->arch.tlb_mask != 0);
    tlb_forget_domain(d->id);
    permissions_free(d);
    pirq_free(d);
    hpage_free(d->arch.e820);
    d->arch.e820 = NULL;
}

static bool vcpu_has_tables(const struct vcpu *v)
{
    return v->arch.area != NULL || (v->arch.guest_table.m | v->arch.guest_table_user.m |
                                    v->arch.gdt_entries | v->arch.ldt_mapped) != 0;
}

/* All page-type references of a vcpu that will not run any more: descriptor pages, root tables. */
static void vcpu_drop_tables(struct vcpu *v)
{
    mfn_t kernel = v->arch.guest_table, user = v->arch.guest_table_user;

    area_drop(v);
    pv_destroy_gdt(v);
    pv_invalidate_ldt(v);
    v->arch.ldt_entries = 0;
    v->arch.guest_table = v->arch.guest_table_user = MFN(0);
    if (kernel.m != 0)
        page_type_put(frame_of(kernel), v->domain);
    if (user.m != 0)
        page_type_put(frame_of(user), v->domain);
}

/* The vcpus are parked for good. First what they hold, then the tables that hold each other. */
int arch_domain_relinquish(struct domain *d)
{
    struct vcpu *v;

    if (d->arch.teardown_stage == 0) {
        for_each_vcpu (d, v) {
            if (!vcpu_has_tables(v)) /* dropped in an earlier slice */
                continue;
            vcpu_drop_tables(v);
            if (preempt_wanted())
                return -XEN_ERESTART;
        }
        pirq_release_all(d);
        d->arch.teardown_stage = 1;
    }
    return page_type_relinquish(d);
}

/* A PV guest's frame numbers are the machine's. Given back with arch_frame_put_writable(). */
struct frame *arch_get_guest_frame_writable(struct domain *d, uint64_t gfn)
{
    if (gfn >= max_mfn || !arch_frame_get_writable(frame_of(MFN(gfn)), d))
        return NULL;
    return frame_of(MFN(gfn));
}

/* A copy in each vcpu, as frames are made by it. The lock makes the last one to come here right. */
void arch_vm_assist_changed(struct domain *d)
{
    struct vcpu *v;

    spin_lock(&d->lock);
    for_each_vcpu (d, v)
        WRITE_ONCE(v->arch.iopl_shown,
                   (READ_ONCE(d->arch.vm_assist) & BIT(VMASST_TYPE_architectural_iopl)) != 0);
    spin_unlock(&d->lock);
}

/* ---- vcpus ---- */

int arch_vcpu_init(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;

    /* cr0 and cr4 as the guest will see them: what the processor has is the hypervisor's. */
    a->kernel_mode = true;
    v->hypercalls = pv_hypercalls(v->domain->privileged);
    a->cr0 = 0x80050033; /* PE, MP, ET, NE, WP, AM, PG */
    a->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_features.xsave)
        a->cr4 |= CR4_OSXSAVE;
    debugreg_reset(v);
    a->xcr0 = cpu_features.xcr0;
    preempt_after(WORK_PAGE); /* core has cleared pages for the rest of it */
    a->traps = hpage_alloc();
    a->fpu = fpu_area_alloc();
    preempt_after(WORK_PAGE);
    if (a->traps == NULL || a->fpu == NULL || descriptors_init_vcpu(v) != 0) {
        arch_vcpu_free(v);
        return -XEN_ENOMEM;
    }
    return 0;
}

void arch_vcpu_free(struct vcpu *v)
{
    descriptors_free_vcpu(v);
    hpage_free(v->arch.traps);
    if (v->arch.fpu != NULL)
        fpu_area_free(v->arch.fpu);
    v->arch.traps = NULL;
    v->arch.fpu = NULL;
}

struct cpu_regs *pv_vcpu_regs(const struct vcpu *v)
{
    return &((struct stack_top *)v->stack - 1)->regs;
}

void pv_load_tables(struct vcpu *v)
{
    if (v == current)
        tlb_write_cr3(arch_vcpu_cr3(&v->arch));
}

/* ---- the switch ---- */

void arch_switch_out(struct vcpu *prev)
{
    if (domain_is_idle(prev->domain))
        return;
    segments_save(prev);
    fpu_switch_out(prev);
    if (unlikely(prev->arch.debug_active))
        debugreg_clear();
}

/*
 * Our bit goes into the new domain's mask before its first translation can be cached, and out of
 * the old domain's after its last has been dropped: what is found by GDTR and LDTR are such
 * translations, too, so these are loaded in between, before CR3.
 */
static inline void tables_enter(struct cpu *c, struct domain *to)
{
    if (loaded[c->id] == to)
        return;
    tlb_enter(c);
    bit_set(&to->arch.tlb_mask, c->id);
}

static inline void tables_load(struct cpu *c, struct domain *to, uint64_t cr3)
{
    struct domain *from = loaded[c->id];

    tlb_write_cr3(cr3);
    if (from == to)
        return;
    tlb_entered(c, to != NULL ? to->id : DOMID_IDLE);
    if (from != NULL)
        bit_clear(&from->arch.tlb_mask, c->id);
    loaded[c->id] = to;
}

/* Nothing of a guest stays loaded while its CPU idles: the guest may be gone before the next one.
 */
static void switch_in_idle(struct cpu *c)
{
    struct table_register gdtr = {0xefff, (uint64_t)c->gdt - 0xe000};

    __asm__ volatile("lgdt %0; lldt %1" : : "m"(gdtr), "r"((uint16_t)0));
    tables_load(c, NULL, hv_root_mfn.m << PAGE_SHIFT);
}

void arch_switch_in(struct vcpu *next)
{
    struct cpu *c = this_cpu();

    guest_entry_set_stack(c, next); /* sets c->curr, which pv_ldt_fault() goes by */
    if (domain_is_idle(next->domain)) {
        switch_in_idle(c);
        return;
    }
    tables_enter(c, next->domain);
    descriptors_switch_in(next, c);
    tables_load(c, next->domain, arch_vcpu_cr3(&next->arch));
    segments_load(next); /* last: nothing that was cached of another domain's windows is left */
    /*
     * At once, not on first use: some processors let speculation see the registers of whoever ran
     * before in spite of TS, and emulators run XSAVE and XRSTOR in spite of it.
     */
    fpu_switch_in(next);
    if (unlikely((next->arch.area != NULL) != c->area_stub))
        descriptors_set_area_stub(c, next->arch.area != NULL);
    if (unlikely(next->arch.debug_active))
        debugreg_load(next);
}
