/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of Lodge's extension, with arguments that are right, nearly right or hostile. What
 * the hypervisor reads lies where all vcpus write to it: lists, values and areas change while they
 * are looked at.
 */
#include "hammer.h"

#define RUNS 6

static struct lodge_mmu_run runs[RUNS];
static uint64_t values[513], *guarded; /* guarded: cannot be written */

int ext_negotiate(uint64_t features, uint64_t direct_map)
{
    struct lodge_negotiate n = {.magic = LODGE_MAGIC,
                                .version = LODGE_VERSION,
                                .features = features,
                                .direct_map = direct_map,
                                .direct_map_frames = 1ull << 20};

    if (guarded == NULL) {
        guarded = kit_page();
        kit_protect(guarded, false);
    }
    return (int)hc2(__HYPERVISOR_lodge_op, LODGE_negotiate, &n);
}

static int lodge(uint64_t cmd, const void *arg, uint64_t a3)
{
    return (int)hc3(__HYPERVISOR_lodge_op, cmd, arg, a3);
}

/* An array of words that is there, not there, or there and not to be written. */
static uint64_t array(uint64_t r)
{
    switch (r % 16) {
    case 0:
        return (uint64_t)guarded;
    case 1:
        return KIT_NOWHERE;
    case 2:
        return HYPERVISOR_VIRT_START + (r & 0xffff000);
    case 3:
        return ~0ull << (r >> 8) % 64;
    case 4:
        return (uint64_t)pages[(r >> 8) % FRAMES];
    default:
        return (uint64_t)values;
    }
}

static void any_run(struct lodge_mmu_run *run, uint64_t *state)
{
    uint64_t r = next(state), ptr = any_entry_at(state);

    if ((r >> 4) % 32 == 0)
        ptr = any_frame(next(state)) << 12;
    /* Of a table that we live in an entry too few would end the hammering. */
    if (ptr >> 12 == l1_mfn || ptr >> 12 == l2_mfn || ptr >> 12 == root_mfn)
        ptr = frames[0] << 12;
    if ((r >> 20) % 64 == 0)
        ptr += r >> 40 & 7;
    run->ptr = ptr; /* in one store: another vcpu may be at it */
    run->nr = (uint32_t)((r >> 8) % 4 == 0 ? next(state) % 514 : next(state) % 12);
    if ((r >> 44) % 8 == 0) { /* all of it */
        run->ptr = ptr & ~0xfffull;
        run->nr = 512;
    }
    run->op = (r >> 16) % 16 == 0 ? r >> 48 : r % 3;
    run->flags = (r >> 24) % 8 == 0 ? (r >> 28) % 4 : 0;
    run->reserved = (r >> 32) % 64 == 0;
    run->old = (r >> 36) % 2 ? array(next(state)) : 0;
    run->values = run->op == LODGE_RUN_SET ? array(next(state)) : next(state) & LODGE_PROTECT_BITS;
    run->set = next(state) & ((r >> 12) % 32 == 0 ? ~0ull : LODGE_PROTECT_BITS);
    for (unsigned i = 0; i < 4; i++)
        values[next(state) % 512] = any_entry(next(state));
}

static int mmu_run(uint64_t *state)
{
    uint64_t r = next(state), progress = 0;
    struct lodge_mmu_list l = {.runs = (uint64_t)runs, .nr_runs = r % (RUNS + 1)};

    for (unsigned i = 0; i < RUNS; i++)
        if (next(state) % 4 != 0) /* or as another vcpu has made it */
            any_run(&runs[i], state);
    l.flush = (r >> 8) % 5;
    l.flush_va = (next(state) & 0x3ffff) << 12;
    l.flush_pages = (r >> 16) % 3 == 0 ? next(state) >> (r >> 24) % 64 : (r >> 32) % 40;
    l.vcpus = next(state);
    if ((r >> 40) % 16 == 0) {
        l.runs = array(next(state));
        l.nr_runs = 1 + (r >> 48) % 2;
    }
    if ((r >> 44) % 8 == 0)
        progress = (r >> 50) % 4 << 32 | next(state) % 520;
    return lodge(LODGE_mmu_run, (r >> 56) % 64 == 0 ? (void *)array(r >> 3) : &l, progress);
}

