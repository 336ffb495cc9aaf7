/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child domains: copies of this image that start in a function of the test. What may end in a
 * crash, and what an unprivileged domain tries, is done in one, and the parent looks at what came
 * of it. The image sits at the same addresses, each page in a frame of the child's own, so the kit
 * works there as it does here; the child's console ring is drained by kit_child_wait().
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/io/console.h>
#include <public/lodge_control.h>
#include <public/lodge_stats.h>

bool kit_child_quiet, kit_child_hostile;

extern void kit_child_entry(void);
extern unsigned kit_checks, kit_failures;
static uint8_t *scratch;
static uint64_t scratch_mfn;

int kit_domctl(unsigned cmd, unsigned domid, void *arg, size_t size)
{
    static struct xen_domctl op;
    int rc;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = (domid_t)domid;
    if (size != 0)
        memcpy(&op.u, arg, size);
    rc = (int)hc1(__HYPERVISOR_domctl, &op);
    if (size != 0)
        memcpy(arg, &op.u, size);
    if (cmd == XEN_DOMCTL_createdomain && rc == 0)
        return op.domain;
    return rc;
}

struct xen_sysctl_physinfo kit_physinfo(void)
{
    static struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    return op.u.physinfo;
}

uint64_t kit_stat(unsigned place)
{
    static uint64_t values[LODGE_NR_STATS];
    struct lodge_sysctl_stats s = {.version = LODGE_STATS_VERSION,
                                   .domain = DOMID_SELF,
                                   .nr = LODGE_NR_STATS,
                                   .values.p = values};
    struct xen_sysctl op = {.cmd = LODGE_SYSCTL_stats,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    memcpy(&op.u, &s, sizeof(s));
    return hc1(__HYPERVISOR_sysctl, &op) == 0 ? values[place] : 0;
}

uint64_t kit_free_pages(uint64_t wanted)
{
    uint64_t end = kit_now() + KIT_PATIENCE, pages;

    do {
        for (unsigned i = 0; i < 20; i++)
            kit_sleep(1000000);
        pages = kit_physinfo().free_pages;
    } while (wanted != 0 && pages != wanted && kit_now() < end);
    return pages;
}

static void *map(struct kit_child *c, unsigned pfn)
{
    if (scratch == NULL) {
        scratch = kit_page();
        scratch_mfn = kit_mfn(scratch);
    }
    if (pfn - KIT_CHILD_PFN >= c->nr_pages ||
        kit_map_foreign(scratch, c->mfns[pfn - KIT_CHILD_PFN], PTE_RW, c->domid) != 0)
        return NULL;
    return scratch;
}

void *kit_child_map(struct kit_child *c, const void *va)
{
    uint8_t *page = map(c, (unsigned)((uint64_t)va >> 12));

    return page == NULL ? NULL : page + ((uint64_t)va & (PAGE_SIZE - 1));
}

void kit_child_unmap(void)
{
    kit_set_pte(scratch, mk_pte(scratch_mfn, PTE_RW));
}

static int create_domain(struct kit_child *c)
{
    struct xen_domctl_createdomain create = {.max_vcpus = c->nr_vcpus,
                                             .max_evtchn_port = 1023,
                                             .max_grant_frames = 8,
                                             .max_maptrack_frames = 8,
                                             .grant_opts = 2};
    struct xen_domctl_max_vcpus vcpus = {.max = c->nr_vcpus};
    struct xen_domctl_max_mem mem = {.max_memkb = (c->nr_pages + 256) * 4};
    struct xen_domctl_getdomaininfo info;
    int rc;

    rc = kit_domctl(XEN_DOMCTL_createdomain, 0, &create, sizeof(create));
    if (rc < 0)
        return rc;
    c->domid = (domid_t)rc;
    rc = kit_domctl(XEN_DOMCTL_max_vcpus, c->domid, &vcpus, sizeof(vcpus));
    if (rc == 0)
        rc = kit_domctl(XEN_DOMCTL_max_mem, c->domid, &mem, sizeof(mem));
    if (rc == 0)
        rc = kit_domctl(XEN_DOMCTL_getdomaininfo, c->domid, &info, sizeof(info));
    c->shared_info_mfn = info.shared_info_frame;
    return rc;
}

static int populate(struct kit_child *c)
{
    struct xen_memory_reservation r = {.nr_extents = c->nr_pages, .domid = c->domid};
    int64_t done;

    r.extent_start.p = (xen_pfn_t *)c->mfns;
    for (unsigned i = 0; i < c->nr_pages; i++)
        c->mfns[i] = KIT_CHILD_PFN + i;
    done = hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r);
    return done == c->nr_pages ? 0 : done < 0 ? (int)done : -XEN_ENOMEM;
}

