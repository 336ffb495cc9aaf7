/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of vcpus (public/lodge_stats.h): each is raised by what it counts, by as much as
 * that was done, and by nothing else that is done here; and the call that reads them, with
 * arguments that make no sense, from one who may not, of a guest that comes and goes, and beside a
 * vcpu that counts.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/lodge.h>
#include <public/lodge_control.h>
#include <public/lodge_stats.h>
#include <public/sysctl.h>

#define N      24u
#define NR     LODGE_NR_STATS
#define GUARD  0x5a5a5a5a5a5a5a5aul
#define NOBODY 1234u
#define BIT(n) (1ul << (n))

static uint64_t before[NR], after[NR];
static uint64_t *page;

static int stats(struct lodge_sysctl_stats *s)
{
    struct xen_sysctl op = {.cmd = LODGE_SYSCTL_stats,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    int rc;

    memcpy(&op.u, s, sizeof(*s));
    rc = (int)hc1(__HYPERVISOR_sysctl, &op);
    memcpy(s, &op.u, sizeof(*s));
    return rc;
}

static struct lodge_sysctl_stats ask(unsigned domain, unsigned vcpu, uint64_t *values, unsigned nr)
{
    return (struct lodge_sysctl_stats){.version = LODGE_STATS_VERSION,
                                       .domain = domain,
                                       .vcpu = vcpu,
                                       .nr = nr,
                                       .values.p = values};
}

static int get(unsigned domain, unsigned vcpu, uint64_t *values, unsigned flags)
{
    struct lodge_sysctl_stats s = ask(domain, vcpu, values, NR);

    s.flags = flags;
    return stats(&s);
}

/* ---- what is counted ---- */

#define BETWEEN(what)                                  \
    do {                                               \
        CHECK_EQ(get(0, kit_vcpu_id(), before, 0), 0); \
        what;                                          \
        CHECK_EQ(get(0, kit_vcpu_id(), after, 0), 0);  \
    } while (0)

static uint64_t raised(unsigned place)
{
    return after[place] - before[place];
}

/* Hypercalls other than those that read, of one number. */
static void check_calls(unsigned number, unsigned n)
{
    CHECK_EQ(raised(LODGE_STAT_HYPERCALL + number), n);
    for (unsigned i = 0; i < 64; i++)
        if (i != number && i != __HYPERVISOR_sysctl)
            CHECK_EQ(raised(LODGE_STAT_HYPERCALL + i), 0);
    CHECK_EQ(raised(LODGE_STAT_HYPERCALL + __HYPERVISOR_sysctl), 1);
}

static void calls(uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        hc2(number, KIT_NOWHERE, 0);
}

static void hypercalls(void)
{
    BETWEEN();
    check_calls(__HYPERVISOR_xen_version, 0);
    for (unsigned number = 0; number < 64; number++) {
        /* These end, wait, print, or change what the kit stands on. */
        if ((BIT(__HYPERVISOR_iret) | BIT(__HYPERVISOR_sched_op) |
             BIT(__HYPERVISOR_sched_op_compat) | BIT(__HYPERVISOR_stack_switch) |
             BIT(__HYPERVISOR_set_callbacks) | BIT(__HYPERVISOR_set_trap_table) |
             BIT(__HYPERVISOR_sysctl) | BIT(__HYPERVISOR_set_segment_base)) &
            BIT(number))
            continue;
        BETWEEN(calls(number, 3));
        check_calls(number, 3);
        CHECK_EQ(raised(LODGE_STAT_HYPERCALL_OTHER), 0);
    }
    BETWEEN(calls(64, 2); calls(~0ul, 2); calls(1ul << 32, 1));
    check_calls(__HYPERVISOR_xen_version, 0);
    CHECK_EQ(raised(LODGE_STAT_HYPERCALL_OTHER), 5);
}

static void skip_ud2(struct kit_frame *f)
{
    f->rip += 2;
}

static void go_on(struct kit_frame *f)
{
    (void)f;
}

static void faults(unsigned n)
{
    uint64_t v;

    for (unsigned i = 0; i < n; i++)
        CHECK(!kit_read((void *)KIT_NOWHERE, &v));
}

static void undefined(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        __asm__ volatile("ud2");
}

static void breakpoints(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        __asm__ volatile("int3");
}

static void check_exceptions(unsigned vector, unsigned n)
{
    for (unsigned i = 0; i < 32; i++)
        CHECK_EQ(raised(LODGE_STAT_EXCEPTION + i), i == vector ? n : 0);
}

static void check_emulated(unsigned kind, unsigned n)
{
    for (unsigned i = 0; i < LODGE_NR_EMULATED; i++)
        CHECK_EQ(raised(LODGE_STAT_EMULATED + i), i == kind ? n : 0);
}

static void exceptions(void)
{
    kit_on_trap(6, skip_ud2);
    kit_on_trap(3, go_on);
    BETWEEN(faults(N));
    check_exceptions(14, N);
    CHECK_EQ(raised(LODGE_STAT_FRAME_TRAP), N);
    check_emulated(0, 0);
    BETWEEN(undefined(N));
    check_exceptions(6, N);
    CHECK_EQ(raised(LODGE_STAT_FRAME_TRAP), N);
    BETWEEN(breakpoints(N));
    check_exceptions(3, N);
    CHECK_EQ(raised(LODGE_STAT_FRAME_TRAP), N);
    kit_on_trap(6, NULL);
    kit_on_trap(3, NULL);
}

/* ---- emulation ---- */

#define REPEAT(insns, ...)                       \
    do {                                         \
        for (unsigned i = 0; i < N; i++)         \
            __asm__ volatile(insns __VA_ARGS__); \
    } while (0)

#define EMULATES(vector, kind, ...)                 \
    do {                                            \
        BETWEEN(REPEAT(__VA_ARGS__));               \
        check_exceptions(vector, N);                \
        check_emulated(kind, N);                    \
        CHECK_EQ(raised(LODGE_STAT_FRAME_TRAP), 0); \
    } while (0)

static void emulation(void)
{
    struct physdev_set_iopl iopl = {.iopl = 1};

    CHECK_EQ(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl), 0);
    EMULATES(13, LODGE_EMULATED_RDMSR, "rdmsr", : : "c"(0xc0000101) : "rax", "rdx"); /* a base */
    EMULATES(13, LODGE_EMULATED_RDMSR, "rdmsr", : : "c"(0xc0000080) : "rax", "rdx");
    EMULATES(13, LODGE_EMULATED_CR, "mov %%cr0, %%rax", : : : "rax");
    EMULATES(13, LODGE_EMULATED_CR, "clts", );
    EMULATES(13, LODGE_EMULATED_DR, "mov %%db7, %%rax", : : : "rax");
    EMULATES(13, LODGE_EMULATED_PORT, "outb %%al, $0x80", : : "a"(0));
    EMULATES(13, LODGE_EMULATED_PORT, "inb $0x80, %%al", : : : "rax");
    EMULATES(13, LODGE_EMULATED_FLAG, "sti", );
    EMULATES(13, LODGE_EMULATED_CACHE, "wbinvd", );
    EMULATES(6, LODGE_EMULATED_CPUID, ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid",
             :
             : "a"(0), "c"(0)
             : "rbx", "rdx");
    iopl.iopl = 0;
    CHECK_EQ(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl), 0);
    /* Refused: an exception of the guest's like another. */
    BETWEEN(CHECK_EQ(KIT_TRY("sti", : : : KIT_CLOBBER), 13));
    check_exceptions(13, 1);
    check_emulated(0, 0);
    CHECK_EQ(raised(LODGE_STAT_FRAME_TRAP), 1);
}

