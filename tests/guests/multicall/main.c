/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Multicalls: order, results of entries that fail, what may not be inside, lists that cannot be
 * read or written, and one so long that it has to be interrupted.
 */
#include <kit/kit.h>

static struct multicall_entry calls[4096] __attribute__((aligned(4096)));

static int multicall(struct multicall_entry *list, unsigned n)
{
    return (int)hc2(__HYPERVISOR_multicall, list, n);
}

static void version_call(struct multicall_entry *c)
{
    memset(c, 0, sizeof(*c));
    c->op = __HYPERVISOR_xen_version;
    c->args[0] = XENVER_version;
    c->result = 0x7777;
}

static void order(void)
{
    uint64_t *page = kit_page(), pte = kit_pte(page), off = 0;
    struct mmu_update u = {kit_pte_maddr(page), pte};

    CHECK_EQ(multicall(calls, 0), 0);
    version_call(&calls[0]);
    CHECK_EQ(multicall(calls, 1), 0);
    CHECK_EQ(calls[0].result, (4 << 16) | 17);
    /* Each call sees what the ones before it did: unmap, use, map, use. */
    memset(calls, 0, 4 * sizeof(calls[0]));
    calls[0].op = __HYPERVISOR_update_va_mapping;
    calls[0].args[0] = (uint64_t)page;
    calls[0].args[1] = off;
    calls[0].args[2] = UVMF_INVLPG;
    calls[1].op = calls[3].op = __HYPERVISOR_xen_version;
    calls[1].args[0] = calls[3].args[0] = XENVER_extraversion;
    calls[1].args[1] = calls[3].args[1] = (uint64_t)page;
    calls[2].op = __HYPERVISOR_mmu_update;
    calls[2].args[0] = (uint64_t)&u;
    calls[2].args[1] = 1;
    calls[2].args[3] = DOMID_SELF;
    CHECK_EQ(multicall(calls, 4), 0);
    CHECK_EQ(calls[0].result, 0);
    CHECK_EQ(calls[1].result, -XEN_EFAULT);
    CHECK_EQ(calls[2].result, 0);
    CHECK_EQ(calls[3].result, 0);
}

static void failures(void)
{
    for (unsigned i = 0; i < 5; i++)
        version_call(&calls[i]);
    calls[1].op = 1000;
    calls[2].op = ~0ul;
    calls[3].op = __HYPERVISOR_multicall;
    calls[3].args[0] = (uint64_t)&calls[10];
    calls[3].args[1] = 1;
    version_call(&calls[10]);
    CHECK_EQ(multicall(calls, 5), 0);
    CHECK_EQ(calls[0].result, (4 << 16) | 17);
    CHECK_EQ(calls[1].result, -XEN_ENOSYS);
    CHECK_EQ(calls[2].result, -XEN_ENOSYS);
    CHECK((int64_t)calls[3].result < 0);
    CHECK_EQ(calls[10].result, 0x7777); /* not made */
    CHECK_EQ(calls[4].result, (4 << 16) | 17);
}

/* The list ends with it, and rax is the frame's. */
static void iret_inside(void)
{
    static uint64_t stack[64] __attribute__((aligned(16)));
    struct iret_context f = {.rax = 0x1234, .cs = KIT_CS, .rflags = 0x202, .ss = KIT_SS};
    uint64_t rax, behind = 0;

    for (unsigned i = 0; i < 3; i++)
        version_call(&calls[i]);
    calls[1].op = __HYPERVISOR_iret;
    f.rsp = (uint64_t)&stack[64];
    __asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, %c[rip](%[frame])\n\t"
                     "mov %%rsp, %%r15\n\tmov %[frame], %%rsp\n\t"
                     "mov %[nr], %%eax\n\tsyscall\n\tmov $1, %%ebx\n"
                     "1:\tmov %%rsp, %%r14\n\tmov %%r15, %%rsp"
                     : "=&a"(rax), "+b"(behind)
                     : [frame] "r"(&f), [rip] "i"(offsetof(struct iret_context, rip)),
                       [nr] "i"(__HYPERVISOR_multicall), "D"(calls), "S"(3ul)
                     : "rcx", "rdx", "r10", "r11", "r14", "r15", "memory");
    CHECK_EQ(rax, 0x1234);
    CHECK_EQ(behind, 0);
    CHECK_EQ(calls[0].result, (4 << 16) | 17);
    CHECK_EQ(calls[1].result, 0x1234);
    CHECK_EQ(calls[2].result, 0x7777);
}

static void lists(void)
{
    struct multicall_entry *end = (struct multicall_entry *)((uint8_t *)calls + 8192);
    uint64_t keep;

    CHECK_EQ(multicall((void *)KIT_NOWHERE, 1), -XEN_EFAULT);
    CHECK_EQ(multicall((void *)KIT_NOWHERE, ~0u), -XEN_EFAULT);
    CHECK_EQ(multicall((void *)0xffff820000000000ul, 1), -XEN_EFAULT);
    CHECK_EQ(multicall((void *)0x8000000000000000ul, 1), -XEN_EFAULT);
    CHECK_EQ(multicall((void *)(HYPERVISOR_VIRT_START - 64), 2), -XEN_EFAULT);
    CHECK_EQ(multicall((void *)-64ul, 2), -XEN_EFAULT);
    /* A list that ends in the middle: what is there is done. */
    version_call(end - 1);
    keep = kit_pte(end);
    CHECK_EQ(kit_set_pte(end, 0), 0);
    CHECK_EQ(multicall(end - 1, 2), -XEN_EFAULT);
    CHECK_EQ((end - 1)->result, (4 << 16) | 17);
    CHECK_EQ(multicall(end - 1, ~0u), -XEN_EFAULT);
    CHECK_EQ(kit_set_pte(end, keep), 0);
    /* A list that cannot be written. */
    version_call(calls);
    CHECK_EQ(kit_protect(calls, false), 0);
    CHECK_EQ(multicall(calls, 1), -XEN_EFAULT);
    CHECK_EQ(kit_protect(calls, true), 0);
    CHECK_EQ(calls[0].result, 0x7777);
}

