/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children whose vcpus call random hypercalls with arguments that are mostly nearly right, as fast
 * as they can, until they are done, break their neck, or are destroyed in the middle of it. What
 * has to hold afterwards: we are still here, and all memory is back.
 */
#include <kit/kit.h>

#define CHILDREN 12
#define CALLS    6000

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t *buffers[4];
static volatile unsigned finished;

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

static void fill(uint64_t *buffer)
{
    unsigned words = 2 + random_next() % 30;

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
        __HYPERVISOR_memory_op,
    };
    uint64_t r = random_next();

    if (r % 64 == 0)
        return (r >> 8) % 64;
    return mostly[(r >> 8) % ARRAY_SIZE(mostly)];
}

static void one_call(void)
{
    unsigned nr = pick_call();
    uint64_t cmd = random_next() % 4 ? random_next() % 32 : interesting();
    uint64_t *buffer = buffers[random_next() % 4];
    uint64_t second = random_next() % 8 ? (uint64_t)buffer : interesting();

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
    for (unsigned i = 0; i < CALLS; i++)
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
    for (unsigned i = 0; i < ARRAY_SIZE(buffers); i++)
        buffers[i] = kit_page();
    /* Something to work on: a timer, a grant table with real entries. */
    kit_evtchn(EVTCHNOP_bind_virq, &timer);
    setup.dom = DOMID_SELF;
    setup.nr_frames = 1;
    setup.frame_list.p = (xen_pfn_t *)buffers[0];
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, 1);
    if (kit_vcpu_start(1, hammer_second, NULL) != 0)
        finished++;
    for (unsigned i = 0; i < CALLS; i++)
        one_call();
    while (finished == 0)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    kit_shutdown(SHUTDOWN_poweroff);
}

static void round(uint64_t seed)
{
    static unsigned ends[8];
    struct kit_child c;
    int rc = kit_child_create(&c, hammer, seed, 64, 2);

    if (rc == 0)
        rc = kit_child_start(&c);
    CHECK_EQ(rc, 0);
    rc = kit_child_wait(&c, 3000000000ull);
    ends[rc < 0 ? 7 : rc & 7]++;
    printk("child %lu ended with %d\n", seed, rc);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    uint64_t before, after;

    if (!is_dom0) {
        kit_skip("needs the control domain's rights");
        return;
    }
    kit_child_quiet = true;
    round(99); /* what is allocated once is there from now on */
    before = kit_physinfo().free_pages;
    for (uint64_t seed = 1; seed <= CHILDREN; seed++)
        round(seed);
    after = kit_physinfo().free_pages;
    CHECK_EQ(after, before);
}
