/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU masks in and out of the control ABI's struct xenctl_bitmap: a guest byte array and its length
 * in bits. Bits beyond what the other side has are dropped. Both return 0 or -XEN_EFAULT. The bytes
 * of a longer guest array beyond a cpumask_t are left as they are.
 *
 * nr_bits is any 32-bit number: dividing before rounding up keeps the sum from wrapping.
 */
#ifndef CORE_BITMAP_COPY_H
#define CORE_BITMAP_COPY_H

#include <public/domctl.h>
#include <public/errno.h>
#include <x86/uaccess.h>

static inline int cpumask_to_guest(const struct xenctl_bitmap *map, cpumask_t mask)
{
    uint32_t bytes = map->nr_bits / 8 + (map->nr_bits % 8 != 0);
    uint32_t n = MIN(bytes, (uint32_t)sizeof(mask));

    if (n * 8 > map->nr_bits) /* the last byte is not all the guest's */
        mask &= BIT(map->nr_bits) - 1;
    return copy_to_guest((vaddr_t)map->bitmap.p, &mask, n) ? -XEN_EFAULT : 0;
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