/* ---- page tables ---- */

static struct mmu_update list[200];
static struct multicall_entry multi[4];

static void update(unsigned n)
{
    CHECK_EQ(hc4(__HYPERVISOR_mmu_update, list, n, 0, DOMID_SELF), 0);
}

static void check_batches(unsigned place, unsigned bucket, unsigned n)
{
    for (unsigned i = 0; i < LODGE_NR_BATCHES; i++)
        CHECK_EQ(raised(place + i), i == bucket ? n : 0);
}

static void lists(void)
{
    static const struct {
        unsigned entries, bucket;
    } t[] = {{2, 1}, {3, 1}, {4, 2}, {64, 6}, {127, 6}, {128, 7}, {200, 7}};

    for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = (struct mmu_update){.ptr = kit_pte_maddr(page), .val = kit_pte(page)};
    BETWEEN(update(1); update(1));
    check_batches(LODGE_STAT_BATCH, 0, 2);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_LIST), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        BETWEEN(update(t[i].entries));
        check_batches(LODGE_STAT_BATCH, t[i].bucket, 1);
        CHECK_EQ(raised(LODGE_STAT_UPDATE_LIST), t[i].entries);
    }
    BETWEEN(hc4(__HYPERVISOR_mmu_update, list, 0, 0, DOMID_SELF));
    check_batches(LODGE_STAT_BATCH, 0, 0);
    /* What cannot be read is a list all the same, and no updates. */
    BETWEEN(hc4(__HYPERVISOR_mmu_update, KIT_NOWHERE, 0x7fffffff, 0, DOMID_SELF));
    check_batches(LODGE_STAT_BATCH, LODGE_NR_BATCHES - 1, 1);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_LIST), 0);
    BETWEEN(hc4(__HYPERVISOR_mmu_update, KIT_NOWHERE, 1, 0, DOMID_SELF));
    check_batches(LODGE_STAT_BATCH, 0, 1);
}

