/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LODGE_vcpu_area: where a vcpu keeps what its user mode was doing (public/lodge.h). While it has
 * an area its SYSCALLs go through x86/entry_area.S, which reads and writes the area through the
 * direct map; so the page is held by a writable type reference until there is another one.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <public/errno.h>
#include <public/lodge.h>
#include <pv/lodge.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/uaccess.h>

/* The new one is in place before the old page is let go, and the CPU obeys at once. */
static void area_set(struct vcpu *v, struct lodge_vcpu_area *area, uint64_t entry)
{
    struct lodge_vcpu_area *old = v->pv.area;

    v->pv.area = area;
    v->pv.area_entry = entry;
    if (v == current)
        descriptors_set_area_stub(this_cpu(), area != NULL);
    if (old != NULL)
        frame_put_writable(frame_of(virt_to_mfn(old)));
}

void area_drop(struct vcpu *v)
{
    area_set(v, NULL, 0);
}

int64_t lodge_vcpu_area(struct vcpu *v, vaddr_t arg)
{
    struct lodge_vcpu_area_op op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.mfn == UINT64_MAX) {
        area_drop(v);
        return 0;
    }
    if (op.mfn >= max_mfn || op.offset >= PAGE_SIZE || op.offset % sizeof(*v->pv.area) != 0 ||
        !va_canonical(op.syscall_entry)) {
        guest_refused("area at %lx + %lx", (unsigned long)op.mfn, (unsigned long)op.offset);
        return -XEN_EINVAL;
    }
    if (!frame_get_writable(frame_of(MFN(op.mfn)), v->domain)) {
        guest_refused("area in frame %lx", (unsigned long)op.mfn);
        return -XEN_EINVAL;
    }
    area_set(v, (void *)((char *)mfn_to_virt(MFN(op.mfn)) + op.offset), op.syscall_entry);
    return 0;
}
