/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's structure, stack and timers. It is made once and lives as long as its domain; offline
 * and online are states of the scheduler, not of memory. So whoever has a reference to a domain may
 * keep a pointer to a vcpu of it, and until then d->vcpus[] only goes from NULL to a complete vcpu.
 *
 * v->info is never NULL: the hypervisor raises events and returns to guests without asking. It is
 * the vcpu's part of shared_info, or what the guest has registered (core/sched/vcpu_op.c), or, for
 * want of either, hidden_info, which is used like the others: a vcpu may run, and mask and block,
 * before its guest has registered a place where it sees all that.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/machine.h>
#include <core/trace.h>
#include <core/vcpu_timer.h>
#include <x86/page.h>

_Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "struct vcpu is one page");

static void vcpu_set_default_info(struct vcpu *v)
{
    if (v->domain->shared_info != NULL && v->id < XEN_LEGACY_MAX_VCPUS) {
        v->info = &v->domain->shared_info->vcpu_info[v->id];
        v->arch.time_info = &v->info->time;
    } else {
        v->info = &v->hidden_info;
        v->arch.time_info = NULL;
    }
    v->info->evtchn_upcall_mask = 1;
}

/* NULL: no memory, no such id, or it exists. One caller at a time per domain (boot, or domctl). */
struct vcpu *vcpu_create(struct domain *d, unsigned id)
{
    struct vcpu *v;
    int rc = 0;

    if (id >= d->max_vcpus || d->vcpus[id] != NULL)
        return NULL;
    v = hpage_alloc();
    if (v == NULL)
        return NULL;
    v->id = id;
    v->domain = d;
    v->stack = stack_alloc();
    if (v->stack == NULL) {
        hpage_free(v);
        return NULL;
    }
    vcpu_set_default_info(v);
    sched_vcpu_init(v);
    evtchn_vcpu_init(v);
    vcpu_timers_init(v);
    if (!domain_is_idle(d)) {
        rc = d->type->vcpu_init(v);
        if (rc == 0)
            machine_stack_prepare(v, d->type->run);
    }
    v->handlers = v->hypercalls;
    if (rc != 0) {
        sched_vcpu_destroy(v);
        stack_free(v->stack);
        hpage_free(v);
        return NULL;
    }
    smp_wmb(); /* whoever finds it, without a lock, finds it complete */
    WRITE_ONCE(d->vcpus[id], v);
    if (!domain_is_idle(d))
        trace_vcpu(v);
    return v;
}

/* With the last reference to its domain: it is parked or never ran, and nobody can find it. */
void vcpu_free(struct vcpu *v)
{
    vcpu_timers_stop(v);
    sched_vcpu_destroy(v);
    v->domain->type->vcpu_free(v);
    v->domain->vcpus[v->id] = NULL;
    stack_free(v->stack);
    hpage_free(v);
}

/*
 * On destruction: the frame that the guest registered goes back before the frames are counted. v is
 * parked and its ports are closed, so nobody uses v->info at this time.
 */
void vcpu_drop_info(struct vcpu *v)
{
    struct frame *f = v->info_frame;

    v->arch.time_info = NULL;
    v->info = &v->hidden_info;
    v->info_frame = NULL;
    if (f != NULL)
        frame_put_writable(f);
}

bool vcpu_context_begin(struct vcpu *v)
{
    return !__atomic_exchange_n(&v->context_busy, true, __ATOMIC_ACQUIRE);
}

void vcpu_context_end(struct vcpu *v)
{
    __atomic_store_n(&v->context_busy, false, __ATOMIC_RELEASE);
}
