/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine-to-physical table: for each frame, which number its owner calls it by. Guests read it
 * in their own address space, so it tells them of each other's frames; and it holds only what they
 * have said, so we never go by it.
 */
#include <core/mem/frame_internal.h>

void m2p_set(mfn_t m, uint64_t pfn)
{
    M2P[m.m] = pfn;
}

bool m2p_set_of(mfn_t m, const struct domain *d, uint64_t pfn)
{
    struct frame *f = frame_of(m);

    if (!frame_get(f, d))
        return false;
    m2p_set(m, pfn);
    frame_put(f);
    return true;
}

uint64_t m2p_get(mfn_t m)
{
    return M2P[m.m];
}
