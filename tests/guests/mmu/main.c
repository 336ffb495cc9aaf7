/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-table updates by every way there is: update_va_mapping, mmu_update, mmuext_op, plain writes
 * into read-only page tables. What must be refused for safety's sake is in mmu-attack/.
 */
#include <kit/kit.h>
#include <mmu/mmu.h>

#define FREE_L4 280u /* a slot of the guest that nothing uses */

static int update(struct mmu_update *u, unsigned n, unsigned *done, unsigned dom)
{
    return (int)hc4(__HYPERVISOR_mmu_update, u, n, done, dom);
}

static int ext(struct mmuext_op *op, unsigned n, unsigned *done, unsigned dom)
{
    return (int)hc4(__HYPERVISOR_mmuext_op, op, n, done, dom);
}

static void va_mapping(void)
{
    uint64_t *page = kit_page(), *other = kit_page(), pte = kit_pte(page), val;
    uint64_t mask = 1;

    *page = 1;
    *other = 2;
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t where[] = {UVMF_LOCAL, UVMF_ALL, UVMF_MULTI};
        uint64_t flags = where[i] | (i == 2 ? (uint64_t)&mask : 0);

        CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, page, kit_pte(other), UVMF_INVLPG | flags), 0);
        CHECK_EQ(*(volatile uint64_t *)page, 2);
        CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, page, 0, UVMF_TLB_FLUSH | flags), 0);
        CHECK(!kit_read(page, &val));
        CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, page, pte, UVMF_NONE), 0);
        CHECK_EQ(*(volatile uint64_t *)page, 1);
    }
    CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, KIT_NOWHERE, pte, UVMF_INVLPG), -XEN_EINVAL);
    CHECK(hc3(__HYPERVISOR_update_va_mapping, 0xffff820000000000ul, pte, 0) < 0);
    CHECK(hc3(__HYPERVISOR_update_va_mapping, 0x8000000000000000ul, pte, 0) < 0);
    CHECK(hc3(__HYPERVISOR_update_va_mapping, ~0xffful, pte, 0) < 0);
    CHECK_EQ(hc4(__HYPERVISOR_update_va_mapping_otherdomain, page, pte, UVMF_INVLPG, DOMID_SELF),
             0);
    CHECK_EQ(hc4(__HYPERVISOR_update_va_mapping_otherdomain, page, pte, UVMF_INVLPG, 1234),
             -XEN_ESRCH);
    CHECK_EQ(kit_pte(page) & PTE_ADDR, pte & PTE_ADDR);
}

