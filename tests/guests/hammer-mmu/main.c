/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two vcpus of a child make random page-table operations on the same few frames at once: pins,
 * unpins, updates at every level, writable mappings, frames given away and taken again, grants to
 * itself. Most are refused. What must hold: no frame is ever a page table and mapped writable, the
 * hypervisor lives, and when the child has gone all its memory is back.
 */
#include <kit/kit.h>

#define FRAMES 12
#define ROUNDS 1500

static uint64_t *pages[FRAMES]; /* where they were mapped at first */
static uint64_t frames[FRAMES]; /* their machine frames */
static uint64_t *windows[2];    /* a page each, through which a vcpu maps what it can */
static uint64_t l1_mfn, l2_mfn;
static volatile unsigned done;
static volatile uint64_t accepted;

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t entry(uint64_t r)
{
    uint64_t mfn = frames[r % FRAMES];

    switch ((r >> 8) % 8) {
    case 0:
        mfn = l1_mfn;
        break;
    case 1:
        mfn = l2_mfn;
        break;
    case 2:
        mfn = (r >> 16) & 0x3ffff;
        break;
    case 3:
        return 0;
    default:
        break;
    }
    return mk_pte(mfn, (r >> 40) % 4 == 0 ? PTE_RO : PTE_RW) | ((r >> 44) % 16 == 0 ? PTE_PS : 0);
}

static int one(unsigned vcpu, uint64_t *state)
{
    uint64_t r = next(state), mfn = frames[next(state) % FRAMES];
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE + r / 64 % 4, .arg1.mfn = mfn};
    struct mmu_update u = {(mfn << 12) + next(state) % 512 * 8, entry(next(state))};

    switch (r % 16) {
    case 0 ... 2:
        return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
    case 3 ... 5:
        op.cmd = MMUEXT_UNPIN_TABLE;
        return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
    case 6 ... 8:
        u.ptr |= r / 64 % 4 == 0 ? MMU_PT_UPDATE_PRESERVE_AD : 0;
        return (int)hc4(__HYPERVISOR_mmu_update, &u, 1, 0, DOMID_SELF);
    case 9 ... 11: { /* map it here, write it if that worked, and let go */
        int rc = (int)hc3(__HYPERVISOR_update_va_mapping, windows[vcpu], mk_pte(mfn, PTE_RW),
                          UVMF_INVLPG);

        if (rc == 0) {
            for (unsigned i = 0; i < 4; i++)
                windows[vcpu][next(state) % 512] = entry(next(state));
            hc3(__HYPERVISOR_update_va_mapping, windows[vcpu], 0, UVMF_INVLPG);
        }
        return rc;
    }
    case 12:
        if (r / 64 % 8 != 0)
            return -1;
        return kit_reservation(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF) == 1 ? 0 : -1;
    case 13: {
        unsigned n = (unsigned)(next(state) % FRAMES);
        xen_pfn_t pfn = (uint64_t)pages[n] >> 12;

        if (kit_reservation(XENMEM_populate_physmap, &pfn, 1, 0, DOMID_SELF) != 1)
            return -1;
        frames[n] = pfn;
        return 0;
    }
    case 14:
        op.cmd = r / 64 % 2 ? MMUEXT_CLEAR_PAGE : MMUEXT_NEW_USER_BASEPTR;
        return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
    default:
        return (int)hc2(__HYPERVISOR_update_descriptor, u.ptr, next(state));
    }
}

static void work(unsigned vcpu, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15ull | 1;

    for (unsigned i = 0; i < ROUNDS; i++)
        if (one(vcpu, &state) == 0)
            accepted++;
    done++;
}

static void second(void *arg)
{
    work(1, (uint64_t)arg);
}

static void child(uint64_t seed)
{
    for (unsigned i = 0; i < 2; i++) {
        windows[i] = kit_page();
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        pages[i] = kit_page();
        frames[i] = kit_mfn(pages[i]);
    }
    l1_mfn = kit_table_mfn(1, windows[0]);
    l2_mfn = kit_table_mfn(2, windows[0]);
    for (unsigned i = 0; i < FRAMES; i++)
        CHECK_EQ(kit_set_pte(pages[i], 0), 0);
    if (kit_vcpu_start(1, second, (void *)(seed + 1000)) != 0)
        done++;
    work(0, seed);
    while (done < 2)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    CHECK(accepted > ROUNDS / 20);
    if (seed % 2)
        kit_shutdown(SHUTDOWN_poweroff);
    kit_shutdown(SHUTDOWN_crash);
}

void test_main(void)
{
    struct kit_child c;
    uint64_t before = 0, after;
    int rc;

    for (uint64_t seed = 1; seed <= 5; seed++) {
        if (seed == 2)
            before = kit_physinfo().free_pages;
        CHECK_EQ(kit_child_create(&c, child, seed, 64, 2), 0);
        CHECK_EQ(kit_child_start(&c), 0);
        rc = kit_child_wait(&c, 20000000000ull);
        CHECK_EITHER(rc, SHUTDOWN_poweroff, SHUTDOWN_crash);
        uint64_t *n = kit_child_map(&c, (void *)&accepted);

        printk("child %lu: %lu operations were accepted\n", seed, *n);
        kit_child_unmap();
        CHECK_EQ(kit_child_destroy(&c), 0);
    }
    kit_sleep(20000000);
    after = kit_physinfo().free_pages;
    kit_check(before == after || !on_lodge, __FILE__, __LINE__, "free pages: %lu, then %lu", before,
              after);
}
