/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User mode of a test guest: its own L4 table, whose first slot is the kernel's, so that user code
 * finds the image where the kernel has it. Entries from user mode come on a stack of their own.
 */
#include <kit/kit.h>

uint64_t kit_user_l4;

static uint8_t user_stack[16384] __attribute__((aligned(16)));
static uint8_t entry_stack[16384] __attribute__((aligned(16)));

extern uint64_t kit_user_enter(uint64_t (*fn)(uint64_t), uint64_t arg, void *rsp, uint64_t rflags);

void kit_user_init(void)
{
    uint64_t *l4 = kit_page();

    if (kit_user_l4 != 0)
        return;
    l4[0] = kit_table(4, NULL)[0];
    CHECK_EQ(kit_protect(l4, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(l4), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, kit_mfn(l4), 0), 0);
    CHECK_EQ(hc2(__HYPERVISOR_stack_switch, KIT_SS, entry_stack + sizeof(entry_stack)), 0);
    kit_user_l4 = kit_mfn(l4);
}

uint64_t kit_user_run(uint64_t (*fn)(uint64_t), uint64_t arg)
{
    bool masked = kit_vcpu_info[0]->evtchn_upcall_mask;

    return kit_user_enter(fn, arg, user_stack + sizeof(user_stack) - 64, masked ? 0x2 : 0x202);
}
