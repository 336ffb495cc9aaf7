/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * multicall: a list of hypercalls in one entry. Each result is written beside its call; a call that
 * fails does not stop the list. A call that wants to be restarted ends the pass: its new arguments
 * go back into the list, and the guest comes again for the rest.
 *
 * The list lies in the guest's memory and may change while it is worked on, even because of what an
 * entry does to the page tables. So each entry is copied in when its turn comes, and goes through
 * the same checks as a call of its own; nothing is remembered from one entry to the next. The count
 * is not limited: that is what the preemption point is for. The entries that work hard charge for
 * it themselves (core/preempt.h), and may leave it to us to look.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <public/lodge.h>
#include <public/xen.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define ARGS       4
#define WORK_LIGHT 300 /* of an entry that charges nothing */
/* The beginning of struct multicall_entry: op, result, and as many arguments as any call has. */
struct entry {
    uint64_t op, result, args[ARGS];
};
/* One ends the list, the others are refused: behind a return the list would be user mode's. */
#define OPS_SPECIAL                                                                          \
    (BIT(__HYPERVISOR_iret) | BIT(__HYPERVISOR_multicall) | BIT(__HYPERVISOR_lodge_sysret) | \
     BIT(__HYPERVISOR_lodge_iret))
#define ENTRY_STRIDE sizeof(struct multicall_entry)

/*
 * The frame is another one now, perhaps that of guest user mode: the list ends here, without a
 * restart. The guest's rax is the result of both calls. Whether it can be written to the list,
 * which the guest may have left behind with its kernel's tables, is no matter.
 */
static int64_t multicall_iret(uint64_t entry)
{
    int64_t rax = hc_iret(0, 0, 0, 0);

    if (put_guest_u64(entry + offsetof(struct entry, result), (uint64_t)rax) != 0)
        guest_refused("result of iret at %lx", (unsigned long)entry);
    return rax;
}

int64_t hc_multicall(uint64_t list, uint64_t count, uint64_t a3, uint64_t a4)
{
    for (uint64_t i = 0; i < count; i++, list += ENTRY_STRIDE) {
        struct entry e;
        int64_t result;

        if (copy_from_guest(&e, list, sizeof(e)) != 0)
            return -XEN_EFAULT;
        if (unlikely(e.op < 64 && (OPS_SPECIAL & BIT(e.op)))) {
            if (e.op == __HYPERVISOR_iret)
                return multicall_iret(list);
            result = -XEN_EINVAL;
        } else
            result = hypercall_dispatch(e.op, e.args[0], e.args[1], e.args[2], e.args[3]);
        if (unlikely(result == HYPERCALL_RESTART) && hypercall_restart_asked()) {
            /* Before restart_args is used again, for the multicall's own arguments. */
            if (copy_to_guest(list + offsetof(struct entry, args), current->restart_args,
                              sizeof(e.args)) != 0)
                return -XEN_EFAULT;
            return hypercall_restart(list, count - i, 0, 0);
        }
        if (put_guest_u64(list + offsetof(struct entry, result), (uint64_t)result) != 0)
            return -XEN_EFAULT;
        /* This entry is done, so the guest goes on behind it; after the last one it is over. */
        if (work_charge(WORK_LIGHT) && preempt_for_event() && i + 1 < count)
            return hypercall_restart(list + ENTRY_STRIDE, count - i - 1, 0, 0);
    }
    return 0;
}
