/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The type of fully virtualized guests: making and freeing a domain and its vcpus. The guest has
 * the processor to itself, as it seems: its own ring 0, page tables, descriptor tables and
 * interrupts; what it does beyond that ends its run (exit.c).
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <guest/guest.h>
#include <hvm/hvm.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/domctl_domain.h>
#include <public/grant_table.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define IOPM_ORDER  2 /* 12 KiB, one bit a port */
#define MSRPM_ORDER 1 /* 8 KiB */

paddr_t hvm_iopm, hvm_msrpm;

INIT_TEXT void hvm_init(void)
{
    uint8_t *io, *msr;

    if (!cpu_features.svm_on)
        return;
    io = hpages_alloc(IOPM_ORDER);
    msr = hpages_alloc(MSRPM_ORDER);
    if (io == NULL || msr == NULL)
        panic("no memory for the permission maps of fully virtualized guests");
    memset(io, 0xff, PAGE_SIZE << IOPM_ORDER);
    memset(msr, 0xff, PAGE_SIZE << MSRPM_ORDER);
    hvm_msr_map(msr);
    hvm_iopm = virt_to_phys(io);
    hvm_msrpm = virt_to_phys(msr);
}

static int hvm_domain_init(struct domain *d)
{
    int rc;

    if (!cpu_features.svm_on) {
        guest_refused("a fully virtualized guest: this machine has no SVM with nested paging");
        return -XEN_EOPNOTSUPP;
    }
    if (d->max_vcpus != 1) {
        guest_refused("a fully virtualized guest of %u vcpus: one is what its devices know",
                      d->max_vcpus);
        return -XEN_EINVAL;
    }
    rc = p2m_init(d);
    if (rc == 0)
        rc = devices_init(d);
    return rc == 0 ? guest_domain_init(d) : rc;
}

static int hvm_domain_relinquish(struct domain *d)
{
    int rc;

    devices_stop(d);
    rc = p2m_relinquish(d);
    if (rc == 0)
        guest_domain_relinquish(d);
    return rc;
}

/* Where its creation has failed the map is there still, and empty. */
static void hvm_domain_free(struct domain *d)
{
    devices_free(d);
    hpage_free(d->hvm.root);
    d->hvm.root = NULL;
    guest_domain_free(d);
}

static struct frame *hvm_frame_writable(struct domain *d, uint64_t gfn)
{
    struct frame *f = p2m_physmap.get(d, gfn);
    bool ok;

    if (f == NULL)
        return NULL;
    ok = frame_get_writable(f, d);
    frame_put(f);
    return ok ? f : NULL;
}

static void hvm_vcpu_free(struct vcpu *v)
{
    hpage_free(v->hvm.vmcb);
    v->hvm.vmcb = NULL;
    fpu_free_vcpu(v);
}

static int hvm_vcpu_init(struct vcpu *v)
{
    int rc;

    v->hvm.vmcb = hpage_alloc();
    preempt_after(WORK_PAGE);
    rc = fpu_init_vcpu(v);
    preempt_after(WORK_PAGE);
    if (v->hvm.vmcb == NULL || rc != 0) {
        hvm_vcpu_free(v);
        return -XEN_ENOMEM;
    }
    hvm_reset(v);
    return 0;
}

static void hvm_inject_nmi(struct vcpu *v)
{
    WRITE_ONCE(v->hvm.nmi_pending, true);
    smp_mb();
    vcpu_kick(v);
}

/* ---- what this type has none of: it makes no hypercalls, and nothing is registered ---- */

static void hvm_kernel_tables(struct vcpu *v, bool enter)
{
    (void)v, (void)enter;
}

static void hvm_assists_changed(struct domain *d)
{
    (void)d;
}

/* ud2: what a guest of this type would find there, had it asked. */
static void hvm_hypercall_page(void *page)
{
    for (unsigned i = 0; i < PAGE_SIZE; i += 2)
        memcpy((uint8_t *)page + i, "\x0f\x0b", 2);
}

static int64_t hvm_physdev_op(uint32_t cmd, uint64_t arg)
{
    (void)cmd, (void)arg;
    return -XEN_ENOSYS;
}

static int hvm_grant_map(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t flags)
{
    (void)at, (void)addr, (void)mfn, (void)flags;
    return GNTST_general_error;
}

static int hvm_grant_unmap(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t flags,
                           uint64_t new_addr)
{
    (void)at, (void)addr, (void)mfn, (void)flags, (void)new_addr;
    return GNTST_general_error;
}

static void hvm_grant_done(struct grant_cursor *at)
{
    (void)at;
}

const struct guest_type hvm_type = {
    .name = "hvm",
    .create_flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
    .physmap = &p2m_physmap,
    .run = hvm_run,
    .switch_out = hvm_switch_out,
    .switch_in = hvm_switch_in,
    .kernel_tables = hvm_kernel_tables,
    .domain_init = hvm_domain_init,
    .domain_relinquish = hvm_domain_relinquish,
    .domain_free = hvm_domain_free,
    .vcpu_init = hvm_vcpu_init,
    .vcpu_free = hvm_vcpu_free,
    .set_context = hvm_set_context,
    .get_context = hvm_get_context,
    .assists_changed = hvm_assists_changed,
    .inject_nmi = hvm_inject_nmi,
    .hypercall_page = hvm_hypercall_page,
    .physdev_op = hvm_physdev_op,
    .param = hvm_param,
    .domctls = hvm_domctls,
    .frame_writable = hvm_frame_writable,
    .grant_map = hvm_grant_map,
    .grant_unmap = hvm_grant_unmap,
    .grant_done = hvm_grant_done,
    .dump_vcpu = hvm_dump_vcpu,
};
