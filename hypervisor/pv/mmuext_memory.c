/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuext_op's operations on memory itself, which no table changes by: clearing or copying a page
 * without mapping it, and writing back the caches.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <guest/permissions.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/mmu.h>
#include <pv/mmu.h>
#include <pv/page_types.h>
#include <x86/cpu.h>
#include <x86/page.h>

/* Here, or on each CPU by smp_call(). */
static void cache_flush_here(void *unused)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

/* Writing back caches costs everybody: only for those who drive devices. */
int mmuext_flush_cache(struct domain *d, bool everywhere)
{
    if (!d->hardware && !permissions_iomem_any(d))
        return -XEN_EACCES;
    if (everywhere)
        smp_call(cpu_online, cache_flush_here, NULL);
    else
        cache_flush_here(NULL);
    return 0;
}

/*
 * MMUEXT_CLEAR_PAGE, MMUEXT_COPY_PAGE: the target has to be a page that could be mapped writable,
 * the source any frame of the domain's, as it could be mapped read-only.
 */
int mmuext_fill(struct domain *d, const struct mmuext_op *op)
{
    uint64_t dst = op->arg1.mfn, src = op->arg2.src_mfn;

    if (dst >= max_mfn || page_type_get(&FRAMES[dst], PAGE_TYPE_WRITABLE, d) != 0)
        return -XEN_EINVAL;
    (void)work_charge(WORK_PAGE);
    if (op->cmd == MMUEXT_CLEAR_PAGE) {
        page_clear(mfn_to_virt(MFN(dst)));
    } else if (src < max_mfn && frame_get(&FRAMES[src], d)) {
        page_copy(mfn_to_virt(MFN(dst)), mfn_to_virt(MFN(src)));
        frame_put(&FRAMES[src]);
    } else {
        page_type_put(&FRAMES[dst], d);
        return -XEN_EINVAL;
    }
    page_type_put(&FRAMES[dst], d);
    return 0;
}