static void length(void)
{
    unsigned good = 0, port = kit_bind_virq(VIRQ_TIMER, 0);
    struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = 0};

    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        version_call(&calls[i]);
    CHECK_EQ(multicall(calls, 2048), 0);
    for (unsigned i = 0; i < 2048; i++)
        good += calls[i].result == ((4 << 16) | 17);
    CHECK_EQ(good, 2048);
    CHECK_EQ(calls[2048].result, 0x7777);
    /* Yields inside, and an event that arrives meanwhile. */
    kit_unmask(port);
    kit_events_on();
    t.timeout_abs_ns = kit_now() + 100000;
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t);
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
        version_call(&calls[i]);
        if (i % 64 == 7) {
            calls[i].op = __HYPERVISOR_sched_op;
            calls[i].args[0] = SCHEDOP_yield;
        }
    }
    CHECK_EQ(multicall(calls, ARRAY_SIZE(calls)), 0);
    good = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        good += calls[i].result == (i % 64 == 7 ? 0u : (4u << 16) | 17u);
    CHECK_EQ(good, ARRAY_SIZE(calls));
    CHECK(kit_wait_event(port, 1, KIT_PATIENCE));
    kit_events_off();
}

/* Entries that are themselves restarted. */
static void long_entries(void)
{
    static struct mmu_update u[4096];
    uint64_t *page = kit_page(), pte = kit_pte(page);
    unsigned good = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(u); i++)
        u[i] = (struct mmu_update){kit_pte_maddr(page), i % 2 == 0 ? pte & ~PTE_W : pte};
    for (unsigned i = 0; i < 32; i++) {
        memset(&calls[i], 0, sizeof(calls[i]));
        calls[i].op = __HYPERVISOR_mmu_update;
        calls[i].args[0] = (uint64_t)u;
        calls[i].args[1] = ARRAY_SIZE(u);
        calls[i].args[3] = DOMID_SELF;
        calls[i].result = 1;
    }
    CHECK_EQ(multicall(calls, 32), 0);
    for (unsigned i = 0; i < 32; i++)
        good += calls[i].result == 0;
    CHECK_EQ(good, 32);
    CHECK_EQ(kit_pte(page), pte);
}

/* A call in the list changes the list behind it: what counts is what is there when its turn comes,
 * and nothing is read twice. */
static void self_change(void)
{
    version_call(&calls[0]);
    version_call(&calls[1]);
    calls[0].op = __HYPERVISOR_xen_version;
    calls[0].args[0] = XENVER_extraversion;
    calls[0].args[1] = (uint64_t)&calls[1]; /* over op and result of the next */
    CHECK_EQ(multicall(calls, 2), 0);
    CHECK_EQ(calls[0].result, 0);
    CHECK(calls[1].result == (uint64_t)-XEN_ENOSYS || calls[1].result == ((4 << 16) | 17));
}

/* A restart in a list that cannot be written: the list is over, and nothing of the restart stays.
 */
static void restart_lost(void)
{
    static struct mmu_update u[4096];
    static uint32_t done;
    uint64_t *page = kit_page(), pte = kit_pte(page);

    for (unsigned i = 0; i < ARRAY_SIZE(u); i++)
        u[i] = (struct mmu_update){kit_pte_maddr(page), i % 2 == 0 ? pte & ~PTE_W : pte};
    memset(&calls[0], 0, sizeof(calls[0]));
    calls[0].op = __HYPERVISOR_mmu_update;
    calls[0].args[0] = (uint64_t)u;
    calls[0].args[1] = ARRAY_SIZE(u);
    calls[0].args[2] = (uint64_t)&done;
    calls[0].args[3] = DOMID_SELF;
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(kit_protect(calls, false), 0);
        done = 0;
        kit_vcpu_info[0]->evtchn_upcall_mask = 0;
        kit_vcpu_info[0]->evtchn_upcall_pending = 1;
        CHECK_EQ(multicall(calls, 1), -XEN_EFAULT);
        kit_vcpu_info[0]->evtchn_upcall_mask = 1;
        CHECK(done != 0 && done < ARRAY_SIZE(u));
        CHECK_EQ(hc2(__HYPERVISOR_xen_version, XENVER_version, 0), (4 << 16) | 17);
        CHECK_EQ(calls[0].args[0], u);
        CHECK_EQ(kit_protect(calls, true), 0);
        /* The same, alone and then in a list that can be written, with an event each time. */
        kit_vcpu_info[0]->evtchn_upcall_mask = 0;
        kit_vcpu_info[0]->evtchn_upcall_pending = 1;
        CHECK_EQ(hc4(__HYPERVISOR_mmu_update, u, ARRAY_SIZE(u), &done, DOMID_SELF), 0);
        CHECK_EQ(done, ARRAY_SIZE(u));
        kit_vcpu_info[0]->evtchn_upcall_mask = 1;
    }
}

void test_main(void)
{
    order();
    failures();
    iret_inside();
    lists();
    length();
    long_entries();
    self_change();
    restart_lost();
}
