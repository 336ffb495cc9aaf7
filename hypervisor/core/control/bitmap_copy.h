/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU masks in and out of the control ABI's struct xenctl_bitmap: a guest byte array and its length
 * in bits. Bits beyond what the other side has are dropped. Both return 0 or -XEN_EFAULT. Where a
 * guest's array is longer than a cpumask_t, the rest of it is cleared, up to CPUMASK_GUEST_BYTES.
 *
 * nr_bits is any 32-bit number: dividing before rounding up keeps the sum from wrapping.
 */
#ifndef CORE_BITMAP_COPY_H
#define CORE_BITMAP_COPY_H

#include <lib/types.h>
#include <public/errno.h>
#include <public/handles.h>
#include <x86/uaccess.h>

#define CPUMASK_GUEST_BYTES \
    1024u /* written at most, as the guest chooses the length of its array */

static inline int cpumask_to_guest(const struct xenctl_bitmap *map, cpumask_t mask)
{
    uint32_t bytes = map->nr_bits / 8 + (map->nr_bits % 8 != 0);
    uint32_t n = MIN(bytes, (uint32_t)sizeof(mask));

    if (n * 8 > map->nr_bits) /* the last byte is not all the guest's */
        mask &= BIT(map->nr_bits) - 1;
    if (copy_to_guest((vaddr_t)map->bitmap.p, &mask, n) != 0)
        return -XEN_EFAULT;
    for (mask = 0; n < MIN(bytes, CPUMASK_GUEST_BYTES); n += (uint32_t)sizeof(mask)) {
        if (copy_to_guest((vaddr_t)map->bitmap.p + n, &mask, MIN(bytes - n, sizeof(mask))) != 0)
            return -XEN_EFAULT;
    }
    return 0;
}

static inline int cpumask_from_guest(cpumask_t *mask, const struct xenctl_bitmap *map)
{
    uint32_t bytes = map->nr_bits / 8 + (map->nr_bits % 8 != 0);
    uint32_t n = MIN(bytes, (uint32_t)sizeof(*mask));

    *mask = 0;
    if (copy_from_guest(mask, (vaddr_t)map->bitmap.p, n) != 0)
        return -XEN_EFAULT;
    if (map->nr_bits < 64)
        *mask &= BIT(map->nr_bits) - 1;
    return 0;
}

#endif