static void updates(void)
{
    uint64_t *page = kit_page(), *other = kit_page(), pte = kit_pte(page);
    uint64_t at = kit_pte_maddr(page);
    struct mmu_update u[3] = {
        {at, kit_pte(other)}, {at, mk_pte(~0ul & (PTE_ADDR >> 12), PTE_RW)}, {at, pte}};
    unsigned done = 77;

    CHECK_EQ(update(u, 0, &done, DOMID_SELF), 0);
    CHECK_EQ(update(u, 1, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(kit_mfn(page), kit_mfn(other));
    CHECK(update(u, 3, &done, DOMID_SELF) < 0);
    CHECK_EQ(done, 1); /* the first was applied, the second not, the third not reached */
    CHECK_EQ(kit_mfn(page), kit_mfn(other));
    CHECK_EQ(update(u + 2, 1, NULL, DOMID_SELF), 0);
    kit_mmuext(MMUEXT_INVLPG_LOCAL, (uint64_t)page, 0);
    CHECK_EQ(kit_mfn(page), (pte & PTE_ADDR) >> 12);
    CHECK_EQ(update(u, 1, &done, 1234), -XEN_ESRCH);
    CHECK_EQ(update((void *)KIT_NOWHERE, 1, &done, DOMID_SELF), -XEN_EFAULT);
    CHECK_EQ(update((void *)0xffff820000000000ul, 1, &done, DOMID_SELF), -XEN_EFAULT);
    u[0].ptr = ~7ull;
    CHECK(update(u, 1, &done, DOMID_SELF) < 0);
    u[0].ptr = at | 4; /* no command, or the entry that it points into: nothing in between */
    CHECK(update(u, 1, &done, DOMID_SELF) < 0 || kit_pte(page) == u[0].val);
    CHECK_EQ(update(u + 2, 1, NULL, DOMID_SELF), 0);
}

static void commands(void)
{
    uint64_t *page = kit_page(), pte = kit_pte(page), at = kit_pte_maddr(page), val;
    uint64_t mfn = kit_mfn(page), m2p = ((uint64_t *)HYPERVISOR_VIRT_START)[mfn];

    /* Accessed and dirty bits survive one form and not the other. */
    CHECK_EQ(kit_mmu_update(at, mk_pte(mfn, PTE_P | PTE_W | PTE_U)), 0);
    kit_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    *(volatile uint64_t *)page = 5;
    CHECK_EQ(kit_pte(page) & (PTE_A | PTE_D), PTE_A | PTE_D);
    CHECK_EQ(kit_mmu_update(at | MMU_PT_UPDATE_PRESERVE_AD, mk_pte(mfn, PTE_P | PTE_W | PTE_U)), 0);
    CHECK_EQ(kit_pte(page) & (PTE_A | PTE_D), PTE_A | PTE_D);
    CHECK_EQ(kit_mmu_update(at | MMU_NORMAL_PT_UPDATE, mk_pte(mfn, PTE_P | PTE_W | PTE_U)), 0);
    CHECK_EQ(kit_pte(page) & (PTE_A | PTE_D), 0);
    CHECK_EQ(kit_mmu_update(at | MMU_PT_UPDATE_NO_TRANSLATE, pte), 0);
    CHECK_EQ(kit_pte(page), pte);
    /* The M2P is a notebook. */
    CHECK_EQ(kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, 0x12345), 0);
    CHECK_EQ(((volatile uint64_t *)HYPERVISOR_VIRT_START)[mfn], 0x12345);
    CHECK_EQ(kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, m2p), 0);
    CHECK_EQ(((volatile uint64_t *)HYPERVISOR_VIRT_START)[mfn], m2p);
    CHECK(kit_mmu_update((1ull << 51) | MMU_MACHPHYS_UPDATE, 1) < 0);
    /* Ordinary memory may be written this way too. */
    CHECK_EQ(kit_mmu_update((mfn << 12) + 16, 0xdeadbeefdeadbeeful), 0);
    CHECK(kit_read(page + 2, &val) && val == 0xdeadbeefdeadbeeful);
    /* The available bits are the guest's. */
    CHECK_EQ(kit_set_pte(page, pte | 0xe00), 0);
    CHECK_EQ(kit_pte(page) & 0xe00, 0xe00);
    CHECK_EQ(kit_set_pte(page, pte | PTE_NX), 0);
    CHECK(kit_pte(page) & PTE_NX);
    CHECK_EQ(kit_set_pte(page, pte), 0);
    /* An entry that is not present may hold anything. */
    CHECK_EQ(kit_set_pte(page, 0x7ffffffffffffff0ull & ~1ull), 0);
    CHECK_EQ(kit_pte(page), 0x7ffffffffffffff0ull & ~1ull);
    CHECK_EQ(kit_set_pte(page, pte), 0);
}

/* A hierarchy of four fresh tables over one page; t[1] to t[4]. */
static void build(uint64_t *t[5], uint64_t *page)
{
    for (unsigned l = 1; l <= 4; l++)
        t[l] = kit_page();
    t[1][0] = mk_pte(kit_mfn(page), PTE_RW);
    for (unsigned l = 2; l <= 4; l++)
        t[l][0] = mk_pte(kit_mfn(t[l - 1]), PTE_RW);
    for (unsigned l = 1; l <= 4; l++)
        CHECK_EQ(kit_protect(t[l], false), 0);
}

