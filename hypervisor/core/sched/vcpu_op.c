/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpu_op: a domain brings its own vcpus up and down, sets their timers, shares memory areas.
 *
 * The vcpu that an operation is about is one of the caller's own domain, but mostly not `current`:
 * it may run at this moment, or make the same call about the caller. What may only be done by a
 * vcpu itself is refused for others (the timers); what may be done once is decided under
 * domain.lock or by an atomic exchange; the rest is a word that is stored, and a guest that lets
 * two vcpus store different ones gets one of the two.
 *
 * Of the areas that a guest registers, vcpu_info is held: a reference keeps the frame, and the
 * hypervisor writes to it by its own mapping, in any context. The run-state and time areas are
 * guest addresses, looked up at each write through the tables of the vcpu itself: they cost nothing
 * to keep, and where they are not mapped the write is left out.
 */
#include <boot/boot.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/sched/vcpu_op.h>
#include <core/vcpu_timer.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <public/arch.h>
#include <public/sched.h>
#include <public/vcpu.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define PERIOD_MIN MS(1) /* ns; bounds the interrupts that a periodic timer makes */

/* Once per vcpu, and by one caller at a time. The context is too big for the stack. */
static int vcpu_op_initialise(struct vcpu *v, uint64_t arg)
{
    struct vcpu_guest_context *c;
    int rc = -XEN_EEXIST;

    if (v->initialised || !vcpu_context_begin(v))
        return -XEN_EEXIST;
    c = hpages_alloc(1);
    if (c == NULL)
        rc = -XEN_ENOMEM;
    else if (copy_from_guest(c, arg, sizeof(*c)) != 0)
        rc = -XEN_EFAULT;
    else if (!v->initialised)
        rc = guest_set_context(v, c);
    if (rc == 0)
        v->initialised = true;
    hpages_free(c, 1);
    vcpu_context_end(v);
    return rc;
}

/*
 * The last vcpu that goes down takes the domain with it. If two go down at the same time, the lock
 * makes one of them the last. v may still run for a moment when this returns; current does so until
 * its way back to the guest.
 */
static int vcpu_op_down(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct vcpu *o;
    bool last = true;

    spin_lock(&d->lock);
    for_each_vcpu (d, o) {
        if (o != v && !(READ_ONCE(o->sched.blocked_by) & SCHED_DOWN))
            last = false;
    }
    if (!last)
        vcpu_set_down(v, true);
    spin_unlock(&d->lock);
    if (last) {
        domain_report_death(d); /* a kernel that fails before its console is up ends like this */
        domain_shutdown(d, SHUTDOWN_poweroff);
    }
    return 0;
}

static bool vcpu_is_up(const struct vcpu *v)
{
    return !(READ_ONCE(v->sched.blocked_by) & SCHED_DOWN);
}

int vcpu_register_info(struct vcpu *v, uint64_t gfn, uint32_t offset)
{
    struct domain *d = v->domain;
    struct vcpu_info *info;
    struct frame *f;

    /* Within the page, so that one frame reference covers it; aligned for atomic access. */
    if (offset > PAGE_SIZE - sizeof(*info) || offset % 8 != 0)
        return -XEN_EINVAL;
    if (v != current && vcpu_is_up(v))
        return -XEN_EINVAL;
    f = guest_frame_writable(d, gfn);
    if (f == NULL)
        return -XEN_EINVAL;
    info = (struct vcpu_info *)((char *)mfn_to_virt(frame_mfn(f)) + offset);
    spin_lock(&d->lock);
    if (v->info_frame != NULL) { /* only once: the old frame could not be let go while in use */
        spin_unlock(&d->lock);
        frame_put_writable(f);
        return -XEN_EINVAL;
    }
    memcpy(info, v->info, sizeof(*info));
    v->info_frame = f;
    v->arch.time_info = &info->time;
    smp_wmb(); /* who raises an event from here on finds a valid mask */
    WRITE_ONCE(v->info, info);
    spin_unlock(&d->lock);
    /* An event may have been noted in the old place: let the guest look at all of them. */
    info->evtchn_pending_sel = ~0ul;
    smp_wmb(); /* the guest looks at the selector once it has seen the byte */
    info->evtchn_upcall_pending = 1;
    if (v == current)
        time_update_vcpu(v);
    return 0;
}

static int vcpu_op_register_info(struct vcpu *v, uint64_t arg)
{
    struct vcpu_register_vcpu_info op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    return vcpu_register_info(v, op.mfn, op.offset);
}

