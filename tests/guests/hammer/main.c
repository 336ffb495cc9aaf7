/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children whose vcpus call random hypercalls with arguments that are mostly nearly right, as fast
 * as they can, until they are done, break their neck, or are destroyed in the middle of it. What
 * has to hold afterwards: we are still here, and all memory is back.
 *
 * calls=, seeds= and from= on the command line make it longer, or another.
 */
#include <kit/kit.h>
#include <public/lodge.h>

#define CHILDREN 12

static uint64_t random_state, calls = 6000; /* of each vcpu */

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* With nothing around them, so that a long list ends there, and not in our stack. */
static uint8_t arena[4][3][PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t *buffers[4], buffer_mfns[4];
static volatile unsigned finished;
static uint64_t made; /* calls, of both vcpus */

/* Limits and the neighbours of limits; a number a line would hide that it is a list. */
/* clang-format off */
static const uint64_t fixed[] = {
    0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 255, 511, 512, 1023, 1024, 4095, 4096, 0x7ff0,
    0x7ff1, 0x7ff2, 0x7ff4, 0x7fff, 0xffff, 0x10000, 0x1ffff, 0x20000, 0x7fffffff, 0x80000000,
    0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, ~0ull - 4095,
    0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffff808000000000, 0xffff810000000000,
    0xffff818000000000, 0xffff830000000000, 0xffff87fffffff000, 0xffff880000000000,
};
/* clang-format on */

/* Numbers on which mistakes sit: limits, neighbours of limits, real frames and addresses. */
static uint64_t interesting(void)
{
    uint64_t r = random_next();

    switch (r % 8) {
    case 0:
    case 1:
        return fixed[(r >> 8) % ARRAY_SIZE(fixed)];
    case 2:
        return (uint64_t)buffers[(r >> 8) % 4] + ((r >> 16) % 8 == 0 ? (r >> 24) % 4096 : 0);
    case 3:
        return kit_mfn(buffers[(r >> 8) % 4]);
    case 4:
        return kit_mfn(buffers[(r >> 8) % 4]) << 12 | ((r >> 16) & 0xfff);
    case 5:
        return fixed[(r >> 8) % ARRAY_SIZE(fixed)] + (r >> 20) % 3 - 1;
    case 6:
        return (r >> 8) & ((1ull << (r >> 56) % 33) - 1);
    default:
        return (r >> 8) % 24;
    }
}

/* Calls may have given the page away, or taken it from where it was: then it comes back. */
static void revive(uint64_t *buffer)
{
    unsigned i = 0;
    xen_pfn_t pfn = (uint64_t)buffer >> 12;

    while (buffers[i] != buffer)
        i++;
    if (kit_write(buffer, 0))
        return;
    if (kit_set_pte(buffer, mk_pte(buffer_mfns[i], PTE_RW)) != 0 &&
        kit_reservation(XENMEM_populate_physmap, &pfn, 1, 0, DOMID_SELF) == 1) {
        buffer_mfns[i] = pfn;
        kit_set_pte(buffer, mk_pte(pfn, PTE_RW));
    }
    if (!kit_write(buffer, 0)) /* it is a table, perhaps, and stays one */
        kit_shutdown(SHUTDOWN_poweroff);
}

static void fill(uint64_t *buffer)
{
    unsigned words = 2 + random_next() % 30;

    revive(buffer);

    for (unsigned i = 0; i < words; i++) {
        if (random_next() % 2)
            buffer[i] = interesting();
        else
            buffer[i] = (uint32_t)interesting() | interesting() << 32;
    }
}

/* Those that are sure to end the child come less often, so that it lives to do more. */
static unsigned pick_call(void)
{
    static const uint8_t mostly[] = {
        __HYPERVISOR_event_channel_op, __HYPERVISOR_grant_table_op,
        __HYPERVISOR_memory_op,        __HYPERVISOR_vcpu_op,
        __HYPERVISOR_sched_op,         __HYPERVISOR_xen_version,
        __HYPERVISOR_console_io,       __HYPERVISOR_physdev_op,
        __HYPERVISOR_domctl,           __HYPERVISOR_sysctl,
        __HYPERVISOR_platform_op,      __HYPERVISOR_set_timer_op,
        __HYPERVISOR_multicall,        __HYPERVISOR_vm_assist,
        __HYPERVISOR_get_debugreg,     __HYPERVISOR_update_va_mapping_otherdomain,
        __HYPERVISOR_event_channel_op, __HYPERVISOR_grant_table_op,
        __HYPERVISOR_memory_op,        __HYPERVISOR_lodge_op,
        __HYPERVISOR_lodge_op,
    };
    uint64_t r = random_next();

    if (r % 64 == 0)
        return (r >> 8) % 64;
    return mostly[(r >> 8) % ARRAY_SIZE(mostly)];
}

/* A structure of the extension's in the buffer: what would do mostly, with words that would not. */
static void lodge_call(uint64_t cmd, uint64_t *b)
{
    uint64_t *other = buffers[random_next() % 4];

    revive(other);
    switch (cmd) {
    case LODGE_negotiate:
        b[0] = LODGE_MAGIC | (uint64_t)LODGE_VERSION << 32;
        b[1] = random_next() % 4 ? ~0ull : random_next() | LODGE_F_MMU_RUN;
        b[2] = 0;
        b[3] = 1 << 20;
        break;
    case LODGE_mmu_run:
        for (unsigned i = 0; i < 4; i++, other += 6) {
            other[0] = kit_mfn(buffers[random_next() % 4]) << 12 | (random_next() & 0xff8);
            other[1] = random_next() % 20 | (random_next() % 4) << 32;
            other[2] = 0;
        }
        b[0] = (uint64_t)(other - 24);
        b[1] = random_next() % 5 | (random_next() % 5) << 32;
        break;
    case LODGE_switch_to:
        b[0] = random_next() & 0x6f; /* another root would be the end of it */
        break;
    case LODGE_vcpu_area:
        b[0] = random_next() % 4 ? kit_mfn(other) : ~0ull;
        b[1] = random_next() % 64 * 64;
        break;
    }
    if (random_next() % 4 == 0)
        b[random_next() % 12] = interesting();
}

static void lodge(void)
{
    uint64_t cmd = random_next() % 16 ? random_next() % 6 : interesting();
    uint64_t *buffer = buffers[random_next() % 4];

    fill(buffer);
    lodge_call(cmd, buffer);
    if (cmd == LODGE_table_new)
        hc3(__HYPERVISOR_lodge_op, cmd, interesting(), interesting() << 12 | PTE_RW);
    else
        hc3(__HYPERVISOR_lodge_op, cmd, random_next() % 16 ? (uint64_t)buffer : interesting(),
            random_next() % 8 ? 0 : interesting());
}

static void one_call(void)
{
    unsigned nr = pick_call();

    __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);

    uint64_t cmd = random_next() % 4 ? random_next() % 32 : interesting();
    uint64_t *buffer = buffers[random_next() % 4];
    uint64_t second = random_next() % 8 ? (uint64_t)buffer : interesting();

    if (nr == __HYPERVISOR_lodge_op) {
        lodge();
        return;
    }
    fill(buffer);
    if (nr == __HYPERVISOR_iret)
        return;
    if (nr == __HYPERVISOR_sched_op) {
        if (cmd == SCHEDOP_shutdown && random_next() % 64)
            return;
        if (cmd == SCHEDOP_block || cmd == SCHEDOP_poll)
            hc1(__HYPERVISOR_set_timer_op, kit_now() + 100000);
        if (cmd == SCHEDOP_poll)
            ((struct sched_poll *)buffer)->timeout = kit_now() + random_next() % 200000;
    }
    if (nr == __HYPERVISOR_vcpu_op && (cmd == VCPUOP_down || cmd == VCPUOP_send_nmi) &&
        random_next() % 64)
        return;
    if (nr == __HYPERVISOR_console_io || nr == __HYPERVISOR_multicall)
        cmd = nr == __HYPERVISOR_multicall ? (uint64_t)buffer : cmd % 3;
    if (nr == __HYPERVISOR_multicall) /* what lies on our stack is no frame to return to */
        for (unsigned i = 0; i < 8; i++)
            buffer[i * 8] = buffer[i * 8] == __HYPERVISOR_iret ? 1 : buffer[i * 8];
    if (nr == __HYPERVISOR_vcpu_op)
        hc3(nr, cmd, random_next() % 4, second);
    else if (nr == __HYPERVISOR_multicall)
        hc2(nr, cmd, random_next() % 8);
    else if (nr == __HYPERVISOR_domctl || nr == __HYPERVISOR_sysctl ||
             nr == __HYPERVISOR_platform_op)
        hc1(nr, second);
    else
        hc4(nr, cmd, second, random_next() % 4 ? 1 + random_next() % 4 : interesting(),
            interesting());
}

