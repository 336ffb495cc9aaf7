/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of another domain: what the control domain maps of a child follows the same rules of
 * types as the child's own mappings. A frame that we have mapped writable cannot become a page
 * table there, a page table there cannot be mapped writable here, and updates of the child's tables
 * from here are checked as its own would be.
 */
#include <kit/kit.h>
#include <public/domctl.h>

static struct {
    volatile uint64_t mfn, table_mfn, l4_mfn, step, answer;
} talk __attribute__((aligned(64)));

static void answer(uint64_t value, uint64_t next)
{
    talk.answer = value;
    while (talk.step < next)
        kit_sleep(200000);
}

static void child(uint64_t unused)
{
    uint64_t *page = kit_page(), *other = kit_page();

    (void)unused;
    kit_protect(page, false);
    talk.l4_mfn = kit_mfn((void *)start_info->pt_base);
    talk.table_mfn = kit_table_mfn(1, page);
    talk.mfn = kit_mfn(page);
    answer(1, 1); /* it is mapped writable over there now */
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, talk.mfn, 0) < 0);
    answer(2, 2); /* and not any more */
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, talk.mfn, 0), 0);
    answer(3, 3); /* they have tried to map it, and to change our tables */
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, talk.mfn, 0), 0);
    CHECK(kit_set_pte(other, mk_pte(talk.table_mfn, PTE_RW)) < 0);
    answer(4, 4); /* they have it read-only: it can still be one, and given away */
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, talk.mfn, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, talk.mfn, 0), 0);
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    xen_pfn_t mfn = talk.mfn;

    CHECK_EQ(kit_set_pte(page, 0), 0);
    r.extent_start.p = &mfn;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), 1);
    answer(5, 5);
}

static bool wait_for(volatile uint64_t *p, uint64_t value)
{
    uint64_t end = kit_now() + KIT_PATIENCE;

    while (*p < value && kit_now() < end)
        kit_sleep(200000);
    return *p >= value;
}

/*
 * Stores to our own entry of their frame: the bits that do not say which frame it is, or whether it
 * may be written, are ours to change. Read-only it stays.
 */
static void stores_to_its_entry(uint64_t *va)
{
    uint64_t *e = kit_table(1, va) + (((uint64_t)va >> 12) & 511), was = kit_pte(va), other;

    CHECK_EQ(KIT_TRY("lock btrq $5, (%0)", : : "r"(e) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_pte(va), was & ~PTE_A);
    CHECK_EQ(KIT_TRY("lock orq $0x20, (%0)", : : "r"(e) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("lock andb $0xbf, (%0)", : : "r"(e) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_pte(va), (was | PTE_A) & ~PTE_D);
    other = kit_pte(va);
    CHECK_EQ(KIT_TRY("lock cmpxchgq %1, (%0)",
                     :
                     : "r"(e), "r"(other | PTE_NX), "a"(other)
                     : KIT_CLOBBER),
             -1);
    CHECK_EQ(kit_pte(va), other | PTE_NX);
    CHECK_EQ(KIT_TRY("movq %1, (%0)", : : "r"(e), "r"(was) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_pte(va), was);
    CHECK_EQ(KIT_TRY("lock orq $2, (%0)", : : "r"(e) : KIT_CLOBBER), 14); /* to write is not */
    CHECK_EQ(KIT_TRY("lock xorq $0x1000, (%0)", : : "r"(e) : KIT_CLOBBER), 14);
    CHECK_EQ(kit_pte(va), was);
}

/* An update of the child's table, from here. */
static int update_theirs(const struct kit_child *c, uint64_t ptr, uint64_t val)
{
    struct mmu_update u = {ptr, val};

    return (int)hc4(__HYPERVISOR_mmu_update, &u, 1, 0, (c->domid + 1u) << 16 | c->domid);
}

void test_main(void)
{
    struct kit_child c;
    uint64_t *va = kit_page(), *ours = kit_page(), home = kit_pte(va);
    uint64_t talk_mfn;

    CHECK_EQ(kit_child_create(&c, child, 0, 0, 1), 0);
    talk_mfn = c.mfns[((uint64_t)&talk >> 12) - KIT_CHILD_PFN];
    uint8_t *window = kit_page();

    CHECK_EQ(kit_map_foreign(window, talk_mfn, PTE_RW, c.domid), 0);
    volatile uint64_t *t = (volatile uint64_t *)(window + ((uint64_t)&talk & 4095));

    CHECK_EQ(kit_child_start(&c), 0);
    CHECK(wait_for(&t[4], 1));
    CHECK_EQ(kit_map_foreign(va, t[0], PTE_RW, c.domid), 0);
    CHECK(kit_write(va, 0));
    CHECK(kit_set_pte(ours, mk_pte(t[0], PTE_RO)) < 0); /* as ours it is none */
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, t[0], 0) < 0);
    t[3] = 1;
    CHECK(wait_for(&t[4], 2));
    CHECK_EQ(kit_set_pte(va, home), 0);
    t[3] = 2;
    CHECK(wait_for(&t[4], 3));
    /* A page table of theirs now. */
    CHECK(kit_map_foreign(va, t[0], PTE_RW, c.domid) < 0);
    CHECK(kit_map_foreign(va, t[1], PTE_RW, c.domid) < 0);
    CHECK(kit_map_foreign(va, t[2], PTE_RW, c.domid) < 0);
    CHECK_EQ(kit_map_foreign(va, t[0], PTE_RO, c.domid), 0);
    CHECK(!kit_write(va, mk_pte(t[1], PTE_RW)));
    stores_to_its_entry(va);
    CHECK_EQ(kit_set_pte(va, home), 0);
    /* Their tables through the hypervisor: only what they could have written themselves. */
    CHECK(update_theirs(&c, t[0] << 12, mk_pte(t[1], PTE_RW)) < 0);
    CHECK(update_theirs(&c, t[0] << 12, mk_pte(kit_mfn(ours), PTE_RW)) < 0);
    CHECK(update_theirs(&c, (t[2] << 12) + 256 * 8, 0) < 0);
    CHECK(update_theirs(&c, kit_pte_maddr(ours), 0) < 0); /* ours are not theirs */
    CHECK_EQ(update_theirs(&c, t[0] << 12, mk_pte(talk_mfn, PTE_RO)), 0);
    CHECK_EQ(update_theirs(&c, t[0] << 12, 0), 0);
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L2_TABLE, .arg1.mfn = t[0]};

    CHECK(hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, c.domid) < 0);
    t[3] = 3;
    CHECK(wait_for(&t[4], 4));
    CHECK_EQ(kit_map_foreign(va, t[0], PTE_RO, c.domid), 0);
    t[3] = 4;
    CHECK(wait_for(&t[4], 5));
    uint64_t val;

    CHECK(kit_read(va, &val)); /* they have given it away; it stays as long as we look */
    CHECK_EQ(kit_set_pte(va, home), 0);
    CHECK(kit_map_foreign(va, t[0], PTE_RO, c.domid) < 0);
    t[3] = 5;
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(kit_set_pte(window, 0), 0);
    CHECK_EQ(kit_child_destroy(&c), 0);
}
