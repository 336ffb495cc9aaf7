/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Three vcpus of a child make random page-table operations on the same few frames at once: stock
 * ones (pins, unpins, updates at every level, writable mappings, trapped writes, descriptor tables,
 * grants to itself, frames given away, exchanged and taken again) and those of Lodge's extension
 * (ext.c), in every second child with the frames mapped in its direct map. Meanwhile the control
 * domain, which may, maps and pins the same frames, pauses the child amid its calls and, on a debug
 * build, has all page tables compared with the types of frames. Most operations are refused. What
 * must hold: no frame is ever a page table and mapped writable, the hypervisor lives, and when the
 * child has gone all its memory is back.
 *
 * rounds=, seeds=, from= and look= on the command line make it longer, or another.
 */
#include "hammer.h"
#include <public/domctl.h>

#define VCPUS 3

uint64_t *pages[FRAMES];
uint64_t frames[FRAMES];
uint64_t l1_mfn, l2_mfn, root_mfn;
bool with_aliases;

static uint64_t *windows[VCPUS];          /* a page each, through which a vcpu maps what it can */
static struct grant_entry_v1 *grants;     /* one page: entry 8 + n is frame n, for ourselves */
static uint64_t rounds = 1200, look = 20; /* operations of a vcpu; ms between two looks at it */
static volatile unsigned done;
static uint64_t made[2], accepted[2]; /* stock ones, the extension's */

uint64_t any_frame(uint64_t r)
{
    switch (r % 32) {
    case 0:
        return l1_mfn;
    case 1:
        return l2_mfn;
    case 2:
        return root_mfn;
    case 3:
    case 4:
        return (r >> 8) & 0xfff; /* somebody else's: the hypervisor's, or nobody's */
    case 5:
        return r | 1ull << 40;
    default:
        return frames[(r >> 5) % FRAMES];
    }
}

uint64_t any_entry(uint64_t r)
{
    uint64_t e = mk_pte(any_frame(r >> 8), (r >> 40) % 4 == 0 ? PTE_RO : PTE_RW);

    if (r % 8 == 0)
        return 0;
    if ((r >> 44) % 32 == 0)
        e |= r >> 50 & (PTE_PS | 0x118); /* cache bits, large, global */
    return (r >> 55) % 64 == 0 ? e : e & ~(0x7ffull << 52);
}

uint64_t any_entry_at(uint64_t *state)
{
    uint64_t r = next(state);

    return (frames[r % FRAMES] << 12) + (r >> 8) % 512 * 8;
}

/* Map it here, write it if that worked, and let go. */
static int map_and_write(unsigned vcpu, uint64_t mfn, uint64_t *state)
{
    int rc =
        (int)hc3(__HYPERVISOR_update_va_mapping, windows[vcpu], mk_pte(mfn, PTE_RW), UVMF_INVLPG);

    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < 4; i++)
        windows[vcpu][next(state) % 512] = any_entry(next(state));
    return (int)hc3(__HYPERVISOR_update_va_mapping, windows[vcpu], 0, UVMF_INVLPG);
}

/* Given away, and another one in its place; or both in one call. */
static int give_away(uint64_t *state)
{
    uint64_t mfn = frames[next(state) % FRAMES];

    return kit_reservation(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF) == 1 ? 0 : -1;
}

static int take_again(uint64_t *state)
{
    unsigned n = (unsigned)(next(state) % FRAMES);
    xen_pfn_t pfn = (uint64_t)pages[n] >> 12;

    if (kit_reservation(XENMEM_populate_physmap, &pfn, 1, 0, DOMID_SELF) != 1)
        return -1;
    frames[n] = pfn;
    return with_aliases ? kit_set_pte(pages[n], mk_pte(pfn, PTE_RW)) : 0;
}

static int exchange(uint64_t *state)
{
    unsigned n = (unsigned)(next(state) % FRAMES);
    xen_pfn_t in = frames[n], out = (uint64_t)pages[n] >> 12;
    struct xen_memory_exchange x = {.in = {.nr_extents = 1, .domid = DOMID_SELF},
                                    .out = {.nr_extents = 1, .domid = DOMID_SELF}};
    int rc;

    x.in.extent_start.p = &in;
    x.out.extent_start.p = &out;
    if (next(state) % 4 == 0)
        kit_set_pte(pages[n], 0); /* else somebody holds it mostly */
    rc = (int)hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x);
    if (rc == 0)
        frames[n] = out;
    if (with_aliases)
        kit_set_pte(pages[n], mk_pte(frames[n], PTE_RW));
    return rc;
}