static void by_address(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, page, kit_pte(page), UVMF_INVLPG), 0);
}

static void in_multicall(void)
{
    multi[0] = (struct multicall_entry){.op = __HYPERVISOR_mmu_update,
                                        .args = {(uint64_t)list, 5, 0, DOMID_SELF}};
    multi[1] = (struct multicall_entry){.op = __HYPERVISOR_update_va_mapping,
                                        .args = {(uint64_t)page, kit_pte(page), 0}};
    multi[2] = (struct multicall_entry){.op = __HYPERVISOR_mmu_update,
                                        .args = {(uint64_t)list, 1, 0, DOMID_SELF}};
    multi[3] = (struct multicall_entry){.op = __HYPERVISOR_xen_version};
    CHECK_EQ(hc2(__HYPERVISOR_multicall, multi, 4), 0);
}

static void stores(unsigned n)
{
    volatile uint64_t *table = kit_table(1, page);

    for (unsigned i = 0; i < n; i++) {
        uint64_t v = kit_pte(page);

        table[((uint64_t)page >> 12) & 511] = v;
    }
}

static void updates(void)
{
    lists();
    BETWEEN(by_address(N));
    check_calls(__HYPERVISOR_update_va_mapping, N);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_VA), N);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_VA_MULTICALL), 0);
    CHECK_EQ(raised(LODGE_STAT_FLUSH_PAGE), N);
    BETWEEN(in_multicall());
    check_calls(__HYPERVISOR_multicall, 1);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_VA), 1);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_VA_MULTICALL), 1);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_LIST), 5);
    CHECK_EQ(raised(LODGE_STAT_BATCH), 1);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_LIST_MULTICALL), 6);
    CHECK_EQ(raised(LODGE_STAT_MULTICALL_CALLS), 4);
    BETWEEN(stores(N));
    check_exceptions(14, N);
    check_emulated(LODGE_EMULATED_STORE, N);
}

static void run(unsigned n)
{
    static uint64_t values[64];
    struct lodge_mmu_run r = {
        .ptr = kit_mfn(page) << 12, .nr = n, .op = LODGE_RUN_SET, .values = (uint64_t)values};
    struct lodge_mmu_list l = {.runs = (uint64_t)&r, .nr_runs = 1};

    CHECK_EQ(hc2(__HYPERVISOR_lodge_op, LODGE_mmu_run, &l), 0);
}

/* The system call of a program by an area, and what ends the run of it: a trap. */
static struct lodge_vcpu_area area __attribute__((aligned(4096)));
extern void stats_area_entry(void);
__asm__(".pushsection .text\n"
        "stats_area_entry:\n"
        "    mov $54, %eax\n"
        "    syscall\n"
        ".popsection\n");

