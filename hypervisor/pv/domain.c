/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PV domain and its vcpus: making and freeing them, and the table of all that the type answers.
 * The complete context of a vcpu, as others set and read it, is in context.c; the switch from one
 * vcpu to the next is in switch.c.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <guest/guest.h>
#include <pv/calls.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/lodge.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <pv/type.h>
#include <x86/cpu.h>

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