static void pins(void)
{
    uint64_t *page = kit_page(), *t[5];

    build(t, page);
    for (unsigned l = 1; l <= 4; l++) {
        uint64_t mfn = kit_mfn(t[l]);

        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, mfn, 0), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, mfn, 0), -XEN_EINVAL);
        CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE + (l % 4), mfn, 0) < 0); /* another type */
        CHECK(kit_protect(t[l], true) < 0);
    }
    for (unsigned l = 1; l <= 4; l++) {
        uint64_t mfn = kit_mfn(t[l]);

        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), -XEN_EINVAL);
    }
    for (unsigned l = 1; l <= 4; l++)
        CHECK_EQ(kit_protect(t[l], true), 0); /* ordinary memory again */
    for (unsigned l = 1; l <= 4; l++)
        CHECK_EQ(kit_protect(t[l], false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), 0); /* types all at once */
    for (unsigned l = 1; l <= 4; l++)
        CHECK(kit_protect(t[l], true) < 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[4]), 0), 0);
    CHECK_EQ(kit_protect(t[1], true), 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0) < 0); /* one below is writable */
    CHECK_EQ(kit_protect(t[1], false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[4]), 0), 0);
}

/*
 * Entries that come while a table is one already, far from the others, are dropped with it: what
 * they led to is memory again. By mmu_update, by a store, and by one that is refused first.
 */
static void late_entries(void)
{
    for (unsigned l = 2; l <= 4; l++) {
        uint64_t *page = kit_page(), *t[5], *late[3], at;

        build(t, page);
        for (unsigned i = 0; i < 3; i++) {
            late[i] = kit_page();
            CHECK_EQ(kit_protect(late[i], false), 0);
        }
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, kit_mfn(t[l]), 0), 0);
        at = kit_mfn(t[l]) << 12;
        CHECK_EQ(kit_mmu_update(at + 100 * 8, mk_pte(kit_mfn(late[0]), PTE_RW)), 0);
        CHECK(kit_write(&t[l][200], mk_pte(kit_mfn(late[1]), PTE_RW)));
        CHECK(kit_mmu_update(at + 511 * 8, mk_pte(kit_mfn(t[l]), PTE_RW)) < 0);
        CHECK_EQ(kit_mmu_update(at + 511 * 8, mk_pte(kit_mfn(late[2]), PTE_RW)), 0);
        for (unsigned i = 0; i < 3; i++)
            CHECK(kit_protect(late[i], true) < 0);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[l]), 0), 0);
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(kit_protect(late[i], true), 0);
        /* And it is validated anew, entries that it kept included. */
        CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, kit_mfn(t[l]), 0) < 0);
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(kit_protect(late[i], false), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, kit_mfn(t[l]), 0), 0);
        CHECK(kit_protect(late[0], true) < 0);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[l]), 0), 0);
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(kit_protect(late[i], true), 0);
    }
}

/* New tables under a free slot of the live L4, level by level, and away again. */
static void grow(void)
{
    uint64_t *page = kit_page(), *t[5], val;
    uint64_t slot = (kit_mfn((void *)start_info->pt_base) << 12) + FREE_L4 * 8;
    uint64_t *va = (uint64_t *)(0xffff000000000000ul | ((uint64_t)FREE_L4 << 39));

    build(t, page);
    *page = 0x600d;
    CHECK(!kit_read(va, &val));
    CHECK_EQ(kit_mmu_update(slot, mk_pte(kit_mfn(t[3]), PTE_RW)), 0);
    CHECK(kit_read(va, &val) && val == 0x600d);
    CHECK(kit_write(va, 0x600e) && *(volatile uint64_t *)page == 0x600e);
    CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, va, mk_pte(kit_mfn(page), PTE_RO), UVMF_INVLPG),
             0);
    CHECK(!kit_write(va, 1));
    CHECK_EQ(kit_mmu_update(kit_mfn(t[2]) << 12, 0), 0); /* take the L1 away */
    kit_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    CHECK(!kit_read(va, &val));
    CHECK_EQ(kit_protect(t[1], true), 0);
    CHECK(kit_protect(t[2], true) < 0);
    CHECK_EQ(kit_mmu_update(slot, 0), 0);
    kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
    CHECK_EQ(kit_protect(t[3], true), 0);
    CHECK_EQ(kit_protect(t[2], true), 0);
}

static void base_pointer(void)
{
    uint64_t *l4 = kit_page(), *old = (uint64_t *)start_info->pt_base;

    l4[0] = old[0];
    CHECK_EQ(kit_protect(l4, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(l4), 0), 0); /* not pinned, and good */
    CHECK(kit_protect(l4, true) < 0);
    CHECK_EQ(((volatile uint64_t *)l4)[0] & PTE_ADDR, old[0] & PTE_ADDR);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(old), 0), 0);
    CHECK_EQ(kit_protect(l4, true), 0);
}