static uint64_t program(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("mov $39, %%eax; syscall" : : : "rax", "rcx", "r11", "memory");
    return n;
}

static uint64_t program_then_ud2(uint64_t n)
{
    program(n);
    __asm__ volatile("ud2");
    return n;
}

/* As the kernel would end it: the frame of the trap becomes one of the call that ends a run. */
static void ends_run(struct kit_frame *f)
{
    struct lodge_vcpu_area_op op = {.mfn = ~0ull};

    CHECK_EQ(hc2(__HYPERVISOR_lodge_op, LODGE_vcpu_area, &op), 0);
    f->rip += 2;
}

static void extensions(void)
{
    struct lodge_negotiate n = {
        .magic = LODGE_MAGIC, .version = LODGE_VERSION, .features = LODGE_F_MMU_RUN | LODGE_F_AREA};
    struct lodge_vcpu_area_op op = {.mfn = kit_mfn(&area),
                                    .syscall_entry = (uint64_t)stats_area_entry};

    CHECK_EQ(hc2(__HYPERVISOR_lodge_op, LODGE_negotiate, &n), 0);
    BETWEEN(run(12));
    check_calls(__HYPERVISOR_lodge_op, 1);
    CHECK_EQ(raised(LODGE_STAT_UPDATE_RUN), 12);
    check_batches(LODGE_STAT_RUN_BATCH, 3, 1);
    check_batches(LODGE_STAT_BATCH, 0, 0);

    kit_user_init();
    kit_events_on();
    kit_on_trap(VEC_SYSCALL, go_on);
    BETWEEN(kit_user_run(program, N));
    kit_on_trap(VEC_SYSCALL, NULL);
    CHECK_EQ(raised(LODGE_STAT_FRAME_SYSCALL), N + 1); /* and the one that ends the run */
    CHECK_EQ(raised(LODGE_STAT_AREA_SYSCALL), 0);
    CHECK(raised(LODGE_STAT_HYPERCALL + __HYPERVISOR_iret) >= N);
    kit_on_trap(6, ends_run);
    CHECK_EQ(hc2(__HYPERVISOR_lodge_op, LODGE_vcpu_area, &op), 0);
    BETWEEN(kit_user_run(program_then_ud2, N));
    CHECK_EQ(raised(LODGE_STAT_AREA_SYSCALL), N);
    CHECK_EQ(raised(LODGE_STAT_HYPERCALL + __HYPERVISOR_lodge_sysret), N);
    CHECK_EQ(raised(LODGE_STAT_FRAME_SYSCALL), 1);
    kit_on_trap(6, NULL);
    kit_events_off();
}

/* ---- the rest ---- */

static void flushes(void)
{
    BETWEEN(kit_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0); kit_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
            kit_mmuext(MMUEXT_INVLPG_LOCAL, (uint64_t)page, 0));
    CHECK_EQ(raised(LODGE_STAT_FLUSH_ALL), 2);
    CHECK_EQ(raised(LODGE_STAT_FLUSH_PAGE), 1);
    CHECK_EQ(raised(LODGE_STAT_FLUSH_OTHER), 0);
}

static void send(unsigned port, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(kit_send(port), 0);
}

static void events(void)
{
    unsigned port = kit_bind_ipi(0), count = kit_event_count[port];

    BETWEEN(send(port, N)); /* all of them are one event */
    CHECK_EQ(raised(LODGE_STAT_EVENT_SENT), N);
    CHECK_EQ(raised(LODGE_STAT_EVENT_MERGED), N - 1);
    CHECK_EQ(raised(LODGE_STAT_FRAME_EVENT), 0);
    BETWEEN(kit_events_on());
    CHECK_EQ(kit_event_count[port], count + 1);
    CHECK(raised(LODGE_STAT_FRAME_EVENT) >= 1);
    BETWEEN(send(port, N));
    CHECK_EQ(kit_event_count[port], count + 1 + N);
    CHECK_EQ(raised(LODGE_STAT_EVENT_SENT), N);
    CHECK_EQ(raised(LODGE_STAT_EVENT_MERGED), 0);
    CHECK(raised(LODGE_STAT_FRAME_EVENT) >= N);
    kit_events_off();
}

