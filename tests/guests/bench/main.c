/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the basic operations cost. Under `-icount shift=0,sleep=off` the TSC counts instructions, so
 * the figures repeat to the digit; elsewhere they are cycles. Each line: BENCH name value. The
 * best of many rounds, each the mean of some repetitions, less what an empty loop costs.
 */
#include <kit/kit.h>

#include "bench.h"

#define REPEAT 64
#define ROUNDS 12

uint64_t bench_tsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return ((uint64_t)hi << 32) | lo;
}

void bench(const char *name, void (*fn)(void), unsigned divisor)
{
    uint64_t best = ~0ul;

    fn();
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t start = bench_tsc();

        for (unsigned i = 0; i < REPEAT; i++)
            fn();
        uint64_t took = (bench_tsc() - start) / REPEAT;

        best = took < best ? took : best;
    }
    printk("BENCH %s %lu\n", name, best / divisor);
    CHECK(best < 100000000);
}

static void nothing(void)
{
    __asm__ volatile("");
}

static void null_hypercall(void)
{
    hc2(__HYPERVISOR_xen_version, XENVER_version, 0);
}

/* Entries of its own for the two guest paths: no register saved that need not be. */
extern void bench_syscall_entry(void), bench_fault_entry(void);
__asm__(".pushsection .text\n"
        "bench_syscall_entry:\n" /* rcx, r11, iret frame */

        "    pop %rcx\n"
        "    pop %r11\n"
        "    push $0x100\n"
        "    push %rcx\n"
        "    push %r11\n"
        "    push %rax\n"
        "    mov $23, %eax\n"
        "    syscall\n"
        "bench_fault_entry:\n" /* rcx, r11, error, iret frame: skip the 3-byte load */
        "    pop %rcx\n"
        "    pop %r11\n"
        "    add $8, %rsp\n"
        "    addq $3, (%rsp)\n"
        "    push $0\n"
        "    push %rcx\n"
        "    push %r11\n"
        "    push %rax\n"
        "    mov $23, %eax\n"
        "    syscall\n"
        ".popsection\n");

/* In user mode: n system calls; the time that they took. */
static uint64_t user_syscalls(uint64_t n)
{
    uint64_t start = bench_tsc();

    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("mov $39, %%eax; syscall" : : : "rax", "rcx", "r11", "memory");
    return bench_tsc() - start;
}

static uint64_t user_faults(uint64_t n)
{
    uint64_t start = bench_tsc();

    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("mov (%0), %%rdx" : : "a"(KIT_NOWHERE) : "rdx", "rcx", "r11", "memory");
    return bench_tsc() - start;
}

static void in_user_mode(void)
{
    extern void kit_entry_14(void);
    struct trap_info t[2] = {{14, 0, KIT_USER_CS, (unsigned long)bench_fault_entry}, {0}};
    struct trap_info back[2] = {{14, 0, KIT_USER_CS, (unsigned long)kit_entry_14}, {0}};
    uint64_t took;

    kit_user_init();
    CHECK_EQ(hc1(__HYPERVISOR_set_trap_table, t), 0);
    kit_user_run(user_faults, 10);
    took = kit_user_run(user_faults, 1000);
    printk("BENCH user_page_fault %lu\n", took / 1000);
    CHECK_EQ(hc1(__HYPERVISOR_set_trap_table, back), 0);
}

static void kernel_fault(void)
{
    __asm__ volatile("mov (%0), %%rdx" : : "a"(KIT_NOWHERE) : "rdx", "rcx", "r11", "memory");
}

static void kernel_faults(void)
{
    extern void kit_entry_14(void);
    struct trap_info t[2] = {{14, 0, KIT_USER_CS, (unsigned long)bench_fault_entry}, {0}};
    struct trap_info back[2] = {{14, 0, KIT_USER_CS, (unsigned long)kit_entry_14}, {0}};

    hc1(__HYPERVISOR_set_trap_table, t);
    bench("page_fault", kernel_fault, 1);
    hc1(__HYPERVISOR_set_trap_table, back);
}

static uint64_t *page;
static struct mmu_update batch[512], one;
static uint64_t pte_on, pte_off;