/* Both roots in one list, as a kernel changes them that switches processes. 0, or the error. */
static int roots(uint64_t kernel, uint64_t user)
{
    struct mmuext_op op[2] = {{.cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = kernel},
                              {.cmd = MMUEXT_NEW_USER_BASEPTR, .arg1.mfn = user}};

    return ext(op, 2, NULL, DOMID_SELF);
}

static void base_pairs(void)
{
    uint64_t *t[3], *old = (uint64_t *)start_info->pt_base, home = kit_mfn(old), mfn[3];
    uint64_t *plain = kit_page();

    for (unsigned i = 0; i < 3; i++) {
        t[i] = kit_page();
        t[i][0] = old[0];
        mfn[i] = kit_mfn(t[i]);
        CHECK_EQ(kit_protect(t[i], false), 0);
    }
    CHECK_EQ(roots(mfn[0], mfn[1]), 0); /* none of them is a table yet */
    CHECK(kit_protect(t[0], true) < 0);
    CHECK(kit_protect(t[1], true) < 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, mfn[i], 0), 0);
    for (unsigned i = 0; i < 7; i++) /* also the same once more, and one that is both */
        CHECK_EQ(roots(mfn[i % 3], mfn[i / 2 % 3]), 0);
    CHECK_EQ(roots(mfn[1], mfn[1]), 0);
    CHECK_EQ(roots(mfn[1], mfn[1]), 0);
    /* The list ends where it fails: what is before that has been done. */
    CHECK_EQ(roots(mfn[2], kit_mfn(plain)), -XEN_EINVAL);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn[2], 0), 0);
    CHECK(kit_protect(t[2], true) < 0); /* loaded */
    CHECK(roots(mfn[0], ~0ul) < 0);
    CHECK_EQ(kit_protect(t[2], true), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn[0], 0), 0);
    CHECK(kit_protect(t[0], true) < 0);
    CHECK(roots(kit_mfn(plain), mfn[1]) < 0);
    CHECK(roots(~0ul, mfn[1]) < 0);
    CHECK(kit_protect(t[0], true) < 0); /* still */
    CHECK_EQ(roots(home, 0), 0);
    CHECK_EQ(kit_protect(t[0], true), 0);
    CHECK_EQ(roots(home, mfn[1]), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn[1], 0), 0);
    CHECK(kit_protect(t[1], true) < 0);
    CHECK_EQ(roots(home, home), 0); /* the last reference goes with this */
    CHECK_EQ(kit_protect(t[1], true), 0);
    CHECK_EQ(roots(home, 0), 0);
}

static void flushes(void)
{
    struct mmuext_op op[3] = {
        {.cmd = MMUEXT_TLB_FLUSH_LOCAL}, {.cmd = 99}, {.cmd = MMUEXT_TLB_FLUSH_LOCAL}};
    uint64_t mask = 1, *page = kit_page(), *copy = kit_page();
    unsigned done = 7;

    CHECK(ext(op, 3, &done, DOMID_SELF) == -XEN_ENOSYS);
    CHECK_EQ(done, 1);
    CHECK_EQ(ext(op, 1, NULL, DOMID_SELF), 0);
    CHECK_EQ(ext(op, 0, &done, DOMID_SELF), 0);
    op[0].cmd = MMUEXT_TLB_FLUSH_MULTI;
    op[0].arg2.vcpumask.p = (void *)&mask;
    CHECK_EQ(ext(op, 1, &done, DOMID_SELF), 0);
    op[0].arg2.vcpumask.p = (void *)KIT_NOWHERE;
    CHECK(ext(op, 1, &done, DOMID_SELF) < 0);
    op[0].cmd = MMUEXT_INVLPG_MULTI;
    op[0].arg1.linear_addr = (unsigned long)page;
    CHECK(ext(op, 1, &done, DOMID_SELF) < 0);
    op[0].arg2.vcpumask.p = (void *)&mask;
    CHECK_EQ(ext(op, 1, &done, DOMID_SELF), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_INVLPG_ALL, (uint64_t)page, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_INVLPG_LOCAL, (uint64_t)page, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_INVLPG_LOCAL, 0xffff820000000000ul, 0), 0); /* harmless */
    CHECK_EQ(kit_mmuext(MMUEXT_INVLPG_LOCAL, 0x8000000000000000ul, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_FLUSH_CACHE, 0, 0), 0);
    page[0] = page[511] = 99;
    CHECK_EQ(kit_mmuext(MMUEXT_COPY_PAGE, kit_mfn(copy), kit_mfn(page)), 0);
    CHECK(copy[0] == 99 && copy[511] == 99 && copy[1] == 0);
    CHECK_EQ(kit_mmuext(MMUEXT_CLEAR_PAGE, kit_mfn(copy), 0), 0);
    CHECK(copy[0] == 0 && copy[511] == 0);
    CHECK(kit_mmuext(MMUEXT_CLEAR_PAGE, kit_table_mfn(1, page), 0) < 0);
    CHECK(kit_mmuext(MMUEXT_COPY_PAGE, kit_table_mfn(4, page), kit_mfn(page)) < 0);
    CHECK(kit_mmuext(MMUEXT_CLEAR_PAGE, ~0ul, 0) < 0);
    CHECK(kit_mmuext(MMUEXT_COPY_PAGE, kit_mfn(page), ~0ul) < 0);
    CHECK(kit_mmuext(MMUEXT_MARK_SUPER, kit_mfn(page), 0) < 0);
}

