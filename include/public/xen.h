/* SPDX-License-Identifier: MIT */
/*
 * The root of the guest ABI: everything a paravirtual kernel needs before its first hypercall.
 * Includes the constants (hypercalls.h), the x86 part (arch.h), the memory that guest and
 * hypervisor share (shared_info.h), page-table operations (mmu.h) and the boot structures
 * (startinfo.h). The other headers here include only what their own structures are made of.
 */
#ifndef LODGE_PUBLIC_XEN_H
#define LODGE_PUBLIC_XEN_H

#include "handles.h"
#include "hypercalls.h"
#include "arch.h"
#include "shared_info.h"

#ifndef __ASSEMBLER__

#include "mmu.h"
#include "startinfo.h"

/*
 * multicall(calls, count): make several hypercalls in one entry.
 *
 *   calls  IN and OUT  array of these, `result` is overwritten in each
 *   count  IN          how many
 *
 * `op` is a hypercall's number and `args` what it takes. The calls are made in order, each with the
 * guest's memory as the ones before it left it. One that fails does not stop the rest: look at
 * every `result`. multicall itself is refused inside; iret is the last call of a list, whatever
 * comes behind it, and what the guest finds in RAX is that of its frame. Else returns 0 unless the
 * array itself could not be read or written (-EFAULT).
 */
struct multicall_entry {
    xen_ulong_t op, result;
    xen_ulong_t args[6];
};
typedef struct multicall_entry multicall_entry_t;
DEFINE_XEN_GUEST_HANDLE(multicall_entry_t);
_Static_assert(sizeof(struct multicall_entry) == 64, "multicall_entry");

#endif /* !__ASSEMBLER__ */
#endif
