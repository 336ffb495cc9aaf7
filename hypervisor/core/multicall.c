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
#include <core/preempt.h>
#include <core/stats.h>
#include <public/lodge.h>
#include <public/xen.h>
#include <x86/guest_words.h>
#include <x86/uaccess.h>

#define ARGS       4
#define WORK_LIGHT 300 /* of an entry that charges nothing */
/* The beginning of struct multicall_entry: op, result, and as many arguments as any call has. */
struct entry {
    uint64_t op, result, args[ARGS];
};
_Static_assert(sizeof(struct entry) <= sizeof(struct multicall_entry), "the ABI's is longer");
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
    int64_t rax = current->hypercalls[__HYPERVISOR_iret](0, 0, 0, 0);

    if (put_guest_u64(entry + offsetof(struct entry, result), (uint64_t)rax) != 0)
        guest_refused("result of iret at %lx", (unsigned long)entry);
    return rax;
}

/*
 * Reads an entry's number and arguments, in line: a call for the copy would be half of the work.
 * False: the memory cannot be read.
 */
static inline bool entry_read(struct entry *e, uint64_t at)
{
    const struct entry *w = (const struct entry *)at;

    if (unlikely(!guest_words_ok(at, sizeof(*w))))
        return false;
    guest_open();
    guest_get(e->op, &w->op, fault);
    guest_get(e->args[0], &w->args[0], fault);
    guest_get(e->args[1], &w->args[1], fault);
    guest_get(e->args[2], &w->args[2], fault);
    guest_get(e->args[3], &w->args[3], fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

/*
 * Writes to where the entry has been read from: so the address is the guest's. It may be mapped no
 * more.
 */
static inline bool entry_answer(uint64_t at, int64_t result)
{
    guest_open();
    guest_put(result, &((struct entry *)at)->result, fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

/*
 * A number that has been found to be below the limit is so also where the processor only guesses
 * that it is, as in x86/entry.S. In asm, since the compiler knows no use for it.
 */
static inline uint64_t op_index(uint64_t op)
{
    __asm__("andl %1, %k0" : "+r"(op) : "i"(NR_HYPERCALLS - 1));
    return op;
}

/* Page-table updates by mmu_update: a list of one is counted as such only. */
static inline uint64_t updates_by_list(void)
{
    return stats_get(LODGE_STAT_UPDATE_LIST) + stats_get(LODGE_STAT_BATCH);
}

int64_t hc_multicall(uint64_t list, uint64_t count, uint64_t a3, uint64_t a4)
{
    uint64_t before_va = stats_get(LODGE_STAT_UPDATE_VA), before_list = updates_by_list();
    struct vcpu *v = current;
    int64_t rc = 0;
    uint64_t i;

    for (i = 0; i < count; i++, list += ENTRY_STRIDE) {
        struct entry e;
        int64_t result;

        if (unlikely(!entry_read(&e, list))) {
            rc = -XEN_EFAULT;
            break;
        }
        if (unlikely(e.op >= NR_HYPERCALLS)) {
            result = -XEN_ENOSYS;
        } else if (unlikely(OPS_SPECIAL & BIT(e.op))) {
            if (e.op == __HYPERVISOR_iret) {
                rc = multicall_iret(list);
                break;
            }
            result = -XEN_EINVAL;
        } else {
            result = v->hypercalls[op_index(e.op)](e.args[0], e.args[1], e.args[2], e.args[3]);
            if (unlikely(v->arch.pending_work & WORK_RESTART)) {
                hypercall_restart_taken(v);
                /* Before restart_args is used again, for the multicall's own arguments. */
                if (copy_to_guest(list + offsetof(struct entry, args), v->restart_args,
                                  sizeof(e.args)) != 0)
                    rc = -XEN_EFAULT;
                else
                    rc = hypercall_restart(list, count - i, 0, 0);
                break;
            }
        }
        if (unlikely(!entry_answer(list, result))) {
            rc = -XEN_EFAULT;
            break;
        }
        /* This entry is done, so the guest goes on behind it; after the last one it is over. */
        if (work_charge(WORK_LIGHT) && preempt_for_event() && i + 1 < count) {
            rc = hypercall_restart(list + ENTRY_STRIDE, count - i - 1, 0, 0);
            break;
        }
    }
    stats_add(LODGE_STAT_MULTICALL_CALLS, i);
    stats_add(LODGE_STAT_UPDATE_VA_MULTICALL, stats_get(LODGE_STAT_UPDATE_VA) - before_va);
    stats_add(LODGE_STAT_UPDATE_LIST_MULTICALL, updates_by_list() - before_list);
    return rc;
}
