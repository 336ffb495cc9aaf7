/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tools give a vcpu a context while it is inside a hypercall that changes its root tables.
 * Taking a large table that is not pinned is preempted, so a pause finds the vcpu there. Whatever
 * the order, each root table is let go as often as it was taken: else the hypervisor meets a count
 * that is wrong, at the latest when the child is destroyed, or the child's memory does not come
 * back.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/sysctl.h>

#define ROUNDS    150
#define L1_TABLES 40u

static struct vcpu_guest_context ctxt;
/* In the child's memory: its root table, a copy that is pinned, a large one that is not. */
static volatile uint64_t roots[3];
static volatile unsigned switches;

static void table(uint64_t *page)
{
    CHECK_EQ(kit_protect(page, false), 0);
}

/* What is mapped anyway in the first slot, and in the second a tree that takes a while. */
static uint64_t large_root(uint64_t slot0)
{
    uint64_t *l4 = kit_page(), *l3 = kit_page(), *l2 = kit_page();
    uint64_t data = kit_mfn(kit_page());

    for (unsigned n = 0; n < L1_TABLES; n++) {
        uint64_t *l1 = kit_page();

        for (unsigned i = 0; i < 512; i++)
            l1[i] = mk_pte(data, PTE_RO);
        table(l1);
        l2[n] = mk_pte(kit_mfn(l1), PTE_RW);
    }
    l3[0] = mk_pte(kit_mfn(l2), PTE_RW);
    l4[0] = slot0;
    l4[1] = mk_pte(kit_mfn(l3), PTE_RW);
    table(l2);
    table(l3);
    table(l4);
    return kit_mfn(l4);
}

static void child(uint64_t user)
{
    unsigned cmd = user ? MMUEXT_NEW_USER_BASEPTR : MMUEXT_NEW_BASEPTR;
    uint64_t *first = (uint64_t *)start_info->pt_base, *copy = kit_page();

    copy[0] = first[0];
    table(copy);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(copy), 0), 0);
    roots[1] = kit_mfn(copy);
    roots[2] = large_root(first[0]);
    roots[0] = kit_mfn(first);
    for (;;) {
        CHECK_EQ(kit_mmuext(cmd, roots[2], 0), 0);
        CHECK_EQ(kit_mmuext(cmd, roots[0], 0), 0);
        switches++;
    }
}

static uint64_t free_pages(void)
{
    static struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo,
                                   .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    kit_sleep(20000000); /* what was freed last may come with a delay */
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    return op.u.physinfo.free_pages;
}

static uint64_t peek(struct kit_child *c, volatile void *va)
{
    uint64_t *at = kit_child_map(c, (const void *)va), value = at != NULL ? *at : 0;

    kit_child_unmap();
    return value;
}

static int context(struct kit_child *c, unsigned cmd)
{
    struct xen_domctl_vcpucontext op = {.vcpu = 0};

    op.ctxt.p = &ctxt;
    return kit_domctl(cmd, c->domid, &op, sizeof(op));
}

static void race(bool user)
{
    struct kit_child c;
    uint64_t root[2];

    CHECK_EQ(kit_child_create(&c, child, user, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    while (peek(&c, &switches) == 0)
        kit_sleep(1000000);
    root[0] = peek(&c, &roots[0]);
    root[1] = peek(&c, &roots[1]);
    for (unsigned n = 0; n < ROUNDS; n++) {
        CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), 0);
        CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
        ctxt.ctrlreg[user ? 1 : 3] = xen_pfn_to_cr3(root[n % 2]);
        CHECK_EQ(context(&c, XEN_DOMCTL_setvcpucontext), 0);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c.domid, NULL, 0), 0);
        kit_sleep(300000 + n % 7 * 200000);
    }
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    uint64_t before;

    race(false); /* also for what stays behind the first time */
    before = free_pages();
    race(false);
    race(true);
    CHECK_EQ(free_pages(), before);
}