/* Plain writes into L1 tables, which are mapped read-only: the hypervisor does them. */
static void writes(void)
{
    uint64_t *page = kit_page(), pte = kit_pte(page), old, out;
    uint64_t *e = kit_table(1, page) + (((uint64_t)page >> 12) & 511);

    CHECK(kit_write(e, 0));
    CHECK_EQ(kit_pte(page), 0);
    CHECK(kit_write(e, pte));
    CHECK_EQ(kit_pte(page), pte);
    out = 0;
    CHECK_EQ(KIT_TRY("xchg %0, (%1)", : "+a"(out) : "r"(e) : KIT_CLOBBER), -1);
    CHECK_EQ(out, pte);
    CHECK_EQ(kit_pte(page), 0);
    old = 0;
    CHECK_EQ(KIT_TRY("lock cmpxchg %2, (%1)", : "+a"(old) : "r"(e), "d"(pte) : KIT_CLOBBER), -1);
    CHECK_EQ(old, 0);
    CHECK_EQ(kit_pte(page), pte);
    old = 0x1234;
    CHECK_EQ(KIT_TRY("lock cmpxchg %2, (%1)", : "+a"(old) : "r"(e), "d"(0ul) : KIT_CLOBBER), -1);
    CHECK_EQ(old, pte); /* no match: nothing written, the value comes back */
    CHECK_EQ(kit_pte(page), pte);
    CHECK_EQ(KIT_TRY("movb $0, (%0)", : : "r"(e) : KIT_CLOBBER), -1); /* not present */
    CHECK_EQ(kit_pte(page) & 0xff, 0);
    CHECK_EQ(kit_pte(page) & PTE_ADDR, pte & PTE_ADDR);
    CHECK_EQ(KIT_TRY("movb %b1, (%0)", : : "r"(e), "q"(pte) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_pte(page), pte);
    CHECK_EQ(KIT_TRY("movl %1, 4(%0)", : : "r"(e), "r"((uint32_t)(pte >> 32)) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("lock andq $~2, (%0)", : : "r"(e) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_pte(page), pte & ~2ull);
    CHECK_EQ(KIT_TRY("lock btsq $1, (%0)", : : "r"(e) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_pte(page), pte);
    CHECK_EQ(KIT_TRY("movq $0, (%0)", : : "r"(e) : KIT_CLOBBER), -1);
    CHECK(kit_write(e, pte));
    CHECK_EQ(kit_pte(page), pte);
    /* And not those that no update may make. */
    CHECK(!kit_write(e, mk_pte(kit_table_mfn(1, page), PTE_RW)));
    CHECK_EQ(kit_last_cr2, e);
    CHECK(!kit_write(e, mk_pte(0xfffffffffull, PTE_RW)));
    CHECK(!kit_write((uint8_t *)e + 1, pte)); /* across entries */
    CHECK_EQ(kit_pte(page), pte);
}

/*
 * The same by each form that is done the short way, and by some that are not: which instruction it
 * was shows in the register, and that it was passed over as a whole in `after`.
 */
#define STORE(insn, reg, ...)                      \
    ({                                             \
        uint64_t after_ = 1;                       \
        CHECK_EQ(KIT_TRY(insn "; mov $2, %1",      \
                         : "+a"(reg), "+b"(after_) \
                         : __VA_ARGS__             \
                         : KIT_CLOBBER),           \
                 -1);                              \
        CHECK_EQ(after_, 2);                       \
    })

static void store_forms(void)
{
    uint64_t *page = kit_page(), pte = kit_pte(page), v;
    uint64_t *e = kit_table(1, page) + (((uint64_t)page >> 12) & 511);

    v = 0;
    STORE("xchg %0, (%2)", v, "r"(e));
    CHECK_EQ(v, pte);
    STORE("xchg %0, 16(%2)", v, "r"(e - 2)); /* present: the writable reference is the first one */
    CHECK_EQ(v, 0);
    CHECK_EQ(kit_pte(page), pte);
    page[0] = 7;
    v = pte & ~PTE_W;
    STORE("xchg %0, 0x1230(%2)", v, "r"((uint64_t)e - 0x1230));
    CHECK_EQ(v, pte);
    v = 0;
    STORE("mov %0, (%2, %3, 8)", v, "r"(e - 3), "r"(3ul)); /* with a SIB byte: decoded in full */
    CHECK_EQ(kit_pte(page), 0);
    v = pte;
    STORE("mov %0, -8(%2)", v, "r"(e + 1));
    CHECK_EQ(kit_pte(page), pte);
    v = 0;
    STORE("mov %%rax, %%r9; .byte 0x4c, 0x87, 0x0a; mov %%r9, %%rax", v, "d"(e)); /* xchg r9 */
    CHECK_EQ(v, pte);
    STORE("mov %0, %%fs:0(%2)", pte, "r"(e)); /* a prefix, no base there */
    CHECK_EQ(kit_pte(page), pte);
    /* A value that no update may have: a fault, and neither entry nor register has changed. */
    v = mk_pte(kit_table_mfn(1, page), PTE_RW);
    CHECK_EQ(KIT_TRY("xchg %0, (%1)", : "+a"(v) : "r"(e) : KIT_CLOBBER), 14);
    CHECK_EQ(v, mk_pte(kit_table_mfn(1, page), PTE_RW));
    CHECK_EQ(kit_pte(page), pte);
    CHECK_EQ(page[0], 7);
}

/*
 * Lists that change from one way of being done to another: a table, a page that is none (the
 * commands are in the lower bits of an address there, too), the rare commands, an entry that is
 * refused, and rights that change and come back with A and D kept or not.
 */
static void mixed_lists(void)
{
    uint64_t *page = kit_page(), *plain = kit_page(), pte = kit_pte(page), at = kit_pte_maddr(page);
    uint64_t free = kit_mfn(plain) << 12, mfn = kit_mfn(page);
    struct mmu_update u[] = {
        {free + 8, 11},
        {free + 16 + MMU_PT_UPDATE_PRESERVE_AD, 22},
        {at, pte & ~(PTE_W | PTE_A | PTE_D)},
        {at + MMU_PT_UPDATE_PRESERVE_AD, pte & ~PTE_D},
        {(mfn << 12) + MMU_MACHPHYS_UPDATE, 0x77},
        {at, pte & ~PTE_W},
        {at + MMU_PT_UPDATE_PRESERVE_AD, pte & ~(PTE_A | PTE_D)},
        {at + 3, 0},
        {free + 24 + 3, 33},
        {at, pte | PTE_NX},
        {at, mk_pte(kit_table_mfn(1, page), PTE_RW)},
        {free + 32, 44},
    };
    unsigned done = 99;

    CHECK(hc4(__HYPERVISOR_mmu_update, u, ARRAY_SIZE(u), &done, DOMID_SELF) < 0);
    CHECK_EQ(done, 10);
    CHECK_EQ(kit_pte(page), pte | PTE_NX);
    CHECK_EQ(((uint64_t *)MACH2PHYS_VIRT_START)[mfn], 0x77);
    CHECK(plain[1] == 11 && plain[2] == 22 && plain[3] == 33 && plain[4] == 0);
    for (unsigned n = 2; n <= 10; n++) { /* where each of them ends, and alone as well */
        uint64_t now;

        CHECK_EQ(hc4(__HYPERVISOR_mmu_update, u, n, 0, DOMID_SELF), 0);
        now = kit_pte(page);
        CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u[n - 1], 1, 0, DOMID_SELF), 0);
        CHECK_EQ(kit_pte(page), now);
        if (n == 4)
            CHECK_EQ(now,
                     pte & ~PTE_D); /* writable again; A is given, D was not there to be kept */
        if (n == 7)
            CHECK_EQ(now, pte); /* both kept */
    }
    u[0] = (struct mmu_update){(mfn << 12) + MMU_MACHPHYS_UPDATE, ((uint64_t)page >> 12)};
    CHECK_EQ(hc4(__HYPERVISOR_mmu_update, u, 1, 0, DOMID_SELF), 0);
    /* All references are where they were: the page can become a table, and be given back. */
    CHECK_EQ(kit_set_pte(page, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_set_pte(page, pte), 0);
}

/*
 * A list that takes and gives the right to write, of many pages, with what may stand between: an
 * entry that changes otherwise, one that is refused, a page-table page, another command.
 */
static void rights(void)
{
    static struct mmu_update u[40];
    uint64_t *page[8], pte[8], at[8];
    unsigned done;

    for (unsigned i = 0; i < 8; i++) {
        page[i] = kit_page();
        *page[i] = i;
        pte[i] = kit_pte(page[i]) & ~(PTE_A | PTE_D);
        at[i] = kit_pte_maddr(page[i]);
    }
    for (unsigned round = 0; round < 6; round++) {
        uint64_t keep = round % 2 ? MMU_PT_UPDATE_PRESERVE_AD : 0;
        uint64_t seen[8];

        for (unsigned i = 0; i < 8; i++) {
            /* This sets A and D. What is in the last one is no table's. */
            *(volatile uint64_t *)page[i] = mk_pte(kit_table_mfn(1, page[i]), PTE_RW);
            seen[i] = kit_pte(page[i]) & (PTE_A | PTE_D);
            u[i] = (struct mmu_update){at[i] + keep, pte[i] & ~PTE_W};
            u[8 + i] = (struct mmu_update){at[i] + keep, pte[i]};
        }
        CHECK_EQ(hc4(__HYPERVISOR_mmu_update, u, 8, 0, DOMID_SELF), 0);
        kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
        for (unsigned i = 0; i < 8; i++) {
            CHECK_EQ(kit_pte(page[i]), (pte[i] & ~PTE_W) | (keep ? seen[i] : 0));
            CHECK(!kit_write(page[i], 1));
        }
        if (round >= 4) { /* the last of them had its only writable mapping: it becomes a table */
            uint64_t mfn = kit_mfn(page[7]);

            CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) < 0); /* its contents */
            CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u[15], 1, 0, DOMID_SELF), 0);
            CHECK(kit_write(page[7], 0));
            CHECK_EQ(kit_mmu_update(at[7], pte[7] & ~PTE_W), 0);
            kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
            CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
            done = 77;
            CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u[8], 8, &done, DOMID_SELF), -XEN_EINVAL);
            CHECK_EQ(done, 7);
            CHECK_EQ(kit_pte(page[7]) & PTE_W, 0);
            CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
            CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u[15], 1, 0, DOMID_SELF), 0);
        } else {
            if (round >= 2)
                u[11].val |= PTE_NX;
            CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u[8], 8, 0, DOMID_SELF), 0);
            CHECK_EQ(kit_pte(page[3]) & PTE_NX, round >= 2 ? PTE_NX : 0);
            CHECK_EQ(kit_mmu_update(at[3], pte[3]), 0);
        }
        kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
        for (unsigned i = 0; i < 7; i++)
            CHECK(kit_write(page[i], i));
        CHECK(kit_write(page[7], 7));
    }
}

void test_main(void)
{
    va_mapping();
    updates();
    commands();
    pins();
    late_entries();
    grow();
    base_pointer();
    base_pairs();
    flushes();
    writes();
    store_forms();
    mixed_lists();
    rights();
    full_tables();
}
