/* SPDX-License-Identifier: GPL-2.0-only */
/* LODGE_table_new: what becomes an empty table, what does not, and what is left of it then. */
#include "ext.h"

static int table_new(uint64_t ptr, uint64_t val)
{
    return (int)hc3(__HYPERVISOR_lodge_op, LODGE_table_new, ptr, val);
}

static bool is_zero(const uint64_t *p)
{
    for (unsigned i = 0; i < 512; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void fill(uint64_t *p)
{
    for (unsigned i = 0; i < 512; i++)
        p[i] = ~0ull;
}

static void good(unsigned level, uint64_t *upper)
{
    uint64_t *p = kit_page(), at = (kit_mfn(upper) << 12) + 8 * 11;
    uint64_t val = mk_pte(kit_mfn(p), PTE_P | PTE_W | PTE_A);

    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + level - 1, kit_mfn(upper), 0), 0);
    for (unsigned round = 0; round < 3; round++) {
        fill(p);
        CHECK_EQ(table_new(at, val), 0);
        CHECK_EQ(upper[11], val | PTE_U);
        CHECK(is_zero(p));
        CHECK((kit_pte(p) & PTE_W) == 0);
        CHECK_EQ(table_new(at, val), -XEN_EINVAL); /* it is a table already */
        CHECK_EQ(table_new(at + 8, val), -XEN_EINVAL);
        CHECK_EQ(upper[12], 0);
        CHECK_EQ(kit_mmu_update(at, 0), 0);
        CHECK((kit_pte(p) & PTE_W) != 0);
    }
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(upper), 0), 0);
}

/* One takes the place of another. */
static void replaced(void)
{
    uint64_t *upper = kit_page(), *a = kit_page(), *b = kit_page(), at = kit_mfn(upper) << 12;

    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(upper), 0), 0);
    CHECK_EQ(table_new(at, mk_pte(kit_mfn(a), PTE_RW)), 0);
    CHECK_EQ(table_new(at, mk_pte(kit_mfn(b), PTE_RW)), 0);
    CHECK((kit_pte(a) & PTE_W) != 0);
    CHECK((kit_pte(b) & PTE_W) == 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(upper), 0), 0);
    CHECK((kit_pte(b) & PTE_W) != 0);
}

static void refused(void)
{
    uint64_t *l2 = kit_page(), *p = kit_page(), *second = kit_page(), *l1 = kit_page();
    uint64_t at = (kit_mfn(l2) << 12) + 16, good = mk_pte(kit_mfn(p), PTE_RW);

    fill(p);
    CHECK_EQ(table_new(at, good), -XEN_EINVAL); /* the upper one is no table */
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(l1), 0), 0);
    CHECK_EQ(table_new((kit_mfn(l1) << 12) + 16, good), -XEN_EINVAL);
    CHECK_EQ(table_new(kit_table_mfn(4, p) << 12, good), -XEN_EINVAL); /* roots are not for this */
    CHECK_EQ(table_new((kit_table_mfn(4, p) << 12) + 256 * 8, good), -XEN_EINVAL);
    CHECK_EQ(table_new(at + 4, good), -XEN_EINVAL);
    CHECK_EQ(table_new(~7ull, good), -XEN_EINVAL);
    CHECK_EQ(table_new(at, 0), -XEN_EINVAL);
    CHECK_EQ(table_new(at, good & ~PTE_P), -XEN_EINVAL);
    CHECK_EQ(table_new(at, good | PTE_PS), -XEN_EINVAL);
    CHECK_EQ(table_new(at, PTE_ADDR | PTE_RW), -XEN_EINVAL);
    CHECK(table_new(at, mk_pte(0, PTE_RW)) < 0);
    CHECK_EQ(table_new(at, mk_pte(kit_mfn(l2), PTE_RW)), -XEN_EINVAL); /* itself */
    CHECK_EQ(table_new(at, mk_pte(kit_mfn(l1), PTE_RW)), -XEN_EINVAL);
    /* A second writable mapping. */
    CHECK_EQ(kit_set_pte(second, mk_pte(kit_mfn(p), PTE_RW)), 0);
    CHECK_EQ(table_new(at, good), -XEN_EINVAL);
    CHECK((kit_pte(p) & PTE_W) != 0);
    CHECK_EQ(kit_set_pte(second, 0), 0);
    CHECK_EQ(p[5], ~0ull);
    /* Without aliases the mapping is the guest's affair. */
    CHECK_EQ(negotiate(ALL_FEATURES & ~LODGE_F_ALIAS), 0);
    CHECK_EQ(table_new(at, good), -XEN_EINVAL);
    CHECK_EQ(kit_protect(p, false), 0);
    CHECK_EQ(table_new(at, good), 0);
    CHECK(is_zero(p));
    CHECK_EQ(negotiate(ALL_FEATURES), 0);
    CHECK_EQ(kit_mmu_update(at, 0), 0);
    CHECK((kit_pte(p) & PTE_W) != 0);
}

void new_tables(void)
{
    good(2, kit_page());
    good(3, kit_page());
    replaced();
    refused();
}
