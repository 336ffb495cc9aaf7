/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domctl as a toolstack uses it, on children: making and refusing to make them, pausing, contexts,
 * affinity, permissions, information; every operation on domains that are not there; and that all
 * memory comes back, however a child ends.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/sysctl.h>

#include "domains.h"

static int create(struct xen_domctl_createdomain c, unsigned domid)
{
    return kit_domctl(XEN_DOMCTL_createdomain, domid, &c, sizeof(c));
}

static int destroy(unsigned domid)
{
    int rc;

    do
        rc = kit_domctl(XEN_DOMCTL_destroydomain, domid, NULL, 0);
    while (rc == -XEN_EAGAIN || rc == -XEN_ERESTART);
    return rc;
}

static void highest_port(unsigned domid, evtchn_port_t highest)
{
    struct evtchn_alloc_unbound a = {.dom = (domid_t)domid, .remote_dom = DOMID_SELF};
    evtchn_port_t last = 0;
    int rc;

    while ((rc = kit_evtchn(EVTCHNOP_alloc_unbound, &a)) == 0)
        last = a.port;
    CHECK_EQ(rc, -XEN_ENOSPC);
    CHECK_EQ(last, highest);
}

static void creating(void)
{
    struct xen_domctl_createdomain good = {.max_vcpus = 1,
                                           .max_evtchn_port = 127,
                                           .max_grant_frames = 4,
                                           .max_maptrack_frames = 4,
                                           .grant_opts = 1};
    struct xen_domctl_createdomain c;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1};
    int id = create(good, 0);

    CHECK(id > 0);
    CHECK_EQ(create(good, (unsigned)id), -XEN_EEXIST);
    highest_port((unsigned)id, 127);
    CHECK_EQ(create(good, 777), 777);
    CHECK_EQ(create(good, 777), -XEN_EEXIST);
    CHECK_EQ(destroy(777), 0);
    CHECK_EQ(destroy((unsigned)id), 0);
    CHECK_EQ(destroy((unsigned)id), -XEN_ESRCH);
    c = good, c.max_vcpus = 0;
    CHECK(create(c, 0) < 0);
    c = good, c.max_vcpus = 100000;
    CHECK(create(c, 0) < 0);
    c = good, c.flags = ~0u;
    CHECK(create(c, 0) < 0);
    c = good, c.flags = XEN_DOMCTL_CDF_hap;
    CHECK(create(c, 0) < 0);
    c = good, c.iommu_opts = ~0u;
    CHECK(create(c, 0) < 0);
    c = good, c.grant_opts = 7;
    CHECK(create(c, 0) < 0);
    c = good, c.cpupool_id = 5555;
    CHECK(create(c, 0) < 0);
    c = good, c.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    CHECK(create(c, 0) < 0);
    CHECK_EQ(hc1(__HYPERVISOR_domctl, &op), -XEN_EACCES);
    CHECK_EQ(hc1(__HYPERVISOR_domctl, KIT_NOWHERE), -XEN_EFAULT);
    CHECK(destroy(0) < 0);
    CHECK(destroy(DOMID_SELF) < 0);
}

/* Nothing that is asked of a domain that does not exist may succeed or hurt. */
static void nobody(void)
{
    static uint8_t junk[128];
    struct xen_domctl_getdomaininfo info;

    for (unsigned round = 0; round < 2; round++) {
        memset(junk, round == 0 ? 0 : 0xff, sizeof(junk));
        for (unsigned cmd = 2; cmd < KIT_CONTROL_OPS; cmd++) {
            if (cmd == XEN_DOMCTL_createdomain || cmd == XEN_DOMCTL_getdomaininfo ||
                cmd == XEN_DOMCTL_test_assign_device || cmd == XEN_DOMCTL_get_device_group)
                continue;
            int rc = kit_domctl(cmd, 1234, junk, sizeof(junk));

            kit_check(rc < 0, __FILE__, __LINE__, "operation %u of nobody: %d", cmd, rc);
            memset(junk, round == 0 ? 0 : 0xff, sizeof(junk));
        }
    }
    CHECK(kit_domctl(XEN_DOMCTL_getdomaininfo, 1234, &info, sizeof(info)) < 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_getdomaininfo, 0, &info, sizeof(info)), 0);
    CHECK_EQ(info.domain, 0);
    CHECK(info.flags & (XEN_DOMINF_running | XEN_DOMINF_blocked));
    CHECK_EQ(info.tot_pages, start_info->nr_pages);
    CHECK_EQ(info.shared_info_frame, start_info->shared_info >> 12);
    CHECK(kit_domctl(XEN_DOMCTL_pausedomain, 0, NULL, 0) < 0);
    CHECK(kit_domctl(XEN_DOMCTL_pausedomain, DOMID_SELF, NULL, 0) < 0);
    CHECK(kit_domctl(9999, 0, NULL, 0) < 0);
}

