/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bits in arrays of 64-bit words. The plain forms are atomic (the arrays are shared with guests and
 * other CPUs); those ending in _local are not.
 *
 * The atomic forms are full barriers, to the processor and to the compiler. Maps are 8-byte
 * aligned, and nothing checks n against their size.
 */
#ifndef LIB_BITOPS_H
#define LIB_BITOPS_H

#include <lib/types.h>

static inline void bit_set(volatile void *map, uint64_t n)
{
    __asm__ volatile("lock btsq %1, %0"
                     : "+m"(((volatile uint64_t *)map)[n / 64])
                     : "r"(n % 64)
                     : "memory");
}

static inline void bit_clear(volatile void *map, uint64_t n)
{
    __asm__ volatile("lock btrq %1, %0"
                     : "+m"(((volatile uint64_t *)map)[n / 64])
                     : "r"(n % 64)
                     : "memory");
}

/* Sets bit n; returns what it was. */
static inline bool bit_test_and_set(volatile void *map, uint64_t n)
{
    bool old;

    __asm__ volatile("lock btsq %2, %0"
                     : "+m"(((volatile uint64_t *)map)[n / 64]), "=@ccc"(old)
                     : "r"(n % 64)
                     : "memory");
    return old;
}

static inline bool bit_test_and_clear(volatile void *map, uint64_t n)
{
    bool old;

    __asm__ volatile("lock btrq %2, %0"
                     : "+m"(((volatile uint64_t *)map)[n / 64]), "=@ccc"(old)
                     : "r"(n % 64)
                     : "memory");
    return old;
}

/* One load. By itself it orders nothing. */
static inline bool bit_test(const volatile void *map, uint64_t n)
{
    return (((const volatile uint64_t *)map)[n / 64] >> (n % 64)) & 1;
}

static inline void bit_set_local(uint64_t *map, uint64_t n)
{
    map[n / 64] |= BIT(n % 64);
}

static inline void bit_clear_local(uint64_t *map, uint64_t n)
{
    map[n / 64] &= ~BIT(n % 64);
}

/* Lowest and highest set bit; x must not be zero. */
static inline unsigned bit_lowest(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

static inline unsigned bit_highest(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

/* Number of set bits, without POPCNT, which not every 64-bit processor has. */
static inline unsigned bit_count(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (unsigned)((x * 0x0101010101010101ull) >> 56);
}

/*
 * First set (or clear) bit at or after from, or size when there is none. Whole words are read, so
 * the map has them up to its end; bits beyond size do not count.
 */
uint64_t bitmap_next_set(const uint64_t *map, uint64_t size, uint64_t from);
uint64_t bitmap_next_clear(const uint64_t *map, uint64_t size, uint64_t from);

/* From the lowest bit up; mask is evaluated once. cpu is not touched when the mask is empty. */
#define for_each_cpu(cpu, mask)                                                                    \
    for (cpumask_t mask_left_ = (mask); mask_left_ != 0 && ((cpu) = bit_lowest(mask_left_), true); \
         mask_left_ &= mask_left_ - 1)

#endif