/* The timer's interrupts come while this runs; and it is given the processor after each sleep. */
static void interrupts(void)
{
    uint64_t end = kit_now() + KIT_PATIENCE;

    do {
        uint64_t soon = kit_now() + 1000000;

        CHECK_EQ(hc1(__HYPERVISOR_set_timer_op, soon), 0);
        BETWEEN(while (kit_now() < soon + 1000000));
    } while (raised(LODGE_STAT_INTERRUPT) == 0 && kit_now() < end);
    CHECK(raised(LODGE_STAT_INTERRUPT) != 0);
    BETWEEN(kit_sleep(1000000); kit_sleep(1000000));
    CHECK(raised(LODGE_STAT_SWITCH) >= 1);
}

/* ---- the call ---- */

static void arguments(void)
{
    static uint64_t values[2 * NR];
    struct lodge_sysctl_stats s = ask(0, 0, NULL, 0);
    void *read_only = kit_page();

    CHECK_EQ(stats(&s), 0);
    CHECK_EQ(s.nr, NR);
    for (unsigned nr = 0; nr < 2 * NR; nr += nr < 4 ? 1 : 37) { /* fewer than there are, and more */
        unsigned written = nr < NR ? nr : NR;

        for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
            values[i] = GUARD;
        s = ask(0, 0, values, nr);
        CHECK_EQ(stats(&s), 0);
        CHECK_EQ(s.nr, NR);
        for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
            CHECK_EQ(values[i] != GUARD, i < written);
    }
    CHECK(values[__HYPERVISOR_sysctl] != 0);
    for (uint32_t version = 0; version < 4; version++) {
        s = ask(0, 0, values, NR);
        s.version = version;
        CHECK_EQ(stats(&s), version == LODGE_STATS_VERSION ? 0 : -XEN_EOPNOTSUPP);
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        s = ask(0, 0, values, NR);
        s.flags = 1u << bit;
        CHECK_EQ(stats(&s), s.flags == LODGE_STATS_RESET ? 0 : -XEN_EINVAL);
        s = ask(0, 0, values, NR);
        s.pad = 1u << bit;
        CHECK_EQ(stats(&s), -XEN_EINVAL);
        s = ask(0, 0, values, ~0u);
        s.vcpu = bit != 0 ? 1u << bit : ~0u; /* there may be two */
        CHECK_EQ(stats(&s), -XEN_ENOENT);
        s.vcpu = 0;
        s.domain = 1u << bit;
        CHECK_EQ(stats(&s), -XEN_ESRCH);
    }
    CHECK_EQ(get(NOBODY, 0, values, 0), -XEN_ESRCH);
    CHECK_EQ(get(DOMID_IDLE, 0, values, 0), -XEN_ESRCH);
    CHECK_EQ(get(DOMID_XEN, 0, values, 0), -XEN_ESRCH);
    CHECK_EQ(get(~0u, ~0u, values, 0), -XEN_ESRCH);
    CHECK_EQ(get(0, ~0u, values, 0), -XEN_ENOENT);
    CHECK_EQ(get(DOMID_SELF, 0, values, 0), 0);
    s = ask(0, 0, (uint64_t *)KIT_NOWHERE, ~0u);
    CHECK_EQ(stats(&s), -XEN_EFAULT);
    s = ask(0, 0, (uint64_t *)0xffff800000000000, ~0u);
    CHECK_EQ(stats(&s), -XEN_EFAULT);
    CHECK_EQ(kit_set_pte(read_only, mk_pte(kit_mfn(read_only), PTE_RO)), 0);
    CHECK_EQ(get(0, 0, read_only, 0), -XEN_EFAULT);
    s = ask(0, 0, (uint64_t *)((uint64_t)read_only - 8), 2); /* the first may be written */
    CHECK_EQ(stats(&s), -XEN_EFAULT);
}

