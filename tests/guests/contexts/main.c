/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's first context is all the guest's own work. Hostile ones, given by a child to its second
 * vcpu: refused, or taken and then at worst the end of that child. And vcpus that run before they
 * have a vcpu_info, because shared_info has none for them.
 */
#include <kit/kit.h>
#include <public/domctl.h>

#define NOT_CANONICAL 0x8000000000000000ul
#define EDGE          0x800000000000ul
#define IN_XEN        0xffff82d040200000ul

static struct vcpu_guest_context c;

static void base(void)
{
    extern void kit_secondary(void);

    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel;
    c.user_regs.rip = (uint64_t)kit_secondary;
    c.user_regs.rsp = (uint64_t)kit_stacks[2];
    c.user_regs.rdi = 1;
    c.user_regs.cs = KIT_USER_CS;
    c.user_regs.ss = KIT_SS;
    c.user_regs.rflags = 0x202;
    c.kernel_ss = KIT_SS;
    c.kernel_sp = c.user_regs.rsp;
    c.ctrlreg[3] = xen_pfn_to_cr3(kit_mfn((void *)start_info->pt_base));
}

static void change_registers(unsigned n)
{
    static const uint64_t values[] = {NOT_CANONICAL, EDGE, IN_XEN, ~0ul};
    uint64_t v = values[n % 4];

    switch (n / 4) {
    case 0:
        c.user_regs.rip = v;
        break;
    case 1:
        c.user_regs.rsp = v;
        break;
    case 2:
        c.kernel_sp = v;
        break;
    case 3:
        c.fs_base = v;
        break;
    case 4:
        c.gs_base_kernel = v;
        break;
    case 5:
        c.gs_base_user = v;
        break;
    case 6:
        c.event_callback_eip = c.failsafe_callback_eip = c.syscall_callback_eip = v;
        break;
    case 7:
        c.ldt_base = v & ~0xffful;
        c.ldt_ents = 8192;
        break;
    case 8:
        c.debugreg[n % 4] = v;
        c.debugreg[7] = 0xffffffff;
        break;
    case 9:
        c.ctrlreg[0] = c.ctrlreg[4] = v;
        break;
    case 10:
        c.ctrlreg[1] = v;
        break;
    default:
        for (unsigned i = 0; i < 256; i++)
            c.trap_ctxt[i] = (struct trap_info){(uint8_t)i, 3, KIT_USER_CS, v};
    }
}
#define REGISTER_CASES 48u

static void change_selectors(unsigned n)
{
    static const uint16_t values[] = {0,      0xe008, 0xe010, 0xe02b, 0xe033,
                                      0xffff, 0x7,    0x1233, 0xe023};
    uint16_t v = values[n % ARRAY_SIZE(values)];

    switch (n / ARRAY_SIZE(values)) {
    case 0:
        c.user_regs.cs = v;
        break;
    case 1:
        c.user_regs.ss = v;
        break;
    case 2:
        c.user_regs.ds = c.user_regs.es = v;
        break;
    case 3:
        c.user_regs.fs = c.user_regs.gs = v;
        break;
    default:
        c.kernel_ss = v;
    }
}
#define SELECTOR_CASES 45u

static void change_rest(unsigned n)
{
    switch (n) {
    case 0:
        c.user_regs.rflags = ~0ul;
        break;
    case 1:
        c.flags = ~0ul;
        break;
    case 2:
        c.flags = 0; /* in user mode, without a user page table */
        break;
    case 3:
        memset(&c.fpu_ctxt, 0xff, sizeof(c.fpu_ctxt));
        c.flags |= VGCF_i387_valid;
        break;
    case 4:
        c.vm_assist = ~0ul;
        break;
    case 5:
        c.user_regs.entry_vector = c.user_regs.error_code = ~0u;
        break;
    case 6:
        memset((void *)&c.user_regs, 0xff, sizeof(c.user_regs));
        break;
    default:
        memset(&c, 0xff, sizeof(c));
        c.ctrlreg[3] = xen_pfn_to_cr3(kit_mfn((void *)start_info->pt_base));
    }
}
#define REST_CASES 8u

extern void kit_secondary_main(uint64_t id);

static void child(uint64_t n)
{
    base();
    if (n < REGISTER_CASES)
        change_registers((unsigned)n);
    else if (n < REGISTER_CASES + SELECTOR_CASES)
        change_selectors((unsigned)n - REGISTER_CASES);
    else
        change_rest((unsigned)n - REGISTER_CASES - SELECTOR_CASES);
    if (hc3(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, &c) != 0)
        kit_shutdown(SHUTDOWN_poweroff);
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0);
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_send_nmi, 1, 0);
    kit_sleep(3000000);
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, 1, 0);
    kit_shutdown(SHUTDOWN_poweroff);
}

static void blocks(void)
{
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

#define BEYOND XEN_LEGACY_MAX_VCPUS
static struct vcpu_register_vcpu_info info_reg;

/* Three vcpus without a vcpu_info; the first unmasks its events and blocks, the second gets one. */
static void beyond(uint64_t unused)
{
    struct vcpu_info *info = kit_page();
    struct vcpu_runstate_info state;

    (void)unused;
    base();
    c.user_regs.rip = (uint64_t)blocks;
    for (unsigned i = BEYOND; i < BEYOND + 3; i++)
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_initialise, i, &c), 0);
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_up, BEYOND, 0), 0);
    do {
        kit_sleep(1000000);
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, BEYOND, &state), 0);
    } while (state.state != RUNSTATE_blocked);
    info_reg.mfn = kit_mfn(info);
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, BEYOND + 1, &info_reg), 0);
    CHECK_EQ(info->evtchn_upcall_mask, 1);
    kit_shutdown(SHUTDOWN_poweroff);
}

static unsigned mask_of(struct kit_child *k, unsigned vcpu)
{
    struct xen_domctl_vcpucontext op = {.vcpu = vcpu};

    op.ctxt.p = &c;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpucontext, k->domid, &op, sizeof(op)), 0);
    return c.user_regs.saved_upcall_mask;
}

/* What one of them does with its events is no other's business, least of all another domain's. */
static void beyond_shared_info(void)
{
    struct kit_child k;

    CHECK_EQ(kit_child_create(&k, beyond, 0, 0, BEYOND + 3), 0);
    CHECK_EQ(kit_child_start(&k), 0);
    CHECK_EQ(kit_child_wait(&k, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(mask_of(&k, BEYOND), 0);
    CHECK_EQ(mask_of(&k, BEYOND + 1), 1);
    CHECK_EQ(mask_of(&k, BEYOND + 2), 1);
    CHECK_EQ(kit_child_destroy(&k), 0);
}

void test_main(void)
{
    beyond_shared_info();
    unsigned ends[2] = {0};

    kit_child_hostile = true;
    for (unsigned n = 0; n < REGISTER_CASES + SELECTOR_CASES + REST_CASES; n++) {
        struct kit_child k;
        int rc;

        CHECK_EQ(kit_child_create(&k, child, n, 0, 2), 0);
        CHECK_EQ(kit_child_start(&k), 0);
        rc = kit_child_wait(&k, KIT_PATIENCE);
        kit_check(rc == SHUTDOWN_poweroff || rc == SHUTDOWN_crash, __FILE__, __LINE__,
                  "context %u: %d", n, rc);
        ends[rc == SHUTDOWN_crash]++;
        rc = kit_child_destroy(&k);
        kit_check(rc == 0 || !on_lodge, __FILE__, __LINE__, "context %u, destroy: %d", n, rc);
    }
    printk("%u ended well, %u crashed\n", ends[0], ends[1]);
}