static int grant(unsigned vcpu, uint64_t *state)
{
    uint64_t r = next(state);
    unsigned n = (unsigned)(r >> 8) % FRAMES;
    bool in_table = r >> 16 & 1;
    struct gnttab_map_grant_ref m = {.ref = 8 + n, .dom = DOMID_SELF};
    struct gnttab_unmap_grant_ref u;

    m.host_addr = in_table ? any_entry_at(state) : (uint64_t)windows[vcpu];
    m.flags = GNTMAP_host_map | (r >> 20 & 1 ? GNTMAP_readonly : 0) |
              (in_table ? GNTMAP_contains_pte : 0);
    grants[8 + n] = (struct grant_entry_v1){GTF_permit_access, DOMID_SELF, (uint32_t)frames[n]};
    if (hc3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &m, 1) != 0 || m.status != 0)
        return -1;
    if (!in_table && !(m.flags & GNTMAP_readonly))
        kit_write(&windows[vcpu][(r >> 24) % 512], any_entry(next(state)));
    u = (struct gnttab_unmap_grant_ref){.host_addr = m.host_addr, .handle = m.handle};
    /* The entry may be another one by now: then the mapping stays, as long as we do. */
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, &u, 1);
    return 0;
}

static int descriptors(uint64_t *state)
{
    uint64_t r = next(state), list[14];

    for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = frames[next(state) % FRAMES];
    switch (r % 4) {
    case 0:
        return (int)hc2(__HYPERVISOR_set_gdt, list, (r >> 8) % (14 * 512));
    case 1:
        return (int)hc2(__HYPERVISOR_update_descriptor, any_entry_at(state), next(state));
    case 2:
        return kit_mmuext(MMUEXT_SET_LDT, (uint64_t)pages[(r >> 8) % FRAMES], (r >> 16) % 2048);
    default: /* the hypervisor loads a selector of the LDT for us */
        return (int)hc2(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER_SEL, (r >> 8 & 0xfff8) | 7);
    }
}

static int stock_one(unsigned vcpu, uint64_t *state)
{
    uint64_t r = next(state), mfn = frames[next(state) % FRAMES];
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE + (r >> 8) % 4, .arg1.mfn = mfn};
    struct mmu_update u = {any_entry_at(state), any_entry(next(state))};

    switch (r % 20) {
    case 0 ... 2:
        return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
    case 3 ... 5:
        return kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
    case 6 ... 8:
        u.ptr |= (r >> 8) % 4 == 0 ? MMU_PT_UPDATE_PRESERVE_AD : 0;
        return (int)hc4(__HYPERVISOR_mmu_update, &u, 1, 0, DOMID_SELF);
    case 9:
    case 10:
        return map_and_write(vcpu, mfn, state);
    case 11:
        return (r >> 8) % 8 == 0 ? give_away(state) : -1;
    case 12:
        return take_again(state);
    case 13:
        return (r >> 8) % 8 == 0 ? exchange(state) : -1;
    case 14:
        return kit_mmuext((r >> 8) % 2 ? MMUEXT_CLEAR_PAGE : MMUEXT_NEW_USER_BASEPTR, mfn, 0);
    case 15:
        return descriptors(state);
    case 16:
        return grant(vcpu, state);
    case 17: /* what frame it is in the direct map: mostly the truth */
        return kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE,
                              (r >> 8) % 8 == 0 ? r >> 16
                                                : (uint64_t)pages[(r >> 16) % FRAMES] >> 12);
    default:
        return kit_write(&pages[(r >> 8) % FRAMES][(r >> 16) % 512], any_entry(next(state))) ? 0
                                                                                             : -1;
    }
}

/* After a while nearly all is in use as something for good: what this vcpu holds goes, and pins. */
static void let_go(void)
{
    kit_mmuext(MMUEXT_SET_LDT, 0, 0);
    kit_mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0);
    hc2(__HYPERVISOR_set_gdt, NULL, 0);
    if (on_lodge)
        ext_let_go();
    for (unsigned n = 0; n < FRAMES; n++) {
        xen_pfn_t pfn = (uint64_t)pages[n] >> 12;

        kit_mmuext(MMUEXT_UNPIN_TABLE, frames[n], 0);
        if (kit_set_pte(pages[n], mk_pte(frames[n], PTE_RW)) != 0 &&
            kit_reservation(XENMEM_populate_physmap, &pfn, 1, 0, DOMID_SELF) == 1)
            frames[n] = pfn;
        kit_set_pte(pages[n], with_aliases ? mk_pte(frames[n], PTE_RW) : 0);
    }
}

static void work(unsigned vcpu, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15ull | 1;

    for (uint64_t i = 0; i < rounds; i++) {
        unsigned ext = on_lodge && next(&state) % 2;
        int rc = ext ? ext_one(&state) : stock_one(vcpu, &state);

        __atomic_fetch_add(&made[ext], 1, __ATOMIC_RELAXED);
        if (rc == 0)
            __atomic_fetch_add(&accepted[ext], 1, __ATOMIC_RELAXED);
        if (i % 500 == 499)
            let_go();
    }
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
}