static void hammer_second(void *arg __attribute__((unused)))
{
    for (uint64_t i = 0; i < calls; i++)
        one_call();
    finished++;
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

static void hammer(uint64_t seed)
{
    static struct gnttab_setup_table setup;
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER};

    random_state = seed * 0x9e3779b97f4a7c15ull | 1;
    for (unsigned i = 0; i < ARRAY_SIZE(buffers); i++) {
        buffers[i] = (uint64_t *)arena[i][1];
        buffer_mfns[i] = kit_mfn(buffers[i]);
        kit_set_pte(arena[i][0], 0);
        kit_set_pte(arena[i][2], 0);
    }
    /* Something to work on: a timer, a grant table with real entries. */
    kit_evtchn(EVTCHNOP_bind_virq, &timer);
    setup.dom = DOMID_SELF;
    setup.nr_frames = 1;
    setup.frame_list.p = (xen_pfn_t *)buffers[0];
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, 1);
    if (kit_vcpu_start(1, hammer_second, NULL) != 0)
        finished++;
    for (uint64_t i = 0; i < calls; i++)
        one_call();
    while (finished == 0)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    kit_shutdown(SHUTDOWN_poweroff);
}

static void round(uint64_t seed)
{
    static unsigned ends[8];
    static uint64_t total;
    uint64_t child_made;
    struct kit_child c;
    int rc = kit_child_create(&c, hammer, seed, 64, 2);

    if (rc == 0)
        rc = kit_child_start(&c);
    CHECK_EQ(rc, 0);
    rc = kit_child_wait(&c, calls * 500000);
    ends[rc < 0 ? 7 : rc & 7]++;
    total += child_made = *(uint64_t *)kit_child_map(&c, &made);
    kit_child_unmap();
    printk("child %lu ended with %d after %lu calls, %lu in all\n", seed, rc, child_made, total);
    kit_debug_keys("p");
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    uint64_t before, after, from = kit_option("from=", 1), seeds = kit_option("seeds=", CHILDREN);

    if (!is_dom0) {
        kit_skip("needs the control domain's rights");
        return;
    }
    calls = kit_option("calls=", calls);
    kit_child_quiet = true;
    round(99); /* what is allocated once is there from now on */
    before = kit_free_pages(0);
    for (uint64_t seed = from; seed < from + seeds; seed++)
        round(seed);
    after = kit_free_pages(before);
    CHECK_EQ(after, before);
}