static volatile uint64_t counter;

static void counts(uint64_t unused)
{
    (void)unused;
    for (;;) {
        counter++;
        if (counter % 1000 == 0)
            kit_sleep(10000);
    }
}

static uint64_t read_counter(struct kit_child *c)
{
    volatile uint64_t *p = kit_child_map(c, (void *)&counter);
    uint64_t v = *p;

    kit_child_unmap();
    return v;
}

/* It runs; how soon depends on the machine below, too. */
static bool counts_on(struct kit_child *c, uint64_t seen)
{
    uint64_t end = kit_now() + KIT_PATIENCE;

    while (read_counter(c) <= seen && kit_now() < end)
        kit_sleep(5000000);
    return read_counter(c) > seen;
}

static struct xen_domctl_getdomaininfo info_of(struct kit_child *c)
{
    struct xen_domctl_getdomaininfo info;

    CHECK_EQ(kit_domctl(XEN_DOMCTL_getdomaininfo, c->domid, &info, sizeof(info)), 0);
    CHECK_EQ(info.domain, c->domid);
    return info;
}

static void pausing(struct kit_child *c)
{
    uint64_t seen;

    CHECK(info_of(c).flags & XEN_DOMINF_paused); /* at birth */
    CHECK_EQ(kit_child_start(c), 0);
    CHECK_EQ(kit_child_start(c), -XEN_EINVAL);
    CHECK(counts_on(c, 0));
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c->domid, NULL, 0), 0);
    CHECK(info_of(c).flags & XEN_DOMINF_paused);
    seen = read_counter(c);
    kit_sleep(10000000);
    CHECK_EQ(read_counter(c), seen);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c->domid, NULL, 0), 0); /* they count */
    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c->domid, NULL, 0), 0);
    kit_sleep(10000000);
    CHECK_EQ(read_counter(c), seen);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c->domid, NULL, 0), 0);
    CHECK(counts_on(c, seen));
    CHECK(!(info_of(c).flags & XEN_DOMINF_paused));
    CHECK(info_of(c).cpu_time > 0);
    CHECK_EQ(info_of(c).nr_online_vcpus, 1);
}

#define CR0_TS 8ul
static struct vcpu_guest_context ctxt;

static int set_context(struct kit_child *c, unsigned vcpu)
{
    struct xen_domctl_vcpucontext op = {.vcpu = vcpu};

    op.ctxt.p = &ctxt;
    return kit_domctl(XEN_DOMCTL_setvcpucontext, c->domid, &op, sizeof(op));
}

static int get_context(struct kit_child *c, unsigned vcpu, void *to)
{
    struct xen_domctl_vcpucontext op = {.vcpu = vcpu};

    op.ctxt.p = to;
    return kit_domctl(XEN_DOMCTL_getvcpucontext, c->domid, &op, sizeof(op));
}

/* Of the child's, mapped nowhere. */
static uint64_t another_frame(struct kit_child *c)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = c->domid};
    xen_pfn_t frame = 0x5000;

    r.extent_start.p = &frame;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), 1);
    return frame;
}

static void msrs(struct kit_child *c)
{
    struct xen_domctl_vcpu_msrs none = {.vcpu = 50}, one = {.msr_count = 1};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_vcpu_msrs, c->domid, &none, sizeof(none)), -XEN_ESRCH);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_vcpu_msrs, c->domid, &none, sizeof(none)), -XEN_ESRCH);
    if (on_lodge) { /* which has none to put back: the first is the one that is refused */
        CHECK_EQ(kit_domctl(XEN_DOMCTL_set_vcpu_msrs, c->domid, &one, sizeof(one)), -XEN_EINVAL);
        CHECK_EQ(one.msr_count, 0);
    }
}

