/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LODGE_table_new: an empty table, hung into an upper table in one call (public/lodge.h). A new
 * table costs a stock kernel a page of zeros, three hypercalls and a look at each of the zeros;
 * here the hypervisor writes them itself, and so knows what they are.
 */
#include <core/console.h>
#include <core/domain.h>
#include <public/errno.h>
#include <pv/lodge.h>
#include <pv/mmu_table.h>
#include <pv/pte.h>

/* t is a table of level 2 or 3. */
static int new_below(const struct mmu_table *t, uint64_t ptr, pte_t val, struct domain *d)
{
    uint64_t m = pte_mfn(val).m;
    pte_t was;
    int rc;

    if (!(val & PTE_P) || (val & PTE_TABLE_REFUSED) || m >= max_mfn)
        return -XEN_EINVAL;
    rc = page_type_get_empty(&FRAMES[m], t->level - 1, d);
    if (rc != 0)
        return rc;
    /* Takes a reference of its own; if it is refused, ours was the last one. */
    rc = pte_write_table(&t->entries[(ptr % PAGE_SIZE) / sizeof(pte_t)], t->level, val, d, 0, &was);
    page_type_put(&FRAMES[m], d);
    return rc;
}

int64_t lodge_table_new(struct domain *d, uint64_t ptr, uint64_t val)
{
    struct mmu_table t = {.mfn = UINT64_MAX};
    int rc = -XEN_EINVAL;

    if (!(ptr & 7))
        rc = mmu_table_enter(&t, ptr >> PAGE_SHIFT, d);
    if (rc == 0)
        rc = t.level == 2 || t.level == 3 ? new_below(&t, ptr, val, d) : -XEN_EINVAL;
    mmu_table_leave(&t, d);
    if (unlikely(rc != 0))
        guest_refused("new table %lx = %lx: %d", (unsigned long)ptr, (unsigned long)val, rc);
    return rc;
}
