/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A few words of guest memory, read or written in line: for requests and frames that are so short
 * that the call of copy_from_guest() would be half the work. The same rules as in x86/uaccess.S:
 * the range is checked, SMAP is open for just as long, a fault is an answer.
 *
 *     if (!guest_words_ok(va, 16))
 *         ...
 *     guest_open();
 *     guest_get(a, (const uint64_t *)va, fault);
 *     guest_put(b, (uint64_t *)va + 1, fault);
 *     guest_close();
 *     ...
 * fault:
 *     guest_close();
 *
 * Between the two stands nothing but gets and puts. After a fault none of what was read means
 * anything. Each word is read once; they need not be of one moment, as another vcpu may write.
 */
#ifndef X86_GUEST_WORDS_H
#define X86_GUEST_WORDS_H

#include <lib/types.h>
#include <x86/uaccess.h>

/* STAC and CLAC where the processor has SMAP: see x86/uaccess.S. */
#define GUEST_SMAP(kind)                                                        \
    __asm__ volatile(".pushsection .smap_sites, \"a\"\n.quad 771f, " #kind "\n" \
                     ".popsection\n771: .byte 0x0f,0x1f,0\n"                    \
                     :                                                          \
                     :                                                          \
                     : "memory")
#define guest_open()  GUEST_SMAP(1)
#define guest_close() GUEST_SMAP(0)

#define GUEST_FAULT(label) ".pushsection .extable, \"a\"\n.quad 1b, %l[" #label "]\n.popsection\n"

/* The word at p, a guest address that has been checked, into `to`; a fault goes to the label.
 * guest_get_half() is for one of 32 bits. */
#define guest_get(to, p, label)                                                                  \
    do {                                                                                         \
        uint64_t word_;                                                                          \
        __asm__ goto("1: movq %1, %0\n" GUEST_FAULT(label) : "=r"(word_) : "m"(*(p)) : : label); \
        (to) = word_;                                                                            \
    } while (0)
#define guest_get_half(to, p, label)                                                             \
    do {                                                                                         \
        uint32_t half_;                                                                          \
        __asm__ goto("1: movl %1, %0\n" GUEST_FAULT(label) : "=r"(half_) : "m"(*(p)) : : label); \
        (to) = half_;                                                                            \
    } while (0)
#define guest_put(value, p, label)                     \
    __asm__ goto("1: movq %0, %1\n" GUEST_FAULT(label) \
                 :                                     \
                 : "r"((uint64_t)(value)), "m"(*(p))   \
                 : "memory"                            \
                 : label)

/*
 * guest_range_ok() for a handful of bytes: what begins in the upper part and is longer than the
 * rest of it goes on at address 0, which is the guest's, too.
 */
static inline bool guest_words_ok(vaddr_t va, size_t n)
{
    return va >= HV_END || va <= 0x0000800000000000ull - n;
}

static inline bool guest_read_1(vaddr_t va, uint64_t *a)
{
    const uint64_t *w = (const uint64_t *)va;

    if (unlikely(!guest_words_ok(va, 8)))
        return false;
    guest_open();
    guest_get(*a, w, fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

static inline bool guest_read_half(vaddr_t va, uint32_t *a)
{
    if (unlikely(!guest_words_ok(va, 4)))
        return false;
    guest_open();
    guest_get_half(*a, (const uint32_t *)va, fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

static inline bool guest_read_2(vaddr_t va, uint64_t *a, uint64_t *b)
{
    const uint64_t *w = (const uint64_t *)va;

    if (unlikely(!guest_words_ok(va, 16)))
        return false;
    guest_open();
    guest_get(*a, &w[0], fault);
    guest_get(*b, &w[1], fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

static inline bool guest_read_3(vaddr_t va, uint64_t *a, uint64_t *b, uint64_t *c)
{
    const uint64_t *w = (const uint64_t *)va;

    if (unlikely(!guest_words_ok(va, 24)))
        return false;
    guest_open();
    guest_get(*a, &w[0], fault);
    guest_get(*b, &w[1], fault);
    guest_get(*c, &w[2], fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

#endif
