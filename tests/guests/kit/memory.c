/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page tables of a test guest. The loader maps them read-only at start_info->pt_base, so the
 * guest reads its own tables as memory: a table's machine frame leads to its pseudo-physical one
 * through the machine-to-physical table, and addresses of the initial mapping are pseudo-physical.
 */
#include <kit/kit.h>

#define POOL_PAGES 320
static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned pool_used;

static uint64_t *table_at(uint64_t entry)
{
    uint64_t pfn = ((const uint64_t *)HYPERVISOR_VIRT_START)[(entry & PTE_ADDR) >> 12];

    return (uint64_t *)(pfn << 12);
}

uint64_t *kit_table(unsigned level, const void *va)
{
    uint64_t *t = (uint64_t *)start_info->pt_base;

    for (unsigned l = 4; l > level; l--) {
        uint64_t e = t[((uint64_t)va >> (12 + 9 * (l - 1))) & 511];

        if (!(e & PTE_P))
            return NULL;
        t = table_at(e);
    }
    return t;
}

uint64_t kit_pte(const void *va)
{
    uint64_t *t = kit_table(1, va);

    return t == NULL ? 0 : ((volatile uint64_t *)t)[((uint64_t)va >> 12) & 511];
}

uint64_t kit_mfn(const void *va)
{
    return (kit_pte(va) & PTE_ADDR) >> 12;
}

uint64_t kit_table_mfn(unsigned level, const void *va)
{
    uint64_t *t = kit_table(level, va);

    return t == NULL ? ~0ul : kit_mfn(t);
}

uint64_t kit_pte_maddr(const void *va)
{
    return (kit_table_mfn(1, va) << 12) | ((((uint64_t)va >> 12) & 511) * 8);
}

int kit_set_pte(const void *va, uint64_t pte)
{
    return (int)hc3(__HYPERVISOR_update_va_mapping, va, pte, UVMF_INVLPG | UVMF_ALL);
}

int kit_mmu_update(uint64_t ptr, uint64_t val)
{
    struct mmu_update u = {.ptr = ptr, .val = val};

    return (int)hc4(__HYPERVISOR_mmu_update, &u, 1, 0, DOMID_SELF);
}

int kit_mmuext(unsigned cmd, uint64_t arg1, uint64_t arg2)
{
    struct mmuext_op op = {.cmd = cmd};

    op.arg1.mfn = arg1;
    op.arg2.nr_ents = (unsigned)arg2;
    if (cmd == MMUEXT_COPY_PAGE)
        op.arg2.src_mfn = arg2;
    return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
}

int kit_map_foreign(const void *va, uint64_t mfn, uint64_t flags, domid_t domid)
{
    return (int)hc4(__HYPERVISOR_update_va_mapping_otherdomain, va, mk_pte(mfn, flags),
                    UVMF_INVLPG | UVMF_ALL, domid);
}

int kit_protect(const void *va, bool writable)
{
    return kit_set_pte(va, mk_pte(kit_mfn(va), writable ? PTE_RW : PTE_RO));
}

void *kit_page(void)
{
    if (pool_used == POOL_PAGES) {
        printk("RESULT error the test used more than %u pages\n", POOL_PAGES);
        kit_shutdown(SHUTDOWN_poweroff);
    }
    return pool[pool_used++];
}

int64_t kit_reservation(unsigned cmd, const void *list, uint64_t n, unsigned order, domid_t domid)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = domid};

    r.extent_start.p = (xen_pfn_t *)list;
    return hc2(__HYPERVISOR_memory_op, cmd, &r);
}