static void contexts(struct kit_child *c)
{
    struct xen_domctl_getvcpuinfo vi = {.vcpu = 0};
    uint64_t seen, good;

    CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpuinfo, c->domid, &vi, sizeof(vi)), 0);
    CHECK(vi.online && vi.cpu_time > 0);
    vi.vcpu = 50;
    CHECK_EITHER(kit_domctl(XEN_DOMCTL_getvcpuinfo, c->domid, &vi, sizeof(vi)), -XEN_ESRCH,
                 -XEN_EINVAL);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c->domid, NULL, 0), 0);
    memset(&ctxt, 0x55, sizeof(ctxt));
    CHECK_EQ(get_context(c, 0, &ctxt), 0);
    CHECK_EITHER(get_context(c, 50, &ctxt), -XEN_EINVAL, -XEN_ESRCH);
    CHECK_EQ(get_context(c, 0, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(ctxt.user_regs.cs & 0xffff, KIT_USER_CS);
    CHECK(ctxt.user_regs.rip >= (uint64_t)image_start && ctxt.user_regs.rip < (uint64_t)image_end);
    CHECK(ctxt.flags & VGCF_online);
    CHECK_EQ(ctxt.trap_ctxt[14].vector, 14);
    CHECK(ctxt.event_callback_eip != 0);
    CHECK_EQ(ctxt.ctrlreg[3] >> 12, c->mfns[c->console_pfn + 1 - KIT_CHILD_PFN]);
    seen = read_counter(c);
    CHECK_EQ(set_context(c, 0), 0); /* what was read is good to be written */
    CHECK(set_context(c, 50) < 0);
    /* Contexts of attackers: none may be taken. */
    good = ctxt.ctrlreg[3];
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(kit_mfn((void *)start_info->pt_base)); /* ours */
    CHECK(set_context(c, 0) < 0);
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(c->mfns[0]); /* no page table */
    CHECK(set_context(c, 0) < 0);
    ctxt.ctrlreg[3] = ~0ul;
    CHECK(set_context(c, 0) < 0);
    ctxt.ctrlreg[3] = good;
    good = ctxt.gdt_ents;
    ctxt.gdt_ents = 512;
    ctxt.gdt_frames[0] = c->mfns[0];
    CHECK(set_context(c, 0) < 0);
    ctxt.gdt_ents = 65536;
    CHECK(set_context(c, 0) < 0);
    ctxt.gdt_ents = good;
    /* One that is refused leaves nothing behind: a good GDT beside an LDT that is none. */
    ctxt.gdt_ents = 1;
    ctxt.gdt_frames[0] = another_frame(c);
    ctxt.ldt_ents = 9000;
    CHECK(set_context(c, 0) < 0);
    CHECK_EQ(get_context(c, 0, &ctxt), 0);
    CHECK_EQ(ctxt.gdt_ents, good);
    /* TS of CR0 is as the last context says; the child uses no vector registers. */
    for (unsigned round = 0; round < 2; round++) {
        ctxt.ctrlreg[0] ^= CR0_TS;
        good = ctxt.ctrlreg[0];
        CHECK_EQ(set_context(c, 0), 0);
        CHECK_EQ(get_context(c, 0, &ctxt), 0);
        CHECK_EQ(ctxt.ctrlreg[0], good);
    }
    CHECK_EQ(set_context(c, 0), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c->domid, NULL, 0), 0);
    CHECK(counts_on(c, seen));
    CHECK(!(info_of(c).flags & XEN_DOMINF_shutdown));
}

