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
 * it does not, in struct pv_vcpu. pv_switch_out() and pv_switch_in() carry it over, with
 * interrupts off, on the way from one stack to the next. Debug registers are only copied in: what
 * the guest wrote to them is in struct arch_vcpu at any time.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <guest/guest.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/hypercalls.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/lodge.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <pv/type.h>
#include <x86/cpu.h>
#include <x86/switch.h>
#include <x86/tlb.h>

/* ---- domains ---- */

static int pv_domain_init(struct domain *d)
{
    d->pv.orphans = MFN(0);
    return guest_domain_init(d);
}

static bool vcpu_has_tables(const struct vcpu *v)
{
    return v->pv.area != NULL || (v->pv.guest_table.m | v->pv.guest_table_user.m |
                                  v->pv.gdt_entries | v->pv.ldt_mapped) != 0;
}

/* All page-type references of a vcpu that will not run any more: descriptor pages, root tables. */
static void vcpu_drop_tables(struct vcpu *v)
{
    mfn_t kernel = v->pv.guest_table, user = v->pv.guest_table_user;

    area_drop(v);
    pv_destroy_gdt(v);
    pv_invalidate_ldt(v);
    v->pv.ldt_entries = 0;
    v->pv.guest_table = v->pv.guest_table_user = MFN(0);
    if (kernel.m != 0)
        page_type_put(frame_of(kernel), v->domain);
    if (user.m != 0)
        page_type_put(frame_of(user), v->domain);
}

/* The vcpus are parked for good. First what they hold, then the tables that hold each other. */
static int pv_domain_relinquish(struct domain *d)
{
    struct vcpu *v;

    if (d->pv.teardown_stage == 0) {
        for_each_vcpu (d, v) {
            if (!vcpu_has_tables(v)) /* dropped in an earlier slice */
                continue;
            vcpu_drop_tables(v);
            if (preempt_wanted())
                return -XEN_ERESTART;
        }
        guest_domain_relinquish(d);
        d->pv.teardown_stage = 1;
    }
    return page_type_relinquish(d);
}

/* A PV guest's frame numbers are the machine's. Given back with frame_put_writable(). */
static struct frame *pv_frame_writable(struct domain *d, uint64_t gfn)
{
    if (gfn >= max_mfn || !frame_get_writable(frame_of(MFN(gfn)), d))
        return NULL;
    return frame_of(MFN(gfn));
}

/* A copy in each vcpu, as frames are made by it. The lock makes the last one to come here right. */
void pv_assists_changed(struct domain *d)
{
    struct vcpu *v;

    spin_lock(&d->lock);
    for_each_vcpu (d, v)
        WRITE_ONCE(v->pv.iopl_shown,
                   (READ_ONCE(d->arch.vm_assist) & BIT(VMASST_TYPE_architectural_iopl)) != 0);
    spin_unlock(&d->lock);
}

/* ---- vcpus ---- */

static void pv_vcpu_free(struct vcpu *v)
{
    descriptors_free_vcpu(v);
    hpage_free(v->pv.traps);
    v->pv.traps = NULL;
    fpu_free_vcpu(v);
}

static int pv_vcpu_init(struct vcpu *v)
{
    struct pv_vcpu *a = &v->pv;
    int rc;

    /* cr0 and cr4 as the guest will see them: what the processor has is the hypervisor's. */
    v->arch.kernel_mode = true;
    v->hypercalls = pv_hypercalls(v->domain->privileged);
    a->cr0 = 0x80050033; /* PE, MP, ET, NE, WP, AM, PG */
    a->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_features.xsave)
        a->cr4 |= CR4_OSXSAVE;
    debugreg_reset(v);
    preempt_after(WORK_PAGE); /* core has cleared pages for the rest of it */
    a->traps = hpage_alloc();
    rc = fpu_init_vcpu(v);
    preempt_after(WORK_PAGE);
    if (a->traps == NULL || rc != 0 || descriptors_init_vcpu(v) != 0) {
        pv_vcpu_free(v);
        return -XEN_ENOMEM;
    }
    return 0;
}

struct cpu_regs *pv_vcpu_regs(const struct vcpu *v)
{
    return &((struct stack_top *)v->stack - 1)->regs;
}

void pv_load_tables(struct vcpu *v)
{
    if (v == current)
        tlb_write_cr3(pv_cr3(v));
}

/* ---- the switch ---- */

static void pv_switch_out(struct vcpu *prev)
{
    segments_save(prev);
    fpu_switch_out(prev);
    if (unlikely(prev->arch.debug_active))
        debugreg_clear();
}

static void pv_switch_in(struct vcpu *next, struct cpu *c)
{
    switch_stack_to(c, next); /* sets c->curr, which pv_ldt_fault() goes by */
    switch_tables_to(c, next->domain);
    descriptors_switch_in(next, c);
    switch_load_tables(c, next->domain, pv_cr3(next));
    segments_load(next); /* last: nothing that was cached of another domain's windows is left */
    /*
     * At once, not on first use: some processors let speculation see the registers of whoever ran
     * before in spite of TS, and emulators run XSAVE and XRSTOR in spite of it.
     */
    fpu_switch_in(next);
    if (unlikely((next->pv.area != NULL) != c->area_stub))
        descriptors_set_area_stub(c, next->pv.area != NULL);
    if (unlikely(next->arch.debug_active))
        debugreg_load(next);
}

static void pv_kernel_tables(struct vcpu *v, bool enter)
{
    tlb_write_cr3(enter ? v->pv.guest_table.m << PAGE_SHIFT : pv_cr3(v));
}

const struct guest_type pv_type = {
    .name = "pv",
    .create_flags = 0,
    .switch_out = pv_switch_out,
    .switch_in = pv_switch_in,
    .kernel_tables = pv_kernel_tables,
    .domain_init = pv_domain_init,
    .domain_relinquish = pv_domain_relinquish,
    .domain_free = guest_domain_free,
    .vcpu_init = pv_vcpu_init,
    .vcpu_free = pv_vcpu_free,
    .set_context = pv_set_context,
    .get_context = pv_get_context,
    .hypercall_page = pv_hypercall_page,
    .physdev_op = pv_physdev_op,
    .domctls = pv_domctls,
    .assists_changed = pv_assists_changed,
    .inject_nmi = pv_inject_nmi,
    .frame_writable = pv_frame_writable,
    .grant_map = pv_grant_map,
    .grant_unmap = pv_grant_unmap,
    .grant_done = pv_grant_done,
    .dump_vcpu = pv_dump_vcpu,
};
