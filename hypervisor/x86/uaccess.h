/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only way to guest memory: copies through the current vcpu's page tables, with SMAP opened for
 * the copy and a fault turned into -EFAULT. Copy in once, validate the copy, never read twice.
 *
 * Which tables those are is decided by CR3: in a hypercall, those of guest kernel mode.
 */
#ifndef X86_UACCESS_H
#define X86_UACCESS_H

#include <lib/types.h>
#include <x86/layout.h>

/*
 * Is [va, va + n) in the guest's part of the address space? It says nothing of what is mapped. The
 * hole of addresses that are not canonical counts as the hypervisor's. The copies below check it
 * themselves.
 */
static inline bool guest_range_ok(vaddr_t va, size_t n)
{
    vaddr_t end = va + n;

    return end >= va && (end <= 0x0000800000000000ull || va >= HV_END);
}

/* 0 or -XEN_EFAULT; bytes before the fault may have been copied. The guest may write meanwhile. */
int copy_from_guest(void *dst, vaddr_t src, size_t n) MUST_CHECK;
int copy_to_guest(vaddr_t dst, const void *src, size_t n) MUST_CHECK;
/* One word by one access: atomic where it is naturally aligned, which the guest decides. */
int put_guest_u64(vaddr_t dst, uint64_t v) MUST_CHECK;

/*
 * Element i of a guest array whose handle is p (XEN_GUEST_HANDLE's pointer). i may be as large as
 * the guest likes: an address that wraps is one more address to be checked.
 */
#define copy_from_guest_at(dst, p, i) \
    copy_from_guest((dst), (vaddr_t)(p) + (uint64_t)(i) * sizeof(*(dst)), sizeof(*(dst)))
#define copy_to_guest_at(p, i, src) \
    copy_to_guest((vaddr_t)(p) + (uint64_t)(i) * sizeof(*(src)), (src), sizeof(*(src)))

/*
 * Exception table: where to go on when the instruction at `fault` faults, by whatever exception.
 * Entries come from EXTABLE here and in x86/macros.inc; the link gathers them (boot/lodge.lds).
 */
vaddr_t extable_find(vaddr_t fault); /* 0: none */
/* An entry of that table from C: labels inside the same asm statement. */
#define EXTABLE(from, to) ".pushsection .extable, \"a\"\n.quad " #from ", " #to "\n.popsection\n"

#endif