static void others(void *seed)
{
    work(kit_vcpu_id(), (uint64_t)seed);
}

static void open_grants(void)
{
    static xen_pfn_t frame;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};

    setup.frame_list.p = &frame;
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, 1), 0);
    grants = kit_page();
    CHECK_EQ(kit_set_pte(grants, mk_pte(frame, PTE_RW)), 0);
}

static void prepare(void)
{
    open_grants();
    for (unsigned i = 0; i < VCPUS; i++)
        windows[i] = kit_page();
    for (unsigned i = 0; i < FRAMES; i++) {
        pages[i] = kit_page();
        frames[i] = kit_mfn(pages[i]);
    }
    l1_mfn = kit_table_mfn(1, windows[0]);
    l2_mfn = kit_table_mfn(2, windows[0]);
    root_mfn = kit_table_mfn(4, windows[0]);
    for (unsigned i = 0; i < FRAMES && !with_aliases; i++)
        CHECK_EQ(kit_set_pte(pages[i], 0), 0);
    if (on_lodge)
        CHECK_EQ(ext_negotiate(~0ull, 0), 0);
}

static void child(uint64_t seed)
{
    with_aliases = seed % 2;
    prepare();
    for (unsigned i = 1; i < VCPUS; i++)
        if (kit_vcpu_start(i, others, (void *)(seed + 1000 * i)) != 0)
            done++;
    work(0, seed);
    while (done < VCPUS)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    printk("seed %lu: %lu of %lu stock operations were accepted, %lu of %lu of the extension\n",
           seed, accepted[0], made[0], accepted[1], made[1]);
    CHECK(accepted[0] > made[0] / 20);
    CHECK(accepted[1] > made[1] / 20 || !on_lodge);
    kit_shutdown(seed / 2 % 2 ? SHUTDOWN_poweroff : SHUTDOWN_reboot);
}

/* The control domain at work on the child's frames: it maps them, writes to them, pins them. */
static void meddle(struct kit_child *c, uint64_t *state)
{
    static uint64_t *here;
    const uint64_t *theirs = kit_child_map(c, frames);
    uint64_t mfn = theirs != NULL ? theirs[next(state) % FRAMES] : 0, r = next(state);
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE + r % 5, .arg1.mfn = mfn};
    struct mmu_update u = {(mfn << 12) + (r >> 8) % 512 * 8, 0};

    kit_child_unmap();
    if (here == NULL)
        here = kit_page();
    hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, c->domid);
    hc4(__HYPERVISOR_mmu_update, &u, 1, 0, (uint64_t)(c->domid + 1) << 16 | c->domid);
    if (kit_map_foreign(here, mfn, (r >> 20) % 2 ? PTE_RW : PTE_RO, c->domid) == 0) {
        kit_write(&here[(r >> 24) % 512], 0);
        kit_set_pte(here, 0);
    }
}

static int watch(struct kit_child *c, uint64_t seed, uint64_t timeout_ns)
{
    uint64_t end = kit_now() + timeout_ns, state = seed * 0x9e3779b97f4a7c15ull | 1;
    int rc;

    do {
        rc = kit_child_wait(c, look * 1000000);
        if (rc != -XEN_ETIME)
            return rc;
        for (unsigned i = 0; i < 8; i++)
            meddle(c, &state);
        if (kit_domctl(XEN_DOMCTL_pausedomain, c->domid, NULL, 0) == 0) {
            kit_debug_keys("p");
            kit_domctl(XEN_DOMCTL_unpausedomain, c->domid, NULL, 0);
        }
    } while (kit_now() < end);
    return rc;
}

void test_main(void)
{
    uint64_t before = 0, after, from = kit_option("from=", 1), seeds = kit_option("seeds=", 4);
    struct kit_child c;
    int rc;

    rounds = kit_option("rounds=", rounds);
    look = kit_option("look=", look);
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        if (seed == from + 1)
            before = kit_free_pages(0);
        CHECK_EQ(kit_child_create(&c, child, seed, 96, VCPUS), 0);
        CHECK_EQ(kit_child_start(&c), 0);
        rc = watch(&c, seed, KIT_PATIENCE + rounds * 10000000);
        CHECK_EITHER(rc, SHUTDOWN_poweroff, SHUTDOWN_reboot);
        CHECK_EQ(kit_child_destroy(&c), 0);
    }
    after = kit_free_pages(on_lodge ? before : 0);
    kit_check(before == after || !on_lodge, __FILE__, __LINE__, "free pages: %lu, then %lu", before,
              after);
}
