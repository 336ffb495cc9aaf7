/* SPDX-License-Identifier: GPL-2.0-only */
/* LODGE_switch_to: each field alone and together, and that an error changes nothing. */
#include "ext.h"

#define MSR_FS_BASE        0xc0000100u
#define MSR_KERNEL_GS_BASE 0xc0000102u

static struct lodge_switch s;

static uint64_t msr(uint32_t nr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(nr));
    return (uint64_t)hi << 32 | lo;
}

static int with(uint64_t flags)
{
    s.flags = flags;
    return lodge(LODGE_switch_to, &s);
}

static void bases(void)
{
    s = (struct lodge_switch){.fs_base = 0x123000, .gs_base_user = 0x456000};
    s.gs_base_user_old = 99;
    CHECK_EQ(with(0), 0);
    CHECK_EQ(with(LODGE_SWITCH_FS), 0);
    CHECK_EQ(msr(MSR_FS_BASE), 0x123000);
    CHECK_EQ(s.gs_base_user_old, 99);
    CHECK_EQ(with(LODGE_SWITCH_GS), 0);
    CHECK_EQ(msr(MSR_KERNEL_GS_BASE), 0x456000);
    s.fs_base = 0xffff900000001000;
    s.gs_base_user = 0;
    CHECK_EQ(with(LODGE_SWITCH_FS | LODGE_SWITCH_GS), 0);
    CHECK_EQ(s.gs_base_user_old, 0x456000);
    CHECK_EQ(msr(MSR_FS_BASE), 0xffff900000001000);
    CHECK_EQ(msr(MSR_KERNEL_GS_BASE), 0);
    s.fs_base = 1ull << 47;
    CHECK_EQ(with(LODGE_SWITCH_FS | LODGE_SWITCH_GS), -XEN_EINVAL);
    s.gs_base_user = 1ull << 63;
    CHECK_EQ(with(LODGE_SWITCH_GS), -XEN_EINVAL);
    CHECK_EQ(with(0), 0); /* not looked at */
    CHECK_EQ(msr(MSR_FS_BASE), 0xffff900000001000);
    s.fs_base = s.gs_base_user = 0;
    CHECK_EQ(with(LODGE_SWITCH_FS), 0);
    for (unsigned bit = 7; bit < 64; bit++)
        CHECK_EQ(with(1ull << bit), -XEN_EINVAL);
}

static uint64_t descriptor(unsigned n)
{
    return 0x00cff2000000ffff | (uint64_t)n << 16; /* data of ring 3, with another base each */
}

static void tls(void)
{
    uint64_t *gdt = kit_page(), frame = kit_mfn(gdt);

    CHECK_EQ(kit_protect(gdt, false), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, &frame, 512), 0);
    s = (struct lodge_switch){.tls_ptr = (frame << 12) + 12 * 8};
    for (unsigned i = 0; i < 3; i++)
        s.tls[i] = descriptor(i + 1);
    CHECK_EQ(with(LODGE_SWITCH_TLS), 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(((volatile uint64_t *)gdt)[12 + i], descriptor(i + 1));
    CHECK_EQ(gdt[11] | gdt[15], 0);
    s.tls[0] = 0;
    s.tls[2] = 0x00008c0000000000; /* a gate */
    CHECK_EQ(with(LODGE_SWITCH_TLS), -XEN_EINVAL);
    CHECK_EQ(gdt[12], descriptor(1));
    s.tls[2] = 0;
    s.tls_ptr = (frame << 12) + 510 * 8;
    CHECK_EQ(with(LODGE_SWITCH_TLS), -XEN_EINVAL);
    s.tls_ptr = (frame << 12) + 4;
    CHECK_EQ(with(LODGE_SWITCH_TLS), -XEN_EINVAL);
    s.tls_ptr = ~7ull;
    CHECK_EQ(with(LODGE_SWITCH_TLS), -XEN_EINVAL);
    s.tls_ptr = kit_table_mfn(1, gdt) << 12; /* a page table is not for descriptors */
    CHECK_EQ(with(LODGE_SWITCH_TLS), -XEN_EINVAL);
    /* A root that is refused gives everything back. */
    s.tls_ptr = (frame << 12) + 12 * 8;
    s.user_root = ~0ull;
    s.fs_base = 0x777000;
    CHECK_EQ(with(LODGE_SWITCH_TLS | LODGE_SWITCH_USER | LODGE_SWITCH_FS), -XEN_EINVAL);
    CHECK_EQ(gdt[12], descriptor(1));
    CHECK_EQ(msr(MSR_FS_BASE), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, &frame, 0), 0);
    CHECK_EQ(kit_protect(gdt, true), 0); /* nothing holds it */
}