/* The first contents go through the caller's tables, and tell whether the address is any good. */
static int vcpu_op_register_runstate(struct vcpu *v, uint64_t arg)
{
    struct vcpu_register_runstate_memory_area op;
    struct sched_runstate r;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.addr.p != 0) {
        vcpu_runstate_get(v, &r);
        if (copy_to_guest(op.addr.p, &r, sizeof(r)) != 0)
            return -XEN_EFAULT;
    }
    v->runstate_area = op.addr.p;
    return 0;
}

static int vcpu_op_register_time(struct vcpu *v, uint64_t arg)
{
    struct vcpu_register_time_memory_area op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    v->arch.time_area = op.addr.p;
    v->arch.time_area_done = 0; /* the same address again: the guest may have cleared the page */
    if (v == current)
        time_update_vcpu(v);
    return 0;
}

static int vcpu_op_periodic(struct vcpu *v, uint64_t arg)
{
    struct vcpu_set_periodic_timer op;

    if (v != current)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.period_ns < PERIOD_MIN || op.period_ns > INT64_MAX)
        return -XEN_EINVAL;
    vcpu_timer_periodic(v, op.period_ns);
    return 0;
}

static int vcpu_op_singleshot(struct vcpu *v, uint64_t arg)
{
    struct vcpu_set_singleshot_timer op;

    if (v != current)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if ((op.flags & VCPU_SSHOTTMR_future) && op.timeout_abs_ns < time_now())
        return -XEN_ETIME;
    vcpu_timer_singleshot(v, op.timeout_abs_ns);
    return 0;
}

/* APIC and ACPI numbers, for dom0's power management, of a vcpu that is pinned to one CPU. */
static int vcpu_op_physid(const struct vcpu *v, uint64_t arg)
{
    cpumask_t where = v->sched.hard_affinity & READ_ONCE(cpu_active);
    struct vcpu_get_physid op;
    uint32_t apic, acpi = 0;

    if (!v->domain->hardware || where == 0 || (where & (where - 1)) != 0)
        return -XEN_EINVAL;
    apic = cpus[bit_lowest(where)]->apic_id;
    for (unsigned i = 0; i < acpi_info.nr_cpus; i++) {
        if (acpi_info.cpus[i].apic_id == apic)
            acpi = acpi_info.cpus[i].acpi_id;
    }
    op.phys_id = (uint64_t)acpi << 32 | apic;
    return copy_to_guest(arg, &op, sizeof(op)) != 0 ? -XEN_EFAULT : 0;
}

static int vcpu_op_runstate(struct vcpu *v, uint64_t arg)
{
    struct sched_runstate r;

    vcpu_runstate_get(v, &r);
    return copy_to_guest(arg, &r, sizeof(r)) != 0 ? -XEN_EFAULT : 0;
}

/* Apart from hc_vcpu_op(), which has the calls that a guest makes all the time. */
static int64_t vcpu_op_rare(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    switch (cmd) {
    case VCPUOP_initialise:
        return vcpu_op_initialise(v, arg);
    case VCPUOP_up:
        if (!v->initialised)
            return -XEN_EINVAL;
        vcpu_set_down(v, false);
        return 0;
    case VCPUOP_down:
        return vcpu_op_down(v);
    case VCPUOP_is_up:
        return vcpu_is_up(v);
    case VCPUOP_get_runstate_info:
        return vcpu_op_runstate(v, arg);
    case VCPUOP_register_runstate_memory_area:
        return vcpu_op_register_runstate(v, arg);
    case VCPUOP_register_vcpu_info:
        return vcpu_op_register_info(v, arg);
    case VCPUOP_register_vcpu_time_memory_area:
        return vcpu_op_register_time(v, arg);
    case VCPUOP_send_nmi:
        guest_inject_nmi(v);
        vcpu_kick(v);
        return 0;
    case VCPUOP_get_physid:
        return vcpu_op_physid(v, arg);
    default:
        return -XEN_ENOSYS;
    }
}

int64_t hc_vcpu_op(uint64_t cmd, uint64_t id, uint64_t arg, uint64_t a4)
{
    struct vcpu *v = domain_vcpu(current->domain, (unsigned)MIN(id, (uint64_t)MAX_VCPUS));

    (void)a4;
    if (unlikely(v == NULL))
        return -XEN_ENOENT;
    switch (cmd) {
    case VCPUOP_set_singleshot_timer:
        return vcpu_op_singleshot(v, arg);
    case VCPUOP_stop_singleshot_timer:
        if (v != current)
            return -XEN_EINVAL;
        vcpu_timer_singleshot_stop(v);
        return 0;
    case VCPUOP_set_periodic_timer:
        return vcpu_op_periodic(v, arg);
    case VCPUOP_stop_periodic_timer:
        if (v != current)
            return -XEN_EINVAL;
        vcpu_timer_periodic(v, 0);
        return 0;
    default:
        return vcpu_op_rare(v, cmd, arg);
    }
}
