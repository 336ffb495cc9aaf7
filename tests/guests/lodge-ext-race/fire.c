/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's area under fire: one vcpu makes system calls of a program and returns from them, by both
 * ways, while another writes to the area what no processor may load, and sends NMIs and events. A
 * return that is refused ends in a trap, and the next run begins. Afterwards all is as before.
 */
#include "race.h"

#define CALLS 40 /* of a run, where none is refused */

/* Named by the assembly. */
struct lodge_vcpu_area fire_area __attribute__((aligned(4096)));
uint64_t fire_count, fire_limit;
extern void fire_entry(void), fire_user(void);
__asm__(".pushsection .text\n"
        "fire_entry:\n"
        "    incq fire_count(%rip)\n"
        "    mov fire_count(%rip), %rcx\n"
        "    cmp fire_limit(%rip), %rcx\n"
        "    jae 2f\n"
        "    mov $53, %eax\n"
        "    test $1, %ecx\n"
        "    jz 1f\n"
        "    mov $54, %eax\n"
        "1:  syscall\n" /* comes back only where there is no area any more */
        "2:  mov $0x1e17, %eax\n"
        "    pushq $0xe02b\n"
        "    pushq $0\n"
        "    pushq $0x202\n"
        "    pushq $0xe033\n"
        "    pushq $0\n"
        "    push %r11\n"
        "    push %rcx\n"
        "    jmp kit_entry_130\n"
        "fire_user:\n"
        "    syscall\n"
        "    jmp fire_user\n"
        ".popsection\n");

static volatile unsigned stop, gone, started;
static unsigned port, traps, nmis;

static uint64_t shell(uint64_t r)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     ~0ull,
                                     1ull << 47,
                                     (1ull << 47) - 1,
                                     (1ull << 47) - 2,
                                     0xffff7fffffffffff,
                                     HYPERVISOR_VIRT_START,
                                     0xffff830000000000,
                                     0xffffffff80000000,
                                     0xe008,
                                     0xe010,
                                     0xe033,
                                     0xe02b,
                                     0xe043,
                                     0xffff,
                                     7};

    if (r % 4 == 0)
        return r >> 8;
    return r % 4 == 1 ? (uint64_t)fire_user : edges[(r >> 8) % ARRAY_SIZE(edges)];
}

static void fire(void *unused)
{
    uint64_t state = 88172645463325252ull, *words = (uint64_t *)&fire_area;

    (void)unused;
    started = 1;
    while (!stop) {
        uint64_t r = next(&state);

        /* Most of the time what will do, so that runs get on. */
        fire_area.cs = KIT_USER_CS;
        fire_area.ss = KIT_SS;
        if (r % 8 == 0)
            ((volatile uint64_t *)words)[(r >> 8) % 8] = shell(next(&state));
        if (r >> 16 & 1)
            for (unsigned i = 0; i < (r >> 20) % 256; i++)
                __asm__ volatile("pause");
        if ((r >> 32) % 256 == 0)
            hc3(__HYPERVISOR_vcpu_op, VCPUOP_send_nmi, 0, 0);
        if ((r >> 40) % 64 == 0)
            kit_send(port);
    }
    gone = 1;
}

/* A trap of the program, or instead of its going on: the run is over. */
static void end_run(struct kit_frame *f)
{
    extern uint8_t kit_user_done[];
    extern uint64_t kit_user_saved_rsp;

    if (f->vector != VEC_FAILSAFE && (f->cs & 3) != 3) {
        printk("trap %lu in the kernel at %lx\n", f->vector, f->rip);
        kit_shutdown(SHUTDOWN_crash);
    }
    traps++;
    f->rip = (uint64_t)kit_user_done;
    f->cs = KIT_CS;
    f->ss = KIT_SS;
    f->rsp = kit_user_saved_rsp;
    f->rflags = 0x202;
}

static void nmi(struct kit_frame *f)
{
    (void)f;
    nmis++;
}

static int set_area(uint64_t mfn, uint64_t entry)
{
    struct lodge_vcpu_area_op op = {.mfn = mfn, .syscall_entry = entry};

    return lodge(LODGE_vcpu_area, (uint64_t)&op, 0);
}

static void run(void)
{
    fire_limit = fire_count + CALLS;
    kit_user_run((uint64_t(*)(uint64_t))fire_user, 0);
}

void fire_child(uint64_t rounds)
{
    uint64_t before, mfn = kit_mfn(&fire_area);

    kit_user_init();
    for (unsigned v = 0; v < 32; v++)
        kit_on_trap(v, v == 2 ? nmi : end_run);
    kit_on_trap(VEC_FAILSAFE, end_run);
    kit_on_trap(VEC_SYSCALL, end_run); /* in the stock way, after a return that masked events */
    CHECK_EQ(negotiate(LODGE_F_AREA, 0), 0);
    CHECK_EQ(set_area(mfn, (uint64_t)fire_entry), 0);
    port = kit_bind_ipi(0);
    kit_unmask(port);
    kit_events_on();
    CHECK_EQ(kit_vcpu_start(1, fire, NULL), 0);
    while (!started)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    for (uint64_t i = 0; i < rounds; i++) {
        run();
        kit_events_on();
        if (i % 64 == 0) { /* another one, and back */
            CHECK_EQ(set_area(i % 128 ? ~0ull : mfn, 0), 0);
            CHECK_EQ(set_area(mfn, (uint64_t)fire_entry), 0);
        }
    }
    stop = 1;
    while (!gone)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    printk("%lu runs: %lu calls, %u traps, %u NMIs, %u events\n", rounds, fire_count, traps, nmis,
           kit_event_count[port]);
    CHECK(traps != 0 && fire_count > rounds);
    fire_area.cs = KIT_USER_CS;
    fire_area.ss = KIT_SS;
    before = fire_count;
    traps = 0;
    run();
    CHECK_EQ(fire_count, before + CALLS);
    CHECK_EQ(traps, 0);
    kit_events_off();
    kit_shutdown(SHUTDOWN_poweroff);
}
