/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dom0 that dies as Linux does before its console is up: a page-table update is refused, the
 * kernel's BUG() traps, its handler can tell nobody, and the vcpu goes down for good. Or, with
 * "crash", it is ended for a trap that it has no stack for. What the hypervisor says of it is what
 * boot.txt expects.
 */
#include <kit/kit.h>

static void down(struct kit_frame *f)
{
    (void)f;
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, 0, NULL);
}

void test_main(void)
{
    uint64_t *page = kit_page();

    CHECK(kit_mmu_update(kit_pte_maddr(page), mk_pte(~0ull >> 24, PTE_RW)) != 0);
    if (start_info->cmd_line[0] != '\0') {
        __asm__ volatile("mov $0xcafe, %%r15d\n\tmov %0, %%rsp\n\tpush %%rax"
                         :
                         : "r"(KIT_NOWHERE)
                         : "r15", "memory");
    }
    kit_on_trap(6, down);
    __asm__ volatile("ud2");
    CHECK(false); /* not reached: a verdict is a failure */
}
