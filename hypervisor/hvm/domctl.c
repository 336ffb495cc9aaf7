/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control operations that concern fully virtualized guests alone: their vcpus' registers, as a
 * list of records, each with a type, the vcpu's number and a length. Of the types that there are we
 * know the processor's and the two that frame the list; others are passed over.
 */
#include <core/console.h>
#include <core/control.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <core/sched.h>
#include <hvm/hvm.h>
#include <lib/string.h>
#include <public/domctl.h>
#include <public/errno.h>
#include <public/hvm_save.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

enum { SAVE_END = 0, SAVE_HEADER = 1, SAVE_CPU = 2 };

static int64_t set_cpu(struct domain *d, unsigned instance, vaddr_t from, uint32_t length)
{
    struct vcpu *v = domain_vcpu(d, instance);
    struct hvm_hw_cpu *c;
    int64_t rc = 0;

    if (v == NULL || length != sizeof(*c))
        return -XEN_EINVAL;
    c = hpage_alloc();
    if (c == NULL)
        return -XEN_ENOMEM;
    if (copy_from_guest(c, from, sizeof(*c)) != 0) {
        rc = -XEN_EFAULT;
    } else if (!hvm_cpu_ok(c)) {
        guest_refused("registers of %pv that the processor would refuse", v);
        rc = -XEN_EINVAL;
    } else if (!vcpu_context_begin(v)) {
        rc = -XEN_EBUSY;
    } else {
        vcpu_pause(v);
        hvm_cpu_set(v, c);
        v->initialised = true;
        vcpu_set_down(v, false);
        vcpu_wake(v); /* it may have been halted */
        vcpu_unpause(v);
        vcpu_context_end(v);
    }
    hpage_free(c);
    return rc;
}

static int64_t domctl_sethvmcontext(struct domain *d, struct xen_domctl *op)
{
    vaddr_t at = (vaddr_t)op->u.hvmcontext.buffer.p;
    uint32_t left = op->u.hvmcontext.size;
    struct hvm_save_descriptor rec;
    int64_t rc;

    while (left >= sizeof(rec)) {
        if (copy_from_guest(&rec, at, sizeof(rec)) != 0)
            return -XEN_EFAULT;
        at += sizeof(rec);
        left -= (uint32_t)sizeof(rec);
        if (rec.typecode == SAVE_END)
            return 0;
        if (rec.length > left)
            return -XEN_EINVAL;
        if (rec.typecode == SAVE_CPU) {
            rc = set_cpu(d, rec.instance, at, rec.length);
            if (rc != 0)
                return rc;
        }
        at += rec.length;
        left -= rec.length;
        preempt_after(WORK_ENTRY);
    }
    return -XEN_ENOENT;
}

/* A record at *at of the caller's buffer, if there is one and it has room. */
static int64_t put_record(const struct xen_domctl_hvmcontext *to, uint32_t *at, unsigned type,
                          unsigned instance, const void *data, uint32_t length)
{
    struct hvm_save_descriptor rec = {(uint16_t)type, (uint16_t)instance, length};
    vaddr_t where = (vaddr_t)to->buffer.p + *at;

    *at += (uint32_t)sizeof(rec) + length;
    if (to->buffer.p == NULL)
        return 0;
    if (*at > to->size)
        return -XEN_ENOSPC;
    if (copy_to_guest(where, &rec, sizeof(rec)) != 0 ||
        copy_to_guest(where + sizeof(rec), data, length) != 0)
        return -XEN_EFAULT;
    return 0;
}

static int64_t domctl_gethvmcontext(struct domain *d, struct xen_domctl *op)
{
    struct hvm_save_header header = {
        .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION, .cpuid = cpu_features.leaf1_eax};
    struct xen_domctl_hvmcontext *to = &op->u.hvmcontext;
    struct hvm_hw_cpu *c = hpage_alloc();
    uint32_t at = 0;
    struct vcpu *v;
    int64_t rc;

    if (c == NULL)
        return -XEN_ENOMEM;
    rc = put_record(to, &at, SAVE_HEADER, 0, &header, sizeof(header));
    for_each_vcpu (d, v) {
        if (rc != 0 || !v->initialised)
            continue;
        memset(c, 0, sizeof(*c));
        vcpu_pause(v);
        hvm_cpu_get(v, c);
        vcpu_unpause(v);
        rc = put_record(to, &at, SAVE_CPU, v->id, c, sizeof(*c));
        preempt_after(WORK_PAGE);
    }
    if (rc == 0)
        rc = put_record(to, &at, SAVE_END, 0, c, 0);
    to->size = at;
    hpage_free(c);
    return rc;
}

const struct domctl_entry hvm_domctls[NR_DOMCTLS] = {
    DOMCTL(XEN_DOMCTL_sethvmcontext, domctl_sethvmcontext, DOMCTL_NOT_SELF),
    DOMCTL(XEN_DOMCTL_gethvmcontext, domctl_gethvmcontext, DOMCTL_NOT_SELF | DOMCTL_ANSWERS),
};