static void settings(struct kit_child *c)
{
    struct xen_domctl_max_mem mem = {.max_memkb = 4};
    struct xen_domctl_max_vcpus vcpus = {.max = 3};
    struct xen_domctl_setdomainhandle handle = {.handle = {1, 2, 3, 4}};
    struct xen_domctl_settimeoffset offset = {.time_offset_seconds = 3600};
    struct xen_domctl_address_size size = {.size = 0};
    struct xen_domctl_ioport_permission ports = {
        .first_port = 0x70, .nr_ports = 2, .allow_access = 1};
    struct xen_domctl_iomem_permission iomem = {.first_mfn = 0xb8, .nr_mfns = 1, .allow_access = 1};
    struct xen_domctl_irq_permission irq = {.pirq = 8, .allow_access = 1};
    struct xen_domctl_hypercall_init hc = {.gmfn = ~0ul};
    static struct shared_info *si;

    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, c->domid, &mem, sizeof(mem)), 0); /* less than it has */
    mem.max_memkb = (c->nr_pages + 256) * 4;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, c->domid, &mem, sizeof(mem)), 0);
    CHECK_EQ(info_of(c).max_pages, c->nr_pages + 256);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_vcpus, c->domid, &vcpus, sizeof(vcpus)), -XEN_EINVAL);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_setdomainhandle, c->domid, &handle, sizeof(handle)), 0);
    CHECK_EQ(info_of(c).handle[3], 4);
    si = kit_page();
    CHECK_EQ(kit_map_foreign(si, c->shared_info_mfn, PTE_RO, c->domid), 0);
    uint64_t before = si->wc_sec;

    CHECK_EQ(kit_domctl(XEN_DOMCTL_settimeoffset, c->domid, &offset, sizeof(offset)), 0);
    CHECK_EQ(si->wc_sec - before, 3600);
    kit_set_pte(si, 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_address_size, c->domid, &size, sizeof(size)), 0);
    CHECK_EQ(size.size, 64);
    size.size = 33;
    CHECK(kit_domctl(XEN_DOMCTL_set_address_size, c->domid, &size, sizeof(size)) < 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_ioport_permission, c->domid, &ports, sizeof(ports)), 0);
    ports.allow_access = 0;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_ioport_permission, c->domid, &ports, sizeof(ports)), 0);
    ports.first_port = 65535, ports.nr_ports = 2;
    CHECK(kit_domctl(XEN_DOMCTL_ioport_permission, c->domid, &ports, sizeof(ports)) < 0);
    ports.first_port = ~0u;
    CHECK(kit_domctl(XEN_DOMCTL_ioport_permission, c->domid, &ports, sizeof(ports)) < 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_iomem_permission, c->domid, &iomem, sizeof(iomem)), 0);
    iomem.allow_access = 0;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_iomem_permission, c->domid, &iomem, sizeof(iomem)), 0);
    iomem.first_mfn = ~0ul, iomem.nr_mfns = 2;
    CHECK(kit_domctl(XEN_DOMCTL_iomem_permission, c->domid, &iomem, sizeof(iomem)) < 0);
    CHECK(kit_domctl(XEN_DOMCTL_irq_permission, c->domid, &irq, sizeof(irq)) <= 0);
    irq.pirq = ~0u;
    CHECK(kit_domctl(XEN_DOMCTL_irq_permission, c->domid, &irq, sizeof(irq)) < 0);
    CHECK(kit_domctl(XEN_DOMCTL_hypercall_init, c->domid, &hc, sizeof(hc)) < 0);
    hc.gmfn = kit_mfn((void *)start_info->pt_base); /* ours, and a page table */
    CHECK(kit_domctl(XEN_DOMCTL_hypercall_init, c->domid, &hc, sizeof(hc)) < 0);
    hc.gmfn = c->mfns[c->console_pfn + 1 - KIT_CHILD_PFN]; /* its page table */
    CHECK(kit_domctl(XEN_DOMCTL_hypercall_init, c->domid, &hc, sizeof(hc)) < 0);
}

static void scheduling(struct kit_child *c)
{
    uint8_t map[8] = {1}, got[24];
    struct xen_domctl_vcpuaffinity a = {.flags = XEN_VCPUAFFINITY_HARD};
    struct xen_domctl_scheduler_op s = {.sched_id = XEN_SCHEDULER_CREDIT2,
                                        .cmd = XEN_DOMCTL_SCHEDOP_getinfo};

    a.cpumap_hard.bitmap.p = map;
    a.cpumap_hard.nr_bits = 64;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_setvcpuaffinity, c->domid, &a, sizeof(a)), 0);
    memset(got, 0xee, sizeof(got));
    a.cpumap_hard.bitmap.p = got;
    a.cpumap_hard.nr_bits = 150;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpuaffinity, c->domid, &a, sizeof(a)), 0);
    CHECK_EQ(got[0], 1);
    for (unsigned i = 1; i < sizeof(got); i++) /* also what is longer than the hypervisor's */
        CHECK_EQ(got[i], i < 19 ? 0 : 0xee);
    a.cpumap_hard.nr_bits = 64;
    map[0] = 0;
    a.cpumap_hard.bitmap.p = map;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_setvcpuaffinity, c->domid, &a, sizeof(a)), -XEN_EINVAL);
    a.cpumap_hard.bitmap.p = (void *)KIT_NOWHERE;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_setvcpuaffinity, c->domid, &a, sizeof(a)), -XEN_EFAULT);
    a.vcpu = 77;
    a.cpumap_hard.bitmap.p = map;
    CHECK(kit_domctl(XEN_DOMCTL_setvcpuaffinity, c->domid, &a, sizeof(a)) < 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_scheduler_op, c->domid, &s, sizeof(s)), 0);
    CHECK_EQ(s.u.credit2.weight, 256);
    s.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    s.u.credit2.weight = 512;
    s.u.credit2.cap = 50;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_scheduler_op, c->domid, &s, sizeof(s)), 0);
    s.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    s.u.credit2.weight = 0;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_scheduler_op, c->domid, &s, sizeof(s)), 0);
    CHECK_EQ(s.u.credit2.weight, 512);
    s.sched_id = XEN_SCHEDULER_RTDS;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_scheduler_op, c->domid, &s, sizeof(s)), -XEN_EINVAL);
}