static uint64_t user_code(uint64_t n)
{
    return n + 1;
}

/* Roots: the image is in each of them, so the code goes on. */
static void roots(void)
{
    uint64_t *own = kit_table(4, NULL), *a = kit_page(), *b = kit_page(), present = kit_mfn(own);

    kit_user_init();
    a[0] = b[0] = own[0];
    s = (struct lodge_switch){.kernel_root = kit_mfn(a), .user_root = kit_mfn(b)};
    CHECK_EQ(with(LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER), 0);
    CHECK((kit_pte(a) & PTE_W) == 0); /* they are in use, with their aliases out of the way */
    CHECK((kit_pte(b) & PTE_W) == 0);
    CHECK(a[256] != 0);
    CHECK_EQ(kit_user_run(user_code, 41), 42);
    CHECK_EQ(with(LODGE_SWITCH_KERNEL), 0); /* the same again */
    s.user_root = s.kernel_root;
    CHECK_EQ(with(LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER), 0);
    CHECK((kit_pte(b) & PTE_W) != 0);
    CHECK_EQ(kit_user_run(user_code, 42), 43);
    /* What is refused leaves both. */
    s.kernel_root = present;
    s.user_root = kit_table_mfn(3, a);
    CHECK_EQ(with(LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER), -XEN_EINVAL);
    s.user_root = kit_mfn(a);
    s.kernel_root = 0;
    CHECK(with(LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER) < 0);
    s.kernel_root = ~0ull;
    CHECK_EQ(with(LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER), -XEN_EINVAL);
    CHECK((kit_pte(a) & PTE_W) == 0);
    CHECK_EQ(kit_user_run(user_code, 43), 44);
    s.kernel_root = present;
    s.user_root = 0;
    CHECK_EQ(with(LODGE_SWITCH_KERNEL | LODGE_SWITCH_USER), 0);
    CHECK((kit_pte(a) & PTE_W) != 0);
    CHECK_EQ(a[256], 0);
    s.user_root = kit_user_l4;
    CHECK_EQ(with(LODGE_SWITCH_USER), 0);
    CHECK_EQ(kit_user_run(user_code, 44), 45);
}

static uint8_t stack[8192] __attribute__((aligned(16)));
static volatile uint64_t entered_at;

static void from_user(struct kit_frame *f)
{
    extern uint8_t kit_user_done[];
    extern uint64_t kit_user_saved_rsp;

    entered_at = (uint64_t)__builtin_frame_address(0);
    f->rip = (uint64_t)kit_user_done;
    f->cs = KIT_CS;
    f->ss = KIT_SS;
    f->rsp = kit_user_saved_rsp;
}

static uint64_t user_ud2(uint64_t n)
{
    __asm__ volatile("ud2");
    return n;
}

static void stacks_and_ts(void)
{
    s = (struct lodge_switch){.kernel_sp = (uint64_t)stack + sizeof(stack), .ts = 1};
    CHECK_EQ(with(LODGE_SWITCH_STACK), 0);
    kit_on_trap(6, from_user);
    kit_user_run(user_ud2, 0);
    kit_on_trap(6, NULL);
    CHECK(entered_at > (uint64_t)stack && entered_at < (uint64_t)stack + sizeof(stack));
    CHECK_EQ(with(LODGE_SWITCH_TS), 0);
    CHECK_EQ(KIT_TRY("fninit", ::: KIT_CLOBBER), 7);
    CHECK_EQ(with(LODGE_SWITCH_TS), 0);
    s.ts = 0;
    CHECK_EQ(with(LODGE_SWITCH_TS), 0);
    CHECK_EQ(KIT_TRY("fninit", ::: KIT_CLOBBER), -1);
}

void switches(void)
{
    static const uint64_t bad[] = {KIT_NOWHERE, HYPERVISOR_VIRT_START, ~7ull};
    uint64_t *page = kit_page();

    bases();
    tls();
    roots();
    stacks_and_ts();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(lodge(LODGE_switch_to, (void *)bad[i]), -XEN_EFAULT);
    /* The old base has nowhere to go: nothing changes. */
    ((struct lodge_switch *)page)->flags = LODGE_SWITCH_GS;
    ((struct lodge_switch *)page)->gs_base_user = 0x1000;
    CHECK_EQ(kit_protect(page, false), 0);
    CHECK_EQ(lodge(LODGE_switch_to, page), -XEN_EFAULT);
    CHECK_EQ(msr(MSR_KERNEL_GS_BASE), 0);
}