static void update_one(void)
{
    hc4(__HYPERVISOR_mmu_update, &one, 1, 0, DOMID_SELF);
    one.val ^= PTE_W;
}

static void update_batch(void)
{
    hc4(__HYPERVISOR_mmu_update, batch, 512, 0, DOMID_SELF);
    for (unsigned i = 0; i < 512; i++)
        batch[i].val ^= PTE_W;
}

static void flip_batch(void)
{
    for (unsigned i = 0; i < 512; i++)
        batch[i].val ^= PTE_W;
    __asm__ volatile("" : : : "memory");
}

/* Set and clear, as a kernel that maps and unmaps a page: two updates. */
static void map_unmap(void)
{
    one.val = pte_on;
    hc4(__HYPERVISOR_mmu_update, &one, 1, 0, DOMID_SELF);
    one.val = 0;
    hc4(__HYPERVISOR_mmu_update, &one, 1, 0, DOMID_SELF);
}

static void va_mapping(void)
{
    hc3(__HYPERVISOR_update_va_mapping, page, pte_on, UVMF_INVLPG);
}

static volatile uint64_t *entry;

static void trapped_write(void)
{
    uint64_t zero = 0;

    __asm__ volatile("xchg %0, (%1)" : "+r"(zero) : "r"(entry) : "memory");
    one.val = pte_on;
    hc4(__HYPERVISOR_mmu_update, &one, 1, 0, DOMID_SELF);
}

static void page_tables(void)
{
    uint64_t *l1 = kit_page(), *l2 = kit_page();

    page = kit_page();
    pte_on = kit_pte(page);
    pte_off = pte_on & ~PTE_W;
    one.ptr = kit_pte_maddr(page);
    one.val = pte_off;
    entry = kit_table(1, page) + (((uint64_t)page >> 12) & 511);
    bench("mmu_update_one", update_one, 1);
    bench("map_and_unmap", map_unmap, 1);
    one.val = pte_on;
    CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &one, 1, 0, DOMID_SELF), 0);
    bench("trapped_clear_and_set", trapped_write, 1);
    bench("update_va_mapping", va_mapping, 1);
    for (unsigned i = 0; i < 512; i++)
        l1[i] = mk_pte(kit_mfn(page), PTE_RW);
    l2[0] = mk_pte(kit_mfn(l1), PTE_RW);
    CHECK_EQ(kit_protect(l1, false), 0);
    CHECK_EQ(kit_protect(l2, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
    for (unsigned i = 0; i < 512; i++)
        batch[i] = (struct mmu_update){(kit_mfn(l1) << 12) + i * 8, pte_off};
    bench("batch_loop_of_the_guest", flip_batch, 1);
    bench("mmu_update_512", update_batch, 1);
    bench("mmu_update_512_each", update_batch, 512);
}

static void pin_unpin(void)
{
    static uint64_t *t;

    if (t == NULL) {
        t = kit_page();
        for (unsigned i = 0; i < 512; i++)
            t[i] = mk_pte(kit_mfn(page), PTE_RW);
        CHECK_EQ(kit_protect(t, false), 0);
    }
    static uint64_t mfn;

    mfn = mfn != 0 ? mfn : kit_mfn(t);
    kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0);
    kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
}

static unsigned port;
static struct evtchn_send send_op;

static void event_round(void)
{
    unsigned before = kit_event_count[port];

    hc2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send_op);
    while (kit_event_count[port] == before)
        ;
}

static void event_send_only(void)
{
    hc2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send_op);
}

static void events(void)
{
    port = send_op.port = kit_bind_ipi(0);
    kit_unmask(port);
    kit_events_on();
    bench("event_round_trip", event_round, 1);
    kit_events_off();
    bench("event_send_pending", event_send_only, 1);
    kit_vcpu_info[0]->evtchn_upcall_pending = 0;
}

static struct multicall_entry calls[32];

static void multicall(void)
{
    hc2(__HYPERVISOR_multicall, calls, 32);
}