static void information(struct kit_child *c)
{
    static xen_pfn_t list[3];
    struct xen_domctl_getpageframeinfo3 f = {.num = 3};
    struct xen_domctl_cpu_policy policy = {0};
    static xen_cpuid_leaf_t leaves[200];
    static xen_msr_entry_t msrs[20];
    struct xen_domctl_vcpuextstate ext = {.vcpu = 0};

    list[0] = c->mfns[0];
    list[1] = c->mfns[c->console_pfn + 1 - KIT_CHILD_PFN];
    list[2] = kit_mfn(kit_page()); /* not of that domain */
    f.array.p = list;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_getpageframeinfo3, c->domid, &f, sizeof(f)), 0);
    CHECK_EQ(list[0] & 0xf0000000, XEN_DOMCTL_PFINFO_NOTAB);
    CHECK_EQ(list[1] & 0xf0000000, XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB);
    CHECK_EQ(list[2] & 0xf0000000, XEN_DOMCTL_PFINFO_XTAB);
    f.num = 1025;
    CHECK(kit_domctl(XEN_DOMCTL_getpageframeinfo3, c->domid, &f, sizeof(f)) < 0);
    f.num = ~0ul;
    CHECK(kit_domctl(XEN_DOMCTL_getpageframeinfo3, c->domid, &f, sizeof(f)) < 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_cpu_policy, c->domid, &policy, sizeof(policy)), 0);
    /* Room for all that the tools write: they ask once, for any policy. */
    CHECK(policy.nr_leaves >= 119 && policy.nr_leaves < ARRAY_SIZE(leaves));
    CHECK(policy.nr_msrs >= 1 && policy.nr_msrs <= 2);
    policy.leaves.p = leaves;
    policy.msrs.p = msrs;
    policy.nr_leaves = 1;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_cpu_policy, c->domid, &policy, sizeof(policy)),
             -XEN_ENOBUFS);
    policy.nr_leaves = ARRAY_SIZE(leaves);
    policy.nr_msrs = ARRAY_SIZE(msrs);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_cpu_policy, c->domid, &policy, sizeof(policy)), 0);
    CHECK_EQ(leaves[0].leaf, 0);
    CHECK(policy.nr_msrs >= 1 && policy.nr_msrs <= 2);
    CHECK_EQ(msrs[0].idx, 0xce); /* what a guest reads there: no faulting of CPUID */
    CHECK_EQ(msrs[0].flags, 0);
    policy.nr_leaves = ARRAY_SIZE(leaves);
    policy.nr_msrs = 0;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_cpu_policy, c->domid, &policy, sizeof(policy)),
             -XEN_ENOBUFS);
    int rc = kit_domctl(XEN_DOMCTL_getvcpuextstate, c->domid, &ext, sizeof(ext));

    /* The second where the processor has no XSAVE. */
    CHECK((rc == 0 && ext.size >= 16) || rc == -XEN_EOPNOTSUPP);
}

/* Builders clear shared_info and leave the wall clock to whoever sets the first vcpu's context. */
static void wall_clock(struct kit_child *c)
{
    struct shared_info *s = (struct shared_info *)kit_page();
    uint64_t keep = kit_pte(s);

    CHECK_EQ(kit_map_foreign(s, c->shared_info_mfn, PTE_RW, c->domid), 0);
    CHECK(s->wc_sec != 0);
    memset(s, 0, PAGE_SIZE);
    CHECK_EQ(kit_child_set_arg(c, counts, 0), 0);
    CHECK_EQ(s->wc_sec, shared->wc_sec); /* when the system time was 0 */
    CHECK_EQ(s->wc_nsec, shared->wc_nsec);
    CHECK(s->wc_version != 0 && !(s->wc_version & 1));
    CHECK_EQ(kit_set_pte(s, keep), 0);
}

static void one(void)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, counts, 0, 0, 1), 0);
    wall_clock(&c);
    CHECK_EQ(info_of(&c).tot_pages, c.nr_pages);
    if (on_lodge)
        policies(&c);
    pausing(&c);
    msrs(&c);
    contexts(&c);
    settings(&c);
    scheduling(&c);
    information(&c);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