static void resets(void)
{
    struct lodge_sysctl_stats s = ask(0, 0, NULL, 0);

    calls(__HYPERVISOR_xen_version, 1000);
    CHECK_EQ(get(0, 0, before, 0), 0);
    CHECK(before[__HYPERVISOR_xen_version] >= 1000);
    CHECK_EQ(get(0, 0, after, LODGE_STATS_RESET), 0); /* shows them once more */
    CHECK_EQ(raised(__HYPERVISOR_xen_version), 0);
    calls(__HYPERVISOR_xen_version, 7);
    CHECK_EQ(get(0, 0, after, 0), 0);
    CHECK_EQ(after[__HYPERVISOR_xen_version], 7);
    CHECK_EQ(after[__HYPERVISOR_sysctl], 1);
    s.flags = LODGE_STATS_RESET; /* also what is not asked for */
    CHECK_EQ(stats(&s), 0);
    CHECK_EQ(get(0, 0, after, 0), 0);
    CHECK_EQ(after[__HYPERVISOR_xen_version], 0);
}

/* ---- others' ---- */

static void unprivileged(uint64_t unused)
{
    (void)unused;
    CHECK_EQ(get(DOMID_SELF, 0, before, LODGE_STATS_RESET), -XEN_EPERM);
    CHECK_EQ(get(0, 0, (uint64_t *)KIT_NOWHERE, 0), -XEN_EPERM);
}

static void counts_and_ends(uint64_t n)
{
    calls(__HYPERVISOR_xen_version, (unsigned)n);
    kit_shutdown(SHUTDOWN_poweroff);
}

/* A guest's counters are there until it is gone. */
static void guests(void)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, counts_and_ends, 500, 0, 2), 0);
    CHECK_EQ(get(c.domid, 0, before, 0), 0);
    CHECK_EQ(before[__HYPERVISOR_xen_version], 0);
    CHECK_EQ(before[LODGE_STAT_SWITCH], 0);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(get(c.domid, 0, before, 0), 0);
    CHECK(before[__HYPERVISOR_xen_version] >= 500);
    CHECK(before[LODGE_STAT_SWITCH] >= 1);
    CHECK_EQ(get(c.domid, 1, after, 0), 0); /* was never brought up */
    CHECK_EQ(after[__HYPERVISOR_xen_version], 0);
    CHECK_EQ(get(c.domid, 2, after, 0), -XEN_ENOENT);
    CHECK_EQ(kit_child_destroy(&c), 0);
    CHECK_EQ(get(c.domid, 0, before, 0), -XEN_ESRCH);
    kit_child_case("unprivileged", unprivileged, 0, SHUTDOWN_poweroff);
}

#define RESETS 200u
static volatile bool other_stops, other_done;
static volatile uint64_t other_calls;

static void other_counts(void *unused)
{
    (void)unused;
    while (!other_stops) {
        calls(__HYPERVISOR_xen_version, 1);
        other_calls++;
    }
    other_done = true;
    for (;;)
        kit_sleep(1000000000);
}

/* Each of its hypercalls is shown once, whichever reset it falls before. */
static void beside_another(void)
{
    uint64_t end = kit_now() + KIT_PATIENCE, sum = 0;
    bool done = false;

    if (kit_physinfo().nr_cpus < 2)
        return;
    CHECK_EQ(kit_vcpu_start(1, other_counts, NULL), 0);
    for (unsigned resets = 1; !done && kit_now() < end; resets++) {
        other_stops = resets >= RESETS && other_calls > 1000;
        done = other_done;
        CHECK_EQ(get(0, 1, after, LODGE_STATS_RESET), 0);
        sum += after[__HYPERVISOR_xen_version];
    }
    CHECK(done);
    CHECK_EQ(sum, other_calls);
}

void test_main(void)
{
    if (!on_lodge) {
        kit_skip("these counters are Lodge's own");
        return;
    }
    page = kit_page();
    hypercalls();
    exceptions();
    emulation();
    updates();
    extensions();
    flushes();
    events();
    interrupts();
    arguments();
    resets();
    guests();
    beside_another();
}
