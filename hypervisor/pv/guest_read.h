/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A few words of guest memory, read in line: for requests that are so short that the call of
 * copy_from_guest() would be half the work. The same rules: range checked, SMAP open for just as
 * long, a fault is an answer.
 *
 * False: the address is not the guest's, or a word cannot be read; then none of the results means
 * anything. Each word is read once; they need not be of one moment, as another vcpu may write.
 */
#ifndef PV_GUEST_READ_H
#define PV_GUEST_READ_H

#include <lib/types.h>
#include <x86/uaccess.h>

/* STAC and CLAC where the processor has SMAP: see x86/uaccess.S. */
#define GUEST_READ_SMAP(kind)                                                          \
    ".pushsection .smap_sites, \"a\"\n.quad 771f, " #kind "\n.popsection\n771: .byte " \
    "0x0f,0x1f,0\n"
#define GUEST_READ_FIXUP \
    ".pushsection .text.fixup, \"ax\"\n8: movl $1, %0\n   jmp 9b\n.popsection\n"

static inline bool guest_read_2(vaddr_t va, uint64_t *a, uint64_t *b)
{
    int bad = 0;

    if (unlikely(!guest_range_ok(va, 16)))
        return false;
    __asm__ volatile(GUEST_READ_SMAP(1) "1: mov (%3), %1\n2: mov 8(%3), %2\n9:\n" GUEST_READ_SMAP(0)
                         GUEST_READ_FIXUP EXTABLE(1b, 8b) EXTABLE(2b, 8b)
                     : "+r"(bad), "=&r"(*a), "=&r"(*b)
                     : "r"(va)
                     : "memory");
    return likely(!bad);
}

static inline bool guest_read_3(vaddr_t va, uint64_t *a, uint64_t *b, uint64_t *c)
{
    int bad = 0;

    if (unlikely(!guest_range_ok(va, 24)))
        return false;
    __asm__ volatile(
        GUEST_READ_SMAP(
            1) "1: mov (%4), %1\n2: mov 8(%4), %2\n3: mov 16(%4), %3\n9:\n" GUEST_READ_SMAP(0)
            GUEST_READ_FIXUP EXTABLE(1b, 8b) EXTABLE(2b, 8b) EXTABLE(3b, 8b)
        : "+r"(bad), "=&r"(*a), "=&r"(*b), "=&r"(*c)
        : "r"(va)
        : "memory");
    return likely(!bad);
}

#endif