/* Nothing more can be had of a domain that is going, or given to it. */
static void dead(struct kit_child *c)
{
    struct evtchn_alloc_unbound a = {.dom = c->domid, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain b = {.remote_dom = c->domid, .remote_port = 1};
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = c->domid};
    struct gnttab_map_grant_ref m = {.flags = GNTMAP_host_map, .dom = c->domid};
    struct xen_domctl_max_vcpus vcpus = {.max = 1};
    struct xen_domctl_vcpucontext v = {.vcpu = 0};
    struct evtchn_reset reset = {.dom = c->domid};
    uint64_t *va = kit_page(), home = kit_pte(va);
    xen_pfn_t pfn = 0x5000;

    CHECK(kit_evtchn(EVTCHNOP_alloc_unbound, &a) < 0);
    CHECK(kit_evtchn(EVTCHNOP_bind_interdomain, &b) < 0);
    kit_evtchn(EVTCHNOP_reset, &reset);
    r.extent_start.p = &pfn;
    CHECK(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r) <= 0);
    m.host_addr = (uint64_t)va;
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &m, 1);
    CHECK(m.status < 0);
    v.ctxt.p = &ctxt;
    kit_domctl(XEN_DOMCTL_getvcpucontext, c->domid, &v, sizeof(v));
    kit_domctl(XEN_DOMCTL_setvcpucontext, c->domid, &v, sizeof(v));
    kit_domctl(XEN_DOMCTL_max_vcpus, c->domid, &vcpus, sizeof(vcpus));
    CHECK(kit_map_foreign(va, c->mfns[2], PTE_RW, c->domid) < 0);
    CHECK_EQ(kit_set_pte(va, home), 0);
}

/* A child that is still mapped by us stays, dying, until we let go. */
static void mapped(void)
{
    struct xen_domctl_getdomaininfo info;
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, counts, 0, 0, 1), 0);
    CHECK(kit_child_map(&c, (void *)&counter) != NULL);
    CHECK_EQ(destroy(c.domid), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_getdomaininfo, c.domid, &info, sizeof(info)), 0);
    CHECK_EQ(info.domain, c.domid);
    CHECK(info.flags & XEN_DOMINF_dying);
    dead(&c);
    CHECK(kit_child_start(&c) < 0 || !on_lodge);
    kit_child_unmap();
    for (unsigned i = 0; i < 100 && info.domain == c.domid; i++) {
        kit_sleep(1000000);
        if (kit_domctl(XEN_DOMCTL_getdomaininfo, c.domid, &info, sizeof(info)) != 0)
            info.domain = 0;
    }
    CHECK(info.domain != c.domid);
}

static void unprivileged(uint64_t unused)
{
    static uint8_t junk[128];

    (void)unused;
    for (unsigned cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        memset(junk, 0, sizeof(junk));
        CHECK(kit_domctl(cmd, 0, junk, sizeof(junk)) < 0);
        CHECK(kit_domctl(cmd, DOMID_SELF, junk, sizeof(junk)) < 0);
    }
    struct xen_sysctl op = {.interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    for (op.cmd = 0; op.cmd < KIT_CONTROL_OPS; op.cmd++)
        CHECK(hc1(__HYPERVISOR_sysctl, &op) < 0);
}

static void idle(uint64_t unused)
{
    (void)unused;
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

static void cycles(void)
{
    struct kit_child c[4];
    uint64_t before, after;

    for (unsigned round = 0; round < 6; round++) {
        before = kit_free_pages(0);
        for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
            CHECK_EQ(kit_child_create(&c[i], idle, 0, 0, 1 + i % 3), 0);
            CHECK_EQ(kit_child_start(&c[i]), 0);
        }
        kit_sleep(5000000);
        CHECK(kit_physinfo().free_pages < before - 4 * 300);
        for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
            CHECK_EQ(kit_child_destroy(&c[i]), 0);
        after = kit_free_pages(round < 2 || !on_lodge ? 0 : before);
        /* The first round may leave something behind that stays, such as a slab of objects. */
        kit_check(after == before || round < 2 || !on_lodge, __FILE__, __LINE__,
                  "round %u: %lu free pages before, %lu after", round, before, after);
    }
}

void test_main(void)
{
    creating();
    nobody();
    one();
    mapped();
    kit_child_case("unprivileged", unprivileged, 0, SHUTDOWN_poweroff);
    cycles();
}