/* Pages after the image: start_info, console ring, L4, L3, L2, L1 tables; then the extra ones. */
struct layout {
    unsigned image, start_info, console, l4, l3, l2, l1, nr_l1, extra;
};

static struct layout lay_out(unsigned extra_pages, unsigned *nr_pages)
{
    struct layout l;
    unsigned end;

    l.image = (unsigned)((image_end - image_start) / PAGE_SIZE);
    l.start_info = KIT_CHILD_PFN + l.image;
    l.console = l.start_info + 1;
    l.l4 = l.console + 1;
    l.l3 = l.l4 + 1;
    l.l2 = l.l3 + 1;
    l.l1 = l.l2 + 1;
    end = l.l1 + 8 + extra_pages;
    l.nr_l1 = (end + 511) / 512;
    l.extra = l.l1 + l.nr_l1;
    *nr_pages = l.extra + extra_pages - KIT_CHILD_PFN;
    return l;
}

static uint64_t mfn_of(struct kit_child *c, unsigned pfn)
{
    return c->mfns[pfn - KIT_CHILD_PFN];
}

static void write_tables(struct kit_child *c, const struct layout *l)
{
    uint64_t *t;

    for (unsigned n = 0; n < l->nr_l1; n++) {
        t = map(c, l->l1 + n);
        memset(t, 0, PAGE_SIZE);
        for (unsigned i = 0; i < 512; i++) {
            unsigned pfn = n * 512 + i;
            bool table = pfn >= l->l4 && pfn < l->extra;

            if (pfn >= KIT_CHILD_PFN && pfn < KIT_CHILD_PFN + c->nr_pages)
                t[i] = mk_pte(mfn_of(c, pfn), table ? PTE_RO : PTE_RW);
        }
    }
    t = map(c, l->l2);
    memset(t, 0, PAGE_SIZE);
    for (unsigned n = 0; n < l->nr_l1; n++)
        t[n] = mk_pte(mfn_of(c, l->l1 + n), PTE_RW);
    t = map(c, l->l3);
    memset(t, 0, PAGE_SIZE);
    t[0] = mk_pte(mfn_of(c, l->l2), PTE_RW);
    t = map(c, l->l4);
    memset(t, 0, PAGE_SIZE);
    t[0] = mk_pte(mfn_of(c, l->l3), PTE_RW);
}

static int fill(struct kit_child *c, const struct layout *l)
{
    struct evtchn_alloc_unbound port = {.dom = c->domid, .remote_dom = DOMID_SELF};
    struct start_info *si;
    int rc = kit_evtchn(EVTCHNOP_alloc_unbound, &port);

    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < l->image; i++) {
        void *page = map(c, KIT_CHILD_PFN + i);

        if (page == NULL)
            return -XEN_EFAULT;
        if (kit_pte(image_start + i * PAGE_SIZE) & PTE_P)
            memcpy(page, image_start + i * PAGE_SIZE, PAGE_SIZE);
        else
            memset(page, 0, PAGE_SIZE);
    }
    memset(map(c, l->console), 0, PAGE_SIZE);
    write_tables(c, l);
    si = map(c, l->start_info);
    memset(si, 0, PAGE_SIZE);
    memcpy(si->magic, start_info->magic, sizeof(si->magic));
    si->nr_pages = c->nr_pages;
    si->shared_info = c->shared_info_mfn << 12;
    si->console.domU.mfn = mfn_of(c, l->console);
    si->console.domU.evtchn = port.port;
    si->pt_base = (uint64_t)l->l4 << 12;
    si->nr_pt_frames = 3 + l->nr_l1;
    kit_child_unmap();
    return 0;
}

int kit_child_set_arg(struct kit_child *c, void (*fn)(uint64_t), uint64_t arg)
{
    static struct vcpu_guest_context ctxt;
    struct xen_domctl_vcpucontext op = {.vcpu = 0};

    memset(&ctxt, 0, sizeof(ctxt));
    op.ctxt.p = &ctxt;
    ctxt.flags = VGCF_in_kernel | VGCF_online;
    ctxt.user_regs.rip = (uint64_t)kit_child_entry;
    ctxt.user_regs.rsi = ((uint64_t)c->console_pfn - 1) << 12; /* start_info */
    ctxt.user_regs.rdi = (uint64_t)fn;
    ctxt.user_regs.rdx = arg;
    ctxt.user_regs.cs = KIT_USER_CS;
    ctxt.user_regs.ss = KIT_SS;
    ctxt.user_regs.rflags = 0x202;
    ctxt.user_regs.saved_upcall_mask = 0;
    ctxt.kernel_ss = KIT_SS;
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(mfn_of(c, c->console_pfn + 1)); /* the L4 */
    return kit_domctl(XEN_DOMCTL_setvcpucontext, c->domid, &op, sizeof(op));
}

