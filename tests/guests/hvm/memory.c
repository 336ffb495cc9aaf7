/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a fully virtualized guest by its own numbers: given, taken, replaced by shared
 * pages; whom its frames serve as what; and what is taken away while the guest uses it.
 */
#include <kit/kit.h>

#include "hvm.h"
#include "layout.h"

#define PAGES (G_SIZE / PAGE_SIZE)

static void populating(unsigned id)
{
    uint64_t *p;

    CHECK_EQ(hvm_reserve(XENMEM_populate_physmap, id, 0, 0), 0); /* something is there */
    CHECK_EQ(hvm_reserve(XENMEM_populate_physmap, id, 511, 0), 0);
    CHECK_EQ(hvm_reserve(XENMEM_populate_physmap, id, 1ul << 60, 0), 0);
    CHECK_EQ(hvm_reserve(XENMEM_increase_reservation, id, 0, 0), 0);
    CHECK_EQ(hvm_reserve(XENMEM_populate_physmap, id, 0x100000, 0), 1);
    p = hvm_map(id, 0x100000ul * PAGE_SIZE);
    p[0] = 77;
    CHECK_EQ(hvm_reserve(XENMEM_decrease_reservation, id, 7, 0), 1); /* out of the large page */
    CHECK_EQ(hvm_reserve(XENMEM_decrease_reservation, id, 7, 0), 0);
    CHECK(kit_map_foreign(hvm_window, 7, PTE_RW, (domid_t)id) < 0);
    CHECK(kit_map_foreign(hvm_window, 1ul << 36, PTE_RW, (domid_t)id) < 0);
    CHECK(kit_map_foreign(hvm_window, (1ul << 40) - 1, PTE_RW, (domid_t)id) < 0);
    p = hvm_map(id, 6 * PAGE_SIZE);
    p = hvm_map(id, 0x100000ul * PAGE_SIZE);
    CHECK_EQ(p[0], 77);
    CHECK_EQ(hvm_reserve(XENMEM_populate_physmap, id, 7, 0), 1);
    p = hvm_map(id, 7 * PAGE_SIZE);
    CHECK_EQ(p[0], 0);
}

/* The shared page in the place of memory, which is given back; then elsewhere. */
static void shared_pages(unsigned id)
{
    struct xen_add_to_physmap a = {.domid = (domid_t)id, .space = XENMAPSPACE_shared_info};
    struct xen_remove_from_physmap rm = {.domid = (domid_t)id};
    struct xen_domctl_getdomaininfo info;
    uint64_t pages;

    kit_domctl(XEN_DOMCTL_getdomaininfo, id, &info, sizeof(info));
    pages = info.tot_pages;
    kit_set_pte(hvm_window, 0);
    a.gpfn = 7;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a), 0);
    kit_domctl(XEN_DOMCTL_getdomaininfo, id, &info, sizeof(info));
    CHECK_EQ(info.tot_pages, pages - 1);
    CHECK(info.flags & XEN_DOMINF_hvm_guest);
    CHECK(info.flags & XEN_DOMINF_hap);
    (void)hvm_map(id, 7 * PAGE_SIZE);
    kit_set_pte(hvm_window, 0);
    a.gpfn = 0x100001;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a), 0);
    CHECK(kit_map_foreign(hvm_window, 7, PTE_RW, (domid_t)id) < 0);
    a.space = XENMAPSPACE_grant_table, a.gpfn = 7;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a), 0);
    a.idx = 100;
    CHECK(hc2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a) < 0);
    a.space = 77;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a), -XEN_EOPNOTSUPP);
    rm.gpfn = 7;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &rm), 0);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &rm), -XEN_ENOENT);
}

static void rules(void)
{
    unsigned id = hvm_make(P_HELLO);
    struct mmu_update u;

    populating(id);
    shared_pages(id);
    /* No frame of its own is a page table for anybody, and it has none of a PV guest's. */
    u = (struct mmu_update){6 * PAGE_SIZE, 1};
    CHECK(hc4(__HYPERVISOR_mmu_update, &u, 1, 0, (id + 1u) << 16 | id) < 0);
    u.ptr = 6 * PAGE_SIZE | MMU_MACHPHYS_UPDATE;
    CHECK(hc4(__HYPERVISOR_mmu_update, &u, 1, 0, id) < 0);
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = 6};
    CHECK(hc4(__HYPERVISOR_mmuext_op, &pin, 1, 0, id) < 0);
    /* As scattered as can be: the tables are charged to it, and that ends. */
    for (uint64_t n = 1; n < 64; n++)
        if (hvm_reserve(XENMEM_populate_physmap, id, n << 18, 0) != 1) {
            CHECK(n > 2 && n < 40);
            break;
        }
    hvm_end(id);
}

/* Memory that is taken away while the guest reads it. */
static void taken(void)
{
    unsigned id = hvm_make(P_READ_FOREVER);

    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, id, NULL, 0), 0);
    HVM_UNTIL(answers[A_FIRST] != 0);
    CHECK_EQ(hvm_reserve(XENMEM_decrease_reservation, id, PAGES - 1, 0), 1);
    HVM_UNTIL(hvm_flags(id) & XEN_DOMINF_shutdown);
    CHECK_EQ(hvm_flags(id) >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, SHUTDOWN_crash);
    hvm_end(id);
}

void hvm_memory(void)
{
    rules();
    taken();
}