static int table_new(uint64_t *state)
{
    uint64_t r = next(state), val = any_entry(next(state));

    if (r % 2) /* a frame of ours, with nothing that would be refused */
        val = mk_pte(frames[(r >> 8) % FRAMES], PTE_RW);
    return lodge(LODGE_table_new, (void *)(any_entry_at(state) + ((r >> 16) % 64 == 0)), val);
}

static int switch_to(uint64_t *state)
{
    uint64_t r = next(state);
    struct lodge_switch s = {.flags = r & 0x7f};

    s.kernel_root = root_mfn; /* any other that is accepted ends the hammering */
    if ((r >> 8) % 16 == 0)
        s.kernel_root = (r >> 12) % 2 ? l1_mfn : r | 1ull << 40;
    s.user_root = (r >> 16) % 4 == 0 ? 0 : any_frame(next(state));
    s.kernel_sp = next(state);
    s.fs_base = next(state) >> ((r >> 20) % 8 == 0 ? 0 : 18);
    s.gs_base_user = next(state) >> ((r >> 24) % 8 == 0 ? 0 : 18);
    s.tls_ptr = any_entry_at(state) + ((r >> 28) % 32 == 0);
    for (unsigned i = 0; i < 3; i++)
        s.tls[i] = (r >> 32) % 4 == 0 ? next(state) : any_entry(next(state));
    s.ts = r >> 63;
    if ((r >> 36) % 64 == 0)
        s.flags = next(state);
    return lodge(LODGE_switch_to, (r >> 40) % 64 == 0 ? (void *)array(r >> 44) : &s, 0);
}

static int area(uint64_t *state)
{
    uint64_t r = next(state);
    struct lodge_vcpu_area_op op = {.mfn = any_frame(next(state)),
                                    .offset = (r >> 8) % 64 * 64,
                                    .syscall_entry = next(state) >> 18};

    if (r % 4 == 0)
        op.mfn = ~0ull;
    if ((r >> 16) % 16 == 0)
        op.offset = next(state) >> (r >> 20) % 64;
    if ((r >> 28) % 16 == 0)
        op.syscall_entry = next(state);
    return lodge(LODGE_vcpu_area, &op, 0);
}

/* Several in one list, which may be restarted in the middle; with what may not be in a list. */
static int list(uint64_t *state)
{
    static struct lodge_mmu_list l = {.runs = (uint64_t)runs, .nr_runs = RUNS};
    static struct multicall_entry calls[5];

    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
        uint64_t r = next(state);
        struct multicall_entry e = {.op = __HYPERVISOR_lodge_op};

        e.args[0] = r % 2 ? LODGE_mmu_run : LODGE_table_new;
        e.args[1] = r % 2 ? (uint64_t)&l : any_entry_at(state);
        e.args[2] = r % 2 ? 0 : mk_pte(frames[(r >> 8) % FRAMES], PTE_RW);
        if ((r >> 16) % 8 == 0)
            e.op = r >> 20 & 1 ? __HYPERVISOR_lodge_iret : __HYPERVISOR_lodge_sysret;
        any_run(&runs[(r >> 24) % RUNS], state);
        calls[i] = e;
    }
    return (int)hc2(__HYPERVISOR_multicall, calls, ARRAY_SIZE(calls));
}

void ext_let_go(void)
{
    struct lodge_vcpu_area_op none = {.mfn = ~0ull};

    ext_negotiate(~0ull, 0);
    lodge(LODGE_vcpu_area, &none, 0);
}

int ext_one(uint64_t *state)
{
    uint64_t r = next(state);

    switch (r % 16) {
    case 0 ... 6:
        return mmu_run(state);
    case 7 ... 9:
        return table_new(state);
    case 10:
    case 11:
        return switch_to(state);
    case 12:
        return area(state);
    case 13:
        return list(state);
    case 14: /* lies about the direct map, and features less, now and then */
        return (r >> 8) % 16 == 0
                   ? ext_negotiate(next(state) | LODGE_F_MMU_RUN, (r >> 16) % 4 << (r >> 20) % 52)
                   : -1;
    default:
        return ext_negotiate(~0ull, 0);
    }
}