int kit_child_create(struct kit_child *c, void (*fn)(uint64_t), uint64_t arg, unsigned extra_pages,
                     unsigned vcpus)
{
    static uint64_t mfns[4][4096];
    static unsigned used;
    struct layout l = lay_out(extra_pages, &c->nr_pages);
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE};
    int rc;

    c->mfns = mfns[used++ % ARRAY_SIZE(mfns)];
    c->nr_vcpus = vcpus;
    c->console_pfn = l.console;
    if (c->nr_pages > ARRAY_SIZE(mfns[0]))
        return -XEN_E2BIG;
    rc = create_domain(c);
    if (rc == 0)
        rc = populate(c);
    if (rc == 0)
        rc = fill(c, &l);
    if (rc == 0) {
        pin.arg1.mfn = mfn_of(c, l.l4);
        rc = (int)hc4(__HYPERVISOR_mmuext_op, &pin, 1, 0, c->domid);
    }
    return rc != 0 ? rc : kit_child_set_arg(c, fn, arg);
}

int kit_child_start(struct kit_child *c)
{
    return kit_domctl(XEN_DOMCTL_unpausedomain, c->domid, NULL, 0);
}

static void drain(struct kit_child *c)
{
    static char line[160];
    static unsigned used;
    struct xencons_interface *ring = map(c, c->console_pfn);

    if (ring == NULL)
        return;
    while (ring->out_cons != ring->out_prod && ring->out_prod - ring->out_cons <= 2048) {
        char ch = ring->out[ring->out_cons++ & (sizeof(ring->out) - 1)];

        if (ch != '\n' && used < sizeof(line) - 1) {
            line[used++] = ch;
            continue;
        }
        line[used] = 0;
        used = 0;
        if (!kit_child_quiet)
            printk("d%u: %s\n", c->domid, line);
    }
    kit_child_unmap();
}

int kit_child_wait(struct kit_child *c, uint64_t timeout_ns)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t end = kit_now() + timeout_ns;
    unsigned *failed;
    int rc;

    do {
        drain(c);
        rc = kit_domctl(XEN_DOMCTL_getdomaininfo, c->domid, &info, sizeof(info));
        if (rc != 0 || info.domain != c->domid)
            return rc != 0 ? rc : -XEN_ESRCH;
        if (info.flags & XEN_DOMINF_shutdown) {
            drain(c);
            failed = kit_child_map(c, &kit_failures);
            CHECK(failed != NULL && (*failed == 0 || kit_child_hostile));
            kit_child_unmap();
            return (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
        }
        kit_sleep(500000);
    } while (kit_now() < end);
    return -XEN_ETIME;
}

int kit_child_destroy(struct kit_child *c)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t end = kit_now() + KIT_PATIENCE;
    int rc;

    do
        rc = kit_domctl(XEN_DOMCTL_destroydomain, c->domid, NULL, 0);
    while (rc == -XEN_EAGAIN || rc == -XEN_ERESTART);
    if (rc != 0)
        return rc;
    do { /* nobody holds its frames, so it goes as soon as all processors have let go */
        rc = kit_domctl(XEN_DOMCTL_getdomaininfo, c->domid, &info, sizeof(info));
        if (rc != 0 || info.domain != c->domid)
            return 0;
        kit_sleep(1000000);
    } while (kit_now() < end);
    return -XEN_EBUSY;
}

void kit_child_case(const char *what, void (*fn)(uint64_t), uint64_t arg, int reason)
{
    struct kit_child c;
    int rc = kit_child_create(&c, fn, arg, 64, 1);

    if (rc == 0)
        rc = kit_child_start(&c);
    kit_check(rc == 0, __FILE__, __LINE__, "%s: no child: %d", what, rc);
    if (rc != 0)
        return;
    rc = kit_child_wait(&c, KIT_PATIENCE);
    kit_check(rc == reason || (reason == -1 && (rc == SHUTDOWN_poweroff || rc == SHUTDOWN_crash)),
              __FILE__, __LINE__, "%s: ended with %d, not %d", what, rc, reason);
    rc = kit_child_destroy(&c);
    kit_check(rc == 0, __FILE__, __LINE__, "%s: destroy: %d", what, rc);
}