static void multicalls(void)
{
    for (unsigned i = 0; i < 32; i++) {
        calls[i].op = __HYPERVISOR_xen_version;
        calls[i].args[0] = XENVER_version;
    }
    bench("multicall_32", multicall, 1);
}

#define GRANTS 32

static struct gnttab_map_grant_ref maps[GRANTS];
static struct gnttab_unmap_grant_ref unmaps[GRANTS];

static void grant_map_unmap(void)
{
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, maps, GRANTS);
    for (unsigned i = 0; i < GRANTS; i++)
        unmaps[i].handle = maps[i].handle;
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, unmaps, GRANTS);
}

/* What the guest granted to itself, at addresses side by side. */
static void grants(void)
{
    for (unsigned i = 0; i < GRANTS; i++) {
        unmaps[i].host_addr = (uint64_t)kit_page();
        maps[i].host_addr = unmaps[i].host_addr;
        maps[i].flags = GNTMAP_host_map;
    }
    for (unsigned i = 0; i < GRANTS; i++)
        maps[i].ref = kit_grant(kit_page(), 0);
    bench("grant_map_and_unmap_of_32", grant_map_unmap, GRANTS);
    CHECK_EQ(maps[0].status | maps[GRANTS - 1].status | unmaps[0].status, GNTST_okay);
}

static void yield(void)
{
    hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

static void yielder(void *arg)
{
    (void)arg;
    for (;;)
        yield();
}

/* There and back: two vcpus that have one processor. */
static void switches(void)
{
    if (kit_vcpu_start(1, yielder, NULL) == 0)
        bench("yield_and_back", yield, 1);
}

static void cpuid(void)
{
    uint32_t a = 0x40000000, b, c = 0, d;

    __asm__ volatile(XEN_CPUID : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void read_cr0(void)
{
    uint64_t v;

    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
}

static void set_fs_base(void)
{
    hc2(__HYPERVISOR_set_segment_base, SEGBASE_FS, 0x1000);
}

static void stack_switch(void)
{
    hc2(__HYPERVISOR_stack_switch, KIT_SS, 0x1000);
}

static void flush(void)
{
    kit_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
}

uint64_t bench_syscalls_took;

/* With the callback changed the kit does not see the end of a run, so the user code ends by ud2. */
uint64_t bench_syscalls_then_ud2(uint64_t n)
{
    bench_syscalls_took = user_syscalls(n);
    __asm__ volatile("ud2");
    return 0;
}

void bench_end_run(struct kit_frame *f)
{
    extern uint8_t kit_user_done[];
    extern uint64_t kit_user_saved_rsp;

    f->rip = (uint64_t)kit_user_done;
    f->cs = KIT_CS;
    f->ss = KIT_SS;
    f->rsp = kit_user_saved_rsp;
}

static void guest_syscall(void)
{
    extern void kit_entry_130(void);
    struct callback_register cb = {.type = CALLBACKTYPE_syscall,
                                   .address = (unsigned long)bench_syscall_entry};

    CHECK_EQ(hc2(__HYPERVISOR_callback_op, CALLBACKOP_register, &cb), 0);
    kit_on_trap(6, bench_end_run);
    kit_user_run(bench_syscalls_then_ud2, 10);
    kit_user_run(bench_syscalls_then_ud2, 1000);
    kit_on_trap(6, NULL);
    cb.address = (unsigned long)kit_entry_130;
    CHECK_EQ(hc2(__HYPERVISOR_callback_op, CALLBACKOP_register, &cb), 0);
    printk("BENCH guest_syscall %lu\n", bench_syscalls_took / 1000);
}

void test_main(void)
{
    kit_events_off();
    bench("empty", nothing, 1);
    bench("null_hypercall", null_hypercall, 1);
    in_user_mode();
    guest_syscall();
    kernel_faults();
    page_tables();
    bench("pin_and_unpin_l1", pin_unpin, 1);
    events();
    multicalls();
    bench("forced_cpuid", cpuid, 1);
    bench("read_cr0", read_cr0, 1);
    bench("set_segment_base", set_fs_base, 1);
    bench("stack_switch", stack_switch, 1);
    bench("tlb_flush_local", flush, 1);
    grants();
    bench_lodge();
    switches();
}
